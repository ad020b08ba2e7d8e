// What Identifier answers where a pattern is of several phases: where no structure explains its strong lines alone, and where
// weak ones are left beside a phase that explains the rest.
#include <algorithm>
#include <cmath>
#include <span>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "apps/identify/identifier.h"

namespace bragg::apps {
namespace {

/// Beside the phase that is accepted: one way is followed from it, and only what is rather there than not is named, since
/// a pattern of one phase leaves the misfit of its model, too (docs/measured.md).
constexpr data::MixtureSettings minor_phases{.most_phases = 3,
                                             .candidates = 25,
                                             .middle_candidates = 10,
                                             .fine_candidates = 4,
                                             .joint_candidates = 2,
                                             .hypotheses = 1,
                                             .swap_passes = 0,
                                             .least_presence = 1,
                                             .tries_axes = false};
/// What holds more beside the accepted phase is no minor phase.
constexpr double most_minor_share = 0.3;

/// No phase where too little is left of the pattern.
data::Mixture found_mixture(data::MixtureFinder& finder, const MeasuredItem& item,
                            std::span<const data::SearchMatch> first) {
  try {
    return finder.find({&item.measured, item.wavelength, {}}, first);
  } catch (const data::PatternRefused&) {
    return {};
  }
}

}  // namespace

void Identifier::name_phases(const data::Mixture& mixture, Identification& result) const {
  // What the pattern shows comes first, however little it weighs beside what is fitted to noise.
  std::vector<const data::MixturePhase*> in_order;
  for (const data::MixturePhase& phase : mixture.phases)
    in_order.push_back(&phase);
  std::stable_partition(in_order.begin(), in_order.end(),
                        [](const data::MixturePhase* phase) { return !phase->is_for_element; });
  result.phases.clear();
  for (const data::MixturePhase* const one : in_order) {
    const data::MixturePhase& phase = *one;
    Candidate candidate = known(phase.structure);
    candidate.similarity = std::clamp<double>(phase.similarity, 0, 1);
    candidate.cell = phase.cell;
    candidate.cell_change = data::change_of_edges(phase.cell, library_->crystal(phase.structure).cell);
    candidate.weight_fraction = phase.weight_fraction;
    candidate.residual = mixture.rwp;
    candidate.explained = mixture.explained;
    for (const std::int32_t isotype : phase.alternatives)
      candidate.variants.push_back(variant_text(known(isotype)));
    if (phase.is_for_element)
      result.warnings.push_back(fmt::format(
          "{} is named for an element that some phase has to hold: the pattern alone would not show it{}{}",
          name_or_formula(candidate),
          candidate.variants.empty() ? "" : "; as likely: ", fmt::join(candidate.variants, ", ")));
    result.phases.push_back(std::move(candidate));
  }
}

data::MixtureFinder& Identifier::finder(std::unique_ptr<data::MixtureFinder>& made,
                                        const data::MixtureSettings& settings) {
  // Of a mixture only the phases together must hold what is required.
  if (!made)
    made = std::make_unique<data::MixtureFinder>(
        data::MixtureTools{backend_, mixture_searcher(), *index_, library_->crystals(), settings_.filter},
        settings);
  return *made;
}

data::Searcher& Identifier::mixture_searcher() {
  if (settings_.filter.required.is_empty()) return *searcher_;
  if (!mixture_searcher_)
    mixture_searcher_ = std::make_unique<data::Searcher>(backend_, *index_, data::SearchSettings{},
                                                         data::allowed_structures(*index_, settings_.filter));
  return *mixture_searcher_;
}

bool Identifier::holds_required(const data::Mixture& mixture) const {
  std::vector<data::ElementSet> phases;
  for (const data::MixturePhase& phase : mixture.phases)
    phases.push_back(index_->elements(phase.structure));
  return settings_.filter.is_satisfied_by(phases);
}

bool Identifier::take_apart(const MeasuredItem& item, const Findings& found, Identification& result) {
  const data::Mixture mixture = found_mixture(finder(mixtures_, {}), item, found.matches);
  const double alone = result.candidates.front().explained;
  if (mixture.phases.size() < 2 || mixture.explained < least_mixture_explained ||
      mixture.explained < alone + least_mixture_gain ||
      mixture.phases.front().similarity < static_cast<float>(least_main_similarity))
    return false;
  if (!holds_required(mixture)) return false;
  name_phases(mixture, result);
  if (mixture.axis_stretch != 0) {
    result.warnings.push_back(fmt::format(
        "angles were taken to lie {:.0f} % too {}: the phases fit better then",
        100 * std::abs(mixture.axis_stretch), mixture.axis_stretch > 0 ? "near together" : "far apart"));
  }
  for (const data::MixtureHypothesis& other : mixture.others) {
    OtherMixture hypothesis{{}, other.rwp};
    for (const std::int32_t structure : other.structures)
      hypothesis.phases.push_back(known(structure));
    result.hypotheses.push_back(std::move(hypothesis));
  }
  return true;
}

void Identifier::accept(const MeasuredItem& item, const Findings& found, Identification& result) {
  const Candidate& main = result.candidates.front();
  const auto match = std::find_if(found.matches.begin(), found.matches.end(),
                                  [&](const auto& one) { return one.structure == main.structure; });
  const data::Mixture mixture = found_mixture(finder(minors_, minor_phases), item, {&*match, 1});
  // What is named for an element alone may weigh whatever noise makes of it.
  const auto first = std::find_if(mixture.phases.begin(), mixture.phases.end(),
                                  [](const data::MixturePhase& one) { return !one.is_for_element; });
  const bool has_others = mixture.phases.size() > 1 && first != mixture.phases.end() &&
                          first->structure == main.structure,
             are_minor = has_others && first->weight_fraction >= 1 - most_minor_share;
  const bool is_enough = settings_.filter.required.is_subset_of(index_->elements(match->structure));
  if (is_enough ? are_minor : has_others && holds_required(mixture)) {
    name_phases(mixture, result);
  } else if (is_enough) {
    result.phases = {main};
  } else {
    result.no_match = NoMatch::unknown_phase;
    result.reason =
        fmt::format("beside {} no known phase holds what has to be there and makes the fit better",
                    name_or_formula(main));
  }
}

}  // namespace bragg::apps
