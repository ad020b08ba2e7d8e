#include "data/patterns/stream.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <utility>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "data/crystals/crystal_set.h"
#include "data/patterns/pattern_set.h"
#include "data/patterns/simulate.h"
#include "data/patterns/stored_patterns.h"
#include "data/weighted_rows.h"
#include "kernels/base/error.h"
#include "kernels/crystal/pattern_processing.h"
#include "tests/data/pattern_set_in_memory.h"
#include "tests/data/test_crystals.h"
#include "tests/support/compare.h"
#include "xrd/crystal_batch.h"

namespace bragg::tests {
namespace {

using data::PatternStream;
using data::ReflectionStore;
using data::StreamOptions;
using Order = SampleRowsProblem::Order;

const TwoThetaGrid grid{.start = 20, .step = 0.05, .points = 601};

std::unique_ptr<Backend> backend(const char* device, int threads = 1) {
  return make_backend({.device = device, .threads = threads, .instruction_set = {}});
}

struct Batch {
  std::vector<float> patterns;  // (N, points)
  std::vector<std::int32_t> labels;
};

/// Patterns first .. first + N - 1 of any of the two kinds of batches.
template <typename Batches>
Batch draw(Backend& device, Batches& batches, std::int64_t N, std::uint64_t first) {
  batches.plan(device, N);
  const std::int64_t points = batches.points();
  const Buffer state = device.allocate(sizeof(StepState)), labels = device.allocate(N * sizeof(std::int32_t)),
               patterns = device.allocate(N * points * size_of(device.element_type()));
  const StepState at{.step = 1000, .first_index = first};
  device.upload(&at, state.data(), sizeof at);
  batches.enqueue(device, {state.data(), DType::u64},
                  {.data = patterns.data(),
                   .dtype = device.element_type(),
                   .N = N,
                   .L = points,
                   .C = 1,
                   .item_stride = points},
                  {labels.data(), DType::i32});
  device.synchronize();
  Batch batch{.patterns = std::vector<float>(N * points), .labels = std::vector<std::int32_t>(N)};
  device.download({patterns.data(), device.element_type()}, std::span(batch.patterns));
  device.download(labels.data(), batch.labels.data(), N * sizeof(std::int32_t));
  return batch;
}

void append(Batch& all, const Batch& part) {
  all.patterns.insert(all.patterns.end(), part.patterns.begin(), part.patterns.end());
  all.labels.insert(all.labels.end(), part.labels.begin(), part.labels.end());
}

const std::vector<std::int32_t> three_labels{224, 153, 220};

StreamOptions options(Order order) {
  return {.rows = {0, 1, 2},
          .order = order,
          .labels = three_labels,
          .variants = data::load_recipe("large").variants,
          .processing = {},
          .measured = {},
          .synthetic = nullptr,
          .instrument = {.grid = grid},
          .seed = 5};
}

ReflectionStore store_of(Backend& device, const std::vector<xrd::Crystal>& crystals) {
  return {device, data::crystals_of(crystals),
          data::reflections_on({.grid = grid}, data::load_recipe("large"))};
}

TEST(PatternStream, BatchIsAPureFunctionOfSeedAndIndex) {
  for (const char* device : {"cpu", "reference"}) {
    SCOPED_TRACE(device);
    const auto one = backend(device);
    const ReflectionStore store = store_of(*one, three_crystals());
    PatternStream stream(store, options(Order::uniform));
    const std::uint64_t first = (1ull << 32) - 5;  // indices are 64 bits wide
    const Batch whole = draw(*one, stream, 12, first);
    EXPECT_EQ(std::set<std::int32_t>(whole.labels.begin(), whole.labels.end()).size(), 3u)
        << "all crystals drawn";

    Batch pieces;  // however it is cut
    for (const auto& [N, at] : {std::pair{1, 0}, {4, 1}, {7, 5}})
      append(pieces, draw(*one, stream, N, first + at));
    EXPECT_EQ(pieces.labels, whole.labels);
    EXPECT_EQ(pieces.patterns, whole.patterns);

    const auto three = backend(device, 3);  // whoever computes it
    const ReflectionStore same = store_of(*three, three_crystals());
    PatternStream other(same, options(Order::uniform));
    const Batch again = draw(*three, other, 12, first);
    EXPECT_EQ(again.labels, whole.labels);
    EXPECT_EQ(again.patterns, whole.patterns);

    StreamOptions reseeded = options(Order::uniform);
    reseeded.seed = 6;
    PatternStream another(store, reseeded);
    const Batch drawn = draw(*one, another, 12, first);
    EXPECT_NE(drawn.labels, whole.labels);
    EXPECT_NE(drawn.patterns, whole.patterns);
  }
}

TEST(PatternStream, AStepIsOfTheProcessing) {
  for (const char* device : {"cpu", "reference"}) {
    SCOPED_TRACE(device);
    const auto one = backend(device);
    const ReflectionStore store = store_of(*one, three_crystals());
    StreamOptions how = options(Order::uniform);
    how.instrument.grid.points = 600;
    PatternStream plain(store, how);
    const Batch points = draw(*one, plain, 6, 40);
    how.processing = {.background_window = 2, .square_root = true, .step = 0.25};
    PatternStream stream(store, how);
    EXPECT_EQ(stream.points(), 120);
    const Batch read = draw(*one, stream, 6, 40);
    EXPECT_EQ(read.labels, points.labels);
    for (std::size_t n = 0; n < 6; ++n) {
      std::vector<float> expected(points.patterns.begin() + static_cast<std::ptrdiff_t>(600 * n),
                                  points.patterns.begin() + static_cast<std::ptrdiff_t>(600 * (n + 1)));
      process_pattern(how.processing, how.instrument.grid, expected);
      ASSERT_EQ(expected.size(), 120u);
      for (std::size_t i = 0; i < expected.size(); ++i)
        ASSERT_NEAR(read.patterns[120 * n + i], expected[i], 2e-3) << n << ' ' << i;  // a root of rounding
    }
    how.processing.step = 0.35;  // 7 points: 600 are no whole number of them
    EXPECT_THROW(PatternStream(store, how), Error);
  }
}

TEST(PatternStream, SequentialTakesRowsInOrder) {
  const auto device = backend("cpu");
  const ReflectionStore store = store_of(*device, three_crystals());
  StreamOptions some = options(Order::sequential);
  some.rows = {2, 0};
  PatternStream stream(store, some);
  EXPECT_EQ(stream.size(), 2);
  EXPECT_EQ(stream.points(), grid.points);
  const Batch batch = draw(*device, stream, 5, 2);
  EXPECT_EQ(batch.labels, (std::vector<std::int32_t>{220, 224, 220, 224, 220}));
  for (int n = 0; n < 5; ++n) {
    const auto pattern = std::span(batch.patterns).subspan(n * grid.points, grid.points);
    EXPECT_FLOAT_EQ(*std::max_element(pattern.begin(), pattern.end()), 1.0f);
  }
}

TEST(PatternStream, CpuDrawsWhatTheReferenceDraws) {
  const auto cpu = backend("cpu"), reference = backend("reference");
  const ReflectionStore a = store_of(*cpu, three_crystals()), b = store_of(*reference, three_crystals());
  PatternStream x(a, options(Order::uniform)), y(b, options(Order::uniform));
  const Batch got = draw(*cpu, x, 16, 0), expected = draw(*reference, y, 16, 0);
  EXPECT_EQ(got.labels, expected.labels);
  // Rounding of float sums against double, on patterns of maximum 1.
  EXPECT_TRUE(within(std::vector<double>(got.patterns.begin(), got.patterns.end()),
                     std::vector<double>(expected.patterns.begin(), expected.patterns.end()), 2e-5));
}

TEST(PatternStream, RefusesNonsense) {
  const auto device = backend("cpu");
  const ReflectionStore store = store_of(*device, three_crystals());
  StreamOptions none = options(Order::uniform), short_labels = none, outside = none;
  none.rows.clear();
  short_labels.labels.pop_back();
  outside.rows.push_back(3);
  EXPECT_THROW(PatternStream(store, none), Error);
  EXPECT_THROW(PatternStream(store, short_labels), Error);
  EXPECT_THROW(PatternStream(store, outside), Error);
}

TEST(ReflectionStore, PortionsJoinToTheWhole) {
  const auto device = backend("cpu");
  const auto crystals = three_crystals();
  std::vector<xrd::Crystal> many;  // more than one portion of 2048
  for (int i = 0; i < 2053; ++i) {
    many.push_back(crystals[i % 2 == 0 ? 0 : 2]);
    xrd::UnitCell& cell = many.back().cell;
    cell.a = cell.b = cell.c = cell.a * (1 + 1e-4 * i);
  }
  const ReflectionProblem problem{.stol_min = 0, .stol_max = 0.3, .ignore_displacements = false};
  const ReflectionStore store(*device, data::crystals_of(many), {problem});
  const ReflectionSet whole = device->structure_factors(problem, xrd::make_batch(many));
  ASSERT_EQ(store.size(), 2053);
  ASSERT_EQ(store.reflections().reflections, whole.reflections);
  const auto bytes = [&](const Buffer& buffer, std::size_t count) {
    std::vector<std::byte> host(count);
    device->download(buffer.data(), host.data(), count);
    return host;
  };
  EXPECT_EQ(bytes(store.reflections().offset, 2054 * 8), bytes(whole.offset, 2054 * 8));
  EXPECT_EQ(bytes(store.reflections().metric, 2053 * 48), bytes(whole.metric, 2053 * 48));
  EXPECT_EQ(bytes(store.reflections().miller, whole.reflections * 8),
            bytes(whole.miller, whole.reflections * 8));
  EXPECT_EQ(bytes(store.reflections().f2, whole.reflections * 4), bytes(whole.f2, whole.reflections * 4));
}

TEST(ReflectionStore, TakesSetsOneAfterTheOther) {
  const TemporaryFolder folder;
  const auto crystals = three_crystals();
  data::CrystalSetWriter first, second, empty;
  first.add(crystals[0]);
  second.add(crystals[1]);
  second.add(crystals[2]);
  first.write(folder / "1.safetensors");
  second.write(folder / "2.safetensors");
  empty.write(folder / "0.safetensors");
  const data::CrystalSet a(folder / "1.safetensors"), none(folder / "0.safetensors"),
      b(folder / "2.safetensors");
  const auto device = backend("cpu");
  const ReflectionStore store(*device, data::crystals_of({&a, &none, &b}),
                              data::reflections_on({.grid = grid}, data::load_recipe("large")));
  const ReflectionStore expected = store_of(*device, crystals);
  PatternStream x(store, options(Order::sequential)), y(expected, options(Order::sequential));
  EXPECT_EQ(draw(*device, x, 3, 0).patterns, draw(*device, y, 3, 0).patterns);
}

// f' and f'' where the recipe says so, in a store's own crystals and in those put behind them.
TEST(ReflectionStore, AnomalousWhereTheRecipeIs) {
  const auto device = backend("reference");
  const auto crystals = three_crystals();
  data::Recipe recipe = data::load_recipe("large");
  EXPECT_EQ(data::reflections_on({grid, 1.8}, recipe).anomalous, std::nullopt);
  EXPECT_EQ(data::reflections_on({grid, 1.8}, data::load_recipe("realistic")).anomalous, 1.8);
  const auto f2_of = [&](const ReflectionSet& set) {
    std::vector<double> f2(set.reflections);
    device->download(set.f2.data(), f2.data(), f2.size() * sizeof(double));
    return f2;
  };
  const std::vector<double> plain = f2_of(store_of(*device, crystals).reflections());
  recipe.anomalous = true;
  const data::ReflectionRequest request = data::reflections_on({.grid = grid}, recipe);
  ReflectionStore store(*device, data::crystals_of(crystals), request, 3);
  const auto expected = f2_of(device->structure_factors(request.range, xrd::make_batch(crystals, 1.54184)));
  auto found = f2_of(store.reflections());
  found.resize(expected.size());  // the rest is spare
  EXPECT_EQ(found, expected);
  EXPECT_NE(found, plain);

  xrd::CrystalBatchBuilder builder = store.builder();
  for (const xrd::Crystal& crystal : crystals)
    builder.add(crystal);
  store.put_behind(*device, builder.take());
  const auto all = f2_of(store.reflections());
  ASSERT_GE(all.size(), 2 * expected.size());
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), all.begin() + expected.size()));
}

