// How the operands of an op lie in memory where it reads them fastest: what a network plans, and what is
// benchmarked and tested.
#pragma once

#include <cstdint>
#include <string_view>
#include <type_traits>

#include "kernels/backend.h"
#include "kernels/ops/conv1d.h"

namespace bragg {

/// Of activations: elements from one item to the next, 0 where as close as may be; elements of zeros before the
/// first. What lies between items are zeros, too.
struct OperandLayout {
  std::int64_t item_stride = 0, front = 0;
};

/// `operand` by its name in the op's declaration.
template <IsOp O>
OperandLayout layout_of(const Backend& backend, const O& op, std::string_view operand) {
  if constexpr (requires { op.problem.halo_before(); }) {
    const Conv1dProblem& p = op.problem;
    // Windows begin in the halo: that is where they are aligned.
    if (operand == "src") return {backend.src_item_stride(p), p.src_halo_before() * p.C_in};
    constexpr bool reads_halo = std::is_same_v<O, Conv1dBackwardData>;
    if (operand == "diff_dst")
      return {backend.diff_dst_item_stride(p), reads_halo ? backend.aligned(p.halo_before() * p.C_out) : 0};
  }
  return {};
}

}  // namespace bragg
