// Patterns looked up in a library of drawn structures: all products, the best scale, and the best rows, in one op.
#pragma once

#include <cstdint>
#include <string>

#include "kernels/ops/op.h"

namespace bragg {

/// similarity(n, m) = weight[m] * max over s of sum_k patterns(n, s, k) library(row m, k), summed in fp32 (the reference
/// in double precision); `scale` is the first s that has it. Of every pattern the `top` rows of largest similarity,
/// in its descending order, of equal ones the one of lower m first; where there are fewer, places behind the last have row -1, scale -1, similarity 0. A product that is not a number is none; a row without any is no match.
struct MatchViewsProblem {
  std::int64_t N = 0;             ///< patterns
  std::int64_t S = 1;             ///< scales that each of them is given at, 1 .. most_scales
  std::int64_t K = 0;             ///< numbers of a row
  std::int64_t library_rows = 0;  ///< in memory
  std::int64_t M = 0;             ///< that are compared: library_rows, or those that `rows` lists
  std::int64_t top = 1;
  /// Each pattern is compared with M rows of its own, those from n M on; library_rows is N M. `row` counts among
  /// them.
  bool own_rows = false;

  void validate() const;
  std::string text() const;
};
inline constexpr std::int64_t most_scales = 32;
inline constexpr std::int64_t most_matches = 4096;  ///< bound of `top`

/// patterns bf16 (N, S, K), library bf16 (library_rows, K), weight f32 (library_rows) or none: 1,
/// rows i32 (M), ascending or not, each of [0, library_rows), or none: all
/// -> row i32 (N, top), scale i32 (N, top), similarity of the precise type (N, top).
/// `row` counts in the library, but for own_rows. Nothing of size N x M is ever in memory.
struct MatchViews {
  static constexpr const char* name = "match_views";
  MatchViewsProblem problem{};
  ConstTensor patterns{}, library{}, weight{}, rows{};
  Tensor row{}, scale{}, similarity{};

  template <typename Self, typename Visitor>
  static void operands(Self& op, Visitor&& visit) {
    const MatchViewsProblem& p = op.problem;
    const RowsExtent best{1, p.N * p.top};
    visit(OperandInfo{Role::in, "patterns", NumberType::any}, op.patterns, RowsExtent{1, p.N * p.S * p.K});
    visit(OperandInfo{Role::in, "library", NumberType::any}, op.library, RowsExtent{1, p.library_rows * p.K});
    visit(OperandInfo{Role::in, "weight", NumberType::any, true}, op.weight, RowsExtent{1, p.library_rows});
    visit(OperandInfo{Role::in, "rows", NumberType::i32, true}, op.rows, RowsExtent{1, p.M});
    visit(OperandInfo{Role::out, "row", NumberType::i32}, op.row, best);
    visit(OperandInfo{Role::out, "scale", NumberType::i32}, op.scale, best);
    visit(OperandInfo{Role::out, "similarity", NumberType::precise}, op.similarity, best);
  }
  void check_more(const Check&) const;
  bool is_empty() const { return problem.N == 0; }
};

}  // namespace bragg
