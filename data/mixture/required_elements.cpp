#include "data/mixture/required_elements.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

namespace bragg::data {
namespace {

/// Where some phase has to hold an element: all structures with it are tried, since noise may hide which it is.
constexpr MixtureSettings breadth_for_element{
    .candidates = 80, .middle_candidates = 40, .fine_candidates = 16, .joint_candidates = 16};

/// Of ln of the likelihood: structures this near to the best holder are as good an answer.
constexpr double hardly_less_likely = 2;

/// Of ln of chi^2: what an isotype that holds more may fit worse.
constexpr double hardly_worse = 0.02;

/// Whether `a` is a part of `b` and not all of it.
bool is_less(const ElementSet& a, const ElementSet& b) {
  return a.is_subset_of(b) && a != b;
}

/// How likely the last phase of a state is the one that holds what the others lack: by the fit, in units of noise or of what all phases
/// misfit, and by candidate_score(), which knows what is usual.
double worth_of_holder(const MixtureState& state) {
  const CandidateFigures& figures = state.phases.back().figures;
  const double fall_of_chi_squared = std::expm1(figures.joint_gain) * state.chi_squared();
  return fall_of_chi_squared / (2 * std::max(1.0, std::exp(figures.misfit))) + state.score;
}

ElementSet held_by(const SearchIndex& index, std::span<const MixtureCandidate> phases) {
  ElementSet all;
  for (const MixtureCandidate& phase : phases)
    all = all.united(index.elements(phase.match.structure));
  return all;
}

}  // namespace

RequiredElements::RequiredElements(const MixtureTools& tools) : tools_(tools) {}

ElementSet RequiredElements::missing(std::span<const MixtureCandidate> phases) const {
  return tools_.filter.required.without(held_by(tools_.index, phases));
}

ElementSet RequiredElements::held_alone_by(std::span<const MixtureCandidate> phases,
                                           std::size_t which) const {
  const ElementSet others =
      held_by(tools_.index, phases.first(which)).united(held_by(tools_.index, phases.subspan(which + 1)));
  return tools_.filter.required.without(others).shared_with(
      tools_.index.elements(phases[which].match.structure));
}

bool RequiredElements::holds(std::int32_t structure, const ElementSet& elements) const {
  return elements.is_subset_of(tools_.index.elements(structure));
}

Searcher& RequiredElements::holders(const ElementSet& missing) {
  std::unique_ptr<Searcher>& searcher = searchers_[missing.bits];
  if (!searcher) {
    std::vector<std::uint8_t> allowed(static_cast<std::size_t>(tools_.index.size()));
    for (std::int64_t i = 0; i < tools_.index.size(); ++i) {
      const ElementSet& elements = tools_.index.elements(i);
      allowed[static_cast<std::size_t>(i)] =
          tools_.filter.passes(elements) && elements.shares_any_with(missing) ? 1 : 0;
    }
    searcher = std::make_unique<Searcher>(tools_.backend, tools_.index, SearchSettings{}, allowed);
  }
  return *searcher;
}

std::optional<MixtureState> RequiredElements::with_holder(MixtureRounds& rounds, const MixtureState& state,
                                                          const ElementSet& missing) {
  const std::vector<MixtureState> ways =
      rounds.extended_by_one_of(holders(missing), breadth_for_element, state);
  const auto best = std::max_element(
      ways.begin(), ways.end(),
      [](const MixtureState& a, const MixtureState& b) { return worth_of_holder(a) < worth_of_holder(b); });
  if (best == ways.end() || best->chi_squared() >= state.chi_squared()) return {};
  MixtureState with = *best;
  MixtureCandidate& holder = with.phases.back();
  holder.alternatives.clear();
  const ElementSet held = tools_.index.elements(holder.match.structure).shared_with(missing);
  for (const MixtureState& other : ways) {
    const std::int32_t structure = other.phases.back().match.structure;
    if (&other != &*best && holds(structure, held) &&
        worth_of_holder(other) > worth_of_holder(*best) - hardly_less_likely)
      holder.alternatives.push_back(structure);
  }
  return with;
}

MixtureState RequiredElements::completed(MixtureRounds& rounds, MixtureState state) {
  while (true) {
    const ElementSet lacking = missing(state.phases);
    if (lacking.is_empty()) return state;
    std::optional<MixtureState> next;
    // A phase may be an isotype of one that holds what is missing.
    for (std::size_t i = 0; i < state.phases.size() && !next; ++i) {
      const auto& others = state.phases[i].alternatives;
      const bool may_hold = std::any_of(others.begin(), others.end(), [&](std::int32_t structure) {
        return tools_.index.elements(structure).shares_any_with(lacking);
      });
      if (!may_hold) continue;
      next = with_holder(rounds, rounds.without_one(state, i), lacking);
      if (next && (std::log(next->chi_squared() / state.chi_squared()) > hardly_worse ||
                   !is_less(missing(next->phases), lacking)))
        next.reset();
    }
    if (!next && std::ssize(state.phases) < most_refined_phases) next = with_holder(rounds, state, lacking);
    if (!next) return state;
    state = *std::move(next);
  }
}

}  // namespace bragg::data
