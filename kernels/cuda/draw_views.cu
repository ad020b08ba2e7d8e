// Structures drawn from their lines: a block for each view of one, every thread for some of its bins. A bin looks for
// the lines that reach it, which are in order, and adds them in that order.
#include <cmath>

#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/device/last_block.cuh"
#include "kernels/cuda/device/pack.cuh"
#include "kernels/cuda/device/previous_kernel.cuh"
#include "kernels/cuda/device/shared_memory.cuh"
#include "kernels/cuda/launch.h"
#include "kernels/ops/draw_views.h"

namespace bragg::cuda {
namespace {

constexpr int threads = 256;

struct ViewArguments {
  float fwhm_low, fwhm_slope, power;
};
struct Arguments {
  const std::uint32_t* line_offset;
  const std::uint32_t* lines;
  const std::int32_t* rows;
  BFloat16* dst;
  std::int32_t structures, bins, first_bin, end_bin, views;
  float steps_per_bin, length;
  ViewArguments view[most_views];
};

__device__ float place_of(const Arguments& a, std::uint32_t line) {
  return static_cast<float>(line & 0xFFFFu) / a.steps_per_bin - 0.5f;
}

/// The first of lines [begin, end) that does not lie below x.
__device__ std::uint32_t first_from(const Arguments& a, std::uint32_t begin, std::uint32_t end, float x) {
  while (begin < end) {
    const std::uint32_t middle = begin + (end - begin) / 2;
    if (place_of(a, a.lines[middle]) < x) {
      begin = middle + 1;
    } else {
      end = middle;
    }
  }
  return begin;
}

/// The sum of lines [begin, end) at bin i; none reaches further than `widest`.
__device__ float sum_at(const Arguments& a, const ViewArguments& view, std::uint32_t begin, std::uint32_t end,
                        float i, float widest) {
  constexpr auto cut = static_cast<float>(drawn_cut);
  float y = 0;
  for (std::uint32_t l = first_from(a, begin, end, i - widest); l < end; ++l) {
    const std::uint32_t line = a.lines[l];
    const float x = place_of(a, line), away = i - x;
    if (-away > widest) break;
    const float width = view.fwhm_low + view.fwhm_slope * x;
    const float area = to_float(BFloat16{static_cast<std::uint16_t>(line >> 16)});
    if (fabsf(away) <= cut * width) y += area / width * exp2f(away * away * (-4 / (width * width)));
  }
  return y;
}

/// Grid: (rows, views). Shared memory: the bins.
__global__ void __launch_bounds__(threads) draw_lines(const __grid_constant__ Arguments a) {
  wait_for_previous_kernel();
  float* const y = shared_memory<float>();
  const ViewArguments view = a.view[blockIdx.y];
  const std::int32_t structure = a.rows[blockIdx.x];
  const bool is_there = structure >= 0 && structure < a.structures;
  const std::uint32_t begin = is_there ? a.line_offset[structure] : 0,
                      end = is_there ? a.line_offset[structure + 1] : 0;
  // A line may lie behind the last bin, where a slope makes it wider than it is there.
  const float last_x = 65535 / a.steps_per_bin;
  const float at_end = view.fwhm_low + view.fwhm_slope * last_x;
  const float widest = static_cast<float>(drawn_cut) * 1.001f * fmaxf(view.fwhm_low, at_end);
  for (auto i = static_cast<std::int32_t>(threadIdx.x); i < a.bins; i += threads) {
    const bool is_inside = i >= a.first_bin && i < a.end_bin;
    const float sum = is_inside ? sum_at(a, view, begin, end, static_cast<float>(i), widest) : 0;
    y[i] = sum > 0 ? powf(sum, view.power) : 0;
  }
  __syncthreads();
  const float square = sum_in_order<threads, float>(a.bins, [&](std::int64_t i) { return y[i] * y[i]; });
  __shared__ float factor;
  if (threadIdx.x == 0) factor = square > 0 ? a.length / sqrtf(square) : 0;
  __syncthreads();
  BFloat16* const dst =
      a.dst + (std::int64_t{blockIdx.x} * a.views + blockIdx.y) * static_cast<std::int64_t>(a.bins);
  for (auto i = static_cast<std::int32_t>(threadIdx.x); i < a.bins; i += threads)
    dst[i] = rounded_to<BFloat16>(y[i] * factor);
}

}  // namespace

void CudaBackend::run_op(const DrawViews& op) {
  const DrawViewsProblem& p = op.problem;
  Arguments a{.line_offset = op.line_offset.as<std::uint32_t>(),
              .lines = op.lines.as<std::uint32_t>(),
              .rows = op.rows.as<std::int32_t>(),
              .dst = op.dst.as<BFloat16>(),
              .structures = static_cast<std::int32_t>(p.structures),
              .bins = static_cast<std::int32_t>(p.bins),
              .first_bin = static_cast<std::int32_t>(p.first_bin),
              .end_bin = static_cast<std::int32_t>(p.end_bin),
              .views = static_cast<std::int32_t>(p.views),
              .steps_per_bin = static_cast<float>(p.steps_per_bin),
              .length = static_cast<float>(1 / std::sqrt(static_cast<double>(p.views))),
              .view = {}};
  for (std::int64_t v = 0; v < p.views; ++v) {
    const DrawnView& view = p.view[static_cast<std::size_t>(v)];
    a.view[v] = {static_cast<float>(view.fwhm_low),
                 static_cast<float>((view.fwhm_high - view.fwhm_low) / static_cast<double>(p.bins - 1)),
                 static_cast<float>(view.power)};
  }
  const dim3 grid(static_cast<unsigned>(p.N), static_cast<unsigned>(p.views));
  launch([&] { return text(op); }, launches(),
         {grid, dim3(threads), static_cast<std::size_t>(p.bins) * sizeof(float)}, draw_lines, a);
}

}  // namespace bragg::cuda
