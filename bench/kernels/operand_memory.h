// Memory for the operands of any op, by its declaration, laid out as a network plans it.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "kernels/backend.h"
#include "kernels/operand_layout.h"
#include "kernels/ops/all_ops.h"

namespace bragg::bench {

/// Whether the backend has any for the operand.
inline bool has_memory(const OperandInfo& info, const Backend& backend) {
  return info.type != NumberType::rounded || !backend.number_types().are_same();
}
/// Structs are of u64, as the state and the totals.
inline DType type_in_memory(const OperandInfo& info, const Backend& backend) {
  return type_of(info.type, backend.number_types(), backend.element_type()).value_or(DType::u64);
}

inline bool is_left_out(const OperandInfo& info, const std::vector<std::string>& without) {
  return info.is_optional && std::find(without.begin(), without.end(), info.name) != without.end();
}

/// What operands of numbers hold. Only `random` is for ops that run: zeros are kinder to a machine than data is.
enum class Contents { random, zeros };

class OperandMemory {
 public:
  /// Gives every operand of `op` memory, optional ones too but for those of these names. Random numbers are in (-1, 1), the same
  /// for a name. Results, states and labels are zeros.
  template <IsOp O>
  OperandMemory(Backend& backend, O& op, const std::vector<std::string>& without = {},
                Contents contents = Contents::random)
      : backend_(backend), contents_(contents) {
    O::operands(op, [&](const OperandInfo& info, auto& view, const auto& extent) {
      if (is_left_out(info, without)) return;
      place(info, view, extent, layout_of(backend, op, info.name, extent));
    });
  }

 private:
  template <typename View>
  void place(const OperandInfo& info, View& view, const RowsExtent& extent, const OperandLayout&) {
    if (!has_memory(info, backend_)) return;
    const DType type = type_in_memory(info, backend_);
    const std::int64_t stride = extent.rows == 1 ? extent.length : backend_.weight_row_stride(extent.length);
    view.data = allocate(info, type, extent.rows * stride, 0, 1, extent.rows * stride, extent.rows * stride);
    view.dtype = type;
  }
  template <typename View>
  requires requires(View& view) { view.item_stride; }
  void place(const OperandInfo& info, View& view, const ActivationsExtent& extent,
             const OperandLayout& layout) {
    const DType type = type_in_memory(info, backend_);
    const std::int64_t length = extent.L * extent.C,
                       stride = std::max(layout.item_stride, backend_.aligned(length));
    void* const data =
        allocate(info, type, layout.front + extent.N * stride, layout.front, extent.N, stride, length);
    view = {data, type, extent.N, extent.L, extent.C, stride};
  }

  /// Where the first of `items` lies: `front` zeros, then items of `length` numbers, `stride` apart.
  void* allocate(const OperandInfo&, DType, std::int64_t count, std::int64_t front, std::int64_t items,
                 std::int64_t stride, std::int64_t length);

  Backend& backend_;
  const Contents contents_;
  std::vector<Buffer> buffers_;
};

}  // namespace bragg::bench