TEST(ReflectionsOn, ReachesBeyondTheGridByTheProfile) {
  // Set 5: H = 0.1 everywhere, a profile ends at 2.2322 H. The range ends within one step of 0.01 beyond.
  const ReflectionProblem p = data::reflections_on({grid, 1.5}, data::load_recipe("set5")).range;
  const double degree = std::acos(-1.0) / 180, reach = 0.22322392663715607;
  const auto stol = [&](double two_theta) { return std::sin(two_theta / 2 * degree) / 1.5; };
  EXPECT_LE(p.stol_min, stol(20 - reach));
  EXPECT_GE(p.stol_min, stol(20 - reach - 0.01));
  EXPECT_GE(p.stol_max, stol(50 + reach));
  EXPECT_LE(p.stol_max, stol(50 + reach + 0.01));
}

TEST(SimulatePatterns, IsTheSequentialStream) {
  const auto device = backend("cpu");
  const auto crystals = three_crystals();
  const data::SimulateOptions how{.recipe = data::load_recipe("large"),
                                  .instrument = {.grid = grid},
                                  .patterns_per_crystal = 2,
                                  .seed = 5,
                                  .maximum = 1,
                                  .ignore_displacements = false};
  std::vector<float> got;
  std::vector<std::int64_t> of;
  data::simulate_patterns(*device, data::crystals_of(crystals), how,
                          [&](std::int64_t i, std::span<const float> pattern) {
                            of.push_back(i);
                            got.insert(got.end(), pattern.begin(), pattern.end());
                          });
  EXPECT_EQ(of, (std::vector<std::int64_t>{0, 0, 1, 1, 2, 2}));
  const ReflectionStore store = store_of(*device, crystals);
  StreamOptions twice = options(Order::sequential);
  twice.rows = {0, 0, 1, 1, 2, 2};
  PatternStream stream(store, twice);
  EXPECT_EQ(got, draw(*device, stream, 6, 0).patterns);
}

