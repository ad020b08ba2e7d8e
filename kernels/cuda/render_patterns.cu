// Patterns, one to a block: its points lie in shared memory from the first line to the store, in fp32.
//
// The time of a pattern of set 1 on a grid of 8,500 points is that of its exponentials: a line of 26 points
// width reaches 118 of them, and a warp that draws 64 at a time draws 216 for each line (64 + 118 + a bin), 2
// clocks for every 32 of them on a multiprocessor that makes 16 a clock. So 1,923 lines are 26,000 clocks;
// the double precision of their positions 5,000 beside it, the sort 3,000, the rest 1,000.
#include <algorithm>

#include "kernels/base/error.h"
#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/device/previous_kernel.cuh"
#include "kernels/cuda/device/shared_memory.cuh"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/pattern/background.cuh"
#include "kernels/cuda/pattern/draw_lines.cuh"
#include "kernels/cuda/pattern/load_parameters.cuh"
#include "kernels/cuda/pattern/measure.cuh"

namespace bragg::cuda {
namespace {

/// row (points) = f(i), with stores of V elements.
template <int V, typename T, typename F>
__device__ void store_row(int points, T* row, const F& f) {
  for (int pack = static_cast<int>(threadIdx.x); pack < points / V; pack += pattern_threads) {
    Pack<T, V> values;
#pragma unroll
    for (int k = 0; k < V; ++k)
      values.at[k] = rounded_to<T>(f(pack * V + k));
    store(row + std::int64_t{pack} * V, values);
  }
  for (int i = points / V * V + static_cast<int>(threadIdx.x); i < points; i += pattern_threads)
    row[i] = rounded_to<T>(f(i));
}

/// What the network reads: without background, scaled to the maximum. `bins` are two times as many floats.
template <int V, typename T>
__device__ void process_and_store(const PatternArguments& a, float* y, float* bins, T* row) {
  float* const opened = bins + a.bins;
  if (a.points_per_mean > 1) average_points(a, y);
  if (a.bins > 0) find_background(a, y, bins, opened);
  float highest = -INFINITY;
  for_groups(a.read_points, [&](int group) {
    for (int i = 4 * group; i < min(4 * group + 4, a.read_points); ++i) {
      if (a.bins > 0) y[i] = fmaxf(y[i] - background_at(a, opened, i), 0.0f);
      highest = larger(highest, y[i]);
    }
  });
  highest = block_max<pattern_threads>(highest);
  const float scale = highest > 0 ? 1 / highest : 0;
  store_row<V>(a.read_points, row, [&](int i) {
    const float value = highest > 0 ? y[i] * scale : 0;
    return a.maximum * (a.square_root ? std::sqrt(fmaxf(value, 0.0f)) : value);
  });
}

/// Grid: a block for each pattern from `first` on.
template <typename T, int V>
__global__ void __launch_bounds__(pattern_threads, 2)
    render_pattern(const __grid_constant__ PatternArguments a, std::int64_t first, T* dst,
                   std::int64_t item_stride) {
  wait_for_previous_kernel();
  __shared__ PatternParameters pattern;
  __shared__ CrystalLines lines;
  __shared__ float highest_line[2];
  auto& memory = *shared_memory<LineMemory>();
  float* const y = a.large ? a.large + blockIdx.x * a.block_floats : reinterpret_cast<float*>(&memory + 1);
  // Made anew where they are needed: registers are short.
  const auto n = [&] { return first + blockIdx.x; };
  const auto row = [&] { return dst + n() * item_stride; };

  const bool is_sound = load_parameters(a, n(), pattern);
  const auto is_mixture = [&] { return pattern[Effect::impurity] > 0; };
  const auto crystal = [&](int phase) { return (phase == 0 ? a.crystals : a.impurities)[n()]; };
  const auto is_inside = [&](std::int32_t one) { return one >= 0 && one < a.set_crystals; };
  // A kernel cannot refuse a row outside the set, nor parameters, but nobody shall take what they become for
  // data.
  if (!is_sound || !is_inside(crystal(0)) || (is_mixture() && !is_inside(crystal(1)))) {
    store_row<V>(a.read_points, row(), [](int) { return NAN; });
    return;
  }
#pragma unroll 1  // one copy of the code that draws lines
  for (int phase = 0; phase < (is_mixture() ? 2 : 1); ++phase) {
    prepare_lines(a, crystal(phase), pattern, phase == 1, lines);
    const float most = draw_lines(a, lines, memory, y + phase * a.padded_points);
    if (threadIdx.x == 0) highest_line[phase] = most;
  }
  __syncthreads();
  if (!(highest_line[0] > 0)) {
    store_row<V>(a.read_points, row(), [](int) { return 0.0f; });
    return;
  }
  const float other_scale = is_mixture() && highest_line[1] > 0
                                ? static_cast<float>(pattern[Effect::impurity]) / highest_line[1]
                                : 0;
  float highest = add_background(a, pattern, 1 / highest_line[0], other_scale,
                                 is_mixture() ? y + a.padded_points : nullptr, y);
  if (pattern[Effect::noise] > 0 || pattern[Effect::poisson] > 0 || pattern[Effect::gaussian] > 0) {
    highest = block_max<pattern_threads>(highest);
    add_noise(a, pattern, highest, y);
  }
  cut_ends(a, pattern, y);
  process_and_store<V>(a, y, a.large ? y + 2 * a.padded_points : reinterpret_cast<float*>(&memory), row());
}

/// How a problem is laid out on a device.
struct Layout {
  std::int64_t padded_points, bins, block_floats;
  bool is_large;  ///< its patterns do not fit into shared memory
  std::size_t shared_bytes;
  std::int64_t blocks;  ///< patterns in one launch

