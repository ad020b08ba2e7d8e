// Batches from tables on the device: which rows, and copying them.
#pragma once

#include <cstdint>
#include <string>

#include "kernels/base/host_device.h"
#include "kernels/base/random.h"
#include "kernels/ops/op.h"

namespace bragg {

/// state (StepState): step += 1, first_index += batch.
struct Advance {
  static constexpr const char* name = "advance";
  std::int64_t batch = 0;
  Tensor state{};

  template <typename Self, typename Visitor>
  static void operands(Self& op, Visitor&& visit) {
    visit(OperandInfo{Role::inout, "state", NumberType::state}, op.state, RowsExtent{1, 2});
  }
  void check_more(const Check&) const;
  bool is_empty() const { return false; }
};

/// dst[i] = one of `candidates` (i32), for the pattern of index state.first_index + i, with the words of
/// random_call(seed, data, 0, purpose, index):
///   uniform:     candidates[uniform_below(word 0, count)]
///   sequential:  candidates[index % count]
/// or -1 unless uniform01(word 1) < share.
struct SampleRowsProblem {
  enum class Order { uniform, sequential };
  std::int64_t N = 0, candidates = 0;
  Order order = Order::uniform;
  std::uint32_t seed = 0;
  DataDraw purpose = DataDraw::crystal;
  double share = 1;
  void validate() const;
  std::string text() const;
};

/// The row of one index: what every backend computes.
BRAGG_HOST_DEVICE inline std::int32_t sampled_row(const SampleRowsProblem& p, const std::int32_t* candidates,
                                                  std::uint64_t index) {
  const auto count = static_cast<std::uint64_t>(p.candidates);
  const Philox4 words =
      random_call(p.seed, RandomStream::data, 0, static_cast<std::uint32_t>(p.purpose), index);
  if (!(uniform01(words[1]) < p.share)) return -1;
  return candidates[p.order == SampleRowsProblem::Order::sequential ? index % count
                                                                    : uniform_below(words[0], count)];
}

/// candidates i32 (candidates), state -> dst i32 (N)
struct SampleRows {
  static constexpr const char* name = "sample_rows";
  SampleRowsProblem problem{};
  ConstTensor candidates{}, state{};
  Tensor dst{};

  template <typename Self, typename Visitor>
  static void operands(Self& op, Visitor&& visit) {
    visit(OperandInfo{Role::in, "state", NumberType::state}, op.state, RowsExtent{1, 2});
    visit(OperandInfo{Role::in, "candidates", NumberType::i32}, op.candidates,
          RowsExtent{1, op.problem.N > 0 ? op.problem.candidates : 0});
    visit(OperandInfo{Role::out, "dst", NumberType::i32}, op.dst, RowsExtent{1, op.problem.N});
  }
  bool is_empty() const { return problem.N == 0; }
};

/// dst (N, row_length) = scale * table[rows[i]] of a table (table_rows, row_length); element types may
/// differ.
struct GatherRowsProblem {
  std::int64_t N = 0, table_rows = 0, row_length = 0;
  double scale = 1;
  bool keep_at_minus_1 = false;  ///< where rows[i] is -1, dst is left as it is
  void validate() const;
  std::string text() const;
};

/// table (table_rows, row_length) f32, u16 or i32, rows i32 (N) -> dst (N, row_length): element type, or i32
/// from i32.
struct GatherRows {
  static constexpr const char* name = "gather_rows";
  GatherRowsProblem problem{};
  ConstTensor table{}, rows{};
  Activations dst{};  ///< L * C = row_length

  template <typename Self, typename Visitor>
  static void operands(Self& op, Visitor&& visit) {
    visit(OperandInfo{Role::in, "table", NumberType::any}, op.table,
          RowsExtent{1, op.problem.table_rows * op.problem.row_length});
    visit(OperandInfo{Role::in, "rows", NumberType::i32}, op.rows, RowsExtent{1, op.problem.N});
    visit(OperandInfo{op.problem.keep_at_minus_1 ? Role::inout : Role::out, "dst", NumberType::any}, op.dst,
          ActivationsExtent{op.problem.N, op.dst.L, op.dst.C});
  }
  void check_more(const Check&) const;
  bool is_empty() const { return problem.N == 0; }
};

}  // namespace bragg
