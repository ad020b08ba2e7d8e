#include "data/refinement/phase_fit_levels.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>

namespace bragg::data {
namespace {

using enum RefinedKind;
using Rules = std::array<RefinedRule, refined_kinds>;

RefinedRule& of(Rules& rules, RefinedKind kind) {
  return rules[static_cast<std::size_t>(kind)];
}

Rules coarse_rules(bool with_texture) {
  constexpr RefinedRule shift{.is_free = true, .deviation = 0.06, .low = -0.4, .high = 0.4, .step = 0.1};
  Rules rule{};
  of(rule, zero) = of(rule, displacement) = shift;
  of(rule, background) = {.is_free = true};
  of(rule, scale) = {.is_free = true, .low = 0};
  of(rule, growth) = {.is_free = true, .deviation = 0.006, .low = -0.035, .high = 0.035, .step = 0.006};
  of(rule, strain) = {.is_free = true, .deviation = 0.004, .low = -0.035, .high = 0.035, .step = 0.006};
  of(rule, texture) = {.is_free = with_texture, .deviation = 0.5, .low = -1.5, .high = 1.5, .step = 0.5};
  of(rule, march) = {.is_free = true, .deviation = 0.7, .low = -2, .high = 2, .step = 0.3};
  of(rule, damping) = {.is_free = true, .deviation = 0.7, .low = -3, .high = 5, .step = 1};
  of(rule, ln_fwhm) = {
      .is_free = true, .deviation = 0.5, .low = std::log(0.005), .high = std::log(2.0), .step = 0.4};
  of(rule, fwhm_slope) = {.is_free = true, .deviation = 0.25, .low = -1, .high = 1.5, .step = 0.3};
  of(rule, lorentz_share) = {.is_free = true, .deviation = 0.3, .low = 0, .high = 1, .step = 0.3};
  return rule;
}

Rules without(Rules rules, std::initializer_list<RefinedKind> fixed) {
  for (const RefinedKind kind : fixed)
    of(rules, kind).is_free = false;
  return rules;
}

}  // namespace

std::array<PhaseFitLevel, 3> coarse_fit_levels(bool with_texture) {
  const Rules all = coarse_rules(with_texture);
  return {{{.step = 0.1,
            .blur = 0.45,
            .iterations = 10,
            .lines = 120,
            .doublet = false,
            .rule = without(all, {ln_fwhm, fwhm_slope, lorentz_share, damping, displacement})},
           {.step = 0.04,
            .blur = 0.18,
            .iterations = 10,
            .lines = 300,
            .doublet = true,
            .rule = without(all, {lorentz_share, damping, displacement})},
           {.step = 0.02, .blur = 0, .iterations = 12, .lines = 700, .doublet = true, .rule = all}}};
}

Rules counted_fit_rules(double step, bool with_texture) {
  Rules rule{};
  // Goniometers are adjusted to hundredths of a degree, samples lie within tenths of a millimetre.
  of(rule, zero) = {.is_free = true, .deviation = 0.03, .low = -0.5, .high = 0.5, .step = 0.05};
  of(rule, displacement) = {.is_free = true, .deviation = 0.1, .low = -1, .high = 1, .step = 0.05};
  of(rule, background) = {.is_free = true};
  of(rule, scale) = {.is_free = true, .low = 0};
  of(rule, growth) = {.is_free = true, .low = -0.05, .high = 0.05, .step = 0.003};
  of(rule, strain) = {.is_free = true, .low = -0.05, .high = 0.05, .step = 0.003};
  of(rule, texture) = {.is_free = with_texture, .deviation = 1, .low = -2.5, .high = 2.5, .step = 0.3};
  of(rule, march) = {.is_free = true, .deviation = 1, .low = -2.5, .high = 2.5, .step = 0.3};
  of(rule, damping) = {.is_free = true, .deviation = 1, .low = -5, .high = 10, .step = 0.5};
  of(rule, ln_fwhm) = {.is_free = true,
                       .deviation = 1,
                       .low = std::log(std::clamp(step / 2, 1e-4, 0.03)),
                       .high = std::log(3.0),
                       .step = 0.3};
  of(rule, fwhm_slope) = {.is_free = true, .deviation = 0.5, .low = -1.5, .high = 2, .step = 0.2};
  of(rule, lorentz_share) = {.is_free = true, .deviation = 0.5, .low = 0, .high = 1, .step = 0.2};
  return rule;
}

}  // namespace bragg::data
