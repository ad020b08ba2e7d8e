// Patterns by the formulas of PatternProblem: every line at every grid point that its profile reaches.
#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "kernels/base/error.h"
#include "kernels/crystal/crystal_math.h"
#include "kernels/crystal/data_random.h"
#include "kernels/crystal/pattern_math.h"
#include "kernels/crystal/pattern_processing.h"
#include "kernels/reference/reference_backend.h"

namespace bragg::reference {
namespace {

constexpr double degrees = 180 / std::numbers::pi, ln2 = std::numbers::ln2, pi = std::numbers::pi;

// Lorentz factor of a powder ring and polarisation of an unpolarised beam.
double lorentz_polarisation(double theta) {
  const double c2 = std::cos(2 * theta), s = std::sin(theta);
  return (1 + c2 * c2) / (std::cos(theta) * s * s);
}

double gaussian_profile(double x) {
  return std::exp(-4 * ln2 * x * x);
}

struct Line {
  double position, fwhm, asymmetry;        // degrees of 2 theta; of the low side's excess
  double gaussian_height, lorentz_height;  // at the centre

  double height() const { return gaussian_height + lorentz_height; }
};

// Of a reflection with this 1/d^2; nothing where there is no line.
std::optional<Line> line_at(double q, double area, double wavelength, double radius,
                            const PatternParameters& pattern) {
  const double sin_theta = wavelength / 2 * std::sqrt(q);
  if (!(sin_theta < 1)) return std::nullopt;
  const double theta = std::asin(sin_theta), t = std::tan(theta), cos_theta = std::cos(theta);
  const double g2 = pattern.U * t * t + pattern.V * t + pattern[Effect::W];
  if (!(g2 > 0)) return std::nullopt;
  const double size = pattern[Effect::size], G = std::sqrt(g2),
               L = degrees * ((size > 0 ? 0.9 * wavelength / (10 * size * cos_theta) : 0) +
                              4 * pattern[Effect::microstrain] * t);
  const double H5 = std::pow(G, 5) + 2.69269 * std::pow(G, 4) * L + 2.42843 * std::pow(G, 3) * L * L +
                    4.47163 * G * G * std::pow(L, 3) + 0.07842 * G * std::pow(L, 4) + std::pow(L, 5);
  const double H = std::pow(H5, 0.2), ratio = L / H,
               eta = ratio * (1.36603 + ratio * (-0.47719 + ratio * 0.11116));
  area *= lorentz_polarisation(theta);
  if (const double overflow = pattern[Effect::overflow]; overflow > 0)
    area *= std::min(1.0, sin_theta / std::sin(overflow / (2 * degrees)));
  return Line{.position = 2 * theta * degrees + pattern[Effect::zero_shift] -
                          degrees * 2 * pattern[Effect::displacement] * cos_theta / radius,
              .fwhm = H,
              .asymmetry = std::clamp(pattern[Effect::asymmetry] / std::tan(2 * theta), 0.0, 0.8),
              .gaussian_height = (1 - eta) * area * (2 / H) * std::sqrt(ln2 / pi),
              .lorentz_height = eta * area * 2 / (pi * H)};
}

// Mean of March's function over the orbit of hkl, which is that over the axis's images.
double texture_factor(const ReciprocalMetric& g, const Miller& m, const TextureAxes& axes, double r) {
  const double h = m.h, k = m.k, l = m.l;
  // Rows of the metric, halves of the doubled elements.
  const double gh[3] = {g[0] * h + (g[5] * k + g[4] * l) / 2, g[1] * k + (g[5] * h + g[3] * l) / 2,
                        g[2] * l + (g[4] * h + g[3] * k) / 2};
  const double q = inverse_d_squared(g, m.h, m.k, m.l);
  double sum = 0;
  for (int n = 0; n < axes.count; ++n) {
    const std::int32_t* a = axes.axis[n];
    const double dot = a[0] * gh[0] + a[1] * gh[1] + a[2] * gh[2];
    const double cos2 = std::min(1.0, dot * dot / (q * inverse_d_squared(g, a[0], a[1], a[2])));
    sum += std::pow(r * r * cos2 + (1 - cos2) / r, -1.5);
  }
  return sum / axes.count;
}

class Reflections {
 public:
  explicit Reflections(const ReflectionSet& set)
      : crystals_(set.crystals),
        offset_(reinterpret_cast<const std::uint64_t*>(set.offset.data())),
        metric_(reinterpret_cast<const ReciprocalMetric*>(set.metric.data())),
        miller_(reinterpret_cast<const Miller*>(set.miller.data())),
        f2_(reinterpret_cast<const double*>(set.f2.data())),
        laue_(reinterpret_cast<const LaueRotations*>(set.laue.data())) {}

