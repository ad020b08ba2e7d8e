// Element by element: memory-bound, one task per item.
#include <algorithm>
#include <type_traits>

#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/epilogue.h"

namespace bragg::cpu {
namespace {

/// Elements whose sums stay in the nearest cache until something is done to them. A multiple of 32, of which
/// channels are dropped together.
constexpr std::int64_t slice = 2048;
static_assert(slice <= GemmScratch<float>::c_floats);

/// a + b in `room`, or a itself where it is one of floats and b null.
template <typename Element>
const float* sum(const NetworkKernels& kernels, const Element* a, const Element* b, std::int64_t count,
                 float* room) {
  if constexpr (std::is_same_v<Element, float>)
    if (b == nullptr) return a;
  kernels.of<Element>().sum(a, b, count, room);
  return room;
}

}  // namespace

void CpuBackend::run_op(const AddForward& op) {
  const AddProblem& p = op.problem;
  const std::int64_t rows_at_once = std::max<std::int64_t>(1, slice / p.C);
  with_element_type([&]<typename Element>() {
    const MatrixView<Element> dst(op.dst.item<Element>(0), p.N, op.dst.item_stride, p.L, p.C, p.C, p.L * p.C);
    pool_.run(p.N, [&](std::int64_t n, int worker) {
      GemmScratch<Element>& scratch = gemm<Element>().scratch(worker);
      for (std::int64_t t = 0; t < p.L; t += rows_at_once) {
        const std::int64_t rows = std::min(rows_at_once, p.L - t), m = n * p.L + t;
        // Either whole rows or a part of one.
        for (std::int64_t c = 0; c < p.C; c += slice) {
          const std::int64_t end = std::min(c + slice, p.C);
          const Element* b = op.b.data ? op.b.item<Element>(n) + t * p.C + c : nullptr;
          const float* numbers =
              sum(network_, op.a.item<Element>(n) + t * p.C + c, b, (end - c) * rows, scratch.c);
          store_forward(network_, scratch.words, {m, m + rows, c, end, numbers, end - c, worker}, op.epilogue,
                        dst);
        }
      }
    });
  });
}

void CpuBackend::run_op(const AddBackward& op) {
  const AddProblem& p = op.problem;
  const auto scale = static_cast<float>(1.0 / (1.0 - double{op.relu.p}));
  const std::int64_t length = p.L * p.C;
  with_element_type([&]<typename Element>() {
    pool_.run(p.N, [&](std::int64_t n, int worker) {
      for (std::int64_t at = 0; at < length; at += slice) {
        const std::int64_t count = std::min(slice, length - at);
        const float* numbers = sum(network_, op.diff_a.item<Element>(n) + at,
                                   op.diff_b.data ? op.diff_b.item<Element>(n) + at : nullptr, count,
                                   gemm<Element>().scratch(worker).c);
        const Element* src = op.relu.src.data ? op.relu.src.item<Element>(n) + at : nullptr;
        network_.of<Element>().store_backward(numbers, count, src, scale, op.diff_src.item<Element>(n) + at);
      }
    });
  });
}

}  // namespace bragg::cpu
