// Every effect of a pattern alone, against its closed form.
#include <algorithm>
#include <cmath>
#include <numbers>

#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "kernels/crystal/crystal_math.h"
#include "kernels/crystal/pattern_math.h"
#include "kernels/crystal/pattern_processing.h"
#include "tests/kernels/pattern_cases.h"
#include "tests/support/compare.h"
#include "tests/support/devices.h"

namespace bragg::tests {
namespace {

constexpr double degrees = 180 / std::numbers::pi;

// One point atom in a cell of right angles: lines at sqrt(h^2/a^2 + k^2/b^2 + l^2/c^2), |F|^2 all the same.
CrystalBatch point_cell(double a, double b, double c) {
  CrystalGroup group = varied_groups(1)[0];
  group.metric = {1 / (a * a), 1 / (b * b), 1 / (c * c), 0, 0, 0};
  return point_crystal(group, {{0, 0, 0, 3}});
}

double theta_of(double d, double lambda = wavelength) {
  return std::asin(lambda / (2 * d));
}
double spacing_at(double two_theta) {
  return wavelength / (2 * std::sin(two_theta / 2 / degrees));
}
double lorentz_polarisation(double theta) {
  const double c = std::cos(2 * theta);
  return (1 + c * c) / (std::cos(theta) * std::sin(theta) * std::sin(theta));
}

// Full width at half of the maximum and where it is, by interpolation; the grid is narrow around one line.
struct Shape {
  double low, high, maximum, area, centre;
  double width() const { return high - low; }
};
Shape shape_of(const TwoThetaGrid& grid, std::span<const double> y) {
  const auto top = std::max_element(y.begin(), y.end()) - y.begin();
  Shape s{0, 0, y[top], 0, grid.at(top)};
  for (const double value : y)
    s.area += value * grid.step;
  for (std::int64_t i = 0; i + 1 < grid.points; ++i) {
    const double crossing = grid.at(i) + grid.step * (s.maximum / 2 - y[i]) / (y[i + 1] - y[i]);
    if (y[i] < s.maximum / 2 && y[i + 1] >= s.maximum / 2) s.low = crossing;
    if (y[i] >= s.maximum / 2 && y[i + 1] < s.maximum / 2) s.high = crossing;
  }
  return s;
}

class PatternEffects : public ::testing::TestWithParam<DeviceOptions> {
 protected:
  PatternEffects() {
    problem.instrument.wavelength = wavelength;
    problem.variants.resize(1);
    set(Effect::W, 1e-5);
  }
  void set(Effect e, double value) { problem.variants[0][e] = Distribution::constant(value); }
  void around(double two_theta, double half_range, double step) {
    problem.instrument.grid = {two_theta - half_range, step, 2 * std::llround(half_range / step) + 1};
  }
  std::vector<double> draw(const CrystalBatch& batch, std::uint64_t index = 0, double stol_max = 0.5) {
    return render(*backend, problem, backend->structure_factors({0, stol_max, false}, batch), {0}, index);
  }

  /// Of the line with that 1/d^2, in arbitrary units.
  double height_at(const CrystalBatch& batch, double q) {
    const auto y = draw(batch);
    const TwoThetaGrid& grid = problem.instrument.grid;
    const auto i = std::llround((2 * theta_of(1 / std::sqrt(q)) * degrees - grid.start) / grid.step);
    return *std::max_element(y.begin() + i - 3, y.begin() + i + 4);
  }