  // The lines of a crystal; those of an impurity are neither strained nor textured.
  std::vector<Line> lines(const PatternProblem& p, std::int64_t crystal, const PatternParameters& pattern,
                          bool impurity) const {
    if (crystal < 0 || crystal >= crystals_) {
      throw ProblemError(fmt::format("[render_patterns] crystal {} outside a set of {}", crystal, crystals_));
    }
    const ReciprocalMetric metric =
        impurity ? metric_[crystal]
                 : strained_metric(metric_[crystal], laue_[crystal], pattern[Effect::strain],
                                   pattern[Effect::distortion], pattern.distortion);
    const double texture = impurity ? 0 : pattern[Effect::texture], k_alpha2 = pattern[Effect::k_alpha2];
    const TextureAxes axes = texture_axes_of(laue_[crystal], texture_axis(pattern.axis));
    const Instrument& instrument = p.instrument;
    const auto both = instrument.k_alpha();
    std::vector<Line> lines;
    const auto add = [&](double q, double area, double wavelength) {
      if (const auto line = line_at(q, area, wavelength, instrument.radius, pattern)) lines.push_back(*line);
    };
    for (std::uint64_t r = offset_[crystal]; r < offset_[crystal + 1]; ++r) {
      const Miller& m = miller_[r];
      const double q = inverse_d_squared(metric, m.h, m.k, m.l);
      double area = m.multiplicity * f2_[r] * std::exp(-2 * pattern[Effect::b_overall] * q / 4);
      if (texture > 0) area *= texture_factor(metric, m, axes, texture);
      if (k_alpha2 > 0) {
        add(q, area / (1 + k_alpha2), both[0]);
        add(q, area * k_alpha2 / (1 + k_alpha2), both[1]);
      } else {
        add(q, area, instrument.wavelength);
      }
    }
    return lines;
  }

