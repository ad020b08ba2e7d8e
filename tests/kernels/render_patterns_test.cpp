// Patterns: areas, widths, noise, and the CPU against the reference.
#include <algorithm>
#include <cmath>
#include <numbers>

#include <gtest/gtest.h>

#include "kernels/crystal_math.h"
#include "kernels/error.h"
#include "kernels/pattern_math.h"
#include "tests/kernels/crystals.h"
#include "tests/support/compare.h"

namespace bragg::tests {
namespace {

constexpr double wavelength = 1.54184;

PatternProblem problem_with(std::vector<PatternVariant> variants) {
  PatternProblem p;
  p.wavelength = wavelength;
  p.variants = std::move(variants);
  return p;
}

PatternVariant gaussian(double U, double V, double W, double noise = 0) {
  PatternVariant v;
  v.U = U;
  v.V = V;
  v[Effect::W] = Distribution::constant(W);
  v[Effect::noise] = Distribution::constant(noise);
  return v;
}

// Cubic P1-like crystal with one point atom: lines at sqrt(h^2 + k^2 + l^2) / a, intensities multiplicity LP.
CrystalBatch simple_crystal(double a) {
  CrystalGroup group = varied_groups(1)[0];
  group.metric = {1 / (a * a), 1 / (a * a), 1 / (a * a), 0, 0, 0};
  return point_crystal(group, {{0, 0, 0, 3}});
}

double two_theta(double q) {
  return 2 * std::asin(wavelength / 2 * std::sqrt(q)) * 180 / std::numbers::pi;
}

double lorentz_polarisation(double angle) {
  const double theta = angle * std::numbers::pi / 360, c = std::cos(2 * theta);
  return (1 + c * c) / (std::cos(theta) * std::sin(theta) * std::sin(theta));
}

class PatternsOnDevice : public ::testing::TestWithParam<int> {
 protected:
  const std::unique_ptr<Backend> backend = make_backend(cpu_devices(1)[GetParam()]);
};
INSTANTIATE_TEST_SUITE_P(Devices, PatternsOnDevice,
                         ::testing::Range(0, static_cast<int>(cpu_devices(1).size())));

TEST_P(PatternsOnDevice, AreaIsTheIntensityAndWidthCagliotis) {
  const double a = 3.1;
  const PatternVariant shape = gaussian(0.05, -0.06, 0.07);
  const auto set = backend->structure_factors({0, 0.5, false}, simple_crystal(a));
  const PatternProblem p = problem_with({shape});
  const auto y = render(*backend, p, set, {0}, 0);
  EXPECT_NEAR(*std::max_element(y.begin(), y.end()), 1, 1e-6);
  std::vector<double> area, expected_area, width, expected_width;
  for (const auto& [h2, multiplicity] : {std::pair{1, 6}, {2, 12}, {3, 8}, {4, 6}, {5, 24}, {6, 24}}) {
    const double centre = two_theta(h2 / (a * a)), t = std::tan(centre * std::numbers::pi / 360);
    const double fwhm = std::sqrt(shape.U * t * t + shape.V * t + shape[Effect::W].a);
    const auto index = [&](double angle) {
      return static_cast<std::int64_t>((angle - p.grid.start) / p.grid.step);
    };
    double sum = 0, half_low = 0, half_high = 0, highest = 0;
    for (auto i = index(centre - 0.8); i <= index(centre + 0.8); ++i) {
      sum += y[i] * p.grid.step;
      highest = std::max(highest, y[i]);
    }
    for (auto i = index(centre - 0.8); i < index(centre + 0.8); ++i) {
      const double crossing = p.grid.at(i) + p.grid.step * (highest / 2 - y[i]) / (y[i + 1] - y[i]);
      if (y[i] < highest / 2 && y[i + 1] >= highest / 2) half_low = crossing;
      if (y[i] >= highest / 2 && y[i + 1] < highest / 2) half_high = crossing;
    }
    area.push_back(sum);
    expected_area.push_back(multiplicity * lorentz_polarisation(centre));
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
  PatternProblem p = problem_with({gaussian(0, 0, 0.04)});
  p.grid = {29.0, 0.02, 101};
  p.maximum = 6 * lorentz_polarisation(30) * (2 / 0.2) * std::sqrt(std::numbers::ln2 / std::numbers::pi);
  const auto y = render(*backend, p, set, {0}, 0);
  std::vector<double> expected;
  for (int i = 0; i < 101; ++i) {
    const double x = (p.grid.at(i) - 30) / 0.2;
    expected.push_back(std::abs(x) > profile_cut ? 0 : p.maximum * std::exp(-4 * std::numbers::ln2 * x * x));
  }
  EXPECT_TRUE(within(y, expected, 2e-6 * p.maximum));
}

TEST_P(PatternsOnDevice, LinesOutsideTheGridReachIn) {
  const double a = wavelength / (2 * std::sin(30 * std::numbers::pi / 360));
  const auto set = backend->structure_factors({0, 0.2, false}, simple_crystal(a));
  PatternProblem p = problem_with({gaussian(0, 0, 0.04)});
  for (const double start : {30.1, 29.49}) {  // one step grids beside (100): right of it, left of it
    p.grid = {start, 0.01, 40};
    const auto y = render(*backend, p, set, {0}, 0);
    EXPECT_NEAR(*std::max_element(y.begin(), y.end()), 1, 1e-6) << start;
  }
  p.grid = {32, 0.01, 40};
  const auto none = render(*backend, p, set, {0}, 0);
  EXPECT_EQ(*std::max_element(none.begin(), none.end()), 0);
}

TEST_P(PatternsOnDevice, NoiseIsTheFormula) {
  const auto set = backend->structure_factors({0, 0.46, false}, simple_crystal(4.2));
  const double level = 0.015;
  PatternProblem clean = problem_with({gaussian(0.05, -0.01, 0.01)});
  PatternProblem noisy = problem_with({gaussian(0.05, -0.01, 0.01, level)});
  clean.seed = noisy.seed = 77;
  const std::uint64_t first = (std::uint64_t{1} << 32) - 1;  // the index passes 32 bits
  const auto base = render(*backend, clean, set, {0, 0}, first);
  const auto got = render(*backend, noisy, set, {0, 0}, first);
  std::vector<double> expected(got.size());
  const std::int64_t points = clean.grid.points;
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
    PatternProblem p = problem_with({gaussian(0, 0, 0.09, 0.01)});
    p.grid = {21.0, 0.02, points};  // (100) at 21.16
    const auto y = render(*backend, p, set, {0, 0, 0}, 5);
    ASSERT_EQ(y.size(), static_cast<std::size_t>(3 * points));
    for (int n = 0; n < 3; ++n) {
      EXPECT_NEAR(*std::max_element(y.begin() + n * points, y.begin() + (n + 1) * points), 1, 1e-6) << points;
    }
  }
}

TEST_P(PatternsOnDevice, ImpossibleCallsAreRefused) {
  const auto set = backend->structure_factors({0, 0.3, false}, simple_crystal(4.2));
  const auto message = [&](const PatternProblem& p, std::int32_t crystal) -> std::string {
    try {
      render(*backend, p, set, {crystal}, 0);
    } catch (const ProblemError& error) {
      return error.what();
    }
    return "";
  };
  const PatternProblem good = problem_with({gaussian(0, 0, 0.01)});
  EXPECT_EQ(message(good, 0), "");
  EXPECT_NE(message(good, 1).find("crystal 1 outside a set of 1"), std::string::npos);
  EXPECT_NE(message(good, -1).find("crystal -1 outside"), std::string::npos);
  EXPECT_NE(message(problem_with({}), 0).find("variants"), std::string::npos);
  EXPECT_NE(message(problem_with({gaussian(0.05, -0.06, 0.01)}), 0).find("H^2"), std::string::npos);
  EXPECT_NE(message(problem_with({gaussian(0, 0, NAN)}), 0).find("nan"), std::string::npos);
  PatternProblem bad = good;
  bad.grid.step = 0;
  EXPECT_NE(message(bad, 0).find("step 0"), std::string::npos);
  bad = good;
  bad.grid.points = 20000;
  EXPECT_NE(message(bad, 0).find("below 180"), std::string::npos);
  bad = good;
  bad.wavelength = -1;
  EXPECT_NE(message(bad, 0).find("wavelength -1"), std::string::npos);
  bad = good;
  bad.variants[0].weight = 0;
  EXPECT_NE(message(bad, 0).find("weights"), std::string::npos);
}

TEST(RenderPatterns, WhatIsDrawnFollowsTheRecipe) {
  PatternProblem p =
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
    const DrawnPattern drawn = draw_pattern(p, i);
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

CrystalBatch varied_crystals() {
  CrystalBatch batch;
  std::uint32_t seed = 500;
  for (const CrystalGroup& group : varied_groups(1.2))
    add_crystal(batch, group, 9, seed++);
  add_crystal(batch, varied_groups(2.5)[0], 5, seed);  // thousands of lines: drawn in several parts
  return batch;
}

// The paper's shapes, and some far narrower and wider than the grid's step.
std::vector<PatternVariant> varied_shapes() {
  std::vector<PatternVariant> shapes{gaussian(0.05, -0.06, 0.07),
                                     gaussian(0.05, -0.01, 0.01, 0.02),
                                     gaussian(0, 0, 0.001),
                                     gaussian(0, 0, 0.1, 0.002),
                                     gaussian(0, 0, 4e-6),
                                     gaussian(0, 0, 25),
                                     gaussian(0.5, 0.1, 1e-4, 0.00001)};
  shapes[2][Effect::W] = Distribution::uniform(0.001, 0.1);
  return shapes;
}

// All effects on lines, but the noise and background.
PatternVariant voigt_lines() {
  PatternVariant v = gaussian(0.02, -0.01, 0);
  using Law = Distribution::Law;
  v[Effect::W] = {Law::log_uniform, 0.003, 0.03, 1};
  v[Effect::size] = {Law::log_uniform, 10, 200, 0.8};
  v[Effect::microstrain] = {Law::uniform, 0, 0.004, 1};
  v[Effect::asymmetry] = {Law::uniform, 0, 0.1, 0.5};
  v[Effect::k_alpha2] = {Law::uniform, 0.3, 0.6, 0.5};
  v[Effect::zero_shift] = {Law::normal, 0, 0.05, 1};
  v[Effect::displacement] = {Law::normal, 0, 0.1, 1};
  v[Effect::strain] = {Law::mixed_normal, 0, 0.01, 1};
  v[Effect::distortion] = {Law::mixed_normal, 0, 0.01, 1};
  v[Effect::texture] = {Law::log_normal, 1, 0.4, 0.7};
  v[Effect::b_overall] = {Law::uniform, 0, 3, 0.5};
  return v;
}

// Everything at once.
PatternVariant everything() {
  PatternVariant v = voigt_lines();
  using Law = Distribution::Law;
  v[Effect::impurity] = {Law::uniform, 0.05, 0.3, 0.5};
  v[Effect::air_scatter] = {Law::uniform, 0, 0.1, 0.5};
  v[Effect::chebyshev] = {Law::uniform, 0, 0.1, 0.5};
  v[Effect::hump] = {Law::uniform, 0, 0.1, 0.5};
  v[Effect::hump_centre] = Distribution::uniform(15, 35);
  v[Effect::hump_width] = Distribution::uniform(5, 15);
  v[Effect::floor] = {Law::log_uniform, 0.0001, 0.01, 0.5};
  v[Effect::poisson] = {Law::log_uniform, 0.001, 0.03, 0.7};
  v[Effect::gaussian] = {Law::log_uniform, 0.0005, 0.02, 0.7};
  v[Effect::cut_low] = {Law::uniform, 0, 10, 0.3};
  v[Effect::cut_high] = {Law::uniform, 0, 20, 0.3};
  return v;
}

// One line as far as a bound needs it.
struct BoundLine {
  double centre, fwhm, height, eta, side;
};

std::vector<BoundLine> bound_lines(const PatternProblem& p, const HostReflections& set,
                                   const DrawnPattern& drawn, std::int32_t crystal, bool impurity) {
  const ReciprocalMetric metric =
      impurity ? set.metric[crystal]
               : strained_metric(set.metric[crystal], set.laue[crystal], drawn[Effect::strain],
                                 drawn[Effect::distortion], drawn.distortion);
  const auto both = k_alpha_wavelengths(p.wavelength);
  const double rho = drawn[Effect::k_alpha2];
  std::vector<BoundLine> lines;
  for (auto r = set.offset[crystal]; r < set.offset[crystal + 1]; ++r) {
    const Miller& m = set.miller[r];
    for (int which = 0; which < (rho > 0 ? 2 : 1); ++which) {
      const double lambda = rho > 0 ? both[which] : p.wavelength,
                   share = rho > 0 ? (which == 0 ? 1 : rho) / (1 + rho) : 1;
      const double q = inverse_d_squared(metric, m.h, m.k, m.l), s = lambda / 2 * std::sqrt(q);
      if (!(s < 1)) continue;
      const double theta = std::asin(s), t = std::tan(theta), c = std::cos(theta),
                   degrees = 180 / std::numbers::pi;
      const double g2 = drawn.U * t * t + drawn.V * t + drawn[Effect::W];
      if (!(g2 > 0)) continue;
      const double G = std::sqrt(g2), size = drawn[Effect::size],
                   L = degrees *
                       ((size > 0 ? 0.09 * lambda / size / c : 0) + 4 * drawn[Effect::microstrain] * t);
      const double H =
          std::pow(std::pow(G, 5) + 2.69269 * std::pow(G, 4) * L + 2.42843 * std::pow(G, 3) * L * L +
                       4.47163 * G * G * std::pow(L, 3) + 0.07842 * G * std::pow(L, 4) + std::pow(L, 5),
                   0.2);
      const double eta = 1.36603 * L / H - 0.47719 * std::pow(L / H, 2) + 0.11116 * std::pow(L / H, 3);
      double texture = 1;
      if (!impurity && drawn[Effect::texture] > 0) {
        const double r0 = drawn[Effect::texture];
        const std::int8_t* a = texture_axes[drawn.axis];
        const LaueRotations& laue = set.laue[crystal];
        texture = 0;
        for (int n = 0; n < laue.count; ++n) {
          const auto& R = laue.rotation[n];
          const int h = m.h * R[0] + m.k * R[3] + m.l * R[6], k = m.h * R[1] + m.k * R[4] + m.l * R[7],
                    l = m.h * R[2] + m.k * R[5] + m.l * R[8];
          // (h a) by polarisation
          const double sum = inverse_d_squared(metric, h + a[0], k + a[1], l + a[2]),
                       qa = inverse_d_squared(metric, a[0], a[1], a[2]), dot = (sum - q - qa) / 2;
          const double cos2 = dot * dot / (q * qa);
          texture += std::pow(r0 * r0 * cos2 + std::max(0.0, 1 - cos2) / r0, -1.5) / laue.count;
        }
      }
      const double area = share * m.multiplicity * set.f2[r] * lorentz_polarisation(2 * theta * degrees) *
                          texture * std::exp(-drawn[Effect::b_overall] * q / 2);
      lines.push_back(
          {2 * theta * degrees + drawn[Effect::zero_shift] -
               degrees * 2 * drawn[Effect::displacement] * c / goniometer_radius,
           H,
           area * 2 / H *
               ((1 - eta) * std::sqrt(std::numbers::ln2 / std::numbers::pi) + eta / std::numbers::pi),
           eta, std::clamp(drawn[Effect::asymmetry] / std::tan(2 * theta), 0.0, 0.8)});
    }
  }
  return lines;
}

// What the sum of the lines may be off by, relative to its maximum: positions and widths in float units of
// the grid, 2^x to some 1e-7; and where a tail is cut, which hangs on the highest line and on blocks of
// points.
std::vector<double> line_bounds(const PatternProblem& p, const std::vector<BoundLine>& lines) {
  double highest = 0;
  for (const BoundLine& line : lines)
    highest = std::max(highest, line.height);
  constexpr double of_height = 5e-6;
  std::vector<double> bounds(p.grid.points), y(p.grid.points);
  for (const BoundLine& line : lines) {
    const double lorentz = line.eta > 0 ? line.height * line.eta / (line.eta + (1 - line.eta) * 1.4757) : 0;
    const double tail = lorentz / (tail_cut * highest),
                 reach = std::max(profile_cut, tail > 1 ? std::sqrt(tail - 1) / 2 : 0);
    for (std::int64_t i = 0; i < p.grid.points; ++i) {
      const double distance = p.grid.at(i) - line.centre,
                   width = line.fwhm * (1 + (distance < 0 ? line.side : -line.side)),
                   x = std::abs(distance) / width, beyond = 17 * p.grid.step / width;
      if (x > reach * 1.001 + beyond) continue;
      const double profile = (line.height - lorentz) * std::exp2(-4 * x * x) + lorentz / (1 + 4 * x * x);
      y[i] += profile;
      bounds[i] += of_height * line.height;
      if (line.eta > 0 && x > reach * 0.999 - 1e-4) bounds[i] += profile;
    }
  }
  const auto top = std::max_element(y.begin(), y.end());
  if (*top == 0) return std::vector<double>(p.grid.points, 0);
  const double scale_error = bounds[top - y.begin()] / *top;
  for (std::int64_t i = 0; i < p.grid.points; ++i)
    bounds[i] = bounds[i] / *top + y[i] / *top * (scale_error + 1e-6);
  return bounds;
}

std::vector<double> bounds_of(const PatternProblem& p, const HostReflections& set, const DrawnPattern& drawn,
                              std::int32_t crystal, std::int32_t impurity) {
  std::vector<double> bounds = line_bounds(p, bound_lines(p, set, drawn, crystal, false));
  if (drawn[Effect::impurity] > 0) {
    const auto other = line_bounds(p, bound_lines(p, set, drawn, impurity, true));
    for (std::size_t i = 0; i < bounds.size(); ++i)
      bounds[i] += drawn[Effect::impurity] * other[i];
  }
  const double top = *std::max_element(bounds.begin(), bounds.end());
  for (double& bound : bounds) {
    bound += 1e-6 + drawn[Effect::noise] * (1e-6 + top);
    // The noise's map stretches small values most: 1 + z / (2 sqrt(3/8)), |z| < 6. Its own rounding, float.
    if (drawn[Effect::poisson] > 0 || drawn[Effect::gaussian] > 0) bound = 6 * bound + 2e-5;
    bound = p.maximum * (bound + top);
  }
  if (!p.processing.is_identity())
    std::fill(bounds.begin(), bounds.end(), 3 * *std::max_element(bounds.begin(), bounds.end()));
  return bounds;
}

TEST(RenderPatterns, CpuAgreesWithReference) {
  const CrystalBatch batch = varied_crystals();
  const auto reference = make_backend({"reference", 0, ""});
  auto host = download(*reference, reference->structure_factors({0.02, 0.47, false}, batch));
  for (double& f2 : host.f2)
    f2 = static_cast<float>(f2);  // the same lines for both
  const auto reference_set = upload(*reference, host);
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
    PatternProblem p = problem_with({shapes[shape]});
    p.seed = 12;
    p.maximum = 1000;
    p.grid = {5, 0.02, 4249};
    if (shape + 2 >= shapes.size()) p.processing.background_window = 4;
    const auto expected = render(*reference, p, reference_set, crystals, index, impurities);
    std::vector<double> bounds;
    for (std::size_t n = 0; n < crystals.size(); ++n) {
      const auto b = bounds_of(p, host, draw_pattern(p, index + n), crystals[n], impurities[n]);
      bounds.insert(bounds.end(), b.begin(), b.end());
    }
    for (const DeviceOptions& device : cpu_devices(2)) {
      if (device.device == "reference") continue;
      const auto backend = make_backend(device);
      const auto got = render(*backend, p, upload(*backend, host), crystals, index, impurities);
      EXPECT_TRUE(within(got, expected, bounds)) << device.instruction_set << " shape " << shape;
    }
  }
}

TEST(RenderPatterns, PureFunctionOfSetAndIndexForAnyNumberOfThreads) {
  const CrystalBatch batch = varied_crystals();
  PatternProblem p = problem_with(varied_shapes());
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
    const auto same = std::span(expected).subspan(17 * p.grid.points, p.grid.points);
    EXPECT_TRUE(identical(one, same));
  }
}

}  // namespace
}  // namespace bragg::tests
