#include "data/patterns/resample.h"

#include <cmath>
#include <numbers>
#include <numeric>

#include <gtest/gtest.h>

#include "tests/support/compare.h"
#include "xrd/scattering/wavelength.h"

namespace bragg::data {
namespace {

constexpr double wavelength = 1.54184;
const TwoThetaGrid grid;  // 5.00 .. 89.99 by 0.01

/// A line of the given centre and full width at half maximum, height 1.
double peak(double x, double centre, double fwhm) {
  return std::exp(-4 * std::numbers::ln2 * (x - centre) * (x - centre) / (fwhm * fwhm));
}

MeasuredPattern scan(double start, double end, double step, double (*intensity)(double)) {
  MeasuredPattern pattern;
  const auto points = static_cast<int>(std::lround((end - start) / step)) + 1;
  for (int i = 0; i < points; ++i) {
    pattern.x.push_back(start + i * step);
    pattern.intensity.push_back(intensity(pattern.x.back()));
  }
  return pattern;
}
double three_peaks(double x) {
  return peak(x, 20, 0.12) + 0.5 * peak(x, 43.217, 0.2) + 0.2 * peak(x, 71.5, 0.3);
}
double constant(double) {
  return 7.25;
}
double sloped(double x) {
  return 3 * x - 2;
}

double sum(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

/// Centre of mass of values at the grid's points between low and high.
double centre(const std::vector<double>& values, double low, double high) {
  double mass = 0, moment = 0;
  for (std::int64_t i = 0; i < grid.points; ++i) {
    if (grid.at(i) < low || grid.at(i) > high) continue;
    mass += values[static_cast<std::size_t>(i)];
    moment += values[static_cast<std::size_t>(i)] * grid.at(i);
  }
  return moment / mass;
}

TEST(Resample, TheSameGridIsTheIdentityBitForBit) {
  MeasuredPattern same;
  for (std::int64_t i = 0; i < grid.points; ++i) {
    same.x.push_back(std::round(grid.at(i) * 100) / 100);  // as a file prints it: 1e-15 beside the grid's
    same.intensity.push_back(static_cast<double>((i * 7919) % 1000) - 3);
  }
  const GridValues drawn = resample(same.x, same.intensity, grid);
  EXPECT_TRUE(tests::identical(drawn.values, same.intensity));
  EXPECT_EQ(std::count(drawn.covered.begin(), drawn.covered.end(), 1), grid.points);
}

TEST(Resample, AConstantStaysConstantAtEveryStep) {
  for (const double step : {0.0007, 0.004, 0.0099999, 0.01, 0.013, 0.02, 0.0389, 0.1, 0.2}) {
    const MeasuredPattern pattern = scan(4.9, 91, step, constant);
    const GridValues drawn = resample(pattern.x, pattern.intensity, grid);
    const std::vector<double> expected(static_cast<std::size_t>(grid.points), 7.25);
    EXPECT_TRUE(tests::within(drawn.values, expected, 1e-12)) << step;
  }
}

TEST(Resample, AStraightLineStaysStraight) {
  // Means over symmetric cells (steps that divide the grid's) and interpolation both keep it.
  for (const double step : {0.0025, 0.005, 0.01, 0.02, 0.03}) {
    const MeasuredPattern pattern = scan(4.5, 91, step, sloped);
    const GridValues drawn = resample(pattern.x, pattern.intensity, grid);
    std::vector<double> expected;
    for (std::int64_t i = 0; i < grid.points; ++i)
      expected.push_back(sloped(grid.at(i)));
    // Where steps don't divide the grid's, a cell holds uneven pieces: off by less than half a source step's
    // rise.
    EXPECT_TRUE(tests::within(drawn.values, expected, 1e-9)) << step;
  }
}

TEST(Resample, AreaAndPositionsAreKept) {
  for (const double step : {0.0005, 0.0031, 0.005, 0.0097, 0.01, 0.016, 0.02, 0.05}) {
    const MeasuredPattern pattern = scan(4.0, 92, step, three_peaks);
    const GridValues drawn = resample(pattern.x, pattern.intensity, grid);
    const double area_in = sum(pattern.intensity) * step, area_out = sum(drawn.values) * grid.step;
    // The finer case is exact up to rounding; sampled Gaussians of >= 2.4 points per fwhm integrate within
    // 1e-4.
    EXPECT_NEAR(area_out, area_in, area_in * (step < 0.01 ? 1e-9 : 1e-3)) << step;
    EXPECT_NEAR(centre(drawn.values, 19, 21), 20, 1e-3) << step;
    EXPECT_NEAR(centre(drawn.values, 42, 44.5), 43.217, 1e-3) << step;
    EXPECT_NEAR(centre(drawn.values, 70, 73), 71.5, 1e-3) << step;
  }
}

TEST(Resample, ASpikeOfAFineSourceDoesNotVanish) {
  // One point of a step 20 times finer, wherever it falls: its area must arrive whole.
  for (int shift = 0; shift < 20; ++shift) {
    MeasuredPattern pattern = scan(30, 31, 0.0005, [](double) { return 0.0; });
    pattern.intensity[static_cast<std::size_t>(1000 + shift)] = 1;
    const GridValues drawn = resample(pattern.x, pattern.intensity, grid);
    EXPECT_NEAR(sum(drawn.values) * grid.step, 0.0005, 1e-12) << shift;
  }
}

TEST(Resample, NothingIsDrawnOutsideTheMeasuredRangeNorInHoles) {
  MeasuredPattern pattern = scan(10, 20, 0.02, constant);
  const MeasuredPattern after = scan(21, 30.005, 0.02, constant);
  pattern.x.insert(pattern.x.end(), after.x.begin(), after.x.end());
  pattern.intensity.insert(pattern.intensity.end(), after.intensity.begin(), after.intensity.end());
  const GridValues drawn = resample(pattern.x, pattern.intensity, grid);
  for (std::int64_t i = 0; i < grid.points; ++i) {
    const double x = grid.at(i);
    const bool inside = (x > 9.999 && x < 20.001) || (x > 20.999 && x < 30.005);
    ASSERT_EQ(drawn.covered[static_cast<std::size_t>(i)], inside) << x;
    ASSERT_EQ(drawn.values[static_cast<std::size_t>(i)], inside ? 7.25 : 0) << x;
  }
}

TEST(Resample, RefusesPositionsThatDoNotAscend) {
  const std::vector<double> x = {1, 2, 2}, y = {1, 1, 1}, short_y = {1, 1};
  EXPECT_THROW(resample(x, y, grid), Error);
  EXPECT_THROW(resample(x, short_y, grid), Error);
}

TEST(PreparePattern, ScalesToMaximumOneAndSaysWhatItCovers) {
  const PreparedPattern got =
      prepare_pattern(scan(10, 60, 0.02, three_peaks), wavelength, {grid, wavelength});
  ASSERT_EQ(got.values.size(), 8500u);
  EXPECT_EQ(*std::max_element(got.values.begin(), got.values.end()), 1.0f);
  EXPECT_EQ(got.first, 10);
  EXPECT_EQ(got.last, 60);
  EXPECT_NEAR(got.step, 0.02, 1e-12);
  EXPECT_DOUBLE_EQ(got.covered_share, 5001 / 8500.0);
}

TEST(PreparePattern, ConvertsAnotherWavelengthThroughD) {
  // Silicon (111), d = 3.1356 A: at 14.14 degrees with MoKa, where CuKa has it at 28.46.
  static constexpr double molybdenum = 0.71073, d = 3.1356;
  static const double there = 2 * std::asin(molybdenum / (2 * d)) * 180 / std::numbers::pi;
  const double here = 2 * std::asin(wavelength / (2 * d)) * 180 / std::numbers::pi;
  const auto pattern = scan(2, 60, 0.005, [](double x) { return peak(x, there, 0.06); });
  const PreparedPattern got = prepare_pattern(pattern, molybdenum, {grid, wavelength});
  const auto top = std::max_element(got.values.begin(), got.values.end()) - got.values.begin();
  EXPECT_NEAR(grid.at(top), here, grid.step);
  // 60 degrees of MoKa are beyond what CuKa can reach: the whole grid is covered.
  EXPECT_EQ(got.covered_share, 1);
  EXPECT_GT(got.last, 89.99);
}

TEST(PreparePattern, ReadsQAndDWithoutAWavelengthOfTheirOwn) {
  const MeasuredPattern plain = scan(5, 90, 0.005, three_peaks);
  const PreparedPattern expected = prepare_pattern(plain, wavelength, {grid, wavelength});
  for (const Abscissa abscissa : {Abscissa::q, Abscissa::d}) {
    MeasuredPattern other{abscissa, plain.x, plain.intensity};
    for (double& x : other.x) {
      const double d = xrd::d_from_two_theta(x, wavelength);
      x = abscissa == Abscissa::q ? 2 * std::numbers::pi / d : d;
    }
    if (abscissa == Abscissa::d) {
      std::reverse(other.x.begin(), other.x.end());
      std::reverse(other.intensity.begin(), other.intensity.end());
    }
    const PreparedPattern got = prepare_pattern(other, 99, {grid, wavelength});
    const std::vector<double> a(got.values.begin(), got.values.end());
    const std::vector<double> b(expected.values.begin(), expected.values.end());
    EXPECT_TRUE(tests::within(a, b, 1e-6)) << name_of(abscissa);
  }
}

std::string refusal(const MeasuredPattern& pattern) {
  try {
    prepare_pattern(pattern, wavelength, {grid, wavelength});
  } catch (const PatternRefused& error) {
    return error.what();
  }
  return "was taken";
}

TEST(PreparePattern, RefusesWhatHoldsNoAnswer) {
  EXPECT_NE(refusal(scan(10, 10.4, 0.01, three_peaks)).find("41 points"), std::string::npos);
  EXPECT_NE(refusal(scan(95, 120, 0.01, three_peaks)).find("0 points within 5..89.99"), std::string::npos);
  EXPECT_NE(refusal(scan(5, 90, 0.5, three_peaks)).find("step 0.5"), std::string::npos);
  EXPECT_NE(refusal(scan(10, 40, 0.02, three_peaks)).find("35.3 %"), std::string::npos);
  EXPECT_NE(refusal(scan(5, 90, 0.02, constant)).find("constant: every intensity is 7.25"),
            std::string::npos);
  EXPECT_NE(refusal(scan(5, 90, 0.02, [](double x) { return -x; })).find("no positive intensity"),
            std::string::npos);
  EXPECT_EQ(refusal(scan(10, 45, 0.02, three_peaks)), "was taken");
}

}  // namespace
}  // namespace bragg::data
