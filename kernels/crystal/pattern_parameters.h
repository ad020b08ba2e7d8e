// One pattern in numbers: what chance decides (sample_patterns), or somebody who wants this pattern, before
// physics renders it (render_patterns).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>

#include "kernels/base/host_device.h"
#include "kernels/crystal/effects.h"
#include "kernels/crystal/pattern_problem.h"

namespace bragg {

/// Preferred orientation is along one of these, as indices of reciprocal space.
inline constexpr std::array<std::array<std::int8_t, 3>, 13> texture_axes{{
    {1, 0, 0},
    {0, 1, 0},
    {0, 0, 1},
    {1, 1, 0},
    {1, -1, 0},
    {1, 0, 1},
    {1, 0, -1},
    {0, 1, 1},
    {0, 1, -1},
    {1, 1, 1},
    {-1, 1, 1},
    {1, -1, 1},
    {1, 1, -1},
}};
inline constexpr std::uint32_t texture_axis_count = texture_axes.size();
inline constexpr int chebyshev_terms = 4;

/// Fixed records, N of them in device memory: what PatternProblem's formulas read of one pattern. Begin with
/// `{}`, which is no effect at all, and give it a width:
///   PatternParameters one{};
///   one[Effect::W] = 0.01;
///   one[Effect::zero_shift] = 0.1;
struct PatternParameters {
  double U, V;                 ///< degrees^2 of 2 theta
  double value[effect_count];  ///< of each effect, in its unit (effect_table); 0: absent
  double distortion[6];        ///< the shape of Effect::distortion, in [-1, 1]: g00, g11, g22, g12, g02, g01
  double chebyshev[chebyshev_terms];  ///< of Effect::chebyshev: the coefficients of T_1 .. T_4, in [-1, 1]
  std::uint64_t index;                ///< with `seed` what the noise is drawn from
  std::uint32_t seed;
  std::int32_t axis;     ///< of texture_axes: along it is Effect::texture
  std::int32_t variant;  ///< of a recipe, from which it was sampled; no formula reads it
  std::int32_t unused;

  BRAGG_HOST_DEVICE double operator[](Effect e) const { return value[static_cast<int>(e)]; }
  BRAGG_HOST_DEVICE double& operator[](Effect e) { return value[static_cast<int>(e)]; }
};
static_assert(std::is_trivially_copyable_v<PatternParameters> &&
              std::is_trivially_default_constructible_v<PatternParameters>);
static_assert(sizeof(PatternParameters) % sizeof(double) == 0);

/// Whether an effect can have the value: finite and between its bounds, or beyond them by what sampling
/// rounds.
BRAGG_HOST_DEVICE inline bool is_possible(Effect effect, double value) {
  const auto between = [&](double lowest, double highest) {
    const double rounding = 1e-9 * (highest - lowest);
    return value >= lowest - rounding && value <= highest + rounding;
  };
  switch (effect) {
#define BRAGG_EFFECT_BOUNDS(name, unit, lowest, highest, ...) \
  case Effect::name:                                          \
    return between(lowest, highest);
    BRAGG_EFFECTS(BRAGG_EFFECT_BOUNDS)
#undef BRAGG_EFFECT_BOUNDS
  }
  return false;
}

/// Whether what no effect's value says can be read: U and V finite, shapes in [-1, 1], an axis that there is.
BRAGG_HOST_DEVICE inline bool has_sound_shape(const PatternParameters& pattern) {
  const auto is_within = [](double x, double most) { return x >= -most && x <= most; };
  constexpr double most_width = 1e300;
  bool is_sound = is_within(pattern.U, most_width) && is_within(pattern.V, most_width) && pattern.axis >= 0 &&
                  pattern.axis < static_cast<std::int32_t>(texture_axis_count);
  for (const double x : pattern.distortion)
    is_sound = is_sound && is_within(x, 1);
  for (const double x : pattern.chebyshev)
    is_sound = is_sound && is_within(x, 1);
  return is_sound;
}

/// Why no formula can read the parameters: numbers that are not finite or outside their bounds, an axis that
/// is none. Names parameter and value, but no op.
std::optional<std::string> fault_of(const PatternParameters&);

/// Throws ProblemError of render_patterns, which names the pattern, for the first of N that has a fault, or
/// an impurity where the problem has none.
void check_parameters(const PatternProblem&, const PatternParameters* patterns);

/// Why there is no width: names U, V, W and the angle of the grid where H^2 = U tan^2 theta + V tan theta + W
/// is not above 0, if any.
std::optional<std::string> width_fault(const TwoThetaGrid&, double U, double V, double W);

/// Throws ProblemError for all that, and for what makes no pattern on the grid: H^2 not above 0 somewhere, a
/// hump without width, noise beside poisson or gaussian. For parameters that a person fills in.
void validate(const PatternParameters&, const TwoThetaGrid&);

}  // namespace bragg
