#include "kernels/crystal/pattern_parameters.h"

#include <cmath>
#include <numbers>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "kernels/base/error.h"
#include "kernels/crystal/pattern_sampling.h"

namespace bragg {
namespace {

template <typename... T>
[[noreturn]] void fail(fmt::format_string<T...> text, T&&... values) {
  throw ProblemError(fmt::format("[pattern parameters] {}", fmt::format(text, std::forward<T>(values)...)));
}

}  // namespace

std::optional<std::string> fault_of(const PatternParameters& pattern) {
  for (int e = 0; e < effect_count; ++e) {
    if (is_possible(static_cast<Effect>(e), pattern.value[e])) continue;
    const EffectInfo& info = effect_table[e];
    return fmt::format("{} {} is not in {}..{} {}", info.name, pattern.value[e], info.lowest, info.highest,
                       info.unit);
  }
  if (has_sound_shape(pattern)) return std::nullopt;
  return fmt::format(
      "U {}, V {}, axis {} of {}, distortion's shape [{}], chebyshev's [{}]: not finite, or not in "
      "-1..1",
      pattern.U, pattern.V, pattern.axis, texture_axis_count, fmt::join(pattern.distortion, ", "),
      fmt::join(pattern.chebyshev, ", "));
}

void check_parameters(const PatternProblem& p, const PatternParameters* patterns) {
  for (std::int64_t n = 0; n < p.N; ++n) {
    if (const auto fault = fault_of(patterns[n]))
      throw ProblemError(fmt::format("[render_patterns] pattern {}: {}", n, *fault));
    if (!p.impurities && patterns[n][Effect::impurity] > 0)
      throw ProblemError(fmt::format("[render_patterns] pattern {}: impurity {}, but the problem has none", n,
                                     patterns[n][Effect::impurity]));
  }
}

void validate(const PatternParameters& pattern, const TwoThetaGrid& grid) {
  if (const auto fault = fault_of(grid)) fail("{}", *fault);
  if (const auto fault = fault_of(pattern)) fail("{}", *fault);
  if (pattern[Effect::noise] > 0 && (pattern[Effect::poisson] > 0 || pattern[Effect::gaussian] > 0))
    fail("noise {} beside poisson {} and gaussian {}", pattern[Effect::noise], pattern[Effect::poisson],
         pattern[Effect::gaussian]);
  if (pattern[Effect::hump] > 0 && !(pattern[Effect::hump_width] > 0))
    fail("hump {} with hump_width {}, not above 0", pattern[Effect::hump], pattern[Effect::hump_width]);
  if (const auto fault = width_fault(grid, pattern.U, pattern.V, pattern[Effect::W])) fail("{}", *fault);
}

std::optional<std::string> width_fault(const TwoThetaGrid& grid, double U, double V, double W) {
  const double t0 = std::tan(grid.start * std::numbers::pi / 360),
               t1 = std::tan(grid.end() * std::numbers::pi / 360);
  const double lowest = U > 0 ? std::fmin(std::fmax(-V / (2 * U), t0), t1) : t0;
  for (const double t : {t0, lowest, t1}) {
    const double h2 = U * t * t + V * t + W;
    if (!(h2 > 0)) {
      return fmt::format("U {}, V {}, W {}: H^2 = {} at 2 theta = {:.2f} is not above 0", U, V, W, h2,
                         std::atan(t) * 360 / std::numbers::pi);
    }
  }
  return std::nullopt;
}

}  // namespace bragg
