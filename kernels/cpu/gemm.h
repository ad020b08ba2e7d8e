// The one matrix product of the CPU backend: C (M, N) = A (M, K) B (K, N) over views, cut into blocks whose
// result does not depend on who computes them. What becomes of a finished block of C is the caller's
// (epilogue.h).
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "kernels/base/memory.h"
#include "kernels/base/thread_pool.h"
#include "kernels/cpu/isa/network_kernels.h"
#include "kernels/cpu/matrix_view.h"

namespace bragg::cpu {

/// A finished block of C: rows [m0, m1), columns [n0, n1); element (m, n) at c[(m - m0) * ldc + n - n0].
struct GemmBlock {
  std::int64_t m0, m1, n0, n1;
  const float* c;
  std::int64_t ldc;
  int worker;
};

struct GemmProblem {
  std::int64_t M = 0, N = 0, K = 0;

  ConstMatrixView a;
  bool a_columns = false;  ///< A(m, k) = a.row(m)[k]; if set, a.row(k)[m]

  const float* packed_b = nullptr;  ///< all of B in panels (pack_b_...), or
  ConstMatrixView b;                ///< B(k, n) = b.row(k)[n], packed block by block

  /// Blocks of C begin at multiples of this (along m, along n): what the caller's epilogue wants.
  int m_multiple = 1, n_multiple = 1;

  /// K is cut into this many parts. With more than one part, or where `partial` is given, nothing is stored:
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
struct RowRun {
  const float* first;
  std::int64_t count;
};

/// Scratch memory of one worker, allocated once.
struct GemmScratch {
  static constexpr std::int64_t c_floats = 24 * 1024, b_floats = 48 * 1024;
  static constexpr std::int64_t a_floats = 48 * 1024, most_words = 4 * 4096;

  explicit GemmScratch();

  Buffer memory;
  float *c, *transposed, *a, *b, *sums;
  std::uint32_t* words;            ///< random bits of an epilogue
  std::vector<const float*> rows;  ///< addresses of a block's rows of A
  std::vector<RowRun> runs;        ///< where a block's k lie
};

/// A row of B: zeros, `count` numbers, zeros.
struct RowOfB {
  const float* from;
  std::int64_t count, zeros_before;
};

class Gemm {
 public:
  Gemm(const NetworkKernels&, ThreadPool&);

  /// The tile that wastes least on N columns.
  const GemmTile& tile_for(std::int64_t N) const;
  std::int64_t padded(std::int64_t N) const;
  GemmCut cut(const GemmProblem&) const;

  void run(const GemmProblem&, const std::function<void(const GemmBlock&)>& store) const;

  /// B (K, N), given by B^T's rows: B(k, n) = columns.row(n)[k]. `packed` holds K * padded(N) floats.
  void pack_b_columns(const ConstMatrixView& columns, std::int64_t K, float* packed) const;
  /// B (K, N) given row by row.
  void pack_b_rows(std::int64_t K, std::int64_t N, const std::function<RowOfB(std::int64_t k)>& row,
                   float* packed) const;

  GemmScratch& scratch(int worker) const { return scratch_[static_cast<std::size_t>(worker)]; }

 private:
  void run_task(const GemmProblem&, const GemmTile&, const GemmCut&, std::int64_t task, int worker,
                const std::function<void(const GemmBlock&)>& store) const;

  const NetworkKernels& kernels_;
  ThreadPool& pool_;
  mutable std::vector<GemmScratch> scratch_;
};

}  // namespace bragg::cpu
