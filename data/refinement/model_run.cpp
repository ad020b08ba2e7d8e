#include "data/refinement/model_run.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "data/upload.h"
#include "kernels/base/error.h"

namespace bragg::data {
namespace {

std::size_t index(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

/// One behind the other: lines of a later piece lie behind those of the earlier ones.
RefinedStructures without_lines(std::span<const RefinedStructures> pieces) {
  RefinedStructures all;
  std::int64_t lines = 0;
  for (const RefinedStructures& piece : pieces) {
    for (RefinedStructure structure : piece.structures) {
      structure.first_line = static_cast<std::int32_t>(structure.first_line + lines);
      all.structures.push_back(structure);
    }
    all.area_unit.insert(all.area_unit.end(), piece.area_unit.begin(), piece.area_unit.end());
    lines += std::ssize(piece.lines);
  }
  if (lines > std::numeric_limits<std::int32_t>::max())
    throw Error(fmt::format("[refine] {} lines of {} structures are too many for one call", lines,
                            all.structures.size()));
  return all;
}

std::int64_t lines_of(std::span<const RefinedStructures> pieces) {
  std::int64_t lines = 0;
  for (const RefinedStructures& piece : pieces)
    lines += std::ssize(piece.lines);
  return lines;
}

std::int64_t longest(std::span<const RefinementPattern::OnGrid> grids) {
  std::int64_t points = 0;
  for (const RefinementPattern::OnGrid& grid : grids)
    points = std::max(points, std::ssize(grid.y));
  return points;
}

/// (patterns, points), zeros behind the end of a pattern.
std::vector<float> rows_of(std::span<const RefinementPattern::OnGrid> grids, std::int64_t points,
                           std::vector<float> RefinementPattern::OnGrid::*values) {
  std::vector<float> rows(grids.size() * index(points));
  for (std::size_t n = 0; n < grids.size(); ++n)
    std::copy((grids[n].*values).begin(), (grids[n].*values).end(),
              rows.begin() + static_cast<std::int64_t>(n) * points);
  return rows;
}

std::vector<RefinedPattern> patterns_of(std::span<const RefinementPattern::OnGrid> grids) {
  std::vector<RefinedPattern> patterns;
  for (const RefinementPattern::OnGrid& grid : grids)
    patterns.push_back(grid.pattern);
  return patterns;
}

void append_parameters(const ModelParameters& model, std::int64_t terms, std::vector<float>& all) {
  all.push_back(model.zero);
  all.push_back(model.displacement);
  const auto own = std::min(std::ssize(model.background), terms);
  all.insert(all.end(), model.background.begin(), model.background.begin() + own);
  all.insert(all.end(), index(terms - own), 0.0f);
  for (const auto& phase : model.phases)
    all.insert(all.end(), phase.begin(), phase.end());
}

}  // namespace

void ModelList::add(std::int32_t of_pattern, std::span<const std::int32_t> structures,
                    const ModelParameters& begin, const ModelParameters& expected) {
  pattern.push_back(of_pattern);
  structure.insert(structure.end(), structures.begin(), structures.end());
  phase_offset.push_back(static_cast<std::int32_t>(structure.size()));
  append_parameters(begin, terms, parameters);
  append_parameters(expected, terms, prior);
}

void ModelList::append(const ModelList& more) {
  const auto phases = static_cast<std::int32_t>(structure.size());
  std::transform(more.phase_offset.begin() + 1, more.phase_offset.end(), std::back_inserter(phase_offset),
                 [&](std::int32_t offset) { return phases + offset; });
  pattern.insert(pattern.end(), more.pattern.begin(), more.pattern.end());
  structure.insert(structure.end(), more.structure.begin(), more.structure.end());
  parameters.insert(parameters.end(), more.parameters.begin(), more.parameters.end());
  prior.insert(prior.end(), more.prior.begin(), more.prior.end());
}

const float* take_models(const float* at, std::int64_t terms, std::span<ModelParameters> models) {
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
  return at;
}

StructuresThere::StructuresThere(Backend& backend, RefinedStructures of)
    : host(std::move(of)),
      structures_(uploaded(backend, std::span<const RefinedStructure>(host.structures))),
      lines_(uploaded(backend, std::span<const RefinedLine>(host.lines))),
      line_count_(std::ssize(host.lines)) {}

StructuresThere::StructuresThere(Backend& backend, std::span<const RefinedStructures> pieces)
    : host(without_lines(pieces)),
      structures_(uploaded(backend, std::span<const RefinedStructure>(host.structures))),
      lines_(backend.allocate(index(lines_of(pieces)) * sizeof(RefinedLine))),
      line_count_(lines_of(pieces)) {
  // Piece by piece: all lines together would be written once more on the host.
  auto* to = reinterpret_cast<RefinedLine*>(lines_.data());
  for (const RefinedStructures& piece : pieces) {
    backend.upload(piece.lines.data(), to, piece.lines.size() * sizeof(RefinedLine));
    to += piece.lines.size();
  }
}

ModelRun::ModelRun(Backend& backend, const RefinementPattern::OnGrid& grid, const StructuresThere& structures)
    : ModelRun(backend, std::span(&grid, 1), structures) {}

ModelRun::ModelRun(Backend& backend, const RefinementPattern::OnGrid& grid, const RefinedPattern& pattern,
                   const StructuresThere& structures)
    : ModelRun(backend, std::span(&grid, 1), {&pattern, 1}, structures) {}

ModelRun::ModelRun(Backend& backend, std::span<const RefinementPattern::OnGrid> grids,
                   const StructuresThere& structures)
    : ModelRun(backend, grids, patterns_of(grids), structures) {}

ModelRun::ModelRun(Backend& backend, std::span<const RefinementPattern::OnGrid> grids,
                   std::span<const RefinedPattern> patterns, const StructuresThere& structures)
    : backend_(backend),
      structures_(structures),
      patterns_(std::ssize(grids)),
      points_(longest(grids)),
      y_(uploaded(backend, std::span<const float>(rows_of(grids, points_, &RefinementPattern::OnGrid::y)))),
      weight_(uploaded(backend,
                       std::span<const float>(rows_of(grids, points_, &RefinementPattern::OnGrid::weight)))),
      pattern_(uploaded(backend, patterns)) {}

std::vector<ModelRun::Refined> ModelRun::refine(const ModelRules& rules,
                                                std::span<const std::vector<std::int32_t>> of_phase,
                                                std::span<ModelParameters> models,
                                                std::span<const ModelParameters> prior, Details details) {
  ModelList list{.terms = rules.terms};
  std::int64_t most_phases = 0;
  for (std::size_t m = 0; m < of_phase.size(); ++m) {
    list.add(0, of_phase[m], models[m], prior[m]);
    most_phases = std::max(most_phases, std::ssize(of_phase[m]));
  }
  const std::vector<RefinedFigures> figures = refine(rules, list, details);
  take_models(list.parameters.data(), rules.terms, models);
  const auto square = [](std::int64_t n) { return index(n * n); };
  const std::size_t elements =
      square(RefineProblem{.phases_per_model = most_phases, .terms = rules.terms}.parameters_per_model());
  std::vector<Refined> result(of_phase.size());
  for (std::size_t m = 0; m < result.size(); ++m) {
    Refined& one = result[m];
    one.figures = figures[m];
    if (details == Details::none) continue;
    one.calculated.resize(index(points_));
    download_calculated(static_cast<std::int64_t>(m), one.calculated);
    if (details != Details::all) continue;
    one.curvature.resize(elements);
    backend_.download(reinterpret_cast<const double*>(curvature_.data()) + m * elements, one.curvature.data(),
                      elements * sizeof(double));
  }
  return result;
}

std::vector<RefinedFigures> ModelRun::refine(const ModelRules& rules, ModelList& list, Details details) {
  const std::int64_t count = list.size();
  std::int64_t most_phases = 0;
  for (std::size_t m = 0; m < index(count); ++m)
    most_phases = std::max<std::int64_t>(most_phases, list.phase_offset[m + 1] - list.phase_offset[m]);
  const RefineProblem problem{.patterns = patterns_,
                              .points = points_,
                              .structures = std::ssize(structures_.host.structures),
                              .lines = structures_.line_count_,
                              .models = count,
                              .phases = std::ssize(list.structure),
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
  Buffer moved = uploaded(backend_, std::span<const float>(list.parameters)),
         figures_there = backend_.allocate(index(count) * sizeof(RefinedFigures));
  const Buffer expected = uploaded(backend_, std::span<const float>(list.prior)),
               offset_there = uploaded(backend_, std::span<const std::int32_t>(list.phase_offset)),
               pattern_there = uploaded(backend_, std::span<const std::int32_t>(list.pattern)),
               structure_there = uploaded(backend_, std::span<const std::int32_t>(list.structure));
  const std::int64_t size = problem.parameters_per_model();
  const bool with_calculated = details != Details::none, with_curvature = details == Details::all;
  calculated_ = with_calculated ? backend_.allocate(index(count * points_) * sizeof(float)) : Buffer();
  curvature_ = with_curvature ? backend_.allocate(index(count * size * size) * sizeof(double)) : Buffer();
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
  if (with_calculated) op.calculated = {calculated_.data(), DType::f32};
  if (with_curvature) op.curvature = {curvature_.data(), DType::f64};
  backend_.reserve_workspace(backend_.workspace_bytes(op));
  backend_.run(op);

  backend_.download(moved.data(), list.parameters.data(), list.parameters.size() * sizeof(float));
  std::vector<RefinedFigures> figures(index(count));
  backend_.download(figures_there.data(), figures.data(), figures.size() * sizeof(RefinedFigures));
  return figures;
}

void ModelRun::download_calculated(std::int64_t first, std::span<float> to) const {
  backend_.download(reinterpret_cast<const float*>(calculated_.data()) + first * points_, to.data(),
                    to.size_bytes());
}

}  // namespace bragg::data
