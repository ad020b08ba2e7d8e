// What a pattern leaves to chance: from which distributions sample_patterns draws the parameters of patterns.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/crystal/effects.h"
#include "kernels/crystal/pattern_problem.h"

namespace bragg {

/// Where the z of a Distribution is cut, below and above.
inline constexpr double normal_cut = 3;

/// How one number is drawn, once per pattern. z is a normal deviate cut at +-normal_cut, u uniform in [0, 1).
struct Distribution {
  enum class Law : std::uint8_t {
    uniform,       ///< in [a, b]; a = b: a constant
    log_uniform,   ///< in [a, b], 0 < a
    normal,        ///< a + b z
    log_normal,    ///< a exp(b z)
    mixed_normal,  ///< a + b u^2 z: mostly far smaller than b
  };
  Law law = Law::uniform;
  double a = 0, b = 0;
  double probability = 1;  ///< else the number is 0: the effect is absent

  static constexpr Distribution constant(double x) { return {Law::uniform, x, x, 1}; }
  static constexpr Distribution uniform(double low, double high, double probability = 1) {
    return {Law::uniform, low, high, probability};
  }
  static constexpr Distribution log_uniform(double low, double high, double probability = 1) {
    return {Law::log_uniform, low, high, probability};
  }
  static constexpr Distribution normal(double mean, double sigma) { return {Law::normal, mean, sigma, 1}; }
  static constexpr Distribution log_normal(double median, double sigma, double probability = 1) {
    return {Law::log_normal, median, sigma, probability};
  }
  static constexpr Distribution mixed_normal(double mean, double sigma) {
    return {Law::mixed_normal, mean, sigma, 1};
  }
  /// Whether it is always 0.
  bool is_absent() const { return probability == 0 || (law == Law::uniform && a == 0 && b == 0); }
  /// Bounds of what can be drawn.
  double lowest() const;
  double highest() const;
  bool operator==(const Distribution&) const = default;
};

/// A row of BRAGG_EFFECTS.
struct EffectInfo {
  std::string_view name, unit, meaning;
  ActsOn acts_on;
  double lowest, highest;   ///< what it can be
  double alone, otherwise;  ///< in pictures: where it is shown, 0: with another; and where another is
  Distribution realistic;   ///< its law in the recipe of that name
};
/// In the order of Effect.
extern const std::array<EffectInfo, effect_count> effect_table;

/// Why this is no distribution of the effect: not finite, or it may give what the effect cannot be. Names
/// effect and value, but no op.
std::optional<std::string> fault_of(const EffectInfo&, const Distribution&);

/// One way to draw a pattern.
struct PatternVariant {
  double U = 0, V = 0;  ///< degrees^2 of 2 theta
  std::array<Distribution, effect_count> effects{};
  double weight = 1;  ///< share of the patterns, relative to the other variants

  Distribution& operator[](Effect e) { return effects[static_cast<std::size_t>(e)]; }
  const Distribution& operator[](Effect e) const { return effects[static_cast<std::size_t>(e)]; }
  bool operator==(const PatternVariant&) const = default;
};

/// N patterns from state.first_index on: parameters number n are those that sample_pattern() gives for (seed,
/// first_index + n), a pure function of both.
struct PatternSampling {
  std::int64_t N = 0;
  std::uint32_t seed = 0;
  std::vector<PatternVariant> variants;
  TwoThetaGrid grid;  ///< on which the widths of all variants must be above 0

  /// Whether any variant can have an impurity.
  bool samples_impurities() const;
  void validate() const;
  std::string text() const;
};

}  // namespace bragg
