// The effects of a pattern: everything about it that a recipe may leave to chance, a row each. Plain names
// and numbers: code of every instruction set reads this header, which must bring no inline function along.
#pragma once

#include <cstdint>

/// A row: name, unit, lowest and highest value, where it acts (ActsOn), two values for pictures (what it has
/// when it is shown, strong enough to be seen, 0: with another; and what it has beside one that is shown),
/// its law in the recipe `realistic`, meaning. 0 always means absent. The laws were set so that the
/// distributions of `bragg patterns describe` are near those of 453 measured patterns (RRUFF, as published by
/// Salgado et al. 2023), in the median: noise 0.0067, line width 0.085 degrees, 0.37 of a line's height where
/// its K-alpha2 would be.
// clang-format off
#define BRAGG_EFFECTS(EFFECT)                                                                                   \
  EFFECT(W, "deg^2", 0, 1e4, width, 0.09, 0.01, log_uniform(0.0004, 0.0036),                                    \
         "constant part of the Gaussian width: H^2 = U tan^2 theta + V tan theta + W")                          \
  EFFECT(size, "nm", 0, 1e6, width, 15, 0, log_uniform(70, 2000),                                               \
         "crystallite size (Scherrer, K = 0.9): Lorentzian, with 1 / cos theta")                                \
  EFFECT(microstrain, "1", 0, 0.1, width, 0.004, 0, log_uniform(2e-5, 1e-3),                                    \
         "root of strain e: Lorentzian of full width 4 e tan theta")                                            \
  EFFECT(asymmetry, "1", 0, 0.5, width, 0.15, 0, uniform(0, 0.06, 0.3),                                         \
         "axial divergence: low-angle side wider by this times cot 2 theta")                                    \
  EFFECT(k_alpha2, "1", 0, 1, lines, 0.5, 0, uniform(0.5, 0.5, 0.85),                                           \
         "intensity of K-alpha2 relative to K-alpha1")                                                          \
  EFFECT(zero_shift, "deg", -5, 5, lines, 0.3, 0, normal(0, 0.03), "added to every 2 theta")                    \
  EFFECT(displacement, "mm", -5, 5, lines, 1, 0, normal(0, 0.05),                                               \
         "sample above the goniometer's axis, radius 200 mm")                                                   \
  EFFECT(strain, "1", -0.25, 0.25, cell, 0.02, 0, mixed_normal(0, 0.01), "isotropic strain of the cell")          \
  EFFECT(distortion, "1", -0.05, 0.05, cell, 0.02, 0, mixed_normal(0, 0.005),                                   \
         "change of the cell that keeps its symmetry")                                                          \
  EFFECT(texture, "1", 0, 10, lines, 0.5, 0, log_normal(1, 0.5, 0.7),                                           \
         "March-Dollase r along a drawn axis; 1: none")                                                         \
  EFFECT(b_overall, "A^2", 0, 20, lines, 3, 0, uniform(0, 1, 0.2),                                              \
         "displacement parameter B that all atoms get beside their own")                                        \
  EFFECT(impurity, "1", 0, 1, sample, 0.3, 0, uniform(0.005, 0.15, 0.1),                                        \
         "highest line of another crystal, relative to the highest of this one")                                \
  EFFECT(air_scatter, "1", 0, 10, background, 0.3, 0, uniform(0, 0.05, 0.2),                                    \
         "background that falls as 1 / 2 theta, at the start of the grid")                                      \
  EFFECT(chebyshev, "1", 0, 10, background, 0.3, 0, uniform(0, 0.05, 0.2),                                      \
         "background of a random polynomial of degree 4, at most")                                              \
  EFFECT(hump, "1", 0, 10, background, 0.2, 0, uniform(0, 0.1, 0.1), "height of an amorphous hump")             \
  EFFECT(hump_centre, "deg", 0, 180, background, 0, 25, uniform(15, 35), "where it is")                         \
  EFFECT(hump_width, "deg", 0, 180, background, 0, 10, uniform(5, 15), "its full width at half maximum")        \
  EFFECT(floor, "1", 0, 10, background, 0.1, 0, log_uniform(1e-4, 1e-2, 0.5),                                   \
         "constant background of the detector")                                                                 \
  EFFECT(noise, "1", 0, 10, counts, 0.05, 0, constant(0),                                                       \
         "the paper's noise: uniform in [0, this] of the maximum")                                              \
  EFFECT(poisson, "1", 0, 1, counts, 0.05, 0, log_uniform(0.002, 0.04),                                         \
         "counting noise: relative standard deviation at the highest line")                                     \
  EFFECT(gaussian, "1", 0, 1, counts, 0.02, 0, log_normal(0.006, 0.95),                                         \
         "standard deviation of noise that does not depend on the intensity")                                   \
  EFFECT(cut_low, "deg", 0, 180, range, 20, 0, uniform(0, 10, 0.1), "missing at the start of the range")        \
  EFFECT(cut_high, "deg", 0, 180, range, 30, 0, uniform(0, 20, 0.1), "missing at its end")                      \
  EFFECT(overflow, "deg", 0, 180, lines, 45, 0, constant(0),                                                    \
         "2 theta below which the beam is longer than the sample: lines weaken as sin theta")
// clang-format on

namespace bragg {

enum class Effect : std::int32_t {
#define BRAGG_EFFECT_NAME(name, ...) name,
  BRAGG_EFFECTS(BRAGG_EFFECT_NAME)
#undef BRAGG_EFFECT_NAME
};

#define BRAGG_EFFECT_ONE(...) +1  // NOLINT(bugprone-macro-parentheses): a term of a sum
inline constexpr int effect_count = 0 BRAGG_EFFECTS(BRAGG_EFFECT_ONE);
#undef BRAGG_EFFECT_ONE

/// The stage of a pattern that an effect belongs to, in the order in which they come about.
enum class ActsOn : std::int32_t { cell, lines, width, sample, background, counts, range };

}  // namespace bragg
