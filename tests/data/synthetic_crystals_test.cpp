// Patterns of a stream that mixes synthetic crystals in, against the same crystals put into a store by hand.
#include "data/patterns/synthetic_crystals.h"

#include <memory>
#include <set>
#include <span>
#include <vector>

#include <gtest/gtest.h>

#include "data/patterns/stream.h"
#include "data/recipes/recipe.h"
#include "kernels/base/error.h"
#include "tests/data/test_crystals.h"
#include "tests/support/devices.h"

namespace bragg::tests {
namespace {

using data::CrystalGenerator;
using data::CrystalStatistics;
using data::PatternStream;
using data::ReflectionStore;
using data::SyntheticCrystals;
using data::SyntheticOptions;
using Order = SampleRowsProblem::Order;

const TwoThetaGrid grid{.start = 20, .step = 0.2, .points = 151};
const std::uint32_t seed = 5;

struct Batch {
  std::vector<float> patterns;  // (N, points)
  std::vector<std::int32_t> labels;

  std::vector<float> pattern(std::int64_t i) const {
    return {patterns.begin() + i * grid.points, patterns.begin() + (i + 1) * grid.points};
  }
};

std::vector<DeviceOptions> devices() {
  auto all = devices_under_test();
  if (is_emulated())
    all.resize(1);
  else
    all.push_back({"reference", 1, ""});
  return all;
}

class SyntheticInStream : public ::testing::TestWithParam<DeviceOptions> {
 protected:
  ReflectionStore store(const std::vector<xrd::Crystal>& crystals, std::int64_t spare = 0) const {
    return {*backend_, data::crystals_of(crystals), data::reflections_on({.grid = grid}, recipe_), spare};
  }

  data::StreamOptions options(std::vector<std::int32_t> rows, std::vector<std::int32_t> labels) const {
    return {.rows = std::move(rows),
            .order = Order::uniform,
            .labels = std::move(labels),
            .variants = recipe_.variants,
            .processing = {},
            .measured = {},
            .synthetic = nullptr,
            .instrument = {.grid = grid},
            .seed = seed};
  }

  static std::unique_ptr<CrystalStatistics> statistics() {
    ThreadPool pool(1);
    const auto crystals = three_crystals();
    return std::make_unique<CrystalStatistics>(data::crystals_of(crystals), pool);
  }

  static SyntheticOptions synthetic_options(double share, std::int64_t patterns_per_portion,
                                            bool in_background = false) {
    SyntheticOptions how;
    for (const int space_group : {167, 194, 216, 225, 227})
      how.generator.space_groups[space_group] = 1;
    how.generator.seed = 3;
    how.share = share;
    how.label = [](int space_group) { return 1000 + space_group; };
    how.seed = seed;
    how.patterns_per_portion = patterns_per_portion;
    how.threads = 2;
    how.in_background = in_background;
    return how;
  }

  /// Batches of N, recorded once and again where the stream asks for it, until there are `count` patterns;
  /// how often it asked goes into `moved`.
  Batch draw(PatternStream& stream, std::int64_t N, std::uint64_t first, std::int64_t count,
             int* moved = nullptr) const {
    stream.plan(*backend_, N);
    const DType type = backend_->element_type();
    const Buffer state = backend_->allocate(sizeof(StepState)), labels = backend_->allocate(N * 4),
                 patterns = backend_->allocate(N * grid.points * size_of(type));
    const auto record = [&] {
      return backend_->record([&] {
        stream.enqueue(*backend_, {state.data(), DType::u64},
                       {patterns.data(), type, N, grid.points, 1, grid.points}, {labels.data(), DType::i32});
      });
    };
    auto recording = record();
    Batch all;
    std::vector<float> values(N * grid.points);
    std::vector<std::int32_t> classes(N);
    for (std::int64_t done = 0; done < count; done += N) {
      const StepState at{0, first + static_cast<std::uint64_t>(done)};
      backend_->upload(&at, state.data(), sizeof at);
      if (stream.prepare(*backend_, at)) {
        recording = record();
        if (moved) ++*moved;
      }
      recording->run();
      backend_->download({patterns.data(), type}, std::span(values));
      backend_->download(labels.data(), classes.data(), N * sizeof(std::int32_t));
      all.patterns.insert(all.patterns.end(), values.begin(), values.end());
      all.labels.insert(all.labels.end(), classes.begin(), classes.end());
    }
    all.patterns.resize(count * grid.points);
    all.labels.resize(count);
    return all;
  }