  const std::unique_ptr<Backend> backend = make_backend(GetParam());
  SampledPatterns problem;
};
INSTANTIATE_TEST_SUITE_P(Devices, PatternEffects, ::testing::ValuesIn(exact_devices()),
                         [](const auto& device) { return name_of(device.param); });

// A cell whose only line below stol 0.5 near the angle is (100).
CrystalBatch line_at(double two_theta) {
  return point_cell(spacing_at(two_theta), 0.9, 0.9);
}

TEST_P(PatternEffects, ScherrerWidth) {
  for (const double two_theta : {25.0, 70.0}) {
    for (const double size : {8.0, 40.0}) {
      set(Effect::size, size);
      around(two_theta, 4, 0.002);
      const double expected = degrees * 0.9 * wavelength / (10 * size * std::cos(two_theta / 2 / degrees));
      EXPECT_NEAR(shape_of(problem.instrument.grid, draw(line_at(two_theta))).width(), expected,
                  0.002 * expected + 1e-4)
          << size;
    }
  }
}

TEST_P(PatternEffects, MicrostrainWidth) {
  for (const double two_theta : {25.0, 70.0}) {
    set(Effect::microstrain, 0.003);
    around(two_theta, 4, 0.002);
    const double expected = degrees * 4 * 0.003 * std::tan(two_theta / 2 / degrees);
    EXPECT_NEAR(shape_of(problem.instrument.grid, draw(line_at(two_theta))).width(), expected,
                0.002 * expected + 1e-4);
  }
}

// The pseudo-Voigt stands for the convolution of a Gaussian and a Lorentzian, which is done here by sums.
TEST_P(PatternEffects, ThompsonCoxHastingsIsAlmostAVoigt) {
  const double two_theta = 40, G = 0.2;
  for (const double L : {0.05, 0.2, 0.6}) {
    problem.variants[0] = {};
    set(Effect::W, G * G);
    set(Effect::microstrain, L / (degrees * 4 * std::tan(two_theta / 2 / degrees)));
    around(two_theta, 10, 0.004);
    const auto y = draw(line_at(two_theta));
    const Shape shape = shape_of(problem.instrument.grid, y);
    std::vector<double> voigt(problem.instrument.grid.points);
    for (std::int64_t i = 0; i < problem.instrument.grid.points; ++i) {
      for (double t = -0.6; t <= 0.6; t += 0.004) {
        const double x = 2 * (problem.instrument.grid.at(i) - two_theta - t) / L;
        voigt[i] += std::exp(-4 * std::numbers::ln2 * t * t / (G * G)) / (1 + x * x);
      }
    }
    const Shape exact = shape_of(problem.instrument.grid, voigt);
    EXPECT_NEAR(shape.width(), exact.width(), 0.01 * exact.width()) << L;
    // Maximum over area: the profile as a whole. What both lose beyond +-10 degrees is L / (10 pi).
    EXPECT_NEAR(shape.maximum / shape.area, exact.maximum / exact.area, 0.015 * exact.maximum / exact.area)
        << L;
  }
}

TEST_P(PatternEffects, KAlpha2StandsWhereItsWavelengthPutsItHalfAsHigh) {
  const double d = spacing_at(80);
  const auto both = Instrument{.grid = {}, .wavelength = wavelength}.k_alpha();
  EXPECT_NEAR(both[0], 1.54056, 5e-6);
  EXPECT_NEAR(both[1], 1.54439, 5e-6);
  set(Effect::W, 0.0025);
  set(Effect::k_alpha2, 0.5);
  for (int which = 0; which < 2; ++which) {
    const double expected = 2 * theta_of(d, both[which]) * degrees;
    around(expected, 0.1, 0.001);
    EXPECT_NEAR(shape_of(problem.instrument.grid, draw(line_at(80))).centre, expected, 0.001) << which;
  }
  around(80, 1, 0.001);
  const auto y = draw(line_at(80));
  const auto at = [&](int which) {
    const double two_theta = 2 * theta_of(d, both[which]) * degrees;
    return y[std::llround((two_theta - problem.instrument.grid.start) / problem.instrument.grid.step)];
  };
  const double ratio =
      0.5 * lorentz_polarisation(theta_of(d, both[1])) / lorentz_polarisation(theta_of(d, both[0]));
  EXPECT_NEAR(at(1) / at(0), ratio, 0.001);
}

TEST_P(PatternEffects, ZeroShiftAndDisplacement) {
  for (const double two_theta : {20.0, 85.0}) {
    problem.variants[0] = {};
    set(Effect::W, 0.01);
    around(two_theta, 1, 0.001);
    set(Effect::zero_shift, 0.137);
    EXPECT_NEAR(shape_of(problem.instrument.grid, draw(line_at(two_theta))).centre, two_theta + 0.137, 0.001);
    set(Effect::zero_shift, 0);
    set(Effect::displacement, 0.4);
    // Klug & Alexander: -2 s cos theta / R
    EXPECT_EQ(Instrument{}.radius, 200);
    for (const double radius : {240.0, 200.0}) {
      problem.instrument.radius = radius;
      const double shift = -degrees * 2 * 0.4 * std::cos(two_theta / 2 / degrees) / radius;
      EXPECT_NEAR(shape_of(problem.instrument.grid, draw(line_at(two_theta))).centre, two_theta + shift,
                  0.001);
    }
  }
}

TEST_P(PatternEffects, AsymmetryMovesWidthToTheLowSideAndKeepsTheArea) {
  const double two_theta = 20, a = 0.2 / std::tan(two_theta / degrees);
  for (const double microstrain : {0.0, 0.004}) {
    set(Effect::W, 0.04);
    set(Effect::microstrain, microstrain);
    around(two_theta, 8, 0.001);
    set(Effect::asymmetry, 0);
    const Shape symmetric = shape_of(problem.instrument.grid, draw(line_at(two_theta)));
    set(Effect::asymmetry, 0.2);
    const Shape shape = shape_of(problem.instrument.grid, draw(line_at(two_theta)));
    EXPECT_NEAR((two_theta - shape.low) / (shape.high - two_theta), (1 + a) / (1 - a),
                0.005 * (1 + a) / (1 - a));
    EXPECT_NEAR(shape.area, symmetric.area, 0.003 * symmetric.area);
    EXPECT_NEAR(shape.width(), symmetric.width(), 0.003 * symmetric.width());
  }
  around(95, 1, 0.001);  // beyond 90 degrees nothing
  const Shape beyond = shape_of(problem.instrument.grid, draw(line_at(95)));
  EXPECT_NEAR(95 - beyond.low, beyond.high - 95, 0.002);
}

TEST_P(PatternEffects, OverallB) {
  const double B = 1.7, q1 = 1 / 2.1 / 2.1, q2 = 1 / 1.1 / 1.1;
  set(Effect::W, 0.01);
  problem.instrument.grid = {40, 0.005, 10001};
  const CrystalBatch batch = point_cell(2.1, 1.1, 0.7);
  const double plain = height_at(batch, q2) / height_at(batch, q1);
  set(Effect::b_overall, B);
  EXPECT_NEAR(height_at(batch, q2) / height_at(batch, q1) / plain, std::exp(-2 * B * (q2 - q1) / 4), 1e-4);
}

// Of a beam that is longer than the sample by 1 / sin theta, that share of it is wasted.
TEST_P(PatternEffects, OverflowWeakensLinesBelowItsAngle) {
  const double q1 = 1 / 2.1 / 2.1, q2 = 1 / 1.1 / 1.1;
  set(Effect::W, 0.01);
  problem.instrument.grid = {40, 0.005, 10001};
  const CrystalBatch batch = point_cell(2.1, 1.1, 0.7);
  const double plain = height_at(batch, q1) / height_at(batch, q2);
  for (const double overflow : {30.0, 60.0, 80.0}) {
    set(Effect::overflow, overflow);
    const double sine = std::sin(theta_of(2.1)),
                 kept = std::min(1.0, sine / std::sin(overflow / 2 / degrees));
    EXPECT_NEAR(height_at(batch, q1) / height_at(batch, q2) / plain, kept, 1e-4) << overflow;
  }
}

TEST_P(PatternEffects, IsotropicStrain) {
  set(Effect::W, 0.01);
  for (const double e : {0.013, -0.2, 0.2}) {
    set(Effect::strain, e);
    const double expected = 2 * theta_of(spacing_at(50) * (1 + e)) * degrees;
    around(expected, 0.5, 0.001);
    EXPECT_NEAR(shape_of(problem.instrument.grid, draw(line_at(50))).centre, expected, 0.001) << e;
  }
}

// March (1932): planes along the axis r^-3, across it r^(3/2).
TEST_P(PatternEffects, MarchDollaseRatios) {
  set(Effect::W, 0.01);
  const double a = 3.7, b = 3.3, c = 2.9;
  const CrystalBatch batch = point_cell(a, b, c);
  problem.instrument.grid = {20, 0.005, 3001};
  const auto heights = [&](std::uint64_t index) {
    const auto y = draw(batch, index);
    std::vector<double> h;
    for (const double d : {a, b, c}) {
      const auto i = std::llround((2 * theta_of(d) * degrees - problem.instrument.grid.start) /
                                  problem.instrument.grid.step);
      h.push_back(*std::max_element(y.begin() + i - 3, y.begin() + i + 4));
    }
    return h;
  };
  const auto plain = heights(0);
  int seen = 0;
  for (std::uint64_t index = 0; index < 60 && seen != 7; ++index) {
    const std::int32_t axis = sample_pattern(problem.sampling(), index).axis;  // 0, 1, 2: (100), (010), (001)
    if (axis > 2 || (seen & 1 << axis)) continue;
    seen |= 1 << axis;
    for (const double r : {0.5, 1.6}) {
      set(Effect::texture, r);
      const auto textured = heights(index);
      for (int other = 0; other < 3; ++other) {
        const double expected = other == axis ? 1 : std::pow(r, 4.5);
        const double got = (textured[other] / plain[other]) / (textured[axis] / plain[axis]);
        EXPECT_NEAR(got, expected, 2e-4 * expected) << axis << " " << r;
      }
    }
  }
  EXPECT_EQ(seen, 7);
}

// In a cubic crystal the planes of an orbit stand at different angles to the axis.
TEST_P(PatternEffects, TextureIsTheMeanOverTheOrbit) {
  set(Effect::W, 0.0025);
  const double r = 0.6, a = 3.9;
  CrystalGroup group = varied_groups(1)[16];  // Fm-3m
  group.metric = {1 / (a * a), 1 / (a * a), 1 / (a * a), 0, 0, 0};
  const CrystalBatch batch = point_crystal(group, {{0, 0, 0, 3}});
  problem.instrument.grid = {35, 0.0025, 16001};
  const std::vector<std::array<int, 3>> lines{{1, 1, 1}, {2, 0, 0}, {2, 2, 0}};
  const auto heights = [&](std::uint64_t index) {
    const auto y = draw(batch, index);
    std::vector<double> h;
    for (const auto& [k0, k1, k2] : lines) {
      const double d = a / std::sqrt(k0 * k0 + k1 * k1 + k2 * k2);
      const auto i = std::llround((2 * theta_of(d) * degrees - problem.instrument.grid.start) /
                                  problem.instrument.grid.step);
      h.push_back(*std::max_element(y.begin() + i - 4, y.begin() + i + 5));
    }
    return h;
  };
  const auto march_mean = [&](const std::array<int, 3>& hkl, const std::int8_t* axis) {
    double sum = 0;
    int count = 0;
    std::array<int, 3> p{0, 1, 2};
    do {
      for (int signs = 0; signs < 8; ++signs) {
        double dot = 0, hh = 0, aa = 0;
        for (int i = 0; i < 3; ++i) {
          dot += (signs >> i & 1 ? -1 : 1) * hkl[p[i]] * axis[i];
          hh += hkl[i] * hkl[i];
          aa += axis[i] * axis[i];
        }
        const double cos2 = dot * dot / (hh * aa);
        sum += std::pow(r * r * cos2 + (1 - cos2) / r, -1.5);
        ++count;
      }
    } while (std::next_permutation(p.begin(), p.end()));
    return sum / count;
  };
  const auto plain = heights(0);
  set(Effect::texture, r);
  for (std::uint64_t index = 0; index < 12; ++index) {
    const auto textured = heights(index);
    const std::int8_t* axis = texture_axes[sample_pattern(problem.sampling(), index).axis].data();
    for (std::size_t i = 1; i < lines.size(); ++i) {
      const double expected = march_mean(lines[i], axis) / march_mean(lines[0], axis);
      EXPECT_NEAR((textured[i] / plain[i]) / (textured[0] / plain[0]), expected, 3e-4 * expected) << index;
    }
  }
}

TEST_P(PatternEffects, ImpurityIsAnotherPatternAtItsShare) {
  CrystalBatch batch = point_cell(3.7, 3.3, 2.9);
  const CrystalBatch other = point_cell(4.5, 4.1, 3.1);
  batch.metric.push_back(other.metric[0]);
  batch.centrosymmetric.push_back(other.centrosymmetric[0]);
  batch.centring.push_back(other.centring[0]);
  batch.atoms.push_back(batch.atoms[0]);
  batch.atom_offset.push_back(2);
  batch.operators.push_back(batch.operators[0]);
  batch.operator_offset.push_back(2);
  const auto reflections = backend->structure_factors({0, 0.5, false}, batch);
  set(Effect::W, 0.01);
  const auto first = render(*backend, problem, reflections, {0}, 3),
             second = render(*backend, problem, reflections, {1}, 3);
  set(Effect::impurity, 0.2);
  const auto both = render(*backend, problem, reflections, {0}, 3, {1});
  double highest = 0;
  std::vector<double> expected(first.size());
  for (std::size_t i = 0; i < first.size(); ++i) {
    expected[i] = first[i] + 0.2 * second[i];
    highest = std::max(highest, expected[i]);
  }
  for (double& value : expected)
    value /= highest;
  EXPECT_TRUE(within(both, expected, 2e-6));
  EXPECT_THROW(render(*backend, problem, reflections, {0}, 3), ProblemError);  // which crystal?
}

TEST_P(PatternEffects, Background) {
  set(Effect::W, 0.01);
  problem.instrument.grid = {5, 0.01, 8500};
  const CrystalBatch batch = line_at(60);  // its strongest line is far from the points below
  const auto clean = draw(batch);
  const auto added = [&](std::uint64_t index = 0) {
    auto y = draw(batch, index);
    // Scaled to maximum 1: the line's top says by how much.
    const double unit = y[10] >= 0 ? *std::max_element(y.begin(), y.end()) : 0;
    EXPECT_NEAR(unit, 1, 1e-6);
    return y;
  };
  const auto top = std::max_element(clean.begin(), clean.end()) - clean.begin();
  const auto expect = [&](const std::vector<double>& y, auto background) {
    const double scale = 1 / (1 + background(static_cast<std::int64_t>(top)));
    std::vector<double> expected(y.size());
    for (std::size_t i = 0; i < y.size(); ++i)
      expected[i] = scale * (clean[i] + background(static_cast<std::int64_t>(i)));
    EXPECT_TRUE(within(y, expected, 3e-6));
  };
  set(Effect::air_scatter, 0.05);
  expect(added(), [&](std::int64_t i) { return 0.05 * 5 / problem.instrument.grid.at(i); });
  set(Effect::air_scatter, 0);
  set(Effect::hump, 0.1);
  set(Effect::hump_centre, 25);
  set(Effect::hump_width, 8);
  expect(added(), [&](std::int64_t i) {
    const double x = (problem.instrument.grid.at(i) - 25) / 8;
    return 0.1 * std::exp2(-4 * x * x);
  });
  set(Effect::hump, 0);
  set(Effect::floor, 0.03);
  expect(added(), [](std::int64_t) { return 0.03; });
  set(Effect::floor, 0);
  set(Effect::chebyshev, 0.2);
  const PatternParameters drawn = sample_pattern(problem.sampling(), 4);
  expect(added(4), [&](std::int64_t i) {
    const double x = 2.0 * static_cast<double>(i) / 8499 - 1;
    double sum = 1;
    for (int k = 0; k < chebyshev_terms; ++k)
      sum += drawn.chebyshev[k] * std::cos((k + 1) * std::acos(std::clamp(x, -1.0, 1.0))) / 4;
    return 0.2 * sum / 2;
  });
}

// Far from every line the pattern is the floor and its noise: mean and variance of a Poisson and a normal
// law.
TEST_P(PatternEffects, NoiseHasTheMomentsOfCounting) {
  set(Effect::W, 0.01);
  problem.instrument.grid = {5, 0.005, 10000};  // nothing between 5 and 55 degrees but the line at 54.9
  const CrystalBatch batch = line_at(54.9);
  struct Case {
    double floor, poisson, gaussian;
  };
  for (const Case& c :
       {Case{0.25, 0.02, 0}, {0.25, 0, 0.01}, {0.25, 0.02, 0.01}, {0.5, 0.1, 0}, {0, 0, 0.02}}) {
    set(Effect::floor, c.floor);
    set(Effect::poisson, 0);
    set(Effect::gaussian, 0);
    const auto clean = draw(batch, 5);
    set(Effect::poisson, c.poisson);
    set(Effect::gaussian, c.gaussian);
    const auto y = draw(batch, 5);
    const std::int64_t points = 9000;
    double mean = 0, square = 0;
    // In units of the highest line: the line's area does not change, so that sums give the scale.
    double line = 0, clean_line = 0;
    for (std::size_t i = 9900; i < y.size(); ++i) {
      line += y[i];
      clean_line += clean[i];
    }
    const double unit = clean_line / line / (1 + c.floor);
    for (std::int64_t i = 0; i < points; ++i)
      mean += y[i] * unit * (1 + c.floor) * (1 + c.floor) / points;
    for (std::int64_t i = 0; i < points; ++i) {
      const double value = y[i] * unit * (1 + c.floor) * (1 + c.floor) - mean;
      square += value * value / points;
    }
    const double variance = c.floor * c.poisson * c.poisson + c.gaussian * c.gaussian;
    EXPECT_NEAR(mean, c.floor, 5 * std::sqrt(variance / points) + 0.02 * c.floor);
    EXPECT_NEAR(square, variance, (5 * std::sqrt(2.0 / points) + 0.06) * variance)
        << c.floor << " " << c.poisson << " " << c.gaussian;
  }
}

// At 2 theta = 0 air scatter would be 0 / 0.
TEST_P(PatternEffects, AGridFromZeroHasNoAirScatter) {
  set(Effect::W, 0.01);
  problem.instrument.grid = {0, 0.01, 3000};
  const auto clean = draw(line_at(20));
  set(Effect::air_scatter, 0.3);
  EXPECT_TRUE(identical(draw(line_at(20)), clean));
}

TEST_P(PatternEffects, CutsLeaveZeros) {
  set(Effect::W, 0.01);
  set(Effect::floor, 0.1);
  set(Effect::cut_low, 3.5);
  set(Effect::cut_high, 1.25);
  problem.instrument.grid = {5, 0.01, 3000};
  const auto y = draw(line_at(20));
  for (std::int64_t i = 0; i < 3000; ++i)
    ASSERT_EQ(y[i] > 0, i >= 350 && i < 3000 - 125) << i;
  set(Effect::cut_low, 60);  // all of it
  for (const double value : draw(line_at(20)))
    ASSERT_EQ(value, 0);
}

TEST_P(PatternEffects, ProcessingRemovesASlopeAndTakesTheRoot) {
  set(Effect::W, 0.0025);
  problem.instrument.grid = {10, 0.01, 4000};
  const auto clean = draw(line_at(30));
  set(Effect::air_scatter, 0.3);
  set(Effect::floor, 0.05);
  problem.processing = {.background_window = 4, .square_root = false};
  const auto flat = draw(line_at(30));
  // The background is convex: the opening and the mean over the window leave some 2 % of it at its steep
  // start.
  for (std::size_t i = 0; i < clean.size(); ++i)
    ASSERT_NEAR(flat[i], clean[i], i < 400 ? 0.06 : 0.012) << i;
  problem.processing.square_root = true;
  const auto root = draw(line_at(30));
  for (std::size_t i = 0; i < clean.size(); ++i)
    ASSERT_NEAR(root[i], std::sqrt(flat[i]), 2e-3) << i;
}

}  // namespace
}  // namespace bragg::tests
