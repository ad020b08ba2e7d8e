// The memory that ops of a recording mean: who has to wait for whom.
#pragma once

#include <cstddef>

#include "kernels/ops/op.h"

namespace bragg::cuda {

struct MemoryRange {
  const void* begin = nullptr;
  std::size_t bytes = 0;

  bool meets(const MemoryRange& other) const {
    const auto *mine = static_cast<const std::byte*>(begin),
               *its = static_cast<const std::byte*>(other.begin);
    return mine < its + other.bytes && its < mine + bytes;
  }
};

/// From the first row's begin to the last one's end.
inline std::size_t bytes_of(const ConstTensor& t, const RowsExtent& extent) {
  constexpr std::int64_t unit = 8;  // rows may be padded to that
  return static_cast<std::size_t>(extent.rows * ((extent.length + unit - 1) / unit * unit)) *
         size_of(t.dtype);
}
inline std::size_t bytes_of(const ConstActivations& a, const ActivationsExtent& extent) {
  return static_cast<std::size_t>((extent.N - 1) * a.item_stride + extent.L * extent.C) * size_of(a.dtype);
}

/// Calls visit(MemoryRange, writes) for each operand of the op that has memory.
template <typename O, typename Visit>
void for_each_range(const O& op, const Visit& visit) {
  O::operands(op, [&](const OperandInfo& info, const auto& view, const auto& extent) {
    if (view.data != nullptr) visit(MemoryRange{view.data, bytes_of(view, extent)}, info.role != Role::in);
  });
}

}  // namespace bragg::cuda
