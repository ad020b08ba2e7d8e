// The one matrix product of the CPU backend: C (M, N) = A (M, K) B (K, N) over views of floats or bfloat16,
// summed in floats, cut into blocks whose result does not depend on who computes them. What becomes of a
// finished block of C is the caller's (epilogue.h).
#pragma once

#include <cstdint>
#include <functional>
#include <type_traits>
#include <vector>

#include "kernels/base/memory.h"
#include "kernels/base/thread_pool.h"
#include "kernels/cpu/isa/network_kernels.h"
#include "kernels/cpu/matrix_view.h"
#include "kernels/cpu/rounding.h"

namespace bragg::cpu {

/// A finished block of C: rows [m0, m1), columns [n0, n1); element (m, n) at c[(m - m0) * ldc + n - n0].
struct GemmBlock {
  std::int64_t m0, m1, n0, n1;
  const float* c;
  std::int64_t ldc;
  int worker;
};

template <typename Element>
struct GemmProblem {
  std::int64_t M = 0, N = 0, K = 0;

  ConstMatrixView<Element> a;
  bool a_columns = false;  ///< A(m, k) = a.row(m)[k]; if set, a.row(k)[m]

  const Element* packed_b = nullptr;  ///< all of B in panels (pack_b_...), or
  ConstMatrixView<Element> b;         ///< B(k, n) = b.row(k)[n], packed block by block

  /// Blocks of C begin at multiples of this (along m, along n): what the caller's epilogue wants.
  int m_multiple = 1, n_multiple = 1;

  /// K is cut into this many parts, none shorter than a group of k. With more than one part, or where `partial` is given, nothing is stored:
  /// part s of C is left in partial + s * padded_M * padded_N, row stride padded_N.
  std::int64_t parts = 1;
  float* partial = nullptr;
  /// (parts, padded_N), if given: the sums of B's columns, part by part (a bias gradient). Needs `b`.
  float* column_sums = nullptr;
};

/// How a problem is cut. A function of the problem and the tile alone, never of the number of threads.
struct GemmCut {
  std::int64_t m_block, n_block, k_block;
  std::int64_t m_blocks, n_blocks, parts;
  std::int64_t padded_M, padded_N;  ///< to whole tiles

  std::int64_t tasks() const { return m_blocks * n_blocks * parts; }
};

/// Rows of a view that lie row_stride apart.
template <typename Element>
struct RowRun {
  const Element* first;
  std::int64_t count;
};

/// Scratch memory of one worker, allocated once. Packed operands count in words of four bytes (k_group).
template <typename Element>
struct GemmScratch {
  static constexpr std::int64_t near_c_floats = 24 * 1024, b_words = 48 * 1024;
  /// In bfloat16 there is a problem that wants more.
  static constexpr std::int64_t c_floats = std::is_same_v<Element, float> ? near_c_floats : 64 * 1024;
  static constexpr std::int64_t a_words = 48 * 1024, most_words = 4 * 4096;

  explicit GemmScratch();

  Buffer memory;
  float *c, *transposed, *sums;
  Element *a, *b;
  std::uint32_t* words;                 ///< random bits of an epilogue
  std::vector<const Element*> rows;     ///< addresses of a block's rows of A
  std::vector<const Element*> k_words;  ///< where the words of a block's k lie, if A's k are rows
  std::vector<RowRun<Element>> runs;    ///< where a block's k lie
};

/// From a transposed row of A to the next: an odd number of lines, so that rows do not meet in the cache.
template <typename Element>
std::int64_t transposed_stride(const GemmTile<Element>& tile, std::int64_t K) {
  return round_up(K, 2 * tile.k_multiple) + tile.k_multiple;
}

/// A row of B: zeros, `count` numbers, zeros.
template <typename Element>
struct RowOfB {
  const Element* from;
  std::int64_t count, zeros_before;
};

/// Of float or BFloat16.
template <typename Element>
class Gemm {
 public:
  using Problem = GemmProblem<Element>;
  using Tile = GemmTile<Element>;
  using Scratch = GemmScratch<Element>;

  Gemm(const NetworkKernels&, ThreadPool&);

  /// The tile that wastes least on N columns.
  const Tile& tile_for(std::int64_t N) const;
  std::int64_t padded(std::int64_t N) const;
  /// Numbers that B (K, N) is packed into.
  std::int64_t packed_count(std::int64_t K, std::int64_t N) const;
  GemmCut cut(const Problem&) const;

  void run(const Problem&, const std::function<void(const GemmBlock&)>& store) const;

  /// B (K, N), given by B^T's rows: B(k, n) = columns.row(n)[k]. `packed` holds packed_count(K, N).
  void pack_b_columns(const ConstMatrixView<Element>& columns, std::int64_t K, Element* packed) const;
  /// B (K, N) given row by row.
  void pack_b_rows(std::int64_t K, std::int64_t N, const std::function<RowOfB<Element>(std::int64_t k)>& row,
                   Element* packed) const;

  Scratch& scratch(int worker) const { return scratch_[static_cast<std::size_t>(worker)]; }

 private:
  /// What a task computes: C's rows [m0, m1), columns [n0, n1), of k [k_begin, k_end).
  struct Task {
    std::int64_t part, m0, m1, n0, n1, k_begin, k_end;
  };
  Task task_of(const Problem&, const GemmCut&, std::int64_t task) const;
  void run_task(const Problem&, const Tile&, const GemmCut&, const Task&, int worker,
                const std::function<void(const GemmBlock&)>& store) const;
  /// Sets scratch.runs to the rows [first, last) of a view: a run for each item.
  static void find_runs(const ConstMatrixView<Element>&, std::int64_t first, std::int64_t last, Scratch&);
  /// B's rows [k0, k1) into the scratch memory.
  void pack_b(const Problem&, const Tile&, const Task&, std::int64_t k0, std::int64_t k1, Scratch&) const;
  /// Where A's k are rows: sets scratch.k_words for its columns [m0, m1). With a group of several rows they
  /// are written to scratch.a, as are the columns of a last tile that is not full.
  void find_k_words(const Problem&, const Tile&, std::int64_t m0, std::int64_t m1, Scratch&) const;
  /// Where the tile wants rows of A, and A's k are rows: writes them to scratch.a, and sets scratch.rows.
  void transpose_a(const Problem&, const Tile&, std::int64_t m0, std::int64_t m1, std::int64_t K,
                   Scratch&) const;
  /// Numbers [k0, k0 + K) of a tile's rows into scratch.a, and their addresses into scratch.k_words.
  void copy_a(const Tile&, const Element* const* rows, std::int64_t k0, std::int64_t K, Scratch&) const;
  /// sums[i] = or += the sum of number first + i of all rows of scratch.runs, i in [0, count).
  void sum_runs(std::int64_t row_stride, std::int64_t first, std::int64_t count, bool add, float* sums,
                Scratch&) const;
  void multiply(const Problem&, const Tile&, const Task&, std::int64_t k0, std::int64_t k1, Scratch&,
                float* c, std::int64_t ldc) const;

  const NetworkKernels& network_;
  const ElementKernels<Element>& kernels_;
  ThreadPool& pool_;
  mutable std::vector<Scratch> scratch_;
};

extern template class Gemm<float>;
extern template class Gemm<BFloat16>;

}  // namespace bragg::cpu
