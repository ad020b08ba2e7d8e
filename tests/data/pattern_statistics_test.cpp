#include "data/patterns/pattern_statistics.h"

#include <cmath>
#include <numbers>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/crystal/data_random.h"

namespace bragg::tests {
namespace {

TEST(PatternStatistics, OfAPatternMadeByHand) {
  const TwoThetaGrid grid{10, 0.01, 6000};
  std::vector<float> y(grid.points);
  const double fwhm = 0.3, noise = 0.004;
  const std::vector<std::pair<double, double>> lines{{20, 0.3}, {31, 1}, {32, 0.6}, {50, 0.05}};
  for (std::int64_t i = 0; i < grid.points; ++i) {
    double value = 0.02;  // a constant background
    for (const auto& [centre, height] : lines)
      value += 0.976 * height * std::exp2(-4 * std::pow((grid.at(i) - centre) / fwhm, 2));
    const Philox4 bits = random_call(1, RandomStream::test, static_cast<std::uint32_t>(i), 0, 0);
    y[i] = static_cast<float>(value + noise * normal_pair(bits[0], bits[1]).first);
  }
  const data::PatternStatistics s = data::pattern_statistics({.grid = grid}, y);
  EXPECT_NEAR(s.noise, noise, 0.1 * noise);
  EXPECT_NEAR(s.fwhm, fwhm, 0.05 * fwhm);
  EXPECT_NEAR(s.background, 0.02, 0.004);  // the minimum of a noisy background lies a little below it
  EXPECT_EQ(s.lines, 4);
  EXPECT_NEAR(s.second, 0.6, 0.02);
  EXPECT_NEAR(s.median, 0.45, 0.02);
  EXPECT_NEAR(s.covered, 1, 0.001);
  EXPECT_TRUE(std::isnan(s.doublet)) << "no line beyond 60 degrees";
}

// Cu K-alpha1 and K-alpha2 of two d-spacings, the latter half as high.
TEST(PatternStatistics, SeesTheDoublet) {
  const TwoThetaGrid grid{10, 0.01, 12000};
  const auto two_theta = [](double wavelength, double d) {
    return 360 / std::numbers::pi * std::asin(wavelength / (2 * d));
  };
  for (const double ratio : {0.0, 0.5}) {
    std::vector<float> y(grid.points);
    for (const double d : {3.0, 1.3, 1.2, 0.9}) {
      for (std::int64_t i = 0; i < grid.points; ++i) {
        const auto line = [&](double wavelength) {
          return std::exp2(-4 * std::pow((grid.at(i) - two_theta(wavelength, d)) / 0.08, 2));
        };
        y[i] += static_cast<float>((line(1.540593) + ratio * line(1.544427)) / d);
      }
    }
    EXPECT_NEAR(data::pattern_statistics({.grid = grid}, y).doublet, ratio, 0.02);
  }
}

TEST(PatternStatistics, OfNothingAreZeros) {
  const TwoThetaGrid grid{10, 0.01, 2000};
  for (const float constant : {0.0f, 3.0f}) {
    const auto s =
        data::values(data::pattern_statistics({.grid = grid}, std::vector<float>(grid.points, constant)));
    EXPECT_EQ(s[0], 0);
    for (int k : {1, 3, 4, 5})
      EXPECT_EQ(s[k], 0) << data::statistic_names[k];
  }
}

TEST(PatternStatistics, Percentiles) {
  const std::vector<double> sorted{1, 2, 4, 8};
  EXPECT_EQ(data::percentile(sorted, 0), 1);
  EXPECT_EQ(data::percentile(sorted, 1), 8);
  EXPECT_EQ(data::percentile(sorted, 0.5), 3);
  EXPECT_EQ(data::percentile({}, 0.5), 0);
}

}  // namespace
}  // namespace bragg::tests