TEST(PatternStream, AShareOfItsPatternsIsMeasured) {
  for (const char* name : {"cpu", "reference"}) {
    const auto device = backend(name);
    const ReflectionStore store = store_of(*device, three_crystals());
    StreamOptions how = options(Order::uniform);
    PatternStream simulated(store, how);
    constexpr int N = 200;
    const Batch plain = draw(*device, simulated, N, 7);
    how.measured.share = 0.3;
    for (int kind = 0; kind < 4; ++kind) {
      how.measured.labels.push_back(kind);
      how.measured.patterns.insert(how.measured.patterns.end(), grid.points, static_cast<float>(2 + kind));
    }
    PatternStream mixed(store, how);
    const Batch batch = draw(*device, mixed, N, 7);
    int measured = 0;
    std::set<std::int32_t> kinds;
    for (int n = 0; n < N; ++n) {
      const auto row = std::span(batch.patterns).subspan(n * grid.points, grid.points);
      if (batch.labels[n] < 4) {
        ++measured;
        kinds.insert(batch.labels[n]);
        EXPECT_EQ(row.front(), 2.0f + static_cast<float>(batch.labels[n]));
        EXPECT_EQ(row.back(), row.front());
      } else {
        EXPECT_EQ(batch.labels[n], plain.labels[n]);
        EXPECT_TRUE(std::ranges::equal(row, std::span(plain.patterns).subspan(n * grid.points, grid.points)));
      }
    }
    EXPECT_NEAR(measured, 60, 5 * std::sqrt(200 * 0.3 * 0.7));
    EXPECT_EQ(kinds.size(), 4u);
    how.measured.labels.pop_back();
    EXPECT_THROW(PatternStream(store, how), Error);
  }
}

