// Patterns of the device on small grids, at the seams of its kernel: intervals of points, pieces of lines,
// bins, rows that do not fit into shared memory. The same tests as every other backend's are in
// tests/kernels.
#include <cmath>

#include <gtest/gtest.h>

#include "kernels/ops/render_patterns.h"
#include "kernels/ops/rows.h"
#include "kernels/ops/sample_patterns.h"
#include "kernels/ops/step_state.h"
#include "tests/kernels/pattern_cases.h"
#include "tests/support/compare.h"
#include "tests/support/devices.h"

namespace bragg::tests {
namespace {

// Three crystals: one without a line, one with a line, one with thousands.
HostReflections few_and_many() {
  CrystalBatch batch;
  add_crystal(batch, varied_groups(0.05)[16], 3, 1);
  add_crystal(batch, varied_groups(2.2)[0], 2, 2);
  const auto reference = make_backend({"reference", 0, ""});
  HostReflections host = download(*reference, reference->structure_factors({0.02, 0.42, false}, batch));
  const auto many = host.offset[2] - host.offset[1];
  EXPECT_GT(many, 1500u);
  // The one line is the second of the many, so that it lies on every grid of these tests.
  host.metric.insert(host.metric.begin() + 1, host.metric[1]);
  host.laue.insert(host.laue.begin() + 1, host.laue[1]);
  host.miller.insert(host.miller.begin(), {2, 0, 1, 2});
  host.f2.insert(host.f2.begin(), 40);
  host.offset = {0, 0, 1, 1 + many};
  for (double& f2 : host.f2)
    f2 = static_cast<float>(f2);
  return host;
}

SampledPatterns small_problem(PatternVariant variant, std::int64_t points) {
  SampledPatterns p = problem_with({variant});
  p.instrument.grid = {12, 0.05, points};
  p.seed = 31;
  p.maximum = 3;
  return p;
}

TEST(DevicePatterns, EveryLengthOfARow) {
  const HostReflections host = few_and_many();
  std::uint64_t index = 0;
  for (const std::int64_t points : {1, 2, 3, 31, 32, 33, 63, 64, 65, 127, 128, 129, 300}) {
    SCOPED_TRACE(points);
    SampledPatterns p = small_problem(everything(), points);
    p.processing.background_window = points % 2 == 0 ? 2 : 0;
    p.variants[0][Effect::cut_low] = Distribution::constant(0);
    p.variants[0][Effect::cut_high] = Distribution::constant(0);
    p.variants[0][Effect::W].a = 0.02;
    expect_agreement(p, host, {2, 1, 0}, {0, 2, 1}, index);
    index += 3;
  }
}

TEST(DevicePatterns, MeansOfPoints) {
  const HostReflections host = few_and_many();
  std::uint64_t index = 3;
  // One round of threads and more, whole ones or not, with and without bins of a background.
  for (const auto& [points, count] :
       {std::pair<std::int64_t, int>{2, 2}, {300, 3}, {511 * 2, 2}, {513 * 5, 5}, {1030 * 2, 2}, {96, 96}}) {
    SCOPED_TRACE(points);
    SampledPatterns p = small_problem(everything(), points);
    p.instrument.grid.step = 0.01;
    p.processing.step = 0.01 * count;
    // (of a single number nothing is left above the background)
    p.processing.background_window = index % 2 == 0 && p.points() > 1 ? 2 : 0;
    p.processing.square_root = index % 3 == 0;
    p.variants[0][Effect::cut_low] = Distribution::constant(0);
    p.variants[0][Effect::cut_high] = Distribution::constant(0);
    p.variants[0][Effect::W].a = 0.02;
    expect_agreement(p, host, {2, 1, 0}, {0, 2, 1}, index);
    index += 3;
  }
  SampledPatterns p = small_problem(gaussian(0.02, -0.01, 0.02), 300);
  p.processing = {.background_window = 3, .square_root = true, .step = 0.15};
  expect_agreement(p, host, {2, 0, 1}, {0, 2, 1}, index);
}

TEST(DevicePatterns, EveryEffectAlone) {
  const HostReflections host = few_and_many();
  const PatternVariant all = everything();
  std::uint64_t index = 1;
  for (int e = 0; e < effect_count; ++e) {
    SCOPED_TRACE(effect_table[e].name);
    PatternVariant v = gaussian(0.02, -0.01, 0.02);
    const auto effect = static_cast<Effect>(e);
    if (effect != Effect::noise) v[effect] = all[effect];
    if (effect == Effect::noise) v[effect] = Distribution::uniform(0.002, 0.02);
    v[effect].probability = 1;
    if (effect == Effect::hump) {
      v[Effect::hump_centre] = all[Effect::hump_centre];
      v[Effect::hump_width] = all[Effect::hump_width];
    }
    expect_agreement(small_problem(v, 200), host, {2, 1}, {1, 2}, index);
    index += 3;
  }
}

TEST(DevicePatterns, NoneAndMany) {
  const HostReflections host = few_and_many();
  const SampledPatterns p = small_problem(everything(), 300);
  for (const DeviceOptions& device : devices_under_test()) {
    const auto backend = make_backend(device);
    const ReflectionSet set = upload(*backend, host);
    EXPECT_TRUE(render(*backend, p, set, {}, 7).empty());
    const auto five = render(*backend, p, set, {2, 2, 1, 2, 0}, 8, {1, 1, 1, 1, 1});
    EXPECT_TRUE(identical(render(*backend, p, set, {2, 2, 1, 2, 0}, 8, {1, 1, 1, 1, 1}), five));
    // A pattern does not depend on its batch, nor on how its row lies.
    const auto fourth = render(*backend, p, set, {2}, 11, {1});
    EXPECT_TRUE(identical(fourth, std::span(five).subspan(3 * 300, 300))) << name_of(device);
  }
}

TEST(DevicePatterns, VariantsOfWhichNotAllFitIntoALaunch) {
  const HostReflections host = few_and_many();
  SampledPatterns p = small_problem(gaussian(0, 0, 0.01), 100);
  for (int i = 1; i < 19; ++i)
    p.variants.push_back(gaussian(0, 0, 0.01 + 0.01 * i));
  expect_agreement(p, host, {2, 2, 2, 2, 2, 2}, {0, 0, 0, 0, 0, 0}, 4);
}

// 227 KB hold 50,000 points less the lines; the bins of a narrow window need room too.
TEST(DevicePatterns, RowsThatDoNotFitIntoSharedMemory) {
  const HostReflections host = few_and_many();
  PatternVariant v = gaussian(0.02, -0.01, 0.02, 0.01);
  v[Effect::impurity] = Distribution::constant(0.3);
  SampledPatterns p = small_problem(v, 30000);
  p.instrument.grid.step = 0.002;
  expect_agreement(p, host, {2, 1, 2}, {1, 2, 2}, 2);
  p.instrument.grid = {12, 0.01, 4500};
  p.processing.background_window = 0.32;  // a bin for every point
  expect_agreement(p, host, {2, 2}, {1, 2}, 3);
}

TEST(DevicePatterns, ACrystalOutsideTheSetIsNoData) {
  const auto backend = make_backend({"cuda", 1, ""});
  const HostReflections host = few_and_many();
  const ReflectionSet set = upload(*backend, host);
  SampledPatterns p = small_problem(gaussian(0.02, -0.01, 0.02), 70);
  const auto expect_second_is_nan = [&](const std::vector<std::int32_t>& crystals,
                                        const std::vector<std::int32_t>& impurities) {
    const auto y = render(*backend, p, set, crystals, 1, impurities);
    for (int i = 0; i < 140; ++i)
      EXPECT_EQ(std::isnan(y[i]), i >= 70) << i;
  };
  expect_second_is_nan({2, 3}, {});
  expect_second_is_nan({2, -1}, {});
  p.variants[0][Effect::impurity] = Distribution::constant(0.1);
  expect_second_is_nan({2, 2}, {2, 3});
}

// Nothing is allocated, waited for or read: a batch is part of a recorded step.
TEST(DevicePatterns, CanBeRecorded) {
  const auto backend = make_backend({"cuda", 1, ""});
  const HostReflections host = few_and_many();
  const ReflectionSet set = upload(*backend, host);
  SampledPatterns p = small_problem(everything(), 100);
  const std::vector<std::int32_t> crystals{2, 1}, impurities{1, 2};
  p.N = 2;
  p.impurities = true;
  const Buffer rows = backend->allocate(8), others = backend->allocate(8),
               state = backend->allocate(sizeof(StepState)),
               parameters = backend->allocate(2 * sizeof(PatternParameters)),
               dst = backend->allocate(2 * 100 * sizeof(float));
  backend->upload(crystals.data(), rows.data(), 8);
  backend->upload(impurities.data(), others.data(), 8);
  backend->reserve_workspace(backend->workspace_bytes(RenderPatterns{p}));
  const auto recording = backend->record([&] {
    backend->run(SamplePatterns{p.sampling(), {state.data(), DType::u64}, {parameters.data(), DType::u8}});
    backend->run(RenderPatterns{p,
                                &set,
                                {rows.data(), DType::i32},
                                {others.data(), DType::i32},
                                {parameters.data(), DType::u8},
                                {dst.data(), DType::f32, 2, 100, 1, 100}});
    backend->run(Advance{2, {state.data(), DType::u64}});
  });
  for (const std::uint64_t index : {0, 2, 4}) {
    recording->run();
    std::vector<float> y(200);
    backend->download(Tensor{dst.data(), DType::f32}, y);
    EXPECT_TRUE(identical(std::vector<double>(y.begin(), y.end()),
                          render(*backend, p, set, crystals, index, impurities)));
  }
}

}  // namespace
}  // namespace bragg::tests
