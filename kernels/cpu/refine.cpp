// Refinement of models, one a task.
#include "kernels/ops/refine.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>
#include <vector>

#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/isa/refine_kernels.h"
#include "kernels/crystal/levenberg_marquardt.h"
#include "kernels/crystal/refinement_figures.h"
#include "kernels/crystal/refinement_model.h"

namespace bragg::cpu {
namespace {

std::size_t index(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

std::int64_t rounded_up(std::int64_t n, std::int64_t unit) {
  return (n + unit - 1) / unit * unit;
}

/// Floats on a line of the cache.
class FloatRows {
 public:
  void resize(std::int64_t count) {
    if (count + line > std::ssize(memory_)) memory_.resize(index(count + line));
  }
  float* data() {
    void* at = memory_.data();
    std::size_t space = memory_.size() * sizeof(float);
    return static_cast<float*>(std::align(64, 1, at, space));
  }

 private:
  static constexpr std::int64_t line = 16;
  std::vector<float> memory_;
};

/// A phase of the model at hand: its lines, twice where there is a doublet.
struct Phase {
  const RefinedStructure* structure = nullptr;
  FloatRows arrays;
  std::int64_t padded = 0;  ///< lines of one wavelength, whole vectors
  std::int64_t lines = 0;   ///< of both
  std::vector<std::int32_t> first_tile, end_tile;
  std::vector<std::uint32_t> tile_offset, tile_lines;

  void put_lines(const RefineProblem&, const RefinedStructure&, const RefinedLine*, int doublet,
                 std::int64_t lanes);
  void list_tiles(std::int64_t tiles);
};

void Phase::put_lines(const RefineProblem& p, const RefinedStructure& of, const RefinedLine* all, int doublet,
                      std::int64_t lanes) {
  structure = &of;
  std::int64_t count = 0;
  for (std::int32_t l = of.first_line; l < of.first_line + of.lines; ++l)
    count += all[l].rank < p.lines_per_phase;
  padded = rounded_up(count, lanes);
  lines = doublet * padded;
  const std::int64_t numbers =
      (of.has_axis() ? line_axis_cosine2 + of.march.axes : refine_line_arrays) * lines;
  arrays.resize(numbers);
  float* const to = arrays.data();
  std::fill_n(to, numbers, 0.0f);
  std::int64_t i = 0;
  for (std::int32_t l = of.first_line; l < of.first_line + of.lines; ++l) {
    if (all[l].rank >= p.lines_per_phase) continue;
    const auto forms = line_forms<float>(of, all[l]);
    for (int which = 0; which < doublet; ++which) {
      float* const line = to + which * padded + i;
      line[line_q * lines] = forms.q;
      line[line_area * lines] = all[l].area;
      if (of.has_axis()) line[line_even_area * lines] = all[l].area;
      for (int j = 0; j < of.strains; ++j)
        line[(line_strain + j) * lines] = forms.strain[j];
      for (int j = 0; j < of.textures(); ++j)
        line[(line_texture + j) * lines] = forms.texture[j];
      for (int n = 0; n < of.march.axes; ++n)
        line[(line_axis_cosine2 + n) * lines] =
            axis_cosine2(of.march, n, static_cast<float>(all[l].h), static_cast<float>(all[l].k),
                         static_cast<float>(all[l].l), forms.q);
    }
    ++i;
  }
  first_tile.resize(index(lines));
  end_tile.resize(index(lines));
}

void Phase::list_tiles(std::int64_t tiles) {
  tile_offset.assign(index(tiles + 1), 0);
  for (std::size_t i = 0; i < index(lines); ++i)
    for (std::int32_t tile = first_tile[i]; tile < end_tile[i]; ++tile)
      ++tile_offset[index(tile) + 1];
  for (std::size_t tile = 0; tile < index(tiles); ++tile)
    tile_offset[tile + 1] += tile_offset[tile];
  tile_lines.resize(tile_offset.back());
  // Every list in the order of lines; afterwards each offset has moved to its end, one tile on.
  for (std::size_t i = 0; i < index(lines); ++i)
    for (std::int32_t tile = first_tile[i]; tile < end_tile[i]; ++tile)
      tile_lines[tile_offset[index(tile)]++] = static_cast<std::uint32_t>(i);
  std::copy_backward(tile_offset.begin(), tile_offset.end() - 1, tile_offset.end());
  tile_offset.front() = 0;
}

/// A thread's memory, and the model that it holds.
class Worker {
 public:
  void refine(const Refine&, const RefineKernels&, std::int64_t model);

 private:
  void load(const Refine&, std::int64_t model);
  void put_rows();
  void evaluate(std::span<const double> parameters, NormalEquations&);
  void shape_phase(std::size_t n, std::span<const double> parameters);

  const RefineProblem* p_ = nullptr;
  const RefineKernels* kernels_ = nullptr;
  const RefinedPattern* pattern_ = nullptr;
  std::int64_t tiles_ = 0;
  int doublet_ = 1;
  FloatRows points_;  ///< y, root of the weight, calculated: three rows of whole vectors
  std::vector<Phase> phases_;
  std::vector<RefinePhase> calls_;
  std::vector<PhaseFreedom> freedom_;
  std::vector<RefinedColumn> columns_;
  std::vector<std::int32_t> row_;  ///< of each parameter
  FloatRows derivatives_, sums_;
  std::vector<double> products_;
  std::vector<float> background_;
};

void Worker::load(const Refine& op, std::int64_t model) {
  const std::int64_t pattern = op.model_pattern.as<std::int32_t>()[model], lanes = kernels_->lanes;
  pattern_ = &op.pattern.as<RefinedPattern>()[pattern];
  doublet_ = pattern_->second_share > 0 ? 2 : 1;
  tiles_ = rounded_up(p_->points, lanes) / lanes;
  points_.resize(3 * tiles_ * lanes);
  float *const y = points_.data(), *const root = y + tiles_ * lanes;
  std::fill_n(y, 3 * tiles_ * lanes, 0.0f);
  for (std::int64_t i = pattern_->first; i < pattern_->end; ++i) {
    y[i] = op.y.as<float>()[pattern * p_->points + i];
    root[i] = std::sqrt(op.weight.as<float>()[pattern * p_->points + i]);
  }
  const auto* const offset = op.phase_offset.as<std::int32_t>();
  const auto count = index(offset[model + 1] - offset[model]);
  freedom_.clear();
  phases_.resize(std::max(phases_.size(), count));
  calls_.resize(count);
  for (std::size_t n = 0; n < count; ++n) {
    const auto& structure =
        op.structure.as<RefinedStructure>()
            [op.phase_structure.as<std::int32_t>()[offset[model] + static_cast<std::int32_t>(n)]];
    phases_[n].put_lines(*p_, structure, op.line.as<RefinedLine>(), doublet_, lanes);
    freedom_.push_back(structure.freedom());
  }
  columns_ = refined_columns(*p_, freedom_);
  put_rows();
}

void Worker::put_rows() {
  const auto free = std::ssize(columns_), rows = free + 1;
  const std::int64_t room = rounded_up(rows + 1, kernels_->block_rows);
  const auto nobody = static_cast<std::int32_t>(room);  // a row of its own, behind those that are multiplied
  row_.assign(index(p_->shared()) + calls_.size() * phase_parameters, nobody);
  for (std::int64_t i = 0; i < free; ++i)
    row_[index(columns_[index(i)].parameter)] = static_cast<std::int32_t>(i);
  derivatives_.resize((room + 1) * kernels_->chunk_points);
  std::fill_n(derivatives_.data(), (room + 1) * kernels_->chunk_points, 0.0f);
  sums_.resize(refine_sums_floats(*kernels_, rows));
  products_.resize(index(rows * rows));
  for (std::size_t n = 0; n < calls_.size(); ++n)
    std::copy_n(row_.begin() + p_->shared() + static_cast<std::int64_t>(n) * phase_parameters,
                phase_parameters, calls_[n].row);
}

void Worker::shape_phase(std::size_t n, std::span<const double> parameters) {
  Phase& phase = phases_[n];
  const double* const own =
      parameters.data() + p_->shared() + static_cast<std::int64_t>(n) * phase_parameters;
  float values[phase_parameters];
  std::transform(own, own + phase_parameters, values, [](double value) { return static_cast<float>(value); });
  const bool has_axis = phase.structure->has_axis();
  const auto march = has_axis ? march_function(values[texture_at]) : MarchFunction<float>{};
  float highest = 0;
  const float both = 1 + (doublet_ == 2 ? pattern_->second_share : 0);
  for (int which = 0; which < doublet_; ++which) {
    highest = std::max(highest, kernels_->shape({.arrays = phase.arrays.data(),
                                                 .stride = phase.lines,
                                                 .begin = which * phase.padded,
                                                 .end = (which + 1) * phase.padded,
                                                 .strains = phase.structure->strains,
                                                 .textures = has_axis ? 0 : phase.structure->textures(),
                                                 .axes = phase.structure->march.axes,
                                                 .strain = values + strain_at,
                                                 .texture = values + texture_at,
                                                 .march_along = march.along,
                                                 .march_across = march.across,
                                                 .damping = values[damping_at],
                                                 .ln_fwhm = values[ln_fwhm_at],
                                                 .fwhm_slope = values[fwhm_slope_at],
                                                 .zero = static_cast<float>(parameters[0]),
                                                 .displacement = static_cast<float>(parameters[1]),
                                                 .wavelength = pattern_->wavelength[which],
                                                 .share = (which == 0 ? 1 : pattern_->second_share) / both,
                                                 .blur = static_cast<float>(p_->blur),
                                                 .start = static_cast<float>(pattern_->start),
                                                 .step = static_cast<float>(pattern_->step)}));
  }
  kernels_->reach({.arrays = phase.arrays.data(),
                   .stride = phase.lines,
                   .lines = phase.lines,
                   .lorentz_share = values[lorentz_share_at],
                   .tail_cut = static_cast<float>(p_->tail_cut),
                   .highest = std::max(highest, 1e-30f),
                   .first = static_cast<float>(pattern_->first),
                   .last = static_cast<float>(pattern_->end - 1),
                   .first_tile = phase.first_tile.data(),
                   .end_tile = phase.end_tile.data()});
  phase.list_tiles(tiles_);
  RefinePhase& call = calls_[n];
  call.arrays = phase.arrays.data();
  call.stride = phase.lines;
  call.tile_offset = phase.tile_offset.data();
  call.tile_lines = phase.tile_lines.data();
  call.strains = phase.structure->strains;
  call.scale = values[scale_at];
  call.lorentz_share = values[lorentz_share_at];
}

void Worker::evaluate(std::span<const double> parameters, NormalEquations& equations) {
  for (std::size_t n = 0; n < calls_.size(); ++n)
    shape_phase(n, parameters);
  background_.assign(parameters.begin() + shared_parameters, parameters.begin() + p_->shared());
  const std::int64_t lanes = kernels_->lanes, rows = std::ssize(columns_) + 1;
  float* const y = points_.data();
  const bool is_empty = pattern_->first >= pattern_->end;
  const std::int32_t last = pattern_->end - 1 - pattern_->first;
  kernels_->accumulate({.tiles_begin = pattern_->first / lanes,
                        .tiles_end = is_empty ? pattern_->first / lanes : (pattern_->end - 1) / lanes + 1,
                        .y = y,
                        .root_weight = y + tiles_ * lanes,
                        .calculated = y + 2 * tiles_ * lanes,
                        .phases = std::ssize(calls_),
                        .phase = calls_.data(),
                        .terms = p_->terms,
                        .background = background_.data(),
                        .background_row = row_.data() + shared_parameters,
                        .chebyshev_middle = static_cast<float>(2 * pattern_->first + last),
                        .chebyshev_scale = last > 0 ? 1 / static_cast<float>(last) : 0,
                        .zero_row = row_[0],
                        .displacement_row = row_[1],
                        .inverse_step = static_cast<float>(1 / pattern_->step),
                        .derivatives = derivatives_.data(),
                        .rows = rows,
                        .sums = sums_.data(),
                        .products = products_.data()});
  const std::int64_t n = rows - 1;
  equations.matrix.resize(index(n * n));
  equations.gradient.resize(index(n));
  for (std::int64_t a = 0; a < n; ++a)
    for (std::int64_t b = 0; b <= a; ++b) {
      const double product = products_[index(a * rows + b)];
      equations.matrix[index(a * n + b)] = product;
      equations.matrix[index(b * n + a)] = product;
    }
  for (std::int64_t a = 0; a < n; ++a)
    equations.gradient[index(a)] = products_[index(n * rows + a)];
  equations.chi_squared = products_[index(n * rows + n)];
}

void Worker::refine(const Refine& op, const RefineKernels& kernels, std::int64_t model) {
  p_ = &op.problem;
  kernels_ = &kernels;
  load(op, model);
  const std::int64_t phase = op.phase_offset.as<std::int32_t>()[model],
                     at = model * p_->shared() + phase * phase_parameters,
                     count = p_->shared() + std::ssize(calls_) * phase_parameters;
  float* const parameters = op.parameters.as<float>() + at;
  std::vector<double> moved(parameters, parameters + count);
  const RefinedModel found = refine_model(
      *p_, columns_, {op.prior.as<float>() + at, index(count)}, moved,
      [&](std::span<const double> tried, NormalEquations& equations) { evaluate(tried, equations); });
  NormalEquations drawn;
  evaluate(moved, drawn);  // what was tried last need not be what was found
  std::transform(moved.begin(), moved.end(), parameters,
                 [](double value) { return static_cast<float>(value); });
  const std::int64_t pattern = op.model_pattern.as<std::int32_t>()[model];
  float* const calculated = points_.data() + 2 * tiles_ * kernels_->lanes;
  std::fill(calculated, calculated + pattern_->first, 0.0f);
  std::fill(calculated + pattern_->end, calculated + p_->points, 0.0f);
  RefinedFigures& figures = op.figures.as<RefinedFigures>()[model];
  figures = refined_figures_of(*p_, *pattern_, op.y.as<float>() + pattern * p_->points,
                               op.weight.as<float>() + pattern * p_->points, calculated, moved.data());
  figures.objective = static_cast<float>(found.objective);
  figures.iterations = static_cast<float>(found.iterations);
  if (op.calculated) std::copy_n(calculated, p_->points, op.calculated.as<float>() + model * p_->points);
  if (op.curvature) {
    const std::int64_t size = p_->parameters_per_model();
    put_curvature(*p_, columns_, found.at_end, size, op.curvature.as<double>() + model * size * size);
  }
}

}  // namespace

void CpuBackend::run_op(const Refine& op) {
  check_refine_indices(op);
  std::vector<Worker> workers(index(pool_.size()));
  pool_.run(op.problem.models,
            [&](std::int64_t model, int worker) { workers[index(worker)].refine(op, refinement_, model); });
}

}  // namespace bragg::cpu