  Layout(const PatternProblem& p, std::size_t shared_memory, int multiprocessors) {
    const std::int64_t points = p.instrument.grid.points;
    padded_points = (points + interval_points - 1) / interval_points * interval_points;
    const TwoThetaGrid read = p.processing.read_grid(p.instrument.grid);
    const std::int64_t per_bin = p.processing.opening(read).points_per_bin;
    bins = p.processing.background_window > 0 ? (read.points + per_bin - 1) / per_bin : 0;
    const std::int64_t patterns = (p.impurities ? 2 : 1) * padded_points;
    constexpr std::size_t statics = 4 << 10;  // at most: beside the dynamic shared memory
    // The bins lie where the lines lay. Without an impurity that place is theirs still, with room behind.
    const std::size_t lines = std::max(sizeof(LineMemory), 2 * bins * sizeof(float));
    shared_bytes = sizeof(LineMemory) + patterns * sizeof(float);
    is_large = shared_bytes + statics > shared_memory || lines > sizeof(LineMemory);
    if (is_large) shared_bytes = sizeof(LineMemory);
    block_floats = is_large ? 2 * padded_points + (2 * bins + 63) / 64 * 64 : 0;
    blocks = std::min<std::int64_t>(p.N, is_large ? 2 * multiprocessors : 1 << 30);
  }
  std::size_t workspace_bytes() const { return blocks * block_floats * sizeof(float); }
};

}  // namespace

std::size_t CudaBackend::workspace_of(const PatternProblem& p) const {
  return Layout(p, shared_memory_, multiprocessors_).workspace_bytes();
}

void CudaBackend::run_op(const RenderPatterns& op) {
  const PatternProblem& p = op.problem;
  constexpr std::int64_t most = 1 << 30;  // of 32-bit indices
  if (p.instrument.grid.points > most)
    throw ProblemError("[" + text(op) + "] more than " + std::to_string(most) + " points");
  const auto describe = [&] { return text(op); };
  const Layout layout(p, shared_memory_, multiprocessors_);
  auto* const memory = static_cast<float*>(workspace("render_patterns", layout.workspace_bytes()));

  PatternArguments a;
  a.N = p.N;
  a.instrument = p.instrument;
  a.points = static_cast<std::int32_t>(p.instrument.grid.points);
  a.padded_points = static_cast<std::int32_t>(layout.padded_points);
  a.maximum = static_cast<float>(p.maximum);
  a.mixed = p.impurities;
  a.square_root = p.processing.square_root;
  const Processing::Opening opening = p.processing.opening(p.processing.read_grid(p.instrument.grid));
  a.points_per_mean = static_cast<std::int32_t>(p.processing.points_per_mean(p.instrument.grid));
  a.read_points = static_cast<std::int32_t>(p.points());
  a.points_per_bin = static_cast<std::int32_t>(opening.points_per_bin);
  a.half_window = static_cast<std::int32_t>(opening.half_window);
  a.bins = static_cast<std::int32_t>(layout.bins);
  a.line_bin = Division((p.instrument.grid.points + no_bin - 2) / (no_bin - 1));
  a.set_crystals = op.set->crystals;
  a.offset = reinterpret_cast<const std::uint64_t*>(op.set->offset.data());
  a.metric = reinterpret_cast<const ReciprocalMetric*>(op.set->metric.data());
  a.miller = reinterpret_cast<const Miller*>(op.set->miller.data());
  a.f2 = reinterpret_cast<const float*>(op.set->f2.data());
  a.laue = reinterpret_cast<const LaueRotations*>(op.set->laue.data());
  a.crystals = op.crystals.as<std::int32_t>();
  a.impurities = op.impurities.as<std::int32_t>();
  a.parameters = op.parameters.as<PatternParameters>();
  a.block_floats = layout.block_floats;
  if (layout.is_large) a.large = memory;

  with_element_type([&]<typename T>() {
    constexpr int V = 16 / sizeof(T);
    const auto run = [&](auto kernel) {
      for (std::int64_t first = 0; first < p.N; first += layout.blocks) {
        const auto blocks = static_cast<unsigned>(std::min(layout.blocks, p.N - first));
        launch(describe, launches(), {dim3(blocks), dim3(pattern_threads), layout.shared_bytes}, kernel, a,
               first, op.dst.item<T>(0), op.dst.item_stride);
      }
    };
    if (holds_packs<V>(op.dst.item<T>(0), op.dst.item_stride)) {
      run(render_pattern<T, V>);
    } else {
      run(render_pattern<T, 1>);
    }
  });
}

}  // namespace bragg::cuda
