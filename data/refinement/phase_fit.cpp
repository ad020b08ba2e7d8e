#include "data/refinement/phase_fit.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "data/library/library.h"
#include "data/refinement/counted_fit.h"
#include "data/refinement/fitted_phases.h"
#include "data/refinement/model_run.h"
#include "data/refinement/phase_fit_levels.h"
#include "data/refinement/refinement_levels.h"
#include "kernels/base/error.h"
#include "kernels/crystal/refinement_model.h"
#include "xrd/scattering/wavelength.h"

namespace bragg::data {
namespace {

std::size_t index(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

void set_radiation(RefinedPattern& pattern, const FitRadiation& radiation, bool doublet) {
  const bool both = doublet && radiation.second_share > 0;
  pattern.wavelength[0] = static_cast<float>(both ? radiation.wavelength[0] : radiation.mean());
  pattern.wavelength[1] = static_cast<float>(both ? radiation.wavelength[1] : radiation.mean());
  pattern.second_share = both ? static_cast<float>(radiation.second_share) : 0;
}

ModelParameters first_parameters(std::size_t phases, double narrower) {
  ModelParameters model;
  model.phases.resize(phases);
  for (auto& phase : model.phases) {
    phase = first_of_phase(narrower);
  }
  return model;
}

/// The coarse levels of a pattern.
class CoarseFit {
 public:
  CoarseFit(Backend& backend, const RefinementPattern& pattern, const StructuresThere& structures,
            const FitRadiation& radiation, bool texture)
      : structures_(structures), narrower_(std::min(1.0, radiation.mean() / copper_k_alpha)) {
    for (const PhaseFitLevel& level : coarse_fit_levels(texture)) {
      RefinementPattern::OnGrid grid =
          pattern.on_grid(level.step * narrower_, level.blur * narrower_, coarse_misfit);
      set_radiation(grid.pattern, radiation, level.doublet);
      runs_.push_back({ModelRun(backend, grid, structures),
                       {.terms = coarse_terms,
                        .lines = level.lines,
                        .iterations = level.iterations,
                        .blur = level.blur * narrower_,
                        .data_weight = coarse_data_weight,
                        .rule = level.rule}});
    }
  }

  struct Found {
    std::vector<ModelParameters> models;
    std::vector<double> objective;
  };
  /// Models of these structures through levels [0, levels).
  Found refine(std::span<const std::vector<std::int32_t>> of_phase, std::size_t levels) {
    std::vector<ModelParameters> begin;
    for (const std::vector<std::int32_t>& structures : of_phase)
      begin.push_back(first_of(structures));
    return refine(of_phase, std::move(begin), levels);
  }
  /// A model through all levels. Where an axis has several images plates and needles, r and something like 1 / r, may both be
  /// minima: of every phase with an axis both are tried.
  ModelParameters refine_chosen(const std::vector<std::int32_t>& of_phase) {
    const std::vector<std::vector<std::int32_t>> model{of_phase};
    ModelParameters begin = first_of(of_phase);
    Found best = refine(model, {begin}, levels());
    for (std::size_t phase = 0; phase < of_phase.size(); ++phase) {
      if (!has_axis(of_phase[phase])) continue;
      ModelParameters other = begin;
      other.phases[phase][texture_at] *= -1;
      Found found = refine(model, {other}, levels());
      if (found.objective.front() >= best.objective.front()) continue;
      best = std::move(found);
      begin = std::move(other);
    }
    return best.models.front();
  }
  double narrower() const { return narrower_; }

 private:
  struct Level {
    ModelRun run;
    ModelRules rules;
  };

  std::size_t levels() const { return runs_.size(); }
  bool has_axis(std::int32_t structure) const {
    return structures_.host.structures[index(structure)].has_axis();
  }

  /// Where a lattice is cubic nothing changes with ln r at 0.
  ModelParameters first_of(const std::vector<std::int32_t>& of_phase) const {
    constexpr float ln_r = -0.35f;
    ModelParameters model = first_parameters(of_phase.size(), narrower_);
    for (std::size_t phase = 0; phase < of_phase.size(); ++phase)
      if (has_axis(of_phase[phase])) model.phases[phase][texture_at] = ln_r;
    return model;
  }

  Found refine(std::span<const std::vector<std::int32_t>> of_phase, std::vector<ModelParameters> begin,
               std::size_t levels) {
    Found found;
    if (of_phase.empty()) return found;
    found.models = std::move(begin);
    const std::vector<ModelParameters> prior(of_phase.size(),
                                             first_parameters(of_phase.front().size(), narrower_));
    found.objective.resize(of_phase.size());
    for (std::size_t level = 0; level < levels; ++level) {
      const auto refined = runs_[level].run.refine(runs_[level].rules, of_phase, found.models, prior);
      for (std::size_t m = 0; m < refined.size(); ++m)
        found.objective[m] = comparable(double{refined[m].figures.objective});
    }
    return found;
  }

  const StructuresThere& structures_;
  double narrower_;
  std::vector<Level> runs_;
};

/// The structures that each phase may be, and which of them it is.
class Choice {
 public:
  Choice(CoarseFit& fit, std::span<const xrd::Crystal> crystals,
         std::span<const std::vector<std::int32_t>> candidates)
      : fit_(fit), crystals_(crystals), candidates_(candidates) {}

  /// Of each phase the structure that fits best beside those of the others: first alone, then twice one after the other.
  std::vector<std::int32_t> made() {
    std::vector<std::int32_t> chosen;
    for (const std::vector<std::int32_t>& own : candidates_)
      chosen.push_back(best_of(own, {}));
    for (int sweep = 0; sweep < 2 && chosen.size() > 1; ++sweep) {
      const std::vector<std::int32_t> before = chosen;
      for (std::size_t phase = 0; phase < chosen.size(); ++phase) {
        std::vector<std::int32_t> others = chosen;
        others.erase(others.begin() + std::ptrdiff_t(phase));
        chosen[phase] = best_of(candidates_[phase], others);
      }
      if (chosen == before) break;
    }
    return chosen;
  }

 private:
  /// Structures that explain so much less of what the best one does explain it as well; so do those that are off by what an
  /// expectation or two cost.
  static constexpr double as_good = 0.02, least_difference = 3;

  std::int32_t best_of(const std::vector<std::int32_t>& own, const std::vector<std::int32_t>& others) {
    if (own.size() == 1) return own.front();
    std::vector<std::vector<std::int32_t>> models;
    for (const std::int32_t structure : own) {
      models.push_back(others);
      models.back().push_back(structure);
    }
    const CoarseFit::Found found = fit_.refine(models, choosing_levels);
    const std::vector<std::vector<std::int32_t>> rest{others};
    const double without = fit_.refine(rest, choosing_levels).objective.front(),
                 best = *std::min_element(found.objective.begin(), found.objective.end());
    std::vector<std::size_t> good;
    for (std::size_t i = 0; i < own.size(); ++i)
      if (found.objective[i] <= best + std::max(as_good * (without - best), least_difference))
        good.push_back(i);
    return own[plainest_of(good, own, found)];
  }

  /// Of those that fit as well: of the composition that most of the name have, the one whose cell is closest.
  std::size_t plainest_of(const std::vector<std::size_t>& good, const std::vector<std::int32_t>& own,
                          const CoarseFit::Found& found) const {
    std::map<std::string, int> times;
    for (const std::int32_t structure : own)
      ++times[reduced_formula(crystals_[index(structure)])];
    const auto rank = [&](std::size_t i) {
      return std::pair(-times[reduced_formula(crystals_[index(own[i])])],
                       std::abs(found.models[i].phases.back()[strain_at]));
    };
    return *std::min_element(good.begin(), good.end(),
                             [&](std::size_t a, std::size_t b) { return rank(a) < rank(b); });
  }

  CoarseFit& fit_;
  std::span<const xrd::Crystal> crystals_;
  std::span<const std::vector<std::int32_t>> candidates_;
};

void put_lines(const CountedPattern& counted, const std::vector<float>& calculated, PhaseFit& to) {
  const RefinementPattern::OnGrid& grid = counted.grid;
  to.start = grid.pattern.start;
  to.step = grid.pattern.step;
  const auto height = static_cast<float>(counted.height);
  for (std::size_t i = 0; i < grid.y.size(); ++i) {
    const bool is_measured = grid.weight[i] > 0;
    constexpr float nothing = std::numeric_limits<float>::quiet_NaN();
    to.measured.push_back(is_measured ? height * grid.y[i] : nothing);
    to.calculated.push_back(is_measured ? height * calculated[i] : nothing);
    const double background =
        refined_background(grid.pattern, to.background.data(), std::ssize(to.background), std::int64_t(i));
    to.background_line.push_back(is_measured ? static_cast<float>(background) : nothing);
  }
}

}  // namespace

FitRadiation fit_radiation(double wavelength) {
  RefinedPattern pattern{};
  data::set_radiation(pattern, wavelength);
  if (!(pattern.second_share > 0)) return {{wavelength, wavelength}, 0};
  FitRadiation radiation{{}, double{pattern.second_share}};
  for (const xrd::Anode& anode : xrd::anodes())
    if (static_cast<float>(anode.k_alpha1) == pattern.wavelength[0])
      radiation.wavelength = {anode.k_alpha1, anode.k_alpha2};
  return radiation;
}

PhaseFit fit_phases(Backend& backend, const PatternToFit& of, std::span<const PhaseToFit> phases,
                    const PhaseFitSettings& settings) {
  const PatternToRefine measured{of.measured, of.radiation.mean()};
  const RefinementPattern pattern(measured, of.first, of.last);
  std::vector<xrd::Crystal> crystals;
  std::vector<std::vector<std::int32_t>> candidates;
  std::vector<std::int32_t> first_of_phase;  // of its structures
  for (const PhaseToFit& phase : phases) {
    first_of_phase.push_back(static_cast<std::int32_t>(crystals.size()));
    std::vector<std::int32_t>& own = candidates.emplace_back();
    for (std::size_t i = 0; i < std::min(phase.structures.size(), most_tried_structures); ++i) {
      own.push_back(static_cast<std::int32_t>(crystals.size()));
      crystals.push_back(phase.structures[i]);
    }
    if (own.empty()) throw Error("[phase_fit] a phase without a structure");
  }
  const double shortest = of.radiation.wavelength[0];
  RefinedStructures made =
      refined_structures(backend, crystals, xrd::d_from_two_theta(pattern.last(), shortest),
                         xrd::d_from_two_theta(std::max(pattern.first(), 0.1), shortest), shortest, true);
  for (std::size_t phase = 0; phase < phases.size(); ++phase)
    for (const std::int32_t structure : candidates[phase])
      if (const auto& axis = phases[phase].march_axis)
        prefer_axis(made.structures[index(structure)], crystals[index(structure)], *axis);
  const StructuresThere structures(backend, std::move(made));

  for (std::size_t phase = 0; phase < candidates.size(); ++phase) {
    std::erase_if(candidates[phase], [&](std::int32_t structure) {
      return structures.host.structures[static_cast<std::size_t>(structure)].lines == 0;
    });
    if (candidates[phase].empty())
      throw Error(fmt::format("phase {}: no structure of it has a line between {:.2f} and {:.2f} degrees",
                              phase + 1, pattern.first(), pattern.last()));
  }
  CoarseFit coarse(backend, pattern, structures, of.radiation, settings.texture);
  const std::vector<std::int32_t> model = Choice(coarse, crystals, candidates).made();
  ModelParameters parameters = coarse.refine_chosen(model);

  CountedPattern counted = counted_pattern(measured, of.uncertainty, of.first, of.last, pattern.height());
  set_radiation(counted.grid.pattern, of.radiation, true);
  parameters.background.clear();
  const CountedFit fit =
      refine_counted(backend, counted, structures, model, std::move(parameters),
                     first_parameters(phases.size(), coarse.narrower()),
                     {.terms = settings.background_terms,
                      .lines = std::int64_t{1} << 16,
                      .iterations = counted_iterations,
                      .converged = counted_convergence,
                      .tail_cut = counted_tail_cut,
                      .rule = counted_fit_rules(counted.grid.pattern.step, settings.texture)});
  PhaseFit result;
  result.variance_from = counted.from;
  result.points = counted.points;
  result.iterations = std::llround(fit.refined.figures.iterations);
  result.is_converged = result.iterations < counted_iterations;
  for (const float coefficient : fit.parameters.background)
    result.background.push_back(counted.height * double{coefficient});
  put_figures({.structures = structures.host,
               .crystals = crystals,
               .structure_of_phase = model,
               .fit = fit,
               .height = counted.height,
               .pattern = counted.grid.pattern},
              result);
  for (std::size_t phase = 0; phase < phases.size(); ++phase) {
    FittedPhase& fitted = result.phases[phase];
    fitted.structure = index(model[phase] - first_of_phase[phase]);
    if (fitted.march) fitted.march->axis = *phases[phase].march_axis;
  }
  put_lines(counted, fit.refined.calculated, result);
  return result;
}

}  // namespace bragg::data
