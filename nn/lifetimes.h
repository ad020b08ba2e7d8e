// Where the values of a program lie in one block of memory: two share bytes where neither is of use while the
// other is.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "nn/program.h"

namespace bragg::nn {

/// Offsets of item 0 of every place that an op means; elsewhere none.
struct MemoryPlan {
  std::vector<std::optional<std::size_t>> offsets;  ///< beside Program::places, bytes
  std::size_t bytes = 0;
};

/// A value lives from the first op that writes it to the last that means it, or longer (Keep, and where that op may go on beside the
/// others to the end); one with gaps that must stay as they are, always. With `share` false all do.
MemoryPlan plan_memory(Program&, bool share);

/// Writes addresses in `base` into the places, and addresses and strides into the operands of all ops.
void bind(Program&, const MemoryPlan&, std::byte* base);

}  // namespace bragg::nn
