// Average pooling: memory-bound, one task per item.
#include <algorithm>

#include "kernels/cpu/cpu_backend.h"

namespace bragg::cpu {

void CpuBackend::run_op(const AvgPool1dForward& op) {
  const AvgPool1dProblem& p = op.problem;
  const auto share = static_cast<float>(1.0 / static_cast<double>(p.kernel));
  with_element_type([&]<typename Element>() {
    pool_.run(p.N, [&](std::int64_t n, int) {
      for (std::int64_t t = 0; t < p.L_out(); ++t) {
        const std::int64_t begin = t * p.stride - p.pad_before, first = std::max<std::int64_t>(begin, 0);
        network_.of<Element>().average_rows(op.src.item<Element>(n) + first * p.C, p.C,
                                            std::min(begin + p.kernel, p.L_in) - first, share, nullptr,
                                            op.dst.item<Element>(n) + t * p.C);
      }
    });
  });
}

void CpuBackend::run_op(const AvgPool1dBackward& op) {
  const AvgPool1dProblem& p = op.problem;
  // Row l of src is in the windows t with t * stride <= l + pad_before < t * stride + kernel, which lie side by
  // side in diff_dst.
  const double share = 1.0 / static_cast<double>(p.kernel);
  const auto scale = static_cast<float>(op.relu.src.data ? share / (1.0 - double{op.relu.p}) : share);
  with_element_type([&]<typename Element>() {
    pool_.run(p.N, [&](std::int64_t n, int) {
      for (std::int64_t l = 0; l < p.L_in; ++l) {
        const std::int64_t at = l + p.pad_before;
        const std::int64_t first = at < p.kernel ? 0 : (at - p.kernel) / p.stride + 1;
        const std::int64_t last = std::min(at / p.stride, p.L_out() - 1);
        auto* to = op.diff_src.item<Element>(n) + l * p.C;
        if (first > last) {
          std::fill_n(to, p.C, Element{});
          continue;
        }
        network_.of<Element>().average_rows(
            op.diff_dst.item<Element>(n) + first * p.C, p.C, last - first + 1, scale,
            op.relu.src.data ? op.relu.src.item<Element>(n) + l * p.C : nullptr, to);
      }
    });
  });
}

}  // namespace bragg::cpu
