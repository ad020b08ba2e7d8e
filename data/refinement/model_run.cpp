#include "data/refinement/model_run.h"

#include <algorithm>
#include <utility>

#include "data/upload.h"

namespace bragg::data {
namespace {

std::size_t index(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

std::vector<float> flat(std::span<const ModelParameters> models, std::int64_t terms) {
  std::vector<float> all;
  for (const ModelParameters& model : models) {
    all.push_back(model.zero);
    all.push_back(model.displacement);
    const auto own = std::min(std::ssize(model.background), terms);
    all.insert(all.end(), model.background.begin(), model.background.begin() + own);
    all.insert(all.end(), index(terms - own), 0.0f);
    for (const auto& phase : model.phases)
      all.insert(all.end(), phase.begin(), phase.end());
  }
  return all;
}

void take(std::span<const float> all, std::int64_t terms, std::span<ModelParameters> models) {
  const float* at = all.data();
  for (ModelParameters& model : models) {
    model.zero = *at++;
    model.displacement = *at++;
    model.background.assign(at, at + terms);
    at += terms;
    for (auto& phase : model.phases) {
      std::copy_n(at, phase.size(), phase.begin());
      at += phase.size();
    }
  }
}

}  // namespace

StructuresThere::StructuresThere(Backend& backend, RefinedStructures of)
    : host(std::move(of)),
      structures_(uploaded(backend, std::span<const RefinedStructure>(host.structures))),
      lines_(uploaded(backend, std::span<const RefinedLine>(host.lines))) {}

ModelRun::ModelRun(Backend& backend, const RefinementPattern::OnGrid& grid, const StructuresThere& structures)
    : ModelRun(backend, grid, grid.pattern, structures) {}

ModelRun::ModelRun(Backend& backend, const RefinementPattern::OnGrid& grid, const RefinedPattern& pattern,
                   const StructuresThere& structures)
    : backend_(backend),
      structures_(structures),
      points_(std::ssize(grid.y)),
      y_(uploaded(backend, std::span<const float>(grid.y))),
      weight_(uploaded(backend, std::span<const float>(grid.weight))),
      pattern_(uploaded(backend, std::span<const RefinedPattern>(&pattern, 1))) {}

std::vector<ModelRun::Refined> ModelRun::refine(const ModelRules& rules,
                                                std::span<const std::vector<std::int32_t>> of_phase,
                                                std::span<ModelParameters> models,
                                                std::span<const ModelParameters> prior, Details details) {
  const std::int64_t count = std::ssize(of_phase);
  std::vector<std::int32_t> structure_of, offset{0}, pattern_of(index(count));
  std::int64_t most_phases = 0;
  for (const std::vector<std::int32_t>& model : of_phase) {
    structure_of.insert(structure_of.end(), model.begin(), model.end());
    offset.push_back(static_cast<std::int32_t>(structure_of.size()));
    most_phases = std::max(most_phases, std::ssize(model));
  }
  const RefineProblem problem{.patterns = 1,
                              .points = points_,
                              .structures = std::ssize(structures_.host.structures),
                              .lines = std::ssize(structures_.host.lines),
                              .models = count,
                              .phases = std::ssize(structure_of),
                              .phases_per_model = most_phases,
                              .terms = rules.terms,
                              .lines_per_phase = rules.lines,
                              .iterations = rules.iterations,
                              .linear_start = rules.linear_start,
                              .blur = rules.blur,
                              .data_weight = rules.data_weight,
                              .converged = rules.converged,
                              .tail_cut = rules.tail_cut,
                              .rule = rules.rule};
  std::vector<float> parameters = flat(models, rules.terms);
  Buffer moved = uploaded(backend_, std::span<const float>(parameters)),
         figures_there = backend_.allocate(index(count) * sizeof(RefinedFigures));
  const Buffer expected = uploaded(backend_, std::span<const float>(flat(prior, rules.terms))),
               offset_there = uploaded(backend_, std::span<const std::int32_t>(offset)),
               pattern_there = uploaded(backend_, std::span<const std::int32_t>(pattern_of)),
               structure_there = uploaded(backend_, std::span<const std::int32_t>(structure_of));
  const std::int64_t size = problem.parameters_per_model();
  Buffer calculated, curvature;
  const bool with_calculated = details != Details::none, with_curvature = details == Details::all;
  if (with_calculated) calculated = backend_.allocate(index(count * points_) * sizeof(float));
  if (with_curvature) curvature = backend_.allocate(index(count * size * size) * sizeof(double));
  Refine op{.problem = problem,
            .y = {y_.data(), DType::f32},
            .weight = {weight_.data(), DType::f32},
            .pattern = {pattern_.data(), DType::u8},
            .structure = {structures_.structures_.data(), DType::u8},
            .line = {structures_.lines_.data(), DType::u8},
            .model_pattern = {pattern_there.data(), DType::i32},
            .phase_offset = {offset_there.data(), DType::i32},
            .phase_structure = {structure_there.data(), DType::i32},
            .prior = {expected.data(), DType::f32},
            .parameters = {moved.data(), DType::f32},
            .figures = {figures_there.data(), DType::f32}};
  if (with_calculated) op.calculated = {calculated.data(), DType::f32};
  if (with_curvature) op.curvature = {curvature.data(), DType::f64};
  backend_.reserve_workspace(backend_.workspace_bytes(op));
  backend_.run(op);

  backend_.download(moved.data(), parameters.data(), parameters.size() * sizeof(float));
  take(parameters, rules.terms, models);
  std::vector<RefinedFigures> figures(index(count));
  backend_.download(figures_there.data(), figures.data(), figures.size() * sizeof(RefinedFigures));
  std::vector<Refined> result(index(count));
  for (std::int64_t m = 0; m < count; ++m) {
    Refined& one = result[index(m)];
    one.figures = figures[index(m)];
    if (!with_calculated) continue;
    one.calculated.resize(index(points_));
    backend_.download(reinterpret_cast<const float*>(calculated.data()) + m * points_, one.calculated.data(),
                      one.calculated.size() * sizeof(float));
    if (!with_curvature) continue;
    one.curvature.resize(index(size * size));
    backend_.download(reinterpret_cast<const double*>(curvature.data()) + m * size * size,
                      one.curvature.data(), one.curvature.size() * sizeof(double));
  }
  return result;
}

}  // namespace bragg::data
