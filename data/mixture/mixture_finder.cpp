#include "data/mixture/mixture_finder.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <optional>

#include <fmt/format.h>

#include "data/mixture/mixture_rounds.h"
#include "data/mixture/required_elements.h"
#include "data/search/pattern_views.h"
#include "kernels/base/error.h"

namespace bragg::data {
namespace {

/// Phases after which a stretched axis is told from the one that was stated.
constexpr std::int64_t depth_of_axis = 2;
constexpr double last_angle = 179;  // degrees
/// Of ln chi^2: hypotheses nearer to each other are not told apart by the pattern.
constexpr double hardly_different = 0.02;

void require_within(const char* name, std::int64_t value, std::int64_t least, std::int64_t most) {
  if (value < least || value > most)
    throw UsageError(fmt::format("mixture: {} {} is not in {}..{}", name, value, least, most));
}

/// What `state` with one phase searched anew is; the phase that was there stays unless another is better and nothing required goes.
bool swap_phase(MixtureRounds& rounds, const RequiredElements& required, MixtureState& state,
                std::size_t which, const MixtureState& without) {
  const std::int32_t before = state.phases[which].match.structure;
  std::vector<MixtureState> found = rounds.extended(without);
  if (found.empty() || found.front().phases.back().match.structure == before) return false;
  MixtureState& best = found.front();
  if (best.chi_squared() >= state.chi_squared() ||
      !required.missing(best.phases).is_subset_of(required.missing(state.phases)))
    return false;
  std::rotate(best.phases.begin() + static_cast<std::ptrdiff_t>(which), best.phases.end() - 1,
              best.phases.end());
  std::rotate(best.model.phases.begin() + static_cast<std::ptrdiff_t>(which), best.model.phases.end() - 1,
              best.model.phases.end());
  state = std::move(best);
  return true;
}

/// What goes with all phases together: gains, and which are polymorphs of one that gains more.
void set_gains(const MixtureRounds& rounds, MixtureState& state, std::span<const MixtureState> without) {
  for (std::size_t i = 0; i < state.phases.size(); ++i)
    rounds.set_gain(state.phases[i].figures, state, without[i]);
  for (MixtureCandidate& phase : state.phases)
    phase.figures.polymorph = is_polymorph(phase.type, state.phases, phase.figures.joint_gain) ? 1 : 0;
}

/// Together with alternatives in their places.
bool have_same_phases(const MixtureState& a, const MixtureState& b) {
  return std::is_permutation(a.phases.begin(), a.phases.end(), b.phases.begin(), b.phases.end(),
                             [](const MixtureCandidate& x, const MixtureCandidate& y) {
                               return x.match.structure == y.match.structure ||
                                      (are_isotypes(x.type, y.type, 0.005) &&
                                       have_same_composition(x.type.composition, y.type.composition));
                             });
}

/// How believable an axis is: ln of chi^2 of the background over that of the best of some states, less what the phases' cells had
/// to be changed for it. A stretched axis makes all cells grow alike.
double belief_in_axis(std::span<const MixtureState> states, const MixtureState& nothing) {
  constexpr double per_percent = 0.1;
  double best = 0;
  for (const MixtureState& state : states) {
    double change = 0;
    for (const MixtureCandidate& phase : state.phases)
      change += phase.figures.cell_change / static_cast<double>(state.phases.size());
    best = std::max(best, std::log(nothing.chi_squared() / state.chi_squared()) - per_percent * change);
  }
  return best;
}

double total_presence(const MixtureState& state) {
  double sum = 0;
  for (const MixtureCandidate& phase : state.phases)
    sum += presence(phase.figures);
  return sum;
}

/// Takes out what is likelier not there, the least likely first, but nothing that is required.
void eliminate(MixtureRounds& rounds, const RequiredElements& required, MixtureState& state,
               double least_presence) {
  while (!state.phases.empty()) {
    std::vector<MixtureState> without = rounds.each_without_one(state);
    set_gains(rounds, state, without);
    std::optional<std::size_t> worst;
    for (std::size_t i = 0; i < state.phases.size(); ++i) {
      const bool may_go = !required.needs(state.phases, i);
      if (may_go && (!worst || presence(state.phases[i].figures) < presence(state.phases[*worst].figures)))
        worst = i;
    }
    if (!worst || presence(state.phases[*worst].figures) >= least_presence || state.phases.size() == 1)
      return;
    state = std::move(without[*worst]);
  }
}

MixtureRound round_of(std::span<const MixtureState> states) {
  MixtureRound round;
  for (const MixtureState& state : states)
    round.candidates.push_back({state.phases.back().match.structure, state.phases.back().figures});
  return round;
}

MixtureRound round_of(std::span<const MixtureCandidate> candidates, bool is_last) {
  MixtureRound round{is_last, {}};
  for (const MixtureCandidate& candidate : candidates)
    round.candidates.push_back({candidate.match.structure, candidate.figures});
  return round;
}

Mixture result_of(MixtureRounds& rounds, const RequiredElements& required, const MixtureState& state,
                  double least_presence) {
  const RefinementPattern::OnGrid& grid = rounds.finest();
  Mixture mixture;
  mixture.start = grid.pattern.start;
  mixture.step = grid.pattern.step;
  mixture.measured = grid.y;
  mixture.calculated = state.fit.calculated;
  mixture.rwp = std::sqrt(state.chi_squared() / double{state.fit.figures.weighed});
  mixture.explained = double{state.fit.figures.explained};
  std::vector<std::vector<float>> parts = rounds.parts(state);
  double sum = 0;
  std::vector<double> weights;
  for (const ModelPhase& phase : state.model.phases) {
    weights.push_back(zmv_weight(rounds.pool(), phase));
    sum += weights.back();
  }
  for (std::size_t i = 0; i < state.phases.size(); ++i) {
    const MixtureCandidate& phase = state.phases[i];
    const ModelPhase& model = state.model.phases[i];
    const bool is_for_element = presence(phase.figures) < least_presence && required.needs(state.phases, i);
    std::vector<std::int32_t> alternatives = phase.alternatives;
    if (is_for_element)
      std::erase_if(alternatives, [&](std::int32_t other) {
        return !required.holds(other, required.held_alone_by(state.phases, i));
      });
    mixture.phases.push_back(
        {.structure = phase.match.structure,
         .alternatives = std::move(alternatives),
         .weight_fraction = sum > 0 ? weights[i] / sum : 0,
         .similarity = phase.match.similarity,
         .figures = phase.figures,
         .gain = phase.figures.joint_gain,
         .is_for_element = is_for_element,
         .cell = refined_cell(rounds.pool().refined(model.place), model.parameters.data() + strain_at),
         .calculated = std::move(parts[i])});
  }
  std::stable_sort(
      mixture.phases.begin(), mixture.phases.end(),
      [](const MixturePhase& a, const MixturePhase& b) { return a.weight_fraction > b.weight_fraction; });
  return mixture;
}

}  // namespace

void MixtureSettings::validate() const {
  require_within("most_phases", most_phases, 1, most_refined_phases);
  require_within("candidates", candidates, 1, 1000);
  require_within("middle_candidates", middle_candidates, 1, candidates);
  require_within("fine_candidates", fine_candidates, 1, middle_candidates);
  require_within("joint_candidates", joint_candidates, 1, fine_candidates);
  require_within("hypotheses", hypotheses, 1, 100);
  require_within("swap_passes", swap_passes, 0, 100);
}

MixtureFinder::MixtureFinder(MixtureTools tools, const MixtureSettings& settings)
    : tools_(std::move(tools)),
      settings_(settings),
      prior_(tools_.index),
      required_(std::make_unique<RequiredElements>(tools_)) {
  settings_.validate();
}
MixtureFinder::~MixtureFinder() = default;

std::vector<MixtureState> MixtureFinder::followed(MixtureRounds& rounds, std::vector<MixtureState> states,
                                                  std::int64_t depth, std::int64_t end,
                                                  std::span<const SearchMatch> first,
                                                  std::vector<MixtureRound>& kept) const {
  for (; depth < end; ++depth) {
    std::vector<MixtureState> next;
    for (const MixtureState& state : states) {
      std::vector<MixtureState> ways =
          rounds.extended(state, depth == 0 ? first : std::span<const SearchMatch>{});
      if (settings_.keep_rounds && !ways.empty()) kept.push_back(round_of(ways));
      for (MixtureState& way : ways) {
        // What is not there makes nothing better; the same phases in another order are the same.
        const bool is_known = std::any_of(next.begin(), next.end(), [&](const MixtureState& other) {
          return have_same_phases(way, other);
        });
        if (way.chi_squared() < state.chi_squared() && !is_known) next.push_back(std::move(way));
      }
    }
    if (next.empty()) break;
    std::stable_sort(next.begin(), next.end(),
                     [](const MixtureState& a, const MixtureState& b) { return a.score > b.score; });
    if (std::ssize(next) > settings_.hypotheses) next.resize(static_cast<std::size_t>(settings_.hypotheses));
    const bool is_there = presence(next.front().phases.back().figures) >= settings_.least_presence;
    if (settings_.least_presence > 0 && depth > 0 && !is_there) break;
    states = std::move(next);
  }
  return states;
}

MixtureFinder::Axis MixtureFinder::stretched(const Axis& axis, double wavelength) const {
  constexpr double stretches[] = {-0.02, -0.01, 0.01, 0.02};
  Axis best = axis;
  for (const double stretch : stretches) {
    Axis other{stretch, axis.measured, {}};
    for (double& x : other.measured.x)
      x += stretch * (x - axis.measured.x.front());
    while (!other.measured.x.empty() && other.measured.x.back() >= last_angle) {
      other.measured.x.pop_back();
      other.measured.intensity.pop_back();
    }
    const SearchPattern pattern{&other.measured, wavelength, {}};
    try {
      other.matches = tools_.searcher.search({&pattern, 1}).front();
    } catch (const PatternRefused&) {
      continue;  // too little of it is left
    }
    const auto similarity = [](const Axis& of) {
      return of.matches.empty() ? 0 : of.matches.front().similarity;
    };
    if (similarity(other) > similarity(best)) best = std::move(other);
  }
  return best;
}

Mixture MixtureFinder::find(const SearchPattern& pattern, std::span<const SearchMatch> given) {
  const bool is_angle = pattern.measured->abscissa == Abscissa::two_theta;
  const double wavelength = is_angle ? pattern.wavelength : search_wavelength;
  Axis axis{0, to_two_theta(*pattern.measured, pattern.wavelength, wavelength), {given.begin(), given.end()}};
  if (axis.matches.empty()) {
    const SearchPattern whole{&axis.measured, wavelength, {}};
    axis.matches = tools_.searcher.search({&whole, 1}).front();
  }
  std::vector<MixtureRound> kept;
  auto rounds_there =
      std::make_unique<MixtureRounds>(tools_, settings_, prior_, axis.measured, wavelength, is_angle);
  const std::int64_t first_depth = std::min(depth_of_axis, settings_.most_phases);
  const MixtureState nothing = rounds_there->nothing();
  std::vector<MixtureState> states = followed(*rounds_there, {nothing}, 0, first_depth, axis.matches, kept);
  const Axis tried = is_angle && settings_.tries_axes ? stretched(axis, wavelength) : axis;
  if (tried.stretch != 0) {
    auto rounds_tried =
        std::make_unique<MixtureRounds>(tools_, settings_, prior_, tried.measured, wavelength, is_angle);
    std::vector<MixtureRound> kept_tried;
    const MixtureState nothing_tried = rounds_tried->nothing();
    std::vector<MixtureState> states_tried =
        followed(*rounds_tried, {nothing_tried}, 0, first_depth, tried.matches, kept_tried);
    if (belief_in_axis(states_tried, nothing_tried) > belief_in_axis(states, nothing) + stretch_margin) {
      axis.stretch = tried.stretch;
      rounds_there = std::move(rounds_tried);
      states = std::move(states_tried);
      kept = std::move(kept_tried);
    }
  }
  MixtureRounds& rounds = *rounds_there;
  states = followed(rounds, std::move(states), first_depth, settings_.most_phases, {}, kept);
  for (MixtureState& state : states) {
    if (settings_.keep_rounds) {
      set_gains(rounds, state, rounds.each_without_one(state));
      kept.push_back(round_of(state.phases, true));
    }
    eliminate(rounds, *required_, state, settings_.least_presence);
    if (required_->missing(state.phases).is_empty()) continue;
    state = required_->completed(rounds, std::move(state));
    set_gains(rounds, state, rounds.each_without_one(state));
  }
  const auto rank_of = [&](const MixtureState& way) {
    return std::pair(!required_->missing(way.phases).is_empty(), -total_presence(way));
  };
  std::stable_sort(states.begin(), states.end(),
                   [&](const MixtureState& a, const MixtureState& b) { return rank_of(a) < rank_of(b); });
  MixtureState& state = states.front();
  for (std::int64_t pass = 0; pass < settings_.swap_passes && state.phases.size() > 1; ++pass) {
    bool has_changed = false;
    for (std::size_t i = 0; i < state.phases.size(); ++i)
      has_changed |= swap_phase(rounds, *required_, state, i, rounds.without_one(state, i));
    if (!has_changed) break;
  }
  eliminate(rounds, *required_, state, settings_.least_presence);
  Mixture mixture = result_of(rounds, *required_, state, settings_.least_presence);
  for (const MixtureState& way : std::span(states).subspan(1)) {
    if (std::log(way.chi_squared() / state.chi_squared()) > hardly_different || have_same_phases(way, state))
      continue;
    MixtureHypothesis hypothesis{{}, std::sqrt(way.chi_squared() / double{way.fit.figures.weighed})};
    for (const MixtureCandidate& phase : way.phases)
      hypothesis.structures.push_back(phase.match.structure);
    mixture.others.push_back(std::move(hypothesis));
  }
  mixture.rounds = std::move(kept);
  mixture.axis_stretch = axis.stretch;
  return mixture;
}

}  // namespace bragg::data
