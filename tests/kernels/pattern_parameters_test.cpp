// Chance apart from physics: parameters are sampled alike by all backends, and whoever gives parameters gets
// the pattern that they say.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numbers>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "kernels/crystal/pattern_math.h"
#include "kernels/crystal/sample_pattern.h"
#include "kernels/ops/render_patterns.h"
#include "kernels/ops/sample_patterns.h"
#include "tests/kernels/pattern_cases.h"
#include "tests/support/compare.h"
#include "tests/support/devices.h"

namespace bragg::tests {
namespace {

constexpr double degrees = 180 / std::numbers::pi;

/// Of a real GPU, whose exp and log are its own, the last digits are; all else is everybody's to the bit.
void expect_same(const PatternParameters& got, const PatternParameters& expected, bool to_the_bit) {
  if (to_the_bit) {
    EXPECT_EQ(std::memcmp(&got, &expected, sizeof got), 0);
    return;
  }
  EXPECT_TRUE(std::equal(std::begin(got.distortion), std::end(got.distortion), expected.distortion));
  EXPECT_TRUE(std::equal(std::begin(got.chebyshev), std::end(got.chebyshev), expected.chebyshev));
  EXPECT_EQ(got.axis, expected.axis);
  EXPECT_EQ(got.variant, expected.variant);
  EXPECT_EQ(got.seed, expected.seed);
  EXPECT_EQ(got.index, expected.index);
  EXPECT_EQ(got.U, expected.U);
  EXPECT_EQ(got.V, expected.V);
  for (int e = 0; e < effect_count; ++e) {
    EXPECT_EQ(got.value[e] == 0, expected.value[e] == 0) << effect_table[e].name;
    EXPECT_NEAR(got.value[e], expected.value[e], 1e-13 * std::abs(expected.value[e])) << effect_table[e].name;
  }
}

TEST(SamplePatterns, IsTheSameOnAllBackends) {
  PatternSampling p{.N = 0, .seed = 12, .variants = varied_shapes(), .grid = {}};
  p.variants.push_back(everything());
  p.variants.back().weight = 5;
  std::vector<DeviceOptions> devices = devices_under_test();
  devices.push_back({"reference", 0, ""});
  for (const std::size_t variants : {8, 29}) {  // a launch of a GPU holds eight
    while (p.variants.size() < variants)
      p.variants.push_back(voigt_lines());
    for (const std::int64_t N : {0, 1, 3, 4, 5, 131}) {
      const std::uint64_t first = (std::uint64_t{1} << 32) - 2;  // the index passes 32 bits
      for (const DeviceOptions& device : devices) {
        SCOPED_TRACE(name_of(device));
        const auto backend = make_backend(device);
        const auto sampled = sample(*backend, p, N, first);
        for (std::int64_t n = 0; n < N; ++n) {
          expect_same(sampled[n], sample_pattern(p, first + static_cast<std::uint64_t>(n)),
                      backend->name() != "cuda" || is_emulated());
        }
      }
    }
  }
}

TEST(SamplePatterns, WhatIsSampledCanBeRead) {
  const PatternSampling p{.N = 1, .seed = 4, .variants = {everything()}, .grid = {}};
  for (std::uint64_t index = 0; index < 2000; ++index)
    ASSERT_EQ(fault_of(sample_pattern(p, index)), std::nullopt) << index;
}

TEST(EffectTable, HasARowForEachEffectInOrder) {
  std::set<std::string> names;
  for (const EffectInfo& info : effect_table) {
    EXPECT_TRUE(names.emplace(info.name).second) << info.name;
    EXPECT_FALSE(info.meaning.empty()) << info.name;
    EXPECT_EQ(fault_of(info, info.realistic), std::nullopt) << info.name;
    for (const double value : {0.0, info.alone, info.otherwise})
      EXPECT_TRUE(value >= info.lowest && value <= info.highest) << info.name;
  }
  EXPECT_EQ(effect_table[static_cast<int>(Effect::W)].name, "W");
  EXPECT_EQ(effect_table[static_cast<int>(Effect::texture)].name, "texture");
  EXPECT_EQ(effect_table[static_cast<int>(Effect::overflow)].name, "overflow");
  EXPECT_EQ(static_cast<int>(Effect::overflow) + 1, effect_count);
}

// One point atom in a cell of right angles.
CrystalBatch point_cell(double a, double b, double c) {
  CrystalGroup group = varied_groups(1)[0];
  group.metric = {1 / (a * a), 1 / (b * b), 1 / (c * c), 0, 0, 0};
  return point_crystal(group, {{0, 0, 0, 3}});
}

double two_theta_of(double d) {
  return 2 * std::asin(wavelength / (2 * d)) * degrees;
}

PatternParameters plain() {
  PatternParameters one{};
  one[Effect::W] = 0.01;
  return one;
}

class GivenParameters : public ::testing::TestWithParam<DeviceOptions> {
 protected:
  GivenParameters() { problem.instrument.wavelength = wavelength; }
  std::vector<double> rendered(const CrystalBatch& batch, const std::vector<PatternParameters>& parameters,
                               const std::vector<std::int32_t>& impurities = {}) {
    return render_given(*backend, problem, backend->structure_factors({0, 0.47, false}, batch),
                        std::vector<std::int32_t>(parameters.size(), 0), parameters, impurities);
  }
  std::string refusal(const std::vector<PatternParameters>& parameters) {
    try {
      rendered(point_cell(4, 4, 4), parameters);
    } catch (const ProblemError& error) {
      return error.what();
    }
    return "";
  }