  const data::Recipe recipe_ = [] {
    data::Recipe recipe = data::load_recipe("large");
    recipe.anomalous = true;  // synthetic crystals have it as the others do
    return recipe;
  }();
  const std::unique_ptr<Backend> backend_ = make_backend(GetParam());
};

INSTANTIATE_TEST_SUITE_P(Devices, SyntheticInStream, ::testing::ValuesIn(devices()),
                         [](const auto& param_info) { return name_of(param_info.param); });

TEST_P(SyntheticInStream, PatternIIsOfCrystalI) {
  constexpr std::int64_t count = 24;
  const std::uint64_t first = (1ull << 32) - 11;  // indices are 64 bits wide
  const std::vector<std::int32_t> own_labels{224, 153, 220};

  // The oracle: real patterns as if there were no synthetic ones, and all synthetic ones from a store of
  // theirs.
  ReflectionStore real = store(three_crystals());
  PatternStream without(real, options({0, 1, 2}, own_labels));
  const Batch plain = draw(without, count, first, count);
  const auto known = statistics();
  const CrystalGenerator generator(*known, synthetic_options(0.5, 1).generator);
  std::vector<xrd::Crystal> crystals;
  std::vector<std::int32_t> rows(count), labels;
  for (std::uint64_t i = 0; i < count; ++i) {
    crystals.push_back(generator.crystal(first + i));
    rows[(first + i) % count] = static_cast<std::int32_t>(i);
    labels.push_back(1000 + crystals.back().group.number);
  }
  const ReflectionStore all_synthetic = store(crystals);
  data::StreamOptions in_order = options(rows, labels);
  in_order.order = Order::sequential;
  PatternStream synthetic_alone(all_synthetic, in_order);
  const Batch synthetic = draw(synthetic_alone, count, first, count);
  ASSERT_EQ(synthetic.labels, labels);

  const struct {
    std::int64_t N, patterns_per_portion, spare;
    bool in_background;
  } cases[] = {{4, 8, 0, true}, {3, 7, 1000, false}, {24, 1, 1000, true}, {2, 100, 0, false}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.N);
    ReflectionStore behind = store(three_crystals(), c.spare);
    data::StreamOptions mixed = options({0, 1, 2}, own_labels);
    mixed.synthetic = std::make_shared<SyntheticCrystals>(
        behind, statistics(), synthetic_options(0.5, c.patterns_per_portion, c.in_background));
    PatternStream stream(behind, mixed);
    int moved = 0;
    const Batch batch = draw(stream, c.N, first, count, &moved);
    int of_synthetic = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      const Batch& expected = batch.labels[i] >= 1000 ? synthetic : plain;
      of_synthetic += batch.labels[i] >= 1000;
      EXPECT_EQ(batch.labels[i], expected.labels[i]) << i;
      EXPECT_EQ(batch.pattern(i), expected.pattern(i)) << i;
    }
    EXPECT_GT(of_synthetic, 6);
    EXPECT_LT(of_synthetic, 18);
    EXPECT_TRUE(c.spare == 0 ? moved >= 1 : moved == 0) << moved << " times";
    // From the beginning again, as a second run would: not what follows the portion at hand.
    EXPECT_EQ(draw(stream, c.N, first, c.N).patterns,
              std::vector<float>(batch.patterns.begin(), batch.patterns.begin() + c.N * grid.points));
  }
}

TEST_P(SyntheticInStream, AllOrNone) {
  const std::vector<std::int32_t> own_labels{224, 153, 220};
  for (const double share : {0.0, 1.0}) {
    ReflectionStore behind = store(three_crystals());
    data::StreamOptions mixed = options({0, 1, 2}, own_labels);
    mixed.synthetic = std::make_shared<SyntheticCrystals>(behind, statistics(), synthetic_options(share, 6));
    PatternStream stream(behind, mixed);
    const Batch batch = draw(stream, 3, 100, 12);
    std::set<std::vector<float>> different;
    for (std::int64_t i = 0; i < 12; ++i) {
      EXPECT_EQ(batch.labels[i] >= 1000, share == 1);
      different.insert(batch.pattern(i));
    }
    EXPECT_EQ(different.size(), 12u);
  }
}

TEST_P(SyntheticInStream, WhatIsExpectedHasRoom) {
  const SyntheticOptions how = synthetic_options(0.4, 200);
  EXPECT_EQ(SyntheticCrystals::expected_per_portion(how, 3), 81);  // 0.4 of 201, rounded up
  std::vector<xrd::Crystal> crystals;
  const auto known = statistics();
  const CrystalGenerator generator(*known, how.generator);
  for (std::uint64_t i = 0; i < 40; ++i)  // of the same kind, so that the average is right
    crystals.push_back(generator.crystal(1000 + i));
  ReflectionStore behind = store(crystals, SyntheticCrystals::expected_per_portion(how, 3));
  data::StreamOptions mixed = options({0, 1, 2}, std::vector<std::int32_t>(40, 7));
  mixed.synthetic = std::make_shared<SyntheticCrystals>(behind, statistics(), how);
  PatternStream stream(behind, mixed);
  int moved = 0;
  for (const std::uint64_t first : {0, 201, 402, 603})
    draw(stream, 3, first, 3, &moved);
  EXPECT_EQ(moved, 0);
}

TEST_P(SyntheticInStream, WhatCannotBeMadeIsAnError) {
  ReflectionStore behind = store(three_crystals());
  SyntheticOptions impossible = synthetic_options(1, 4);
  impossible.generator.max_volume = 2;
  data::StreamOptions mixed = options({0, 1, 2}, {1, 2, 3});
  mixed.synthetic = std::make_shared<SyntheticCrystals>(behind, statistics(), impossible);
  PatternStream stream(behind, mixed);
  EXPECT_THROW(draw(stream, 2, 0, 2), Error);
  ReflectionStore other = store(three_crystals());
  EXPECT_THROW(PatternStream(other, mixed), Error);
}

}  // namespace
}  // namespace bragg::tests
