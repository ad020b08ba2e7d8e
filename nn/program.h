// A network between its graph and its memory: ops in order on memory that is yet to be planned.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "kernels/backend.h"
#include "kernels/ops/network_op.h"

namespace bragg::nn {

enum class Phase { forward, loss, backward, update };

/// An op of the plan, for the parameters of `layer`: "conv1", or nothing where it has none.
struct PlannedOp {
  Phase phase;
  std::string layer;
  NetworkOp op;

  void run(Backend&) const;
  std::string text() const;         ///< "conv1: conv1d_forward N 256 ... + bias, relu"
  std::string how(Backend&) const;  ///< Backend::how
};

/// How long a place holds what was written there.
enum class Keep {
  for_ops,  ///< while an op will read it
  to_end,   ///< and after the last op: results
  always,   ///< and before the first: inputs, sums over steps
};

/// Memory that ops of a program mean. Until it is planned its own address stands for it in their operands.
struct Place {
  DType dtype = DType::f32;
  std::int64_t N = 1, length = 0;  ///< items of so many elements
  std::int64_t item_stride = 0;    ///< elements from one to the next
  std::int64_t front = 0;          ///< elements before the first, zeros
  Keep keep = Keep::for_ops;
  std::byte* data = nullptr;  ///< of item 0, once it is planned; none where no op is left that means it

  /// Somebody may read what lies between the items, so nobody else may write there.
  bool has_gaps() const { return front > 0 || item_stride > length; }
  std::size_t front_bytes() const { return static_cast<std::size_t>(front) * size_of(dtype); }
  std::size_t bytes() const { return static_cast<std::size_t>(front + N * item_stride) * size_of(dtype); }
};

struct Program {
  std::deque<Place> places;  ///< never moved
  std::vector<PlannedOp> ops;

  /// A new place as a value (N, L, C), without gaps, or as a row.
  Activations activations(DType, std::int64_t N, std::int64_t L, std::int64_t C);
  Tensor row(DType, std::int64_t count);
  Place* place_of(const void* address);  ///< or nullptr: memory that is there already
};

/// Calls visit(op, OperandInfo, view, extent) for every operand of the op that has memory; the view's address
/// may be changed.
template <typename Visit>
void for_each_operand(NetworkOp& any, const Visit& visit) {
  std::visit(
      [&](auto& op) {
        std::remove_cvref_t<decltype(op)>::operands(
            op, [&](const OperandInfo& info, auto& view, const auto& extent) {
              if (view.data != nullptr) visit(op, info, view, extent);
            });
      },
      any);
}

}  // namespace bragg::nn
