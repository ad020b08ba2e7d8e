#include "data/refinement/refiner.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <numeric>
#include <unordered_map>
#include <utility>

#include "data/refinement/refined_structures.h"
#include "data/refinement/refinement_levels.h"
#include "kernels/crystal/refinement_model.h"
#include "xrd/scattering/wavelength.h"

namespace bragg::data {
namespace {

std::size_t index(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

ModelParameters first_parameters(double scale) {
  ModelParameters model;
  auto& phase = model.phases.emplace_back(first_of_phase());
  // 1/d^2 falls by twice the growth.
  phase[strain_at] = static_cast<float>((1 - 1 / (scale * scale)) / 2);
  return model;
}

/// Rwp of the whole intensities, y + background; a point of next to none weighs no more than one of `noise`.
double residual_of(const RefinementPattern::OnGrid& grid, std::span<const float> calculated) {
  double rest2 = 0, all = 0;
  for (std::size_t i = 0; i < grid.y.size(); ++i) {
    if (!(grid.weight[i] > 0)) continue;
    const double measured = double{grid.y[i]} + double{grid.background[i]},
                 rest = double{grid.y[i]} - double{calculated[i]};
    const double weight = 1 / std::max(measured, double{grid.pattern.noise});
    rest2 += weight * rest * rest;
    all += weight * measured * measured;
  }
  return all > 0 ? std::sqrt(rest2 / all) : 0;
}

RefinedCurves curves_of(const RefinementPattern::OnGrid& grid, std::span<const float> calculated,
                        const ModelParameters& model, double height) {
  RefinedCurves curves;
  curves.grid = {grid.pattern.start, grid.pattern.step, std::ssize(calculated)};
  for (std::size_t i = 0; i < calculated.size(); ++i) {
    const double smooth = double{grid.background[i]};
    const double refined = refined_background(grid.pattern, model.background.data(), refinement_terms,
                                              static_cast<std::int64_t>(i));
    curves.background.push_back(static_cast<float>(height * (smooth + refined)));
    curves.calculated.push_back(static_cast<float>(height * (smooth + double{calculated[i]})));
  }
  return curves;
}

/// Those that fit best go on, in their order.
void drop_all_but(std::int64_t count, std::vector<std::int32_t>& models,
                  std::span<RefinedCandidate> candidates) {
  if (std::ssize(models) <= count) return;
  std::stable_sort(models.begin(), models.end(), [&](std::int32_t a, std::int32_t b) {
    return comparable(candidates[index(a)].figures.objective) <
           comparable(candidates[index(b)].figures.objective);
  });
  for (auto i = index(count); i < models.size(); ++i)
    candidates[index(models[i])].is_dropped = true;
  models.resize(index(count));
  std::sort(models.begin(), models.end());
}

/// A pattern on its way through the levels.
struct Refining {
  const CandidatesToRefine* of = nullptr;
  std::optional<RefinementPattern> pattern{};
  RefinedCandidates result{};
  std::vector<std::int32_t> candidates{};  ///< that are not dropped
  std::vector<std::int32_t> structure{};   ///< of each start
  // Of the level at hand.
  RefinementPattern::OnGrid grid{};
  ModelList models{};
  std::int64_t first_model = 0;  ///< in the list of all patterns

  std::size_t candidate_of(std::size_t m) const { return index(candidates[m]); }
};

void begin(const CandidatesToRefine& of, Refining& one) {
  one.of = &of;
  if (of.starts.empty()) return;
  try {
    one.pattern.emplace(of.pattern, of.lines_from, of.lines_to);
  } catch (const PatternRefused& refused) {
    one.result.refused = refused;
    return;
  }
  for (const RefinementStart& start : of.starts)
    one.result.candidates.push_back(
        {.parameters = first_parameters(start.scale), .cell = {}, .cell_change = {}});
  one.candidates.resize(of.starts.size());
  std::iota(one.candidates.begin(), one.candidates.end(), 0);
}

void begin_level(const RefinementLevel& level, Refining& one) {
  drop_all_but(level.models, one.candidates, one.result.candidates);
  one.grid = one.pattern->on_grid(level.step, level.blur, model_misfit);
  one.grid.pattern = seen_at(level, one.grid.pattern);
  one.models = {.terms = refinement_terms};
  for (const std::int32_t i : one.candidates) {
    one.models.add(0, {&one.structure[index(i)], 1}, one.result.candidates[index(i)].parameters,
                   first_parameters(one.of->starts[index(i)].scale));
  }
  // Behind the candidates one model without any phase.
  one.models.add(0, {}, {}, {});
}

/// `parameters`: of all models, refined; `figures` those of the pattern's.
void end_level(std::span<const float> parameters, std::span<const RefinedFigures> figures, Refining& one) {
  const float* at = parameters.data();
  for (std::size_t m = 0; m < one.candidates.size(); ++m) {
    RefinedCandidate& candidate = one.result.candidates[one.candidate_of(m)];
    at = take_models(at, refinement_terms, {&candidate.parameters, 1});
    candidate.figures = figures[m];
    candidate.background_chi_squared = double{figures.back().chi_squared};
  }
}

/// `calculated`: (models, points).
void put_curves(std::span<const float> calculated, std::int64_t points, bool with_curves, Refining& one) {
  for (std::size_t m = 0; m < one.candidates.size(); ++m) {
    RefinedCandidate& candidate = one.result.candidates[one.candidate_of(m)];
    const auto own = calculated.subspan(m * index(points), one.grid.y.size());
    candidate.residual = residual_of(one.grid, own);
    if (with_curves) candidate.curves = curves_of(one.grid, own, candidate.parameters, one.pattern->height());
  }
}

void put_cells(const StructuresThere& structures, Refining& one) {
  for (std::size_t i = 0; i < one.result.candidates.size(); ++i) {
    RefinedCandidate& candidate = one.result.candidates[i];
    candidate.cell = refined_cell(structures.host.structures[index(one.structure[i])],
                                  candidate.parameters.phases[0].data() + strain_at);
    candidate.cell_change = change_of_edges(candidate.cell, one.of->starts[i].crystal->cell);
  }
}

/// Which lines are wanted: those of a crystal that several patterns share and look at between the same limits once. A list has few
/// crystals, so that threads share the work, and few reflections, so that its memory is bounded.
class SharedLines {
 public:
  static constexpr std::int32_t most = 64;             ///< crystals of a list
  static constexpr double most_reflections = 1 << 20;  ///< of a list that has more than one crystal

  /// Of each start its place: most times the number of the list that its crystal is in, and the place there.
  std::vector<std::int32_t> places_of(const CandidatesToRefine& of, const RefinementPattern& pattern) {
    const double wavelength = of.pattern.wavelength,
                 least_d = xrd::d_from_two_theta(pattern.last(), wavelength),
                 most_d = xrd::d_from_two_theta(std::max(pattern.first(), 0.1), wavelength);
    Known& known = known_[{least_d, most_d, wavelength}];
    std::vector<std::int32_t> places;
    for (const RefinementStart& start : of.starts) {
      const auto [entry, is_new] = known.place.try_emplace(start.crystal.get(), 0);
      if (is_new) {
        const double own = listed_reflections(start.crystal->cell, least_d);
        if (known.list < 0 || std::ssize(wanted_[index(known.list)].crystals) == most ||
            known.reflections + own > most_reflections) {
          known.list = static_cast<std::int32_t>(wanted_.size());
          known.reflections = 0;
          wanted_.push_back({.crystals = {}, .least_d = least_d, .most_d = most_d, .wavelength = wavelength});
        }
        auto& crystals = wanted_[index(known.list)].crystals;
        entry->second = most * known.list + static_cast<std::int32_t>(crystals.size());
        crystals.push_back(start.crystal.get());
        known.reflections += own;
      }
      places.push_back(entry->second);
    }
    return places;
  }
  /// How many crystals lie before each list.
  std::vector<std::int32_t> first_of_lists() const {
    std::vector<std::int32_t> first{0};
    for (const LinesWanted& one : wanted_)
      first.push_back(first.back() + static_cast<std::int32_t>(one.crystals.size()));
    return first;
  }
  std::span<const LinesWanted> wanted() const { return wanted_; }

 private:
  struct Known {
    std::int32_t list = -1;  ///< that has room, perhaps
    double reflections = 0;  ///< of that list
    std::unordered_map<const xrd::Crystal*, std::int32_t> place{};
  };
  std::map<std::array<double, 3>, Known> known_;
  std::vector<LinesWanted> wanted_;
};

/// The levels of patterns that are not refused and have candidates.
class Levels {
 public:
  Levels(Backend& backend, ThreadPool& pool, std::span<Refining* const> patterns, bool with_curves)
      : backend_(backend), pool_(pool), patterns_(patterns), with_curves_(with_curves) {}

  void run() {
    const auto levels = candidate_levels();
    const StructuresThere structures = listed_structures(levels);
    for (const RefinementLevel& level : levels)
      refine(level, structures, &level == &levels.back());
    each([&](Refining& one) { put_cells(structures, one); });
  }

 private:
  void each(const std::function<void(Refining&)>& work) {
    pool_.run(std::ssize(patterns_), [&](std::int64_t n, int) { work(*patterns_[index(n)]); });
  }
  StructuresThere listed_structures(std::span<const RefinementLevel> levels);
  void refine(const RefinementLevel&, const StructuresThere&, bool is_last);
  void draw(const ModelRun&);

  Backend& backend_;
  ThreadPool& pool_;
  std::span<Refining* const> patterns_;
  bool with_curves_;
};

StructuresThere Levels::listed_structures(std::span<const RefinementLevel> levels) {
  std::int64_t most_lines = 0;
  for (const RefinementLevel& level : levels)
    most_lines = std::max(most_lines, level.lines);
  SharedLines shared;
  for (Refining* const one : patterns_)
    one->structure = shared.places_of(*one->of, *one->pattern);
  const std::vector<std::int32_t> first = shared.first_of_lists();
  for (Refining* const one : patterns_)
    for (std::int32_t& structure : one->structure)
      structure = first[index(structure / SharedLines::most)] + structure % SharedLines::most;
  return {backend_, refined_structures(backend_, pool_, shared.wanted(), most_lines)};
}

void Levels::refine(const RefinementLevel& level, const StructuresThere& structures, bool is_last) {
  each([&](Refining& one) { begin_level(level, one); });
  std::vector<RefinementPattern::OnGrid> grids;
  ModelList all{.terms = refinement_terms};
  std::vector<std::size_t> first_parameter;
  for (Refining* const one : patterns_) {
    one->first_model = all.size();
    first_parameter.push_back(all.parameters.size());
    all.append(one->models);
    std::fill(all.pattern.begin() + one->first_model, all.pattern.end(),
              static_cast<std::int32_t>(grids.size()));
    grids.push_back(std::move(one->grid));
  }
  ModelRun run(backend_, grids, structures);
  const std::vector<RefinedFigures> figures =
      run.refine(rules_of(level), all, is_last ? ModelRun::Details::calculated : ModelRun::Details::none);
  pool_.run(std::ssize(patterns_), [&](std::int64_t n, int) {
    Refining& one = *patterns_[index(n)];
    one.grid = std::move(grids[index(n)]);
    end_level(std::span(all.parameters).subspan(first_parameter[index(n)]),
              std::span(figures).subspan(index(one.first_model), index(one.models.size())), one);
  });
  if (is_last) draw(run);
}

/// What was calculated is fetched for some patterns at a time: they stay in the processor's cache.
void Levels::draw(const ModelRun& run) {
  constexpr std::size_t at_once = 16;
  std::vector<float> calculated;
  for (std::size_t from = 0; from < patterns_.size(); from += at_once) {
    const auto slice = patterns_.subspan(from, std::min(at_once, patterns_.size() - from));
    const std::int64_t first = slice.front()->first_model,
                       end = slice.back()->first_model + slice.back()->models.size();
    calculated.resize(index((end - first) * run.points()));
    run.download_calculated(first, calculated);
    pool_.run(std::ssize(slice), [&](std::int64_t n, int) {
      Refining& one = *slice[index(n)];
      put_curves(std::span(calculated).subspan(index((one.first_model - first) * run.points())), run.points(),
                 with_curves_, one);
    });
  }
}

}  // namespace

RefinementStart::RefinementStart(xrd::Crystal of, double scale_)
    : RefinementStart(std::make_shared<const xrd::Crystal>(std::move(of)), scale_) {}
RefinementStart::RefinementStart(std::shared_ptr<const xrd::Crystal> of, double scale_)
    : crystal(std::move(of)), scale(scale_) {}

std::vector<RefinedCandidates> refine_candidates(Backend& backend, ThreadPool& pool,
                                                 std::span<const CandidatesToRefine> patterns,
                                                 bool with_curves) {
  std::vector<Refining> all(patterns.size());
  pool.run(std::ssize(patterns), [&](std::int64_t n, int) { begin(patterns[index(n)], all[index(n)]); });
  std::vector<Refining*> going;
  for (Refining& one : all)
    if (!one.candidates.empty()) going.push_back(&one);
  if (!going.empty()) Levels(backend, pool, going, with_curves).run();
  std::vector<RefinedCandidates> results;
  for (Refining& one : all)
    results.push_back(std::move(one.result));
  return results;
}

std::vector<RefinedCandidate> refine_candidates(Backend& backend, const PatternToRefine& of,
                                                std::span<const RefinementStart> starts, double lines_from,
                                                double lines_to, bool with_curves) {
  ThreadPool alone(1);
  const CandidatesToRefine one{of, {starts.begin(), starts.end()}, lines_from, lines_to};
  RefinedCandidates refined = std::move(refine_candidates(backend, alone, {&one, 1}, with_curves).front());
  if (refined.refused) throw PatternRefused(*refined.refused);
  return std::move(refined.candidates);
}

}  // namespace bragg::data
