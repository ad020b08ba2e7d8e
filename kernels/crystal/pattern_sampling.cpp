#include "kernels/crystal/pattern_sampling.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "kernels/base/error.h"
#include "kernels/crystal/pattern_parameters.h"

namespace bragg {
namespace {

template <typename... T>
[[noreturn]] void fail(fmt::format_string<T...> text, T&&... values) {
  throw ProblemError(fmt::format("[sample_patterns] {}", fmt::format(text, std::forward<T>(values)...)));
}

void check(const PatternVariant& v, const TwoThetaGrid& grid) {
  for (const double value : {v.U, v.V, v.weight}) {
    if (!std::isfinite(value)) fail("a variant's value {} is not finite", value);
  }
  if (v.weight < 0) fail("weight {} < 0", v.weight);
  for (int e = 0; e < effect_count; ++e) {
    if (const auto fault = fault_of(effect_table[e], v.effects[e])) fail("{}", *fault);
  }
  if (v[Effect::W].probability < 1) fail("W: probability {} < 1", v[Effect::W].probability);
  if (!v[Effect::noise].is_absent() && !(v[Effect::poisson].is_absent() && v[Effect::gaussian].is_absent()))
    fail("noise and poisson or gaussian in one variant");
  if (!v[Effect::hump].is_absent() && !(v[Effect::hump_width].lowest() > 0))
    fail("hump_width {}, not above 0", v[Effect::hump_width].lowest());
  if (const auto fault = width_fault(grid, v.U, v.V, v[Effect::W].lowest())) fail("{}", *fault);
}

}  // namespace

#define BRAGG_EFFECT_INFO(name, unit, lowest, highest, acts_on, alone, otherwise, realistic, meaning) \
  {#name, unit, meaning, ActsOn::acts_on, lowest, highest, alone, otherwise, Distribution::realistic},
const std::array<EffectInfo, effect_count> effect_table{{BRAGG_EFFECTS(BRAGG_EFFECT_INFO)}};
#undef BRAGG_EFFECT_INFO

std::optional<std::string> fault_of(const EffectInfo& info, const Distribution& d) {
  for (const double value : {d.a, d.b, d.probability}) {
    if (!std::isfinite(value)) return fmt::format("{}: {} is not finite", info.name, value);
  }
  if (d.probability < 0 || d.probability > 1)
    return fmt::format("{}: probability {} is not in 0..1", info.name, d.probability);
  const bool is_range = d.law == Distribution::Law::uniform || d.law == Distribution::Law::log_uniform;
  if (is_range && d.a > d.b) return fmt::format("{}: {} > {}", info.name, d.a, d.b);
  if (!is_range && d.b < 0) return fmt::format("{}: spread {} < 0", info.name, d.b);
  if (d.law == Distribution::Law::log_uniform && !(d.a > 0))
    return fmt::format("{}: log_uniform from {}, not above 0", info.name, d.a);
  if (d.lowest() < info.lowest) return fmt::format("{} {} < {}", info.name, d.lowest(), info.lowest);
  if (d.highest() > info.highest) return fmt::format("{} {} > {}", info.name, d.highest(), info.highest);
  return std::nullopt;
}

double Distribution::lowest() const {
  const double drawn = law == Law::normal || law == Law::mixed_normal ? a - normal_cut * b
                       : law == Law::log_normal                       ? a * std::exp(-normal_cut * b)
                                                                      : a;
  return probability < 1 ? std::min(drawn, 0.0) : drawn;
}

double Distribution::highest() const {
  const double drawn = law == Law::normal || law == Law::mixed_normal ? a + normal_cut * b
                       : law == Law::log_normal                       ? a * std::exp(normal_cut * b)
                                                                      : b;
  return probability < 1 ? std::max(drawn, 0.0) : drawn;
}

bool PatternSampling::samples_impurities() const {
  return std::any_of(variants.begin(), variants.end(), [](const PatternVariant& v) {
    return v.weight > 0 && !v[Effect::impurity].is_absent();
  });
}

std::string PatternSampling::text() const {
  return fmt::format("N {} variants {}", N, variants.size());
}

void PatternSampling::validate() const {
  if (N < 0) fail("N {} < 0", N);
  if (const auto fault = fault_of(grid)) fail("{}", *fault);
  if (variants.empty()) fail("variants {} < 1", variants.size());
  double total = 0;
  for (const PatternVariant& v : variants) {
    check(v, grid);
    total += v.weight;
  }
  if (!(total > 0)) fail("the variants' weights add up to {}, not above 0", total);
}

}  // namespace bragg
