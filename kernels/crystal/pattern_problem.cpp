#include "kernels/crystal/pattern_problem.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include <fmt/format.h>

#include "kernels/base/error.h"

namespace bragg {
namespace {

template <typename... T>
[[noreturn]] void fail(fmt::format_string<T...> text, T&&... values) {
  throw ProblemError(fmt::format("[render_patterns] {}", fmt::format(text, std::forward<T>(values)...)));
}

constexpr double z_bound = 3;  // of Distribution's z

void check(const PatternVariant& v, const TwoThetaGrid& grid) {
  for (const double value : {v.U, v.V, v.weight}) {
    if (!std::isfinite(value)) fail("a variant's value {} is not finite", value);
  }
  if (v.weight < 0) fail("weight {} < 0", v.weight);
  for (int e = 0; e < effect_count; ++e)
    validate(effect_table[e], v.effects[e]);
  if (v[Effect::W].probability < 1) fail("W: probability {} < 1", v[Effect::W].probability);
  if (!v[Effect::noise].is_absent() && !(v[Effect::poisson].is_absent() && v[Effect::gaussian].is_absent()))
    fail("noise and poisson or gaussian in one variant");
  if (!v[Effect::hump].is_absent() && !(v[Effect::hump_width].lowest() > 0))
    fail("hump_width {}, not above 0", v[Effect::hump_width].lowest());

  const double t0 = std::tan(grid.start * std::numbers::pi / 360),
               t1 = std::tan(grid.end() * std::numbers::pi / 360), W = v[Effect::W].lowest();
  const double lowest = v.U > 0 ? std::fmin(std::fmax(-v.V / (2 * v.U), t0), t1) : t0;
  for (const double t : {t0, lowest, t1}) {
    const double h2 = v.U * t * t + v.V * t + W;
    if (!(h2 > 0)) {
      fail("U {}, V {}, W {}: H^2 = {} at 2 theta = {:.2f} is not above 0", v.U, v.V, W, h2,
           std::atan(t) * 360 / std::numbers::pi);
    }
  }
}

}  // namespace

void validate(const EffectInfo& info, const Distribution& d) {
  for (const double value : {d.a, d.b, d.probability}) {
    if (!std::isfinite(value)) fail("{}: {} is not finite", info.name, value);
  }
  if (d.probability < 0 || d.probability > 1)
    fail("{}: probability {} is not in 0..1", info.name, d.probability);
  const bool is_range = d.law == Distribution::Law::uniform || d.law == Distribution::Law::log_uniform;
  if (is_range && d.a > d.b) fail("{}: {} > {}", info.name, d.a, d.b);
  if (!is_range && d.b < 0) fail("{}: spread {} < 0", info.name, d.b);
  if (d.law == Distribution::Law::log_uniform && !(d.a > 0))
    fail("{}: log_uniform from {}, not above 0", info.name, d.a);
  if (d.lowest() < info.lowest) fail("{} {} < {}", info.name, d.lowest(), info.lowest);
  if (d.highest() > info.highest) fail("{} {} > {}", info.name, d.highest(), info.highest);
}

const std::array<EffectInfo, effect_count> effect_table{{
    {"W", "deg^2", "constant part of the Gaussian width: H^2 = U tan^2 theta + V tan theta + W", 0, 1e4},
    {"size", "nm", "crystallite size (Scherrer, K = 0.9): Lorentzian, with 1 / cos theta", 0, 1e6},
    {"microstrain", "1", "root of strain e: Lorentzian of full width 4 e tan theta", 0, 0.1},
    {"asymmetry", "1", "axial divergence: low-angle side wider by this times cot 2 theta", 0, 0.5},
    {"k_alpha2", "1", "intensity of K-alpha2 relative to K-alpha1", 0, 1},
    {"zero_shift", "deg", "added to every 2 theta", -5, 5},
    {"displacement", "mm", "sample above the goniometer's axis, radius 200 mm", -5, 5},
    {"strain", "1", "isotropic strain of the cell", -0.1, 0.1},
    {"distortion", "1", "change of the cell that keeps its symmetry", -0.05, 0.05},
    {"texture", "1", "March-Dollase r along a drawn axis; 1: none", 0, 10},
    {"b_overall", "A^2", "displacement parameter B that all atoms get beside their own", 0, 20},
    {"impurity", "1", "highest line of another crystal, relative to the highest of this one", 0, 1},
    {"air_scatter", "1", "background that falls as 1 / 2 theta, at the start of the grid", 0, 10},
    {"chebyshev", "1", "background of a random polynomial of degree 4, at most", 0, 10},
    {"hump", "1", "height of an amorphous hump", 0, 10},
    {"hump_centre", "deg", "where it is", 0, 180},
    {"hump_width", "deg", "its full width at half maximum", 0, 180},
    {"floor", "1", "constant background of the detector", 0, 10},
    {"noise", "1", "the paper's noise: uniform in [0, this] of the maximum", 0, 10},
    {"poisson", "1", "counting noise: relative standard deviation at the highest line", 0, 1},
    {"gaussian", "1", "standard deviation of noise that does not depend on the intensity", 0, 1},
    {"cut_low", "deg", "missing at the start of the range", 0, 180},
    {"cut_high", "deg", "missing at its end", 0, 180},
}};

double Distribution::lowest() const {
  const double drawn = law == Law::normal || law == Law::mixed_normal ? a - z_bound * b
                       : law == Law::log_normal                       ? a * std::exp(-z_bound * b)
                                                                      : a;
  return probability < 1 ? std::min(drawn, 0.0) : drawn;
}

double Distribution::highest() const {
  const double drawn = law == Law::normal || law == Law::mixed_normal ? a + z_bound * b
                       : law == Law::log_normal                       ? a * std::exp(z_bound * b)
                                                                      : b;
  return probability < 1 ? std::max(drawn, 0.0) : drawn;
}

std::int64_t Processing::points_per_bin(const TwoThetaGrid& grid) const {
  return std::max<std::int64_t>(1, std::llround(background_window / (2 * half_window * grid.step)));
}

bool PatternProblem::draws_impurities() const {
  return std::any_of(variants.begin(), variants.end(), [](const PatternVariant& v) {
    return v.weight > 0 && !v[Effect::impurity].is_absent();
  });
}

std::string PatternProblem::text() const {
  return fmt::format("N {} points {} variants {}", N, grid.points, variants.size());
}

void PatternProblem::validate() const {
  if (N < 0) fail("N {} < 0", N);
  if (grid.points < 1) fail("grid points {} < 1", grid.points);
  if (!std::isfinite(grid.step) || grid.step <= 0) fail("grid step {} is not above 0", grid.step);
  if (!std::isfinite(grid.start) || grid.start < 0) fail("grid start {} < 0", grid.start);
  if (!(grid.end() < 180)) fail("grid end {} is not below 180", grid.end());
  if (!std::isfinite(wavelength) || wavelength <= 0) fail("wavelength {} is not above 0", wavelength);
  if (!std::isfinite(maximum) || maximum <= 0) fail("maximum {} is not above 0", maximum);
  if (variants.empty()) fail("variants {} < 1", variants.size());
  if (!(processing.background_window >= 0 && processing.background_window <= 180))
    fail("background_window {} is not in 0..180 degrees", processing.background_window);
  double total = 0;
  for (const PatternVariant& v : variants) {
    check(v, grid);
    total += v.weight;
  }
  if (!(total > 0)) fail("the variants' weights add up to {}, not above 0", total);
}

}  // namespace bragg
