// 256 patterns of each of bragg's recipes, drawn by the stream and by simulate_patterns: the bits that they
// have had since hashes.tsv was written.
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "data/crystals/crystal_set.h"
#include "data/hash.h"
#include "data/patterns/reflection_store.h"
#include "data/patterns/simulate.h"
#include "data/patterns/stream.h"
#include "data/recipes/recipe.h"
#include "kernels/ops/rows.h"
#include "kernels/ops/step_state.h"
#include "tests/compat/hash_list.h"
#include "tests/compat/old_files.h"
#include "tests/nn/table_source.h"
#include "tests/support/devices.h"

namespace bragg::tests {
namespace {

/// A recipe and on which grid how many of its patterns are drawn.
struct Drawn {
  std::string name;
  data::Recipe recipe;
  TwoThetaGrid grid;
  std::int64_t count;
};

/// Every recipe without anomalous dispersion, as it once was; and those that have it by now as they are.
std::vector<Drawn> all_recipes(const TwoThetaGrid& grid, std::int64_t count) {
  std::vector<Drawn> all;
  for (const std::string& name : data::recipe_names()) {
    if (name == "other_instrument" || name == "calculated") continue;  // younger than the list
    data::Recipe recipe = data::load_recipe(name);
    if (recipe.anomalous) all.push_back({name + " anomalous", recipe, grid, count});
    recipe.anomalous = false;
    all.push_back({name, recipe, grid, count});
  }
  return all;
}

class Hash {
 public:
  template <typename T>
  void add(std::span<const T> values) {
    value_ = data::fnv1a(std::as_bytes(values), value_);
  }
  std::string text() const { return hash_text(value_); }

 private:
  std::uint64_t value_ = data::fnv1a_basis;
};

data::MeasuredPatterns measured_patterns(double share, std::int64_t points) {
  data::MeasuredPatterns measured;
  measured.share = share;
  if (share == 0) return measured;
  for (std::uint64_t i = 0; i < 5; ++i) {
    const std::vector<float> pattern = test_pattern(points, 11, i);
    measured.patterns.insert(measured.patterns.end(), pattern.begin(), pattern.end());
    measured.labels.push_back(static_cast<std::int32_t>(100 + i));
  }
  return measured;
}

/// Patterns and labels of a stream, in four batches.
std::string hash_of_stream(Backend& backend, const data::CrystalSet& set, const Drawn& drawn) {
  const Instrument instrument{.grid = drawn.grid, .wavelength = 1.54184};
  constexpr std::int64_t batches = 4;
  const std::int64_t N = drawn.count / batches, points = drawn.grid.points;
  const data::ReflectionStore store(backend, data::crystals_of({&set}),
                                    data::reflections_on(instrument, drawn.recipe));
  data::StreamOptions options;
  for (std::int64_t i = 0; i < set.size(); ++i) {
    options.rows.push_back(static_cast<std::int32_t>(i));
    options.labels.push_back(set.space_group(i));
  }
  options.variants = drawn.recipe.variants;
  options.processing = drawn.recipe.processing;
  options.measured = measured_patterns(drawn.recipe.measured_share, points);
  options.instrument = instrument;
  options.seed = 7;
  data::PatternStream stream(store, options);
  stream.plan(backend, N);

  const Buffer state = backend.allocate(sizeof(StepState));
  const Buffer labels = backend.allocate(N * sizeof(std::int32_t));
  const Buffer patterns = backend.allocate(N * points * size_of(backend.element_type()));
  std::vector<std::int32_t> host_labels(N);
  std::vector<float> host_patterns(N * points);
  Hash hash;
  for (std::int64_t batch = 0; batch < batches; ++batch) {
    const StepState at{.step = static_cast<std::uint64_t>(batch),
                       .first_index = static_cast<std::uint64_t>(batch * N)};
    backend.upload(&at, state.data(), sizeof at);
    stream.prepare(backend, at);
    stream.enqueue(backend, {state.data(), DType::u64},
                   {patterns.data(), backend.element_type(), N, points, 1, points},
                   {labels.data(), DType::i32});
    backend.download(labels.data(), host_labels.data(), N * sizeof(std::int32_t));
    backend.download({patterns.data(), backend.element_type()}, host_patterns);
    hash.add(std::span<const std::int32_t>(host_labels));
    hash.add(std::span<const float>(host_patterns));
  }
  return hash.text();
}

/// What `simulate` writes, but for its wavelength by name and its cells.
std::string hash_of_simulated(Backend& backend, const data::CrystalSet& set, const Drawn& drawn) {
  data::SimulateOptions options;
  options.recipe = drawn.recipe;
  options.instrument.grid = drawn.grid;
  options.patterns_per_crystal = drawn.count / set.size();
  options.seed = 9;
  Hash hash;
  data::simulate_patterns(backend, data::crystals_of({&set}), options,
                          [&](std::int64_t, std::span<const float> pattern) { hash.add(pattern); });
  return hash.text();
}

void expect_all_listed(Backend& backend, const std::vector<Drawn>& recipes) {
  const data::CrystalSet set(old_file("crystals.safetensors"));
  for (const Drawn& drawn : recipes) {
    EXPECT_TRUE(is_listed("patterns of the stream, " + drawn.name, backend.arithmetic(),
                          hash_of_stream(backend, set, drawn)));
    EXPECT_TRUE(is_listed("simulated patterns, " + drawn.name, backend.arithmetic(),
                          hash_of_simulated(backend, set, drawn)));
  }
}

class OldPatterns : public ::testing::TestWithParam<std::string> {};

TEST_P(OldPatterns, HaveTheirBits) {
  BRAGG_COMPILED_AS_THE_LIST_OR_SKIP();
  for (const DeviceOptions& device : devices_under_test()) {
    if (device.device == "cpu" && device.instruction_set == GetParam())
      return expect_all_listed(*make_backend(device), all_recipes({}, 256));
  }
  GTEST_SKIP() << "this machine lacks " << GetParam();
}

INSTANTIATE_TEST_SUITE_P(Cpu, OldPatterns, ::testing::Values("x86-64-v2", "x86-64-v3", "x86-64-v4"),
                         [](const auto& instance) {
                           return instance.param.substr(instance.param.size() - 2);
                         });

/// Fewer and coarser: double precision takes its time.
TEST(OldPatternsOfTheReference, HaveTheirBits) {
  BRAGG_COMPILED_AS_THE_LIST_OR_SKIP();
  expect_all_listed(*make_backend({.device = "reference", .threads = 1, .instruction_set = ""}),
                    all_recipes({.start = 5, .step = 0.2, .points = 425}, 16));
}

}  // namespace
}  // namespace bragg::tests
