// What is drawn for a pattern, the strained metric and the processing, without a backend.
#include "kernels/crystal/pattern_math.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/crystal/crystal_math.h"
#include "kernels/crystal/pattern_processing.h"
#include "kernels/crystal/sample_pattern.h"
#include "tests/kernels/crystals.h"

namespace bragg::tests {
namespace {

constexpr double degrees = 180 / std::numbers::pi;

TEST(StrainedMetric, KeepsTheSymmetryInEverySetting) {
  double most = 0;
  auto groups = varied_groups(1);
  // Rhombohedral axes of a long hexagonal cell, alpha = 24 degrees: (111) is far shorter than its indices.
  for (const CrystalGroup& group : varied_groups(1)) {
    if (group.name != "R-3c:R") continue;
    CrystalGroup oblique = group;
    oblique.name = "oblique";
    const double c = std::cos(24 / degrees), volume2 = 1 - 3 * c * c + 2 * c * c * c;
    for (int i = 0; i < 3; ++i) {
      oblique.metric[i] = (1 - c * c) / volume2 / 100;
      oblique.metric[3 + i] = 2 * (c * c - c) / volume2 / 100;
    }
    groups.push_back(oblique);
  }
  ASSERT_EQ(groups.back().name, "oblique");
  for (const CrystalGroup& group : groups) {
    const LaueRotations laue = laue_rotations(group.operators);
    const PatternParameters drawn = [&] {
      SampledPatterns p;
      p.variants.resize(1);
      p.variants[0][Effect::W] = Distribution::constant(1);
      p.seed = 5;
      return sample_pattern(p.sampling(), 17);
    }();
    const ReciprocalMetric g = strained_metric(group.metric, laue, 0.004, 0.01, drawn.distortion);
    for (const auto& [h, k, l] :
         {std::array{1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {2, -1, 3}, {1, 4, -2}, {1, 1, 1}}) {
      const double q = inverse_d_squared(g, h, k, l);
      for (int n = 0; n < laue.count; ++n) {
        const auto& r = laue.rotation[n];
        const double image =
            inverse_d_squared(g, h * r[0] + k * r[3] + l * r[6], h * r[1] + k * r[4] + l * r[7],
                              h * r[2] + k * r[5] + l * r[8]);
        EXPECT_NEAR(image, q, 1e-8 * q) << group.name;
      }
      const double change = std::sqrt(q / inverse_d_squared(group.metric, h, k, l)) * 1.004 - 1;
      EXPECT_LE(std::abs(change), 0.0206) << group.name;  // 1 - sqrt(1 - 0.04), rounded up
      most = std::max(most, std::abs(change));
    }
  }
  EXPECT_GT(most, 0.002);
}

TEST(DrawPattern, LawsHaveTheirMoments) {
  SampledPatterns p;
  p.variants.resize(1);
  p.variants[0][Effect::W] = Distribution::constant(1);
  using Law = Distribution::Law;
  p.variants[0][Effect::size] = {Law::log_uniform, 10, 1000, 1};
  p.variants[0][Effect::zero_shift] = {Law::normal, 0.2, 0.05, 1};
  p.variants[0][Effect::texture] = {Law::log_normal, 1, 0.5, 0.7};
  p.variants[0][Effect::strain] = {Law::mixed_normal, 0, 0.01, 1};
  p.variants[0][Effect::impurity] = {Law::uniform, 0.1, 0.3, 0.25};
  p.seed = 9;
  constexpr int n = 40000;
  double log_size = 0, shift = 0, shift2 = 0, strain2 = 0, log_r = 0, log_r2 = 0, impurity = 0;
  int textured = 0, impure = 0;
  for (int i = 0; i < n; ++i) {
    const PatternParameters d = sample_pattern(p.sampling(), i);
    EXPECT_GE(d[Effect::size], 10);
    EXPECT_LE(d[Effect::size], 1000);
    EXPECT_LE(std::abs(d[Effect::zero_shift] - 0.2), 0.15 + 1e-12);
    log_size += std::log10(d[Effect::size]) / n;
    shift += d[Effect::zero_shift] / n;
    shift2 += std::pow(d[Effect::zero_shift] - 0.2, 2) / n;
    strain2 += std::pow(d[Effect::strain], 2) / n;
    if (d[Effect::texture] > 0) {
      ++textured;
      log_r += std::log(d[Effect::texture]);
      log_r2 += std::pow(std::log(d[Effect::texture]), 2);
    }
    if (d[Effect::impurity] > 0) {
      ++impure;
      impurity += d[Effect::impurity];
    }
  }
  // Five standard errors; clipping at 3 sigma takes 0.5 % off a variance, u^4 has the mean 1/5.
  EXPECT_NEAR(log_size, 2, 5 * 0.577 / std::sqrt(n));
  EXPECT_NEAR(shift, 0.2, 5 * 0.05 / std::sqrt(n));
  EXPECT_NEAR(std::sqrt(shift2), 0.05, 0.05 * (0.003 + 5 * 0.71 / std::sqrt(n)));
  EXPECT_NEAR(strain2, 1e-4 / 5, 1e-4 / 5 * (0.01 + 5 * 3 / std::sqrt(n)));
  EXPECT_NEAR(textured / double(n), 0.7, 5 * 0.46 / std::sqrt(n));
  EXPECT_NEAR(log_r / textured, 0, 5 * 0.5 / std::sqrt(textured));
  EXPECT_NEAR(std::sqrt(log_r2 / textured), 0.5, 0.5 * (0.003 + 5 * 0.71 / std::sqrt(textured)));
  EXPECT_NEAR(impure / double(n), 0.25, 5 * 0.43 / std::sqrt(n));
  EXPECT_NEAR(impurity / impure, 0.2, 5 * 0.058 / std::sqrt(impure));
}

TEST(ProcessPattern, OddLengthsAndNothing) {
  const TwoThetaGrid grid{5, 0.01, 8500};
  for (const std::size_t points : {1, 2, 3, 11, 12, 13, 24, 25, 400, 8500}) {
    std::vector<double> y(points, 0.0);
    process_pattern({.background_window = 4, .square_root = true}, grid, y);
    for (const double value : y)
      EXPECT_EQ(value, 0);
    y.assign(points, 3.0);  // a constant is all background
    process_pattern({.background_window = 4, .square_root = true}, grid, y);
    for (const double value : y)
      EXPECT_EQ(value, 0) << points;
    y[points / 2] = 5;
    process_pattern({}, grid, y);
    EXPECT_EQ(y[points / 2], 1);
  }
}

TEST(ProcessPattern, AStepIsTheMeanOfItsPoints) {
  const TwoThetaGrid grid{5, 0.01, 8500};
  const Processing fifth{.background_window = 4, .square_root = true, .step = 0.05};
  EXPECT_EQ(fifth.points_per_mean(grid), 5);
  const TwoThetaGrid read = fifth.read_grid(grid);
  EXPECT_EQ(read.points, 1700);
  EXPECT_NEAR(read.start, 5.02, 1e-12);  // in the middle of 5.00 .. 5.04
  EXPECT_NEAR(read.step, 0.05, 1e-12);
  EXPECT_EQ(Processing{}.read_grid(grid), grid);
  std::vector<double> y{1, 2, 3, 4, 10, 0, 0, 0, 0, 0, 2, 2, 2, 2, 4.5};
  process_pattern({.step = 0.05}, grid, y);
  EXPECT_EQ(y, (std::vector<double>{1, 0, 0.625}));  // of means 4, 0, 2.5
  EXPECT_FALSE((Processing{.step = 0.05}).is_identity());
}

TEST(ProcessPattern, TheBackgroundOfAStepHasItsWindow) {
  const TwoThetaGrid grid{5, 0.01, 8500};
  // Without a step the bins are what they always were: 13 points, 4.16 degrees for a window of 4.
  const Processing::Opening before = Processing{.background_window = 4}.opening(grid);
  EXPECT_EQ(before.points_per_bin, 13);
  EXPECT_EQ(before.half_window, 16);
  const Processing read{.background_window = 4, .step = 0.05};
  const Processing::Opening opening = read.opening(read.read_grid(grid));
  EXPECT_EQ(opening.points_per_bin, 2);
  EXPECT_EQ(opening.half_window, 20);  // +-2 degrees
  EXPECT_EQ((Processing{.background_window = 4, .step = 0.5}.opening({5, 0.5, 170}).half_window), 4);

  // The opening by its definition, bin by bin.
  std::vector<double> y(8500), means, bins, low, opened, background;
  for (std::size_t i = 0; i < y.size(); ++i)
    y[i] = 1 + std::cos(0.003 * static_cast<double>(i)) + static_cast<double>(i * 7919 % 101) / 300;
  for (std::size_t i = 0; i < y.size(); i += 5)
    means.push_back((y[i] + y[i + 1] + y[i + 2] + y[i + 3] + y[i + 4]) / 5);
  for (std::size_t i = 0; i < means.size(); i += 2)
    bins.push_back((means[i] + means[i + 1]) / 2);
  const auto window = [](const std::vector<double>& of, auto combine) {
    std::vector<double> out;
    const auto n = static_cast<std::int64_t>(of.size());
    for (std::int64_t j = 0; j < n; ++j) {
      const auto first = of.begin() + std::max<std::int64_t>(0, j - 20),
                 last = of.begin() + std::min(n, j + 21);
      out.push_back(combine(first, last));
    }
    return out;
  };
  low = window(bins, [](auto a, auto b) { return *std::min_element(a, b); });
  opened = window(low, [](auto a, auto b) { return *std::max_element(a, b); });
  background =
      window(opened, [](auto a, auto b) { return std::accumulate(a, b, 0.0) / static_cast<double>(b - a); });
  std::vector<double> expected(means.size());
  for (std::size_t i = 0; i < means.size(); ++i) {
    const double at =
        std::clamp((static_cast<double>(i) - 0.5) / 2, 0.0, static_cast<double>(bins.size() - 1));
    const auto j = std::min(static_cast<std::size_t>(at), bins.size() - 2);
    const double share = at - static_cast<double>(j);
    expected[i] = std::max(0.0, means[i] - (1 - share) * background[j] - share * background[j + 1]);
  }
  const double top = *std::max_element(expected.begin(), expected.end());
  process_pattern(read, grid, y);
  ASSERT_EQ(y.size(), expected.size());
  for (std::size_t i = 0; i < y.size(); ++i)
    ASSERT_NEAR(y[i], expected[i] / top, 1e-9) << i;
}

}  // namespace
}  // namespace bragg::tests
