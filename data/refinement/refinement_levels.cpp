#include "data/refinement/refinement_levels.h"

#include <cmath>

namespace bragg::data {
namespace {

constexpr RefinedRule shift{.is_free = true, .deviation = 0.06, .low = -0.4, .high = 0.4, .step = 0.1};

std::array<RefinedRule, refined_kinds> rules() {
  std::array<RefinedRule, refined_kinds> rule{};
  const auto of = [&](RefinedKind kind) -> RefinedRule& { return rule[static_cast<std::size_t>(kind)]; };
  of(RefinedKind::zero) = shift;
  of(RefinedKind::displacement) = shift;
  of(RefinedKind::background) = {.is_free = true};
  of(RefinedKind::scale) = {.is_free = true, .low = 0};
  of(RefinedKind::growth) = {
      .is_free = true, .deviation = 0.006, .low = -0.035, .high = 0.035, .step = 0.006};
  of(RefinedKind::strain) = {
      .is_free = true, .deviation = 0.004, .low = -0.035, .high = 0.035, .step = 0.006};
  of(RefinedKind::texture) = {.is_free = true, .deviation = 0.5, .low = -1.5, .high = 1.5, .step = 0.5};
  of(RefinedKind::damping) = {.is_free = true, .deviation = 0.7, .low = -3, .high = 5, .step = 1};
  of(RefinedKind::ln_fwhm) = {
      .is_free = true, .deviation = 0.5, .low = std::log(0.03), .high = std::log(2.0), .step = 0.4};
  of(RefinedKind::fwhm_slope) = {.is_free = true, .deviation = 0.25, .low = -1, .high = 1.5, .step = 0.3};
  of(RefinedKind::lorentz_share) = {.is_free = true, .deviation = 0.3, .low = 0, .high = 1, .step = 0.3};
  return rule;
}

std::array<RefinedRule, refined_kinds> without(std::array<RefinedRule, refined_kinds> rule,
                                               std::initializer_list<RefinedKind> fixed) {
  for (const RefinedKind kind : fixed)
    rule[static_cast<std::size_t>(kind)].is_free = false;
  return rule;
}

}  // namespace

std::array<RefinementLevel, 3> candidate_levels() {
  using enum RefinedKind;
  return {{{.step = 0.1,
            .blur = 0.45,
            .iterations = 8,
            .lines = 120,
            .models = 100,
            .doublet = false,
            .rule = without(rules(), {ln_fwhm, fwhm_slope, lorentz_share, damping, displacement})},
           {.step = 0.04,
            .blur = 0.18,
            .iterations = 6,
            .lines = 300,
            .models = 40,
            .doublet = true,
            .rule = without(rules(), {lorentz_share, damping})},
           {.step = 0.02,
            .blur = 0,
            .iterations = 7,
            .lines = 700,
            .models = 30,
            .doublet = true,
            .rule = rules()}}};
}

ModelRules rules_of(const RefinementLevel& level) {
  return {.terms = refinement_terms,
          .lines = level.lines,
          .iterations = level.iterations,
          .blur = level.blur,
          .data_weight = data_against_prior,
          .rule = level.rule};
}

RefinedPattern seen_at(const RefinementLevel& level, RefinedPattern pattern) {
  if (level.doublet || !(pattern.second_share > 0)) return pattern;
  const float share = pattern.second_share;
  pattern.wavelength[0] = (pattern.wavelength[0] + share * pattern.wavelength[1]) / (1 + share);
  pattern.second_share = 0;
  return pattern;
}

std::array<float, phase_parameters> first_of_phase(double narrower) {
  constexpr double fwhm = 0.12, slope = 0.25, lorentz_share = 0.5;
  std::array<float, phase_parameters> phase{};
  phase[scale_at] = 0.5f;
  phase[ln_fwhm_at] = static_cast<float>(std::log(fwhm * narrower));
  phase[fwhm_slope_at] = static_cast<float>(slope);
  phase[lorentz_share_at] = static_cast<float>(lorentz_share);
  return phase;
}

}  // namespace bragg::data