  const std::unique_ptr<Backend> backend = make_backend(GetParam());
  PatternProblem problem;
};
INSTANTIATE_TEST_SUITE_P(Devices, GivenParameters, ::testing::ValuesIn(exact_devices()),
                         [](const auto& device) { return name_of(device.param); });

TEST_P(GivenParameters, RenderAsSampledOnesInAnyOrder) {
  const CrystalBatch batch = varied_crystals();
  const auto set = backend->structure_factors({0, 0.3, false}, batch);
  SampledPatterns p = problem_with({everything(), voigt_lines(), gaussian(0.05, -0.06, 0.07, 0.02)});
  p.seed = 21;
  p.instrument.grid = {8, 0.1, 300};
  const std::vector<std::int32_t> crystals{3, 0, 5, 1, 2, 4}, impurities{1, 2, 3, 4, 5, 0};
  const auto expected = render(*backend, p, set, crystals, 70, impurities);
  auto parameters = sample(*backend, p.sampling(), 6, 70);
  p.impurities = true;
  EXPECT_TRUE(identical(render_given(*backend, p, set, crystals, parameters, impurities), expected));

  std::reverse(parameters.begin(), parameters.end());
  const auto backwards = render_given(*backend, p, set, {crystals.rbegin(), crystals.rend()}, parameters,
                                      {impurities.rbegin(), impurities.rend()}, false);
  for (std::int64_t n = 0; n < 6; ++n) {
    EXPECT_TRUE(
        identical(std::span(backwards).subspan((5 - n) * p.instrument.grid.points, p.instrument.grid.points),
                  std::span(expected).subspan(n * p.instrument.grid.points, p.instrument.grid.points)))
        << n;
  }
}

TEST_P(GivenParameters, ZeroShiftMovesAllLines) {
  PatternParameters shifted = plain();
  shifted[Effect::zero_shift] = 0.25;  // 25 steps
  const auto y = rendered(point_cell(4.1, 4.1, 4.1), {plain(), shifted});
  const std::int64_t points = problem.instrument.grid.points;
  // Both scaled to their highest line, which is on the grid in both.
  EXPECT_TRUE(within(std::span(y).subspan(points + 25, points - 25), std::span(y).first(points - 25), 1e-5));
}

TEST_P(GivenParameters, TextureIsMarchsAlongTheGivenAxis) {
  // Of a tetragonal cell: (100) and (010) are one line, (001) the other.
  const double a = 4, c = 5, r = 0.6;
  PatternParameters textured = plain();
  textured[Effect::texture] = r;
  textured.axis = 2;  // 001
  const auto y = rendered(point_cell(a, a, c), {plain(), textured});
  const auto height = [&](std::int64_t n, double d) {
    const auto i =
        std::llround((two_theta_of(d) - problem.instrument.grid.start) / problem.instrument.grid.step);
    return *std::max_element(y.begin() + n * problem.instrument.grid.points + i - 3,
                             y.begin() + n * problem.instrument.grid.points + i + 4);
  };
  const double before = height(0, c) / height(0, a), after = height(1, c) / height(1, a);
  // Along the axis r^-3, across it r^(3/2).
  EXPECT_NEAR(after / before, std::pow(r, -3) / std::pow(r, 1.5), 2e-4 * std::pow(r, -4.5));
}

TEST_P(GivenParameters, NoiseIsThatOfTheGivenSeedAndIndex) {
  PatternParameters noisy = plain();
  noisy[Effect::noise] = 0.03;
  noisy.seed = 5;
  noisy.index = 123456789012;
  PatternParameters again = noisy;
  again.seed = 6;
  const auto y = rendered(point_cell(4, 4, 4), {plain(), noisy, again});
  const std::int64_t points = problem.instrument.grid.points;
  std::vector<double> expected(y.begin(), y.begin() + points);
  for (std::int64_t i = 0; i < points; ++i)
    expected[i] += 0.03 * uniform01(data_call(5, DataDraw::noise, static_cast<std::uint32_t>(i / 4),
                                              noisy.index)[i % 4]);
  const double highest = *std::max_element(expected.begin(), expected.end());
  for (double& value : expected)
    value /= highest;
  EXPECT_TRUE(within(std::span(y).subspan(points, points), expected, 1e-6));
  EXPECT_FALSE(std::equal(y.begin() + points, y.begin() + 2 * points, y.begin() + 2 * points));
}

TEST_P(GivenParameters, AnImpurityIsTheOtherCrystalUnstrained) {
  const CrystalBatch batch = varied_crystals();
  const auto set = backend->structure_factors({0, 0.47, false}, batch);
  PatternParameters mixed = plain(), strained = plain();
  strained[Effect::strain] = mixed[Effect::strain] = 0.02;
  mixed[Effect::impurity] = 0.4;
  const auto alone = render_given(*backend, problem, set, {0, 3}, {strained, plain()});
  problem.impurities = true;
  const auto together = render_given(*backend, problem, set, {0}, {mixed}, {3});
  const std::int64_t points = problem.instrument.grid.points;
  std::vector<double> expected(points);
  for (std::int64_t i = 0; i < points; ++i)
    expected[i] = alone[i] + 0.4 * alone[points + i];
  const double highest = *std::max_element(expected.begin(), expected.end());
  for (double& value : expected)
    value /= highest;
  EXPECT_TRUE(within(together, expected, 1e-5));
}

TEST_P(GivenParameters, ThatNobodyCanReadAreNoData) {
  const double nan = std::numeric_limits<double>::quiet_NaN(),
               infinity = std::numeric_limits<double>::infinity();
  std::vector<std::pair<std::string, PatternParameters>> bad;
  const auto add = [&](const std::string& name, auto&& change) {
    bad.emplace_back(name, plain());
    change(bad.back().second);
  };
  for (int e = 0; e < effect_count; ++e) {
    const EffectInfo& info = effect_table[e];
    for (const double value : {nan, infinity, -infinity, info.lowest - 1, info.highest * 1.01 + 1e-6})
      add(std::string(info.name), [&](PatternParameters& one) { one.value[e] = value; });
  }
  add("impurity", [](PatternParameters& one) { one[Effect::impurity] = 0.1; });  // the problem has none
  for (const int axis : {-1, 13, 1 << 30})
    add("axis", [&](PatternParameters& one) { one.axis = axis; });
  for (const double value : {nan, 1.5, -infinity}) {
    add("U", [&](PatternParameters& one) { one.U = value == 1.5 ? infinity : value; });
    add("distortion", [&](PatternParameters& one) { one.distortion[5] = value; });
    add("chebyshev", [&](PatternParameters& one) { one.chebyshev[3] = value; });
  }
  problem.instrument.grid = {20, 0.05, 40};
  if (backend->name() != "cuda") {
    for (const auto& [name, parameters] : bad) {
      const std::string message = refusal({plain(), parameters});
      EXPECT_EQ(message.rfind("[render_patterns] pattern 1: ", 0), 0U) << name << ": " << message;
      EXPECT_NE(message.find(name), std::string::npos) << name << ": " << message;
    }
    return;
  }
  // A kernel cannot refuse: it makes no data of them, and all the others as they are.
  std::vector<PatternParameters> batch{plain()};
  for (const auto& [name, parameters] : bad)
    batch.push_back(parameters);
  batch.push_back(plain());
  const auto y = rendered(point_cell(4, 4, 4), batch);
  for (std::size_t n = 0; n < batch.size(); ++n) {
    for (std::int64_t i = 0; i < 40; ++i) {
      ASSERT_EQ(std::isnan(y[n * 40 + i]), n > 0 && n + 1 < batch.size())
          << (n == 0 || n > bad.size() ? "plain" : bad[n - 1].first) << ' ' << i;
    }
  }
}

TEST_P(GivenParameters, OpsNameWhatIsMissing) {
  const auto set = backend->structure_factors({0, 0.3, false}, point_cell(4, 4, 4));
  const auto message = [](const auto& call) -> std::string {
    try {
      call();
    } catch (const ProblemError& error) {
      return error.what();
    }
    return "";
  };
  const Buffer memory = backend->allocate(8500 * sizeof(double) + sizeof(PatternParameters));
  const Activations dst{memory.data(), backend->element_type(), 1, 8500, 1, 8500};
  problem.N = 1;
  const auto render_with = [&](Tensor parameters, Tensor impurities) {
    return message([&] {
      backend->run(RenderPatterns{problem, &set, {memory.data(), DType::i32}, impurities, parameters, dst});
    });
  };
  EXPECT_NE(render_with({nullptr, DType::u8}, {}).find("[render_patterns] parameters"), std::string::npos);
  EXPECT_NE(render_with({memory.data(), DType::u64}, {}).find("parameters"), std::string::npos);
  problem.impurities = true;
  EXPECT_NE(render_with({memory.data(), DType::u8}, {}).find("impurities"), std::string::npos);

  PatternSampling sampling{.N = 1, .seed = 1, .variants = {gaussian(0, 0, 0.01)}, .grid = {}};
  const auto sample_with = [&](Tensor state, Tensor to) {
    return message([&] { backend->run(SamplePatterns{sampling, state, to}); });
  };
  EXPECT_NE(sample_with({}, {memory.data(), DType::u8}).find("[sample_patterns] state"), std::string::npos);
  EXPECT_NE(sample_with({memory.data(), DType::u64}, {}).find("[sample_patterns] dst"), std::string::npos);
  sampling.N = -1;
  EXPECT_EQ(sample_with({memory.data(), DType::u64}, {memory.data(), DType::u8}),
            "[sample_patterns] N -1 < 0");
  sampling.N = 1;
  sampling.variants[0].V = -1;
  EXPECT_NE(sample_with({memory.data(), DType::u64}, {memory.data(), DType::u8})
                .find("[sample_patterns] U 0, V -1"),
            std::string::npos);
}

TEST(PatternParameters, OfAPersonMustMakeAPattern) {
  const auto refused = [](const std::string& what, auto&& change) {
    PatternParameters one = plain();
    TwoThetaGrid grid;
    change(one, grid);
    try {
      validate(one, grid);
      ADD_FAILURE() << "not refused: " << what;
    } catch (const ProblemError& error) {
      EXPECT_NE(std::string(error.what()).find(what), std::string::npos) << error.what();
    }
  };
  validate(plain(), {});
  refused("W 0: H^2", [](PatternParameters& one, TwoThetaGrid&) { one[Effect::W] = 0; });
  refused("U 0.05, V -0.06, W 0.01: H^2", [](PatternParameters& one, TwoThetaGrid&) {
    one.U = 0.05;
    one.V = -0.06;
  });
  refused("texture 11 is not in 0..10",
          [](PatternParameters& one, TwoThetaGrid&) { one[Effect::texture] = 11; });
  refused("hump 0.1 with hump_width 0",
          [](PatternParameters& one, TwoThetaGrid&) { one[Effect::hump] = 0.1; });
  refused("noise 0.1 beside poisson 0.01", [](PatternParameters& one, TwoThetaGrid&) {
    one[Effect::noise] = 0.1;
    one[Effect::poisson] = 0.01;
  });
  refused("axis 13", [](PatternParameters& one, TwoThetaGrid&) { one.axis = 13; });
  refused("grid points 0", [](PatternParameters&, TwoThetaGrid& grid) { grid.points = 0; });
}

}  // namespace
}  // namespace bragg::tests
