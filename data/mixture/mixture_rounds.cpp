#include "data/mixture/mixture_rounds.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "data/patterns/resample.h"
#include "data/search/pattern_views.h"
#include "data/search/ranking.h"
#include "kernels/crystal/refinement_model.h"
#include "xrd/scattering/wavelength.h"

namespace bragg::data {
namespace {

/// Share of the phases' height near a point that they may be off by there: flanks of strong lines draw what is not there.
constexpr double flank_misfit = 0.05, flank = 0.08;  // degrees
/// What phases after the first one are expected to differ from it by.
constexpr double later_shift = 0.02, later_ln_fwhm = 0.3, later_slope = 0.1, later_share = 0.15;
/// A structure of this type and cell is there already.
constexpr double same_phase_cell = 0.012;
constexpr int triclinic_groups = 2;
/// Of fewer structures nobody has told how many fit by chance.
constexpr std::int64_t fewest_choices = 100;

void expect(RefinementLevel& level, RefinedKind kind, double deviation) {
  level.rule[static_cast<std::size_t>(kind)].deviation = deviation;
}

/// Zero, displacement and width belong to the instrument and the mount, which the first phase has found.
RefinementLevel for_later(RefinementLevel level) {
  expect(level, RefinedKind::zero, later_shift);
  expect(level, RefinedKind::displacement, later_shift);
  expect(level, RefinedKind::ln_fwhm, later_ln_fwhm);
  expect(level, RefinedKind::fwhm_slope, later_slope);
  expect(level, RefinedKind::lorentz_share, later_share);
  return level;
}

/// What a model calculates less its background.
std::vector<float> without_background(const RefinedPattern& pattern, const MixtureModel& model,
                                      std::span<const float> calculated) {
  std::vector<float> phases(calculated.size());
  for (std::size_t i = 0; i < phases.size(); ++i) {
    const double background = refined_background(pattern, model.shared.data() + shared_parameters,
                                                 refinement_terms, static_cast<std::int64_t>(i));
    phases[i] = static_cast<float>(std::max(0.0, double{calculated[i]} - background));
  }
  return phases;
}

/// The highest within `reach` points of each.
std::vector<float> highest_near(std::span<const float> y, std::int64_t reach) {
  std::vector<float> result(y.size());
  for (std::int64_t i = 0; i < std::ssize(y); ++i) {
    const auto from = std::max<std::int64_t>(0, i - reach), end = std::min(std::ssize(y), i + reach + 1);
    result[static_cast<std::size_t>(i)] = *std::max_element(y.begin() + from, y.begin() + end);
  }
  return result;
}

double change_of_cell(const RefinedStructure& structure, const xrd::Crystal& crystal,
                      const ModelPhase& phase) {
  const xrd::UnitCell cell = refined_cell(structure, phase.parameters.data() + strain_at);
  double most = 0;
  for (const double ratio : {cell.a / crystal.cell.a, cell.b / crystal.cell.b, cell.c / crystal.cell.c})
    most = std::max(most, std::abs(ratio - 1));
  return most;
}

/// A state without one of its phases, as it is.
MixtureState less_one(MixtureState state, std::size_t which) {
  state.phases.erase(state.phases.begin() + static_cast<std::ptrdiff_t>(which));
  state.model.phases.erase(state.model.phases.begin() + static_cast<std::ptrdiff_t>(which));
  return state;
}

}  // namespace

bool is_polymorph(const StructureType& type, std::span<const MixtureCandidate> phases, double gain) {
  return std::any_of(phases.begin(), phases.end(), [&](const MixtureCandidate& phase) {
    return phase.figures.joint_gain > gain && have_same_composition(phase.type.composition, type.composition);
  });
}

MixtureRounds::MixtureRounds(const MixtureTools& tools, const MixtureSettings& settings,
                             const ElementPrior& prior, const MeasuredPattern& measured, double wavelength,
                             bool may_have_doublet)
    : tools_(tools),
      settings_(settings),
      prior_(prior),
      measured_(measured),
      wavelength_(wavelength),
      prepared_({&measured, wavelength, may_have_doublet}, angle_of(settings.from, wavelength),
                angle_of(settings.to, wavelength)),
      levels_(candidate_levels()),
      pool_(tools.backend, tools.crystals, xrd::d_from_two_theta(prepared_.last(), wavelength),
            xrd::d_from_two_theta(prepared_.first(), wavelength), wavelength) {
  for (const RefinementLevel& level : levels_)
    grids_.push_back(prepared_.on_grid(level.step, level.blur, model_misfit));
}

MixtureState MixtureRounds::nothing() {
  MixtureState state;
  std::vector<MixtureState> one{state};
  return refined_together(std::move(one)).front();
}

std::vector<SearchMatch> MixtureRounds::search_rest(Searcher& searcher, const MixtureState& state) {
  SearchPattern pattern{&measured_, wavelength_, {}};
  std::vector<double> explained;
  if (!state.phases.empty()) {
    const std::vector<float> phases = without_background(finest().pattern, state.model, state.fit.calculated);
    const RefinedPattern& grid = finest().pattern;
    for (const double x : measured_.x) {
      const double at = (x - grid.start) / grid.step;
      const bool is_there = at >= 0 && at < static_cast<double>(phases.size() - 1);
      const auto bin = is_there ? static_cast<std::size_t>(at) : 0;
      const double part = at - static_cast<double>(bin);
      explained.push_back(is_there ? prepared_.height() *
                                         (double{phases[bin]} * (1 - part) + double{phases[bin + 1]} * part)
                                   : 0);
    }
    pattern.explained = explained;
  }
  try {
    return searcher.search({&pattern, 1}).front();
  } catch (const PatternRefused&) {
    // Nothing is left where phases explain all that rises above the noise.
    if (state.phases.empty()) throw;
    return {};
  }
}

std::vector<MixtureCandidate> MixtureRounds::chosen(const MixtureState& state,
                                                    std::span<const SearchMatch> matches,
                                                    std::int64_t structures, std::int64_t most) {
  std::vector<MixtureCandidate> candidates;
  for (const SearchMatch& match : matches) {
    MixtureCandidate candidate;
    candidate.match = match;
    candidate.figures.similarity = closeness(double{match.similarity});
    candidate.figures.calculated = tools_.index.kind(match.structure) == StructureKind::dft ? 1 : 0;
    prior_.describe(tools_.index.elements(match.structure), candidate.figures);
    candidate.figures.ln_choice = std::log(static_cast<double>(std::max(structures, fewest_choices)));
    candidates.push_back(std::move(candidate));
  }
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const MixtureCandidate& a, const MixtureCandidate& b) {
                     return candidate_score(a.figures) > candidate_score(b.figures);
                   });
  if (std::ssize(candidates) > most) candidates.resize(static_cast<std::size_t>(most));
  std::vector<std::int32_t> numbers;
  for (const MixtureCandidate& candidate : candidates)
    numbers.push_back(candidate.match.structure);
  pool_.add(numbers);
  for (MixtureCandidate& candidate : candidates) {
    ModelPhase phase{.place = pool_.place(candidate.match.structure), .parameters = first_of_phase()};
    const xrd::Crystal& crystal = pool_.crystal(phase.place);
    candidate.type = structure_type(crystal);
    candidate.figures.ln_volume = std::log(crystal.cell.volume());
    candidate.figures.low_symmetry = crystal.group.number <= triclinic_groups ? 1 : 0;
    if (!state.phases.empty()) {
      const auto& known = state.model.phases.front().parameters;
      for (const int at : {ln_fwhm_at, fwhm_slope_at, lorentz_share_at})
        phase.parameters[static_cast<std::size_t>(at)] = known[static_cast<std::size_t>(at)];
      candidate.model.shared[0] = state.model.shared[0];
      candidate.model.shared[1] = state.model.shared[1];
      candidate.model.shared_prior = candidate.model.shared;
    }
    phase.prior = phase.parameters;
    const double scale = double{candidate.match.scale};
    phase.parameters[strain_at] = static_cast<float>((1 - 1 / (scale * scale)) / 2);
    candidate.model.phases = {phase};
  }
  // Another structure of a phase that is there would only mend its misfit.
  std::erase_if(candidates, [&](const MixtureCandidate& candidate) {
    return std::any_of(state.phases.begin(), state.phases.end(), [&](const MixtureCandidate& known) {
      return known.match.structure == candidate.match.structure ||
             are_isotypes(known.type, candidate.type, same_phase_cell);
    });
  });
  return candidates;
}

