// How the operands of an op lie in memory where it reads them fastest: what a network plans, and what is
// benchmarked and tested.
#pragma once

#include <cstdint>
#include <string_view>

#include "kernels/backend.h"
#include "kernels/ops/conv1d.h"

namespace bragg {

/// Of activations: elements from one item to the next, 0 where as close as may be; elements of zeros before the
/// first. What lies between items are zeros, too.
struct OperandLayout {
  std::int64_t item_stride = 0, front = 0;
};

/// Of the operand of that name and extent, as the op declares them.
template <IsOp O>
OperandLayout layout_of(const Backend& backend, const O& op, std::string_view operand,
                        const ActivationsExtent& extent) {
  if constexpr (requires { op.problem.halo_before(); }) {
    // Windows on src begin in its halo: that is where they are aligned.
    if (operand == "src") return {backend.src_item_stride(op.problem), extent.zeros_before};
    if (operand == "diff_dst")
      return {backend.diff_dst_item_stride(op.problem), backend.aligned(extent.zeros_before)};
  }
  return {};
}

/// Rows lie as weight_row_stride says.
template <IsOp O>
OperandLayout layout_of(const Backend&, const O&, std::string_view, const RowsExtent&) {
  return {};
}

}  // namespace bragg
