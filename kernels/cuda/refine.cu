// Refinement of models, one to a block from the first evaluation to the last: linear start, iterations, figures, curvature,
// without the host in between. A block that is done takes the next model; what comes out does not depend on which block did it.
//
// A line that reaches a tile of 32 points costs some 60 instructions of a warp for them, and the normal equations of 32 rows 640
// multiply-adds a point, as many clocks of the loads from shared memory as of the arithmetic. The rest is the lines' places and
// Cholesky's factors; other blocks on the multiprocessor run while one waits at its barriers.
//
// A model whose indices lead out of memory, or that has a structure with more lines of a rank below lines_per_phase than that,
// gets figures that are no numbers, zeros for `calculated` and `curvature`, and keeps its parameters.
#include <algorithm>

#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/device/previous_kernel.cuh"
#include "kernels/cuda/device/shared_memory.cuh"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/refine/figures.cuh"

namespace bragg::cuda {
namespace {

/// What becomes of the parameters that were tried. By thread 0.
__device__ void judge(const RefineArguments& a, RefineProgress& now, double objective) {
  now.is_taken = !now.is_begun || objective < now.objective;
  if (now.is_begun && !now.is_linear) {
    now.falls = !now.is_taken                                               ? now.falls
                : now.objective - objective < a.p.converged * now.objective ? now.falls + 1
                                                                            : 0;
    now.damping = now.is_taken ? now.damping / damping_fall : now.damping * damping_rise;
  }
  now.is_begun = true;
  now.last = now.tried;
  if (!now.is_taken) return;
  now.objective = objective;
  now.best = now.tried;
  now.tried = 1 - now.tried;
}

/// Which step comes next. By thread 0.
__device__ void choose_step(const RefineArguments& a, RefineProgress& now) {
  now.is_linear = now.passes > 0;
  if (now.is_linear) return;
  now.is_done = now.iterations >= a.p.iterations || now.falls >= small_falls || !(now.damping < most_damping);
  if (!now.is_done) ++now.iterations;
}

/// As refine_model of kernels/crystal/levenberg_marquardt.cpp, with one place where equations are made and one where they are
/// solved, as each is a large piece of code. Begins and ends with a barrier.
template <int chunk_points>
__device__ void minimise(const RefineArguments& a, RefineState& s, float* derivatives) {
  const auto thread = static_cast<int>(threadIdx.x);
  RefineProgress& now = s.progress;
  if (thread == 0)
    now = {.objective = 0,
           .damping = a.p.first_damping,
           .iterations = 0,
           .falls = 0,
           .passes = a.p.linear_start ? linear_passes : 0,
           .best = 0,
           .tried = 0,
           .last = 0,
           .is_begun = false,
           .is_taken = false,
           .is_linear = false,
           .is_done = false};
  __syncthreads();
  for (;;) {
    evaluate<chunk_points>(a, s, derivatives);
    if (thread < 32) {
      const double objective = objective_of(a, s, equations_of(a, now.tried));
      if (thread == 0) judge(a, now, objective);
    }
    __syncthreads();
    if (now.is_taken)
      for (int i = thread; i < s.parameters; i += refine_threads)
        s.parameter[i] = s.tried[i];
    for (bool has_moved = false; !has_moved;) {
      __syncthreads();
      if (thread == 0) choose_step(a, now);
      __syncthreads();
      if (now.is_done) return;
      const bool is_linear = now.is_linear;
      const int passes = now.passes;
      has_moved = step(a, s, equations_of(a, is_linear ? now.last : now.best), equations_of(a, 2), is_linear,
                       passes == linear_passes, is_linear ? 0 : now.damping);
      if (thread != 0) continue;
      if (is_linear) {
        now.passes = has_moved ? passes - 1 : 0;
      } else if (!has_moved) {
        now.damping *= damping_rise;
      }
    }
  }
}

template <int chunk_points>
__device__ void refine_one(const RefineArguments& a, RefineState& s, float* derivatives) {
  // The rows behind the residuals fill a block.
  const int used = (s.columns + 1) * chunk_points;
  for (int i = used + static_cast<int>(threadIdx.x); i < s.rows * chunk_points; i += refine_threads)
    derivatives[i] = 0;
  minimise<chunk_points>(a, s, derivatives);
  put_figures(a, s);
  if (a.curvature) put_curvature(a, s, equations_of(a, s.progress.best));
  float* const parameters =
      a.parameters + s.model * a.p.shared() + std::int64_t{a.phase_offset[s.model]} * phase_parameters;
  for (auto i = static_cast<int>(threadIdx.x); i < s.parameters; i += refine_threads)
    parameters[i] = static_cast<float>(s.parameter[i]);
}

/// Grid: as many blocks as run at once. Shared memory: room.rows x chunk_points derivatives.
template <int chunk_points>
__global__ void __launch_bounds__(refine_threads, 4)
    refine_models(const __grid_constant__ RefineArguments a) {
  wait_for_previous_kernel();
  __shared__ RefineState s;
  for (;;) {
    __syncthreads();
    if (threadIdx.x == 0) {
      s.model = static_cast<std::int64_t>(atomicAdd(a.ticket, 1u));
      s.is_sound = s.model < a.p.models && is_sound(a, s.model);
      if (s.is_sound) load_parameters(a, s);
      // Every block asks once in vain; the last one to do so leaves the ticket as it was.
      if (s.model == a.p.models + gridDim.x - 1) *a.ticket = 0;
    }
    __syncthreads();
    if (s.model >= a.p.models) return;
    bool is_whole = s.is_sound;
    for (int phase = 0; is_whole && phase < s.phases; ++phase)
      is_whole = load_lines(a, phase, s);
    if (is_whole) {
      refine_one<chunk_points>(a, s, shared_memory<float>());
    } else {
      put_nothing(a, s.model);
    }
  }
}

constexpr int large_chunk = 256, small_chunk = 128;
constexpr std::int64_t most_memory = std::int64_t{1} << 30;

/// The most that a model of the problem can need; what its structures are the host does not know.
RefineRoom room_of(const RefineProblem& p) {
  std::int64_t columns = 0;
  for (std::int64_t i = 0; i < p.parameters_per_model(); ++i)
    columns +=
        free_kind_of(p, i, {most_strains, false}) >= 0 || free_kind_of(p, i, {most_strains, true}) >= 0;
  const std::int64_t rows = rounded_up(columns + 1, block_rows);
  constexpr std::int64_t few_rows =
      40;  // of the models of one phase: twice the points in the same shared memory
  return {.rows = static_cast<std::int32_t>(rows),
          .lines = static_cast<std::int32_t>(rounded_up(std::min(p.lines, p.lines_per_phase), range_lines)),
          .phases = static_cast<std::int32_t>(p.phases_per_model),
          .chunk_points = rows <= few_rows ? large_chunk : small_chunk};
}

std::int64_t blocks_of(const RefineProblem& p, const RefineRoom& room, int multiprocessors) {
  const std::int64_t at_once = multiprocessors * (room.chunk_points == large_chunk ? 4 : 2);
  return std::clamp<std::int64_t>(std::min(at_once, most_memory / room.block_bytes()), 1, p.models);
}

}  // namespace

std::size_t CudaBackend::workspace_of(const RefineProblem& p) const {
  if (p.models == 0) return 0;
  const RefineRoom room = room_of(p);
  return static_cast<std::size_t>(blocks_of(p, room, multiprocessors_) * room.block_bytes());
}

void CudaBackend::run_op(const Refine& op) {
  const RefineProblem& p = op.problem;
  const RefineRoom room = room_of(p);
  const RefineArguments a{.p = p,
                          .y = op.y.as<float>(),
                          .weight = op.weight.as<float>(),
                          .pattern = op.pattern.as<RefinedPattern>(),
                          .structure = op.structure.as<RefinedStructure>(),
                          .line = op.line.as<RefinedLine>(),
                          .model_pattern = op.model_pattern.as<std::int32_t>(),
                          .phase_offset = op.phase_offset.as<std::int32_t>(),
                          .phase_structure = op.phase_structure.as<std::int32_t>(),
                          .prior = op.prior.as<float>(),
                          .parameters = op.parameters.as<float>(),
                          .figures = op.figures.as<RefinedFigures>(),
                          .calculated = op.calculated.as<float>(),
                          .curvature = op.curvature.as<double>(),
                          .room = room,
                          .memory = static_cast<std::byte*>(workspace(Refine::name, workspace_of(p))),
                          .ticket = reinterpret_cast<unsigned*>(ticket_.data())};
  const auto blocks = static_cast<unsigned>(blocks_of(p, room, multiprocessors_));
  launch([&] { return text(op); }, launches(),
         {dim3(blocks), dim3(refine_threads), static_cast<std::size_t>(room.shared_bytes())},
         room.chunk_points == large_chunk ? refine_models<large_chunk> : refine_models<small_chunk>, a);
}

}  // namespace bragg::cuda