 private:
  std::int64_t crystals_;
  const std::uint64_t* offset_;
  const ReciprocalMetric* metric_;
  const Miller* miller_;
  const double* f2_;
  const LaueRotations* laue_;
};

double maximum_of(const std::vector<double>& y) {
  return *std::max_element(y.begin(), y.end());
}

// The sum of all profiles.
std::vector<double> sum_of_lines(const TwoThetaGrid& grid, const std::vector<Line>& lines) {
  double highest = 0;
  for (const Line& line : lines)
    highest = std::max(highest, line.height());
  std::vector<double> y(grid.points);
  for (const Line& line : lines) {
    for (std::int64_t i = 0; i < grid.points; ++i) {
      const double distance = grid.at(i) - line.position;
      const double side = distance < 0 ? 1 + line.asymmetry : 1 - line.asymmetry;
      const double x = std::abs(distance) / (line.fwhm * side);
      const double tail = line.lorentz_height / (1 + 4 * x * x);
      if (x > profile_cut && tail < tail_cut * highest) continue;
      y[i] += line.gaussian_height * gaussian_profile(x) + tail;
    }
  }
  return y;
}

double background_at(const TwoThetaGrid& grid, std::int64_t i, const PatternParameters& pattern) {
  const double two_theta = grid.at(i),
               x = grid.points > 1 ? 2.0 * static_cast<double>(i) / static_cast<double>(grid.points - 1) - 1
                                   : 0;
  double polynomial = 0, before = 1, at = x;  // T_0, T_1
  for (const double c : pattern.chebyshev) {
    polynomial += c * at;
    const double next = 2 * x * at - before;
    before = at;
    at = next;
  }
  double y = pattern[Effect::chebyshev] * (1 + polynomial / chebyshev_terms) / 2 + pattern[Effect::floor];
  if (pattern[Effect::air_scatter] > 0 && grid.start > 0)
    y += pattern[Effect::air_scatter] * grid.start / two_theta;
  if (pattern[Effect::hump] > 0) {
    y += pattern[Effect::hump] *
         gaussian_profile((two_theta - pattern[Effect::hump_centre]) / pattern[Effect::hump_width]);
  }
  return y;
}

void add_noise(const PatternParameters& pattern, std::vector<double>& y) {
  const double highest = maximum_of(y), noise = pattern[Effect::noise], gaussian = pattern[Effect::gaussian],
               poisson = pattern[Effect::poisson];
  if (!(noise > 0 || gaussian > 0 || poisson > 0)) return;
  for (std::size_t i = 0; i < y.size(); ++i) {
    const Philox4 bits =
        data_call(pattern.seed, DataDraw::noise, static_cast<std::uint32_t>(i / 4), pattern.index);
    y[i] += noise * uniform01(bits[i % 4]) * highest;
    const NormalPair pair = normal_pair(bits[i % 4 / 2 * 2], bits[i % 4 / 2 * 2 + 1]);
    const double z = i % 2 == 0 ? pair.first : pair.second;
    if (poisson > 0) {
      const double n = 1 / (poisson * poisson), sigma = n * gaussian,
                   root = std::sqrt(std::max(y[i], 0.0) * n + sigma * sigma + 0.375) + z / 2;
      y[i] = (root * root - 0.375 - sigma * sigma) / n;
      if (gaussian == 0) y[i] = std::max(y[i], 0.0);
    } else {
      y[i] += gaussian * z;
    }
  }
}

}  // namespace

void ReferenceBackend::run_op(const RenderPatterns& op) {
  const PatternProblem& p = op.problem;
  const Reflections reflections(*op.set);
  check_parameters(p, op.parameters.as<PatternParameters>());
  for (std::int64_t n = 0; n < p.N; ++n) {
    const PatternParameters& pattern = op.parameters.as<PatternParameters>()[n];
    std::vector<double> y = sum_of_lines(
        p.instrument.grid, reflections.lines(p, op.crystals.as<std::int32_t>()[n], pattern, false));
    const double lines_maximum = maximum_of(y);
    if (!(lines_maximum > 0)) {
      std::fill_n(op.dst.item<double>(n), p.points(), 0.0);
      continue;
    }
    std::vector<double> other(y.size());
    if (pattern[Effect::impurity] > 0)
      other = sum_of_lines(p.instrument.grid,
                           reflections.lines(p, op.impurities.as<std::int32_t>()[n], pattern, true));
    const double other_maximum = maximum_of(other),
                 share = other_maximum > 0 ? pattern[Effect::impurity] / other_maximum : 0;
    for (std::int64_t i = 0; i < p.instrument.grid.points; ++i)
      y[i] = y[i] / lines_maximum + share * other[i] + background_at(p.instrument.grid, i, pattern);
    add_noise(pattern, y);
    const PointRange kept = kept_points(p.instrument.grid, pattern);
    for (std::int64_t i = 0; i < p.instrument.grid.points; ++i) {
      if (i < kept.begin || i >= kept.end) y[i] = 0;
    }
    process_pattern(p.processing, p.instrument.grid, y);
    for (std::int64_t i = 0; i < p.points(); ++i)
      op.dst.item<double>(n)[i] = p.maximum * y[i];
  }
}

}  // namespace bragg::reference