RefinementPattern::OnGrid MixtureRounds::rest_on(std::size_t level, const MixtureState& state) {
  RefinementPattern::OnGrid grid = grids_[level];
  if (state.phases.empty()) return grid;
  RefinementLevel as_it_is = levels_[level];
  as_it_is.iterations = 0;
  std::vector<MixtureModel> model{state.model};
  const std::vector<float> calculated =
      level + 1 == levels_.size()
          ? state.fit.calculated
          : refine_models(tools_.backend, grid, pool_, as_it_is, model, true, false).front().calculated;
  const std::vector<float> near = highest_near(without_background(grid.pattern, state.model, calculated),
                                               static_cast<std::int64_t>(flank / grid.pattern.step + 0.5));
  for (std::size_t i = 0; i < grid.y.size(); ++i) {
    grid.y[i] -= calculated[i];
    const float doubt = static_cast<float>(flank_misfit) * near[i];
    if (grid.weight[i] > 0) grid.weight[i] = 1 / (1 / grid.weight[i] + doubt * doubt);
  }
  return grid;
}

void MixtureRounds::refine_alone(const MixtureState& state, const MixtureSettings& breadth,
                                 std::vector<MixtureCandidate>& candidates) {
  const std::int64_t left[] = {breadth.middle_candidates, breadth.fine_candidates, breadth.fine_candidates};
  for (std::size_t level = 0; level < levels_.size() && !candidates.empty(); ++level) {
    std::vector<MixtureModel> models;
    for (const MixtureCandidate& candidate : candidates)
      models.push_back(candidate.model);
    models.push_back(
        {.shared = models.front().shared, .shared_prior = models.front().shared_prior, .phases = {}});
    const RefinementLevel rules = state.phases.empty() ? levels_[level] : for_later(levels_[level]);
    const std::vector<ModelFit> fits =
        refine_models(tools_.backend, rest_on(level, state), pool_, rules, models, false);
    const double of_background = double{fits.back().figures.chi_squared};
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      MixtureCandidate& candidate = candidates[i];
      candidate.model = models[i];
      const ModelPhase& phase = models[i].phases.front();
      CandidateFigures& figures = candidate.figures;
      figures.root_cosine = closeness(double{fits[i].figures.root_cosine});
      figures.gain = std::log(of_background / double{fits[i].figures.chi_squared});
      figures.absent = double{fits[i].figures.absent};
      figures.cell_change =
          100 * change_of_cell(pool_.refined(phase.place), pool_.crystal(phase.place), phase);
    }
    std::stable_sort(candidates.begin(), candidates.end(),
                     [](const MixtureCandidate& a, const MixtureCandidate& b) {
                       return candidate_score(a.figures) > candidate_score(b.figures);
                     });
    if (std::ssize(candidates) > left[level]) candidates.resize(static_cast<std::size_t>(left[level]));
  }
}