// The same numbers whether a stream draws them or simulate_patterns does, impurities included: both take them
// from all crystals.
TEST(PatternStream, DrawsImpuritiesAsSimulateDoes) {
  data::Recipe recipe = data::load_recipe("set5");
  recipe.variants[0][Effect::impurity] = {Distribution::Law::uniform, 0.2, 0.5, 0.5};
  const auto device = backend("cpu");
  const auto crystals = three_crystals();
  const ReflectionStore store(*device, data::crystals_of(crystals),
                              data::reflections_on({.grid = grid}, recipe));
  StreamOptions how = options(Order::sequential);
  how.variants = recipe.variants;
  PatternStream stream(store, how);
  const Batch batch = draw(*device, stream, 3, 0);
  std::vector<float> simulated;
  data::simulate_patterns(
      *device, data::crystals_of(crystals),
      {.recipe = recipe, .instrument = {.grid = grid}, .patterns_per_crystal = 1, .seed = 5, .maximum = 1},
      [&](std::int64_t, std::span<const float> y) { simulated.insert(simulated.end(), y.begin(), y.end()); });
  EXPECT_EQ(simulated, batch.patterns);
  how.variants = data::load_recipe("set5").variants;
  PatternStream pure(store, how);
  EXPECT_NE(draw(*device, pure, 3, 0).patterns, batch.patterns);
}

