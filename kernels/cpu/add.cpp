// Element by element: memory-bound, one task per item.
#include <algorithm>

#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/epilogue.h"

namespace bragg::cpu {
namespace {

/// Elements that stay in the nearest cache between the sum and what is done to it.
constexpr std::int64_t slice = 2048;

/// a + b in dst, or a itself.
const float* sum(const NetworkKernels& kernels, const float* a, const float* b, std::int64_t count,
                 float* dst) {
  if (b == nullptr) return a;
  std::copy_n(a, count, dst);
  kernels.add_rows(b, 1, 0, count, dst);
  return dst;
}

}  // namespace

void CpuBackend::run_op(const AddForward& op) {
  const AddProblem& p = op.problem;
  const MatrixView dst(op.dst.item<float>(0), p.N, op.dst.item_stride, p.L, p.C, p.C, p.L * p.C);
  const std::int64_t rows_at_once = std::max<std::int64_t>(1, slice / p.C);
  pool_.run(p.N, [&](std::int64_t n, int worker) {
    for (std::int64_t t = 0; t < p.L; t += rows_at_once) {
      const std::int64_t rows = std::min(rows_at_once, p.L - t), m = n * p.L + t;
      const float* numbers = sum(network_, op.a.item<float>(n) + t * p.C,
                                 op.b.data ? op.b.item<float>(n) + t * p.C : nullptr, rows * p.C, dst.row(m));
      store_forward(network_, gemm_.scratch(worker), {m, m + rows, 0, p.C, numbers, p.C, worker}, op.epilogue,
                    dst);
    }
  });
}

void CpuBackend::run_op(const AddBackward& op) {
  const AddProblem& p = op.problem;
  const auto scale = static_cast<float>(1.0 / (1.0 - double{op.relu.p}));
  const std::int64_t length = p.L * p.C;
  pool_.run(p.N, [&](std::int64_t n, int) {
    for (std::int64_t at = 0; at < length; at += slice) {
      const std::int64_t count = std::min(slice, length - at);
      float* diff_src = op.diff_src.item<float>(n) + at;
      const float* numbers = sum(network_, op.diff_a.item<float>(n) + at,
                                 op.diff_b.data ? op.diff_b.item<float>(n) + at : nullptr, count, diff_src);
      const float* src = op.relu.src.data ? op.relu.src.item<float>(n) + at : nullptr;
      network_.store_backward(numbers, count, src, scale, diff_src);
    }
  });
}

}  // namespace bragg::cpu