std::vector<MixtureState> MixtureRounds::refined_together(std::vector<MixtureState> states) {
  RefinementLevel rules = levels_.back();
  std::vector<MixtureModel> models;
  for (const MixtureState& state : states)
    models.push_back(state.model);
  std::vector<ModelFit> fits = refine_models(tools_.backend, finest(), pool_, rules, models, true);
  for (std::size_t i = 0; i < states.size(); ++i) {
    states[i].model = std::move(models[i]);
    states[i].fit = std::move(fits[i]);
  }
  return states;
}

std::vector<MixtureState> MixtureRounds::extended(const MixtureState& state,
                                                  std::span<const SearchMatch> first) {
  const std::vector<SearchMatch> searched =
      first.empty() ? search_rest(tools_.searcher, state) : std::vector<SearchMatch>{};
  return extended_by(first.empty() ? std::span(searched) : first, tools_.searcher.size(), settings_, state);
}

std::vector<MixtureState> MixtureRounds::extended_by_one_of(Searcher& among, const MixtureSettings& breadth,
                                                            const MixtureState& state) {
  return extended_by(search_rest(among, state), among.size(), breadth, state);
}

std::vector<MixtureState> MixtureRounds::extended_by(std::span<const SearchMatch> matches,
                                                     std::int64_t structures, const MixtureSettings& breadth,
                                                     const MixtureState& state) {
  std::vector<MixtureCandidate> candidates = chosen(state, matches, structures, breadth.candidates);
  refine_alone(state, breadth, candidates);
  std::vector<MixtureState> states;
  const std::size_t together =
      std::min(candidates.size(), static_cast<std::size_t>(breadth.joint_candidates));
  for (std::size_t i = 0; i < together; ++i) {
    MixtureState next = state;
    MixtureCandidate candidate = candidates[i];
    for (const MixtureCandidate& other : candidates) {
      if (other.match.structure != candidate.match.structure && are_isotypes(candidate.type, other.type))
        candidate.alternatives.push_back(other.match.structure);
    }
    if (state.phases.empty()) {
      next.model.shared = candidate.model.shared;
      next.model.shared_prior = candidate.model.shared_prior;
    }
    next.model.phases.push_back(candidate.model.phases.front());
    next.phases.push_back(std::move(candidate));
    states.push_back(std::move(next));
  }
  states = refined_together(std::move(states));
  for (MixtureState& next : states) {
    MixtureCandidate& added = next.phases.back();
    CandidateFigures& figures = added.figures;
    set_gain(figures, next, state);
    // Those that are there explain what they have in common with it, whatever they gain.
    figures.polymorph =
        is_polymorph(added.type, state.phases, -std::numeric_limits<double>::infinity()) ? 1 : 0;
    next.score = state.score + candidate_score(figures);
  }
  std::stable_sort(states.begin(), states.end(),
                   [](const MixtureState& a, const MixtureState& b) { return a.score > b.score; });
  return states;
}