TEST(WeightedRows, StandInProportion) {
  const std::vector<std::int32_t> rows{5, 9, 2, 7};
  EXPECT_EQ(data::weighted_rows(rows, {2, 2, 2, 2}), rows);
  const auto list = data::weighted_rows(rows, {1, 0, 2, 5});
  std::map<std::int32_t, std::int64_t> count;
  for (const std::int32_t row : list)
    ++count[row];
  EXPECT_GE(list.size(), 64u);
  EXPECT_EQ(count.count(9), 0u);
  for (const auto& [row, weight] : {std::pair{5, 1.0}, {2, 2.0}, {7, 5.0}})
    EXPECT_NEAR(static_cast<double>(count[row]), static_cast<double>(list.size()) * weight / 8, 1.0);
  EXPECT_THROW(data::weighted_rows(rows, {1, 2}), Error);
  EXPECT_THROW(data::weighted_rows(rows, {0, 0, 0, 0}), Error);
  EXPECT_THROW(data::weighted_rows(rows, {1, -1, 0, 0}), Error);
  EXPECT_THROW(data::weighted_rows({1, 2}, {0, NAN}), Error);
}

TEST(StoredPatterns, BatchesOfASet) {
  const TemporaryFolder folder;
  PatternSetInMemory writer({.grid = {.start = 5, .step = 1, .points = 3}});
  for (int i = 0; i < 20; ++i)
    writer.add(std::vector<float>{1000, 10.0f * i, 0}, 1 + i, i, "");
  writer.write(folder / "p.safetensors");
  const data::PatternSet set(folder / "p.safetensors");
  std::vector<std::int32_t> labels, rows;
  for (int i = 0; i < 20; ++i)
    labels.push_back(100 + i);
  for (int i = 0; i < 10; ++i)
    rows.push_back(19 - 2 * i);
  for (const char* name : {"cpu", "reference"}) {
    const auto device = backend(name);
    data::StoredPatterns ordered(set,
                                 {.rows = rows, .order = Order::sequential, .labels = labels, .seed = 1});
    const Batch batch = draw(*device, ordered, 11, 1);
    for (int n = 0; n < 11; ++n) {
      const std::int32_t row = rows[(n + 1) % 10];
      EXPECT_EQ(batch.labels[n], 100 + row);
      EXPECT_EQ(batch.patterns[3 * n], 1.0f);
      EXPECT_EQ(batch.patterns[3 * n + 1], set.pattern(row)[1]);
    }
    data::StoredPatterns random(set, {.rows = rows, .order = Order::uniform, .labels = labels, .seed = 1});
    const Batch whole = draw(*device, random, 9, 40);
    Batch pieces;
    append(pieces, draw(*device, random, 4, 40));
    append(pieces, draw(*device, random, 5, 44));
    EXPECT_EQ(pieces.labels, whole.labels);
    EXPECT_EQ(pieces.patterns, whole.patterns);
    EXPECT_GT(std::set<std::int32_t>(whole.labels.begin(), whole.labels.end()).size(), 3u);
    for (const std::int32_t label : whole.labels)
      EXPECT_EQ(label % 2, 1) << "only rows that were given";
  }
}

}  // namespace
}  // namespace bragg::tests
