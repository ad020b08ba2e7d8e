// The step's counters and the rows of a batch.
#include <type_traits>

#include "kernels/base/random.h"
#include "kernels/cuda/cuda_backend.h"
#include "kernels/cuda/device/pack.cuh"
#include "kernels/cuda/device/previous_kernel.cuh"
#include "kernels/cuda/launch.h"
#include "kernels/ops/step_state.h"

namespace bragg::cuda {
namespace {

constexpr int threads = 256;

__global__ void advance_state(StepState* state, std::uint64_t batch) {
  wait_for_previous_kernel();
  state->step += 1;
  state->first_index += batch;
}

__global__ void __launch_bounds__(threads)
    choose_rows(const SampleRowsProblem p, const std::int32_t* __restrict__ candidates,
                const StepState* state, std::int32_t* __restrict__ dst) {
  wait_for_previous_kernel();
  const std::int64_t stride = std::int64_t{gridDim.x} * threads;
  for (std::int64_t i = std::int64_t{blockIdx.x} * threads + threadIdx.x; i < p.N; i += stride)
    dst[i] = sampled_row(p, candidates, state->first_index + static_cast<std::uint64_t>(i));
}

/// What a row outside the table becomes: a kernel cannot refuse it, but nobody shall take it for data.
template <typename T>
__device__ T missing() {
  if constexpr (std::is_same_v<T, std::int32_t>) {
    return -1;  // no class
  } else {
    return rounded_to<T>(NAN);
  }
}

/// Grid: (items, chunks of a row).
template <typename From, typename To>
__global__ void __launch_bounds__(threads)
    copy_rows(std::int64_t table_rows, std::int64_t row_length, float scale, bool keep_at_minus_1,
              const From* __restrict__ table, const std::int32_t* __restrict__ rows, To* __restrict__ dst,
              std::int64_t item_stride) {
  wait_for_previous_kernel();
  const std::int64_t i = std::int64_t{blockIdx.y} * threads + threadIdx.x;
  if (i >= row_length) return;
  const std::int64_t row = rows[blockIdx.x];
  if (keep_at_minus_1 && row == -1) return;
  To value = missing<To>();
  if (row >= 0 && row < table_rows) {
    const From element = table[row * row_length + i];
    if constexpr (std::is_same_v<To, std::int32_t>) {
      value = element;
    } else {
      value = rounded_to<To>(scale * static_cast<float>(element));
    }
  }
  dst[blockIdx.x * item_stride + i] = value;
}

}  // namespace

void CudaBackend::run_op(const Advance& op) {
  launch([&] { return text(op); }, launches(), {dim3(1), dim3(1)}, advance_state, op.state.as<StepState>(),
         static_cast<std::uint64_t>(op.batch));
}

void CudaBackend::run_op(const SampleRows& op) {
  const SampleRowsProblem& p = op.problem;
  launch([&] { return text(op); }, launches(), {dim3(blocks_for(p.N, threads)), dim3(threads)}, choose_rows,
         p, op.candidates.as<std::int32_t>(), op.state.as<StepState>(), op.dst.as<std::int32_t>());
}

void CudaBackend::run_op(const GatherRows& op) {
  const GatherRowsProblem& p = op.problem;
  const auto gather = [&]<typename From, typename To>(const From* from, To* to) {
    const dim3 grid(static_cast<unsigned>(p.N),
                    static_cast<unsigned>((p.row_length + threads - 1) / threads));
    launch([&] { return text(op); }, launches(), {grid, dim3(threads)}, copy_rows<From, To>, p.table_rows,
           p.row_length, static_cast<float>(p.scale), p.keep_at_minus_1, from, op.rows.as<std::int32_t>(), to,
           op.dst.item_stride);
  };
  if (op.dst.dtype == DType::i32) {
    return gather(op.table.as<std::int32_t>(), op.dst.item<std::int32_t>(0));
  }
  with_element_type([&]<typename T>() {
    if (op.table.dtype == DType::f32) {
      gather(op.table.as<float>(), op.dst.item<T>(0));
    } else if (op.table.dtype == DType::u16) {
      gather(op.table.as<std::uint16_t>(), op.dst.item<T>(0));
    } else {
      gather(op.table.as<std::int32_t>(), op.dst.item<T>(0));
    }
  });
}

}  // namespace bragg::cuda