void MixtureRounds::set_gain(CandidateFigures& figures, const MixtureState& with,
                             const MixtureState& without) const {
  const auto points =
      std::count_if(finest().weight.begin(), finest().weight.end(), [](float w) { return w > 0; });
  figures.set_joint(with.chi_squared(), without.chi_squared(), static_cast<double>(points));
}

MixtureState MixtureRounds::without_one(const MixtureState& state, std::size_t which) {
  return refined_together({less_one(state, which)}).front();
}

std::vector<MixtureState> MixtureRounds::each_without_one(const MixtureState& state) {
  std::vector<MixtureState> states;
  for (std::size_t which = 0; which < state.phases.size(); ++which)
    states.push_back(less_one(state, which));
  return refined_together(std::move(states));
}

std::vector<std::vector<float>> MixtureRounds::parts(const MixtureState& state) {
  std::vector<MixtureModel> models;
  for (const ModelPhase& phase : state.model.phases) {
    MixtureModel model{
        .shared = state.model.shared, .shared_prior = state.model.shared_prior, .phases = {phase}};
    std::fill(model.shared.begin() + shared_parameters, model.shared.end(), 0.0f);
    models.push_back(std::move(model));
  }
  RefinementLevel as_it_is = levels_.back();
  as_it_is.iterations = 0;
  std::vector<std::vector<float>> parts;
  for (ModelFit& fit : refine_models(tools_.backend, finest(), pool_, as_it_is, models, true, false))
    parts.push_back(std::move(fit.calculated));
  return parts;
}

}  // namespace bragg::data
