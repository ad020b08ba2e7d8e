#include "data/refinement/refiner.h"

#include <algorithm>
#include <cmath>
#include <numeric>

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

}  // namespace

std::vector<RefinedCandidate> refine_candidates(Backend& backend, const PatternToRefine& of,
                                                std::span<const RefinementStart> starts, double lines_from,
                                                double lines_to, bool with_curves) {
  std::vector<RefinedCandidate> result(starts.size());
  if (starts.empty()) return result;
  const RefinementPattern pattern(of, lines_from, lines_to);
  std::vector<xrd::Crystal> crystals;
  std::vector<ModelParameters> prior;
  for (std::size_t i = 0; i < starts.size(); ++i) {
    crystals.push_back(starts[i].crystal);
    result[i].parameters = prior.emplace_back(first_parameters(starts[i].scale));
  }
  const StructuresThere structures(
      backend, refined_structures(backend, crystals, xrd::d_from_two_theta(pattern.last(), of.wavelength),
                                  xrd::d_from_two_theta(std::max(pattern.first(), 0.1), of.wavelength),
                                  of.wavelength));
  std::vector<std::int32_t> candidates(starts.size());
  std::iota(candidates.begin(), candidates.end(), 0);
  const auto levels = candidate_levels();
  for (std::size_t l = 0; l < levels.size(); ++l) {
    drop_all_but(levels[l].models, candidates, result);
    const bool is_last = l + 1 == levels.size();
    const RefinementPattern::OnGrid grid = pattern.on_grid(levels[l].step, levels[l].blur, model_misfit);
    // Behind the candidates one model without any phase.
    std::vector<std::vector<std::int32_t>> of_phase;
    std::vector<ModelParameters> models, expected;
    for (const std::int32_t i : candidates) {
      of_phase.push_back({i});
      models.push_back(result[index(i)].parameters);
      expected.push_back(prior[index(i)]);
    }
    of_phase.emplace_back();
    models.emplace_back();
    expected.emplace_back();
    ModelRun run(backend, grid, seen_at(levels[l], grid.pattern), structures);
    const auto refined = run.refine(rules_of(levels[l]), of_phase, models, expected,
                                    is_last ? ModelRun::Details::calculated : ModelRun::Details::none);
    for (std::size_t m = 0; m < candidates.size(); ++m) {
      RefinedCandidate& candidate = result[index(candidates[m])];
      candidate.parameters = models[m];
      candidate.figures = refined[m].figures;
      candidate.background_chi_squared = double{refined.back().figures.chi_squared};
      if (!is_last) continue;
      candidate.residual = residual_of(grid, refined[m].calculated);
      if (with_curves) candidate.curves = curves_of(grid, refined[m].calculated, models[m], pattern.height());
    }
  }
  for (std::size_t i = 0; i < starts.size(); ++i) {
    RefinedCandidate& candidate = result[i];
    candidate.cell =
        refined_cell(structures.host.structures[i], candidate.parameters.phases[0].data() + strain_at);
    candidate.cell_change = change_of_edges(candidate.cell, crystals[i].cell);
  }
  return result;
}

}  // namespace bragg::data
