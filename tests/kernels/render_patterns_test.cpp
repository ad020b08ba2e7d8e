// Patterns: areas, widths, noise, and all backends against the reference.
#include "kernels/ops/render_patterns.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "kernels/crystal/pattern_processing.h"
#include "tests/kernels/pattern_cases.h"
#include "tests/support/compare.h"
#include "tests/support/devices.h"

namespace bragg::tests {
namespace {

// Cubic P1-like crystal with one point atom: lines at sqrt(h^2 + k^2 + l^2) / a, intensities multiplicity LP.
CrystalBatch simple_crystal(double a) {
  CrystalGroup group = varied_groups(1)[0];
  group.metric = {1 / (a * a), 1 / (a * a), 1 / (a * a), 0, 0, 0};
  return point_crystal(group, {{0, 0, 0, 3}});
}

double two_theta(double q) {
  return 2 * std::asin(wavelength / 2 * std::sqrt(q)) * 180 / std::numbers::pi;
}

class PatternsOnDevice : public ::testing::TestWithParam<DeviceOptions> {
 protected:
  const std::unique_ptr<Backend> backend = make_backend(GetParam());
};
INSTANTIATE_TEST_SUITE_P(Devices, PatternsOnDevice, ::testing::ValuesIn(exact_devices()),
                         [](const auto& device) { return name_of(device.param); });

TEST_P(PatternsOnDevice, AreaIsTheIntensityAndWidthCagliotis) {
  const double a = 3.1;
  const PatternVariant shape = gaussian(0.05, -0.06, 0.07);
  const auto set = backend->structure_factors({0, 0.5, false}, simple_crystal(a));
  const SampledPatterns p = problem_with({shape});
  const auto y = render(*backend, p, set, {0}, 0);
  EXPECT_NEAR(*std::max_element(y.begin(), y.end()), 1, 1e-6);
  std::vector<double> area, expected_area, width, expected_width;
  for (const auto& [h2, multiplicity] : {std::pair{1, 6}, {2, 12}, {3, 8}, {4, 6}, {5, 24}, {6, 24}}) {
    const double centre = two_theta(h2 / (a * a)), t = std::tan(centre * std::numbers::pi / 360);
    const double fwhm = std::sqrt(shape.U * t * t + shape.V * t + shape[Effect::W].a);
    const auto index = [&](double angle) {
      return static_cast<std::int64_t>((angle - p.instrument.grid.start) / p.instrument.grid.step);
    };
    double sum = 0, half_low = 0, half_high = 0, highest = 0;
    for (auto i = index(centre - 0.8); i <= index(centre + 0.8); ++i) {
      sum += y[i] * p.instrument.grid.step;
      highest = std::max(highest, y[i]);
    }
    for (auto i = index(centre - 0.8); i < index(centre + 0.8); ++i) {
      const double crossing =
          p.instrument.grid.at(i) + p.instrument.grid.step * (highest / 2 - y[i]) / (y[i + 1] - y[i]);
      if (y[i] < highest / 2 && y[i + 1] >= highest / 2) half_low = crossing;
      if (y[i] >= highest / 2 && y[i + 1] < highest / 2) half_high = crossing;
    }
    area.push_back(sum);
    expected_area.push_back(multiplicity * lorentz_polarisation_at(centre));
    width.push_back(half_high - half_low);
    expected_width.push_back(fwhm);
  }
  // Areas against the first line's: a Gaussian sampled at H / 20 sums to its area but for the part that is
  // cut, 1.5e-7.
  const double unit = expected_area[0] / area[0];
  for (double& value : area)
    value *= unit;
  for (std::size_t i = 0; i < area.size(); ++i) {
    EXPECT_TRUE(within({{area[i]}}, {{expected_area[i]}}, 2e-6 * expected_area[i])) << i;
  }
  // The top is sampled at most half a step off, the crossings are interpolated: 4 ln 2 (step / H)^2 / 4,
  // about 0.2 %.
  EXPECT_TRUE(within(width, expected_width, 0.002 * 0.27));
}

TEST_P(PatternsOnDevice, PeakHeightIsThatOfAUnitAreaGaussian) {
  // Two lines of one pattern, one of them exactly on a grid point: its height is I (2/H) sqrt(ln 2 / pi).
  const double a = wavelength / (2 * std::sin(30 * std::numbers::pi / 360));  // (100) at 30 degrees
  const auto set = backend->structure_factors({0, 0.3, false}, simple_crystal(a));
  SampledPatterns p = problem_with({gaussian(0, 0, 0.04)});
  p.instrument.grid = {29.0, 0.02, 101};
  p.maximum = 6 * lorentz_polarisation_at(30) * (2 / 0.2) * std::sqrt(std::numbers::ln2 / std::numbers::pi);
  const auto y = render(*backend, p, set, {0}, 0);
  std::vector<double> expected;
  for (int i = 0; i < 101; ++i) {
    const double x = (p.instrument.grid.at(i) - 30) / 0.2;
    expected.push_back(std::abs(x) > profile_cut ? 0 : p.maximum * std::exp(-4 * std::numbers::ln2 * x * x));
  }
  EXPECT_TRUE(within(y, expected, 2e-6 * p.maximum));
}

TEST_P(PatternsOnDevice, LinesOutsideTheGridReachIn) {
  const double a = wavelength / (2 * std::sin(30 * std::numbers::pi / 360));
  const auto set = backend->structure_factors({0, 0.2, false}, simple_crystal(a));
  SampledPatterns p = problem_with({gaussian(0, 0, 0.04)});
  for (const double start : {30.1, 29.49}) {  // one step grids beside (100): right of it, left of it
    p.instrument.grid = {start, 0.01, 40};
    const auto y = render(*backend, p, set, {0}, 0);
    EXPECT_NEAR(*std::max_element(y.begin(), y.end()), 1, 1e-6) << start;
  }
  p.instrument.grid = {32, 0.01, 40};
  const auto none = render(*backend, p, set, {0}, 0);
  EXPECT_EQ(*std::max_element(none.begin(), none.end()), 0);
}

TEST_P(PatternsOnDevice, NoiseIsTheFormula) {
  const auto set = backend->structure_factors({0, 0.46, false}, simple_crystal(4.2));
  const double level = 0.015;
  SampledPatterns clean = problem_with({gaussian(0.05, -0.01, 0.01)});
  SampledPatterns noisy = problem_with({gaussian(0.05, -0.01, 0.01, level)});
  clean.seed = noisy.seed = 77;
  const std::uint64_t first = (std::uint64_t{1} << 32) - 1;  // the index passes 32 bits
  const auto base = render(*backend, clean, set, {0, 0}, first);
  const auto got = render(*backend, noisy, set, {0, 0}, first);
  std::vector<double> expected(got.size());
  const std::int64_t points = clean.instrument.grid.points;
  double mean = 0, square = 0;
  for (std::int64_t n = 0; n < 2; ++n) {
    double highest = 0;
    for (std::int64_t i = 0; i < points; ++i) {
      const auto bits = random_call(77, RandomStream::data, static_cast<std::uint32_t>(i / 4),
                                    static_cast<std::uint32_t>(DataDraw::noise), first + n);
      const double u = uniform01(bits[i % 4]);
      mean += u / (2 * points);
      square += u * u / (2 * points);
      expected[n * points + i] = base[n * points + i] + level * u;
      highest = std::max(highest, expected[n * points + i]);
    }
    for (std::int64_t i = 0; i < points; ++i)
      expected[n * points + i] /= highest;
  }
  EXPECT_TRUE(within(got, expected, 1e-6));
  // 17,000 uniform numbers: mean 1/2 +- 0.0022, mean square 1/3 +- 0.0023.
  EXPECT_NEAR(mean, 0.5, 0.01);
  EXPECT_NEAR(square, 1.0 / 3, 0.01);
}

TEST_P(PatternsOnDevice, NothingToDraw) {
  CrystalBatch batch;
  add_crystal(batch, varied_groups(0.05)[16], 3, 1);
  const auto set = backend->structure_factors({0, 0.46, false}, batch);
  ASSERT_EQ(set.reflections, 0);
  const auto y = render(*backend, problem_with({gaussian(0, 0, 0.01, 0.02)}), set, {0}, 0);
  EXPECT_EQ(y.size(), 8500u);
  for (const double value : y)
    ASSERT_EQ(value, 0);
  EXPECT_TRUE(render(*backend, problem_with({gaussian(0, 0, 0.01)}), set, {}, 0).empty());
}

TEST_P(PatternsOnDevice, OddGrids) {
  const auto set = backend->structure_factors({0, 0.46, false}, simple_crystal(4.2));
  for (const std::int64_t points : {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 65, 127}) {
    SampledPatterns p = problem_with({gaussian(0, 0, 0.09, 0.01)});
    p.instrument.grid = {21.0, 0.02, points};  // (100) at 21.16
    const auto y = render(*backend, p, set, {0, 0, 0}, 5);
    ASSERT_EQ(y.size(), static_cast<std::size_t>(3 * points));
    for (int n = 0; n < 3; ++n) {
      EXPECT_NEAR(*std::max_element(y.begin() + n * points, y.begin() + (n + 1) * points), 1, 1e-6) << points;
    }
  }
}

TEST_P(PatternsOnDevice, ImpossibleCallsAreRefused) {
  const auto set = backend->structure_factors({0, 0.3, false}, simple_crystal(4.2));
  const auto message = [&](const SampledPatterns& p, std::int32_t crystal) -> std::string {
    try {
      render(*backend, p, set, {crystal}, 0);
    } catch (const ProblemError& error) {
      return error.what();
    }
    return "";
  };
  const SampledPatterns good = problem_with({gaussian(0, 0, 0.01)});
  EXPECT_EQ(message(good, 0), "");
  if (backend->name() != "cuda") {  // whose kernels cannot refuse
    EXPECT_NE(message(good, 1).find("crystal 1 outside a set of 1"), std::string::npos);
    EXPECT_NE(message(good, -1).find("crystal -1 outside"), std::string::npos);
  }
  EXPECT_NE(message(problem_with({}), 0).find("variants"), std::string::npos);
  EXPECT_NE(message(problem_with({gaussian(0.05, -0.06, 0.01)}), 0).find("H^2"), std::string::npos);
  EXPECT_NE(message(problem_with({gaussian(0, 0, NAN)}), 0).find("nan"), std::string::npos);
  SampledPatterns bad = good;
  bad.instrument.grid.step = 0;
  EXPECT_NE(message(bad, 0).find("step 0"), std::string::npos);
  bad = good;
  bad.instrument.grid.points = 20000;
  EXPECT_NE(message(bad, 0).find("below 180"), std::string::npos);
  bad = good;
  bad.instrument.wavelength = -1;
  EXPECT_NE(message(bad, 0).find("wavelength -1"), std::string::npos);
  bad = good;
  bad.instrument.radius = 0;
  EXPECT_NE(message(bad, 0).find("goniometer radius 0 is not above 0"), std::string::npos);
  bad = good;
  bad.variants[0].weight = 0;
  EXPECT_NE(message(bad, 0).find("weights"), std::string::npos);
}

TEST(RenderPatterns, WhatIsDrawnFollowsTheRecipe) {
  SampledPatterns p =
      problem_with({gaussian(0.05, -0.06, 0.07), gaussian(0.05, -0.01, 0.01), gaussian(0, 0, 0.01)});
  p.variants[1].weight = 2;
  p.variants[2][Effect::W] = Distribution::uniform(0.001, 0.1);
  p.variants[2][Effect::noise] = Distribution::uniform(0.002, 0.02);
  p.variants.push_back(gaussian(1, 1, 1));
  p.variants.back().weight = 0;  // never drawn
  p.seed = 3;
  constexpr int draws = 40000;
  std::array<int, 4> count{};
  double W = 0, noise = 0, W_low = 1, W_high = 0;
  for (int i = 0; i < draws; ++i) {
    const PatternParameters drawn = sample_pattern(p.sampling(), i);
    const auto v = drawn.variant;
    ++count[v];
    if (v != 2) {
      EXPECT_EQ(drawn[Effect::noise], 0);
      continue;
    }
    W += drawn[Effect::W];
    noise += drawn[Effect::noise];
    W_low = std::min(W_low, drawn[Effect::W]);
    W_high = std::max(W_high, drawn[Effect::W]);
  }
  // Five standard errors: shares 0.25 and 0.5 of 40,000, means of 10,000 uniforms.
  EXPECT_NEAR(count[0] / double(draws), 0.25, 0.011);
  EXPECT_NEAR(count[1] / double(draws), 0.5, 0.0125);
  EXPECT_NEAR(count[2] / double(draws), 0.25, 0.011);
  EXPECT_EQ(count[3], 0);
  EXPECT_NEAR(W / count[2], 0.0505, 0.0015);
  EXPECT_NEAR(noise / count[2], 0.011, 0.0003);
  EXPECT_GE(W_low, 0.001);
  EXPECT_LT(W_high, 0.1);
  EXPECT_GT(W_high - W_low, 0.098);
}

TEST(RenderPatterns, AgreesWithReference) {
  const CrystalBatch batch = varied_crystals();
  const auto reference = make_backend({"reference", 0, ""});
  auto host = download(*reference, reference->structure_factors({0.02, 0.47, false}, batch));
  for (double& f2 : host.f2)
    f2 = static_cast<float>(f2);  // the same lines for both
  std::vector<std::int32_t> crystals, impurities;
  const auto count = static_cast<std::int32_t>(batch.metric.size());
  for (std::int32_t i = 0; i < count; ++i) {
    crystals.push_back(i);
    impurities.push_back((i + 7) % count);
  }
  std::vector<PatternVariant> shapes = varied_shapes();
  for (int i = 0; i < 3; ++i)
    shapes.push_back(voigt_lines());
  for (int i = 0; i < 4; ++i)
    shapes.push_back(everything());
  std::uint64_t index = 9;
  for (std::size_t shape = 0; shape < shapes.size(); ++shape, index += crystals.size()) {
    SCOPED_TRACE(shape);
    SampledPatterns p = problem_with({shapes[shape]});
    p.seed = 12;
    p.maximum = 1000;
    p.instrument.grid = {5, 0.02, 4249};
    if (shape + 2 >= shapes.size()) p.processing.background_window = 4;
    if (shape + 1 == shapes.size()) p.processing.step = 0.14;  // 607 times 7 points
    expect_agreement(p, host, crystals, impurities, index);
  }
}

TEST(RenderPatterns, AStepIsWhatProcessingMakesOfThePattern) {
  const CrystalBatch batch = varied_crystals();
  const auto reference = make_backend({"reference", 0, ""});
  const auto host = download(*reference, reference->structure_factors({0.02, 0.47, false}, batch));
  SampledPatterns p = problem_with({everything()});
  p.seed = 3;
  p.instrument.grid = {5, 0.01, 8500};
  const auto points = render(*reference, p, upload(*reference, host), {4}, 7, {5});
  p.processing = {.background_window = 4, .square_root = true, .step = 0.05};
  ASSERT_EQ(p.points(), 1700);
  const auto read = render(*reference, p, upload(*reference, host), {4}, 7, {5});
  std::vector<double> expected = points;  // of the same maximum
  process_pattern(p.processing, p.instrument.grid, expected);
  ASSERT_EQ(read.size(), expected.size());
  for (std::size_t i = 0; i < read.size(); ++i)
    ASSERT_NEAR(read[i], p.maximum * expected[i], 1e-9 * p.maximum) << i;
}

TEST(RenderPatterns, AStepThatTheGridHasNotIsRefused) {
  const auto message = [](double step) {
    PatternProblem p;
    p.processing.step = step;
    try {
      p.validate();
    } catch (const ProblemError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(message(0), "");
  EXPECT_EQ(message(0.01), "");
  EXPECT_EQ(message(0.05), "");
  EXPECT_NE(message(0.055).find("step 0.055 is no whole number of the grid's steps 0.01"), std::string::npos);
  EXPECT_NE(message(0.004).find("step 0.004"), std::string::npos);
  EXPECT_NE(message(-0.05).find("step -0.05"), std::string::npos);
  EXPECT_NE(message(0.03).find("8500 points are no whole number of 3"), std::string::npos);
}

TEST(RenderPatterns, PureFunctionOfSetAndIndexForAnyNumberOfThreads) {
  const CrystalBatch batch = varied_crystals();
  SampledPatterns p = problem_with(varied_shapes());
  p.variants.push_back(everything());
  p.variants.back().weight = 10;
  p.processing = {.background_window = 4, .square_root = true};
  std::vector<std::int32_t> crystals;
  for (std::int32_t i = 0; i < 40; ++i)
    crystals.push_back(i * 7 % static_cast<std::int32_t>(batch.metric.size()));
  std::vector<double> expected;
  for (const int threads : {1, 2, 3}) {
    const auto backend = make_backend({"cpu", threads, ""});
    const auto set = backend->structure_factors({0, 0.47, false}, batch);
    const auto got = render(*backend, p, set, crystals, 1000, crystals);
    if (threads == 1) expected = got;
    EXPECT_TRUE(identical(got, expected)) << threads;
    const auto one = render(*backend, p, set, {crystals[17]}, 1017, {crystals[17]});
    const auto same = std::span(expected).subspan(17 * p.instrument.grid.points, p.instrument.grid.points);
    EXPECT_TRUE(identical(one, same));
  }
}

}  // namespace
}  // namespace bragg::tests
