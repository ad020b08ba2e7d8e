#include "kernels/cpu/gemm.h"

#include <algorithm>
#include <cassert>
#include <numeric>

#include "kernels/host_memory.h"

namespace bragg::cpu {
namespace {

std::int64_t quotient_up(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}
std::int64_t round_up(std::int64_t a, std::int64_t b) {
  return quotient_up(a, b) * b;
}

/// The rows [first, last) of a view as runs of equally spaced rows: one per item.
void runs_of(const ConstMatrixView& view, std::int64_t first, std::int64_t last, std::vector<RowRun>& runs) {
  runs.clear();
  while (first < last) {
    const std::int64_t left = view.rows_per_item - first % view.rows_per_item;
    const std::int64_t count = std::min(left, last - first);
    runs.push_back({view.row(first), count});
    first += count;
  }
}

}  // namespace

GemmScratch::GemmScratch() {
  constexpr std::size_t one_megabyte = std::size_t{1} << 20;
  static_assert(sizeof(float) * (3 * c_floats + a_floats + b_floats + most_words) <= one_megabyte);
  memory = allocate_host_memory(one_megabyte);  // large enough for a huge page
  c = reinterpret_cast<float*>(memory.data());
  transposed = c + c_floats;
  a = transposed + c_floats;
  b = a + a_floats;
  sums = b + b_floats;
  words = reinterpret_cast<std::uint32_t*>(sums + c_floats);
  rows.reserve(c_floats / 8);
}

Gemm::Gemm(const NetworkKernels& kernels, ThreadPool& pool)
    : kernels_(kernels), pool_(pool), scratch_(static_cast<std::size_t>(pool.size())) {}

const GemmTile& Gemm::tile_for(std::int64_t N) const {
  const GemmTile* best = kernels_.tiles;
  for (int i = 1; i < kernels_.tile_count; ++i) {
    const GemmTile& tile = kernels_.tiles[i];
    if (round_up(N, tile.columns) < round_up(N, best->columns)) best = &tile;
  }
  return *best;
}

std::int64_t Gemm::padded(std::int64_t N) const {
  return round_up(N, tile_for(N).columns);
}

GemmCut Gemm::cut(const GemmProblem& p) const {
  const GemmTile& tile = tile_for(p.N);
  GemmCut cut;
  cut.padded_M = round_up(p.M, tile.rows);
  cut.padded_N = round_up(p.N, tile.columns);
  cut.parts = p.parts;
  cut.k_block = quotient_up(p.K, p.parts);
  cut.k_block = std::max<std::int64_t>(1, quotient_up(cut.k_block, quotient_up(cut.k_block, tile.k_block)));

  // Columns as the scratch for B and for one row of tiles of C allow.
  const std::int64_t n_unit = std::lcm<std::int64_t>(tile.columns, p.n_multiple);
  const std::int64_t m_unit = std::lcm<std::int64_t>(tile.rows, p.m_multiple);
  const std::int64_t fits = p.packed_b ? std::min<std::int64_t>(256, GemmScratch::c_floats / m_unit)
                                       : std::min<std::int64_t>(128, GemmScratch::b_floats / cut.k_block);
  const std::int64_t widest = std::max(n_unit, fits / n_unit * n_unit);
  cut.n_block = p.N <= widest ? cut.padded_N : round_up(quotient_up(p.N, quotient_up(p.N, widest)), n_unit);
  cut.n_blocks = quotient_up(p.N, cut.n_block);

  // Rows as the scratch for C allows, fewer where there would be too few tasks to share out.
  constexpr std::int64_t enough_tasks = 32;
  const std::int64_t most = (p.partial ? 1024 : GemmScratch::c_floats / cut.n_block) / m_unit * m_unit;
  const std::int64_t blocks =
      std::max(quotient_up(p.M, most), quotient_up(enough_tasks, cut.n_blocks * cut.parts));
  cut.m_block = std::min(round_up(quotient_up(p.M, blocks), m_unit), most);
  cut.m_blocks = quotient_up(p.M, cut.m_block);
  assert(most > 0 && (p.partial || cut.m_block * cut.n_block <= GemmScratch::c_floats));
  assert(p.packed_b || cut.k_block * cut.n_block <= GemmScratch::b_floats);
  return cut;
}

void Gemm::run(const GemmProblem& p, const std::function<void(const GemmBlock&)>& store) const {
  const GemmTile& tile = tile_for(p.N);
  const GemmCut c = cut(p);
  pool_.run(c.tasks(), [&](std::int64_t task, int worker) { run_task(p, tile, c, task, worker, store); });
}

void Gemm::run_task(const GemmProblem& p, const GemmTile& tile, const GemmCut& cut, std::int64_t task,
                    int worker, const std::function<void(const GemmBlock&)>& store) const {
  const std::int64_t part = task % cut.parts;
  const std::int64_t n0 = task / cut.parts % cut.n_blocks * cut.n_block;
  const std::int64_t m0 = task / cut.parts / cut.n_blocks * cut.m_block;
  const std::int64_t m1 = std::min(m0 + cut.m_block, p.M), n1 = std::min(n0 + cut.n_block, p.N);
  const std::int64_t k_begin = p.K * part / cut.parts, k_end = p.K * (part + 1) / cut.parts;
  const std::int64_t panels = quotient_up(n1 - n0, tile.columns);
  const bool sum_columns = p.column_sums != nullptr && m0 == 0;
  GemmScratch& scratch = scratch_[static_cast<std::size_t>(worker)];

  float* c = p.partial ? p.partial + part * cut.padded_M * cut.padded_N + m0 * cut.padded_N + n0 : scratch.c;
  const std::int64_t ldc = p.partial ? cut.padded_N : cut.n_block;
  if (!p.a_columns) {
    // The rows that fill up the last tile repeat the last one; their results are never stored.
    scratch.rows.resize(static_cast<std::size_t>(round_up(m1 - m0, tile.rows)));
    for (std::size_t i = 0; i < scratch.rows.size(); ++i) {
      scratch.rows[i] = p.a.row(std::min(m0 + static_cast<std::int64_t>(i), p.M - 1));
    }
  }

  for (std::int64_t k0 = k_begin; k0 < k_end; k0 += cut.k_block) {
    const std::int64_t k1 = std::min(k0 + cut.k_block, k_end), K = k1 - k0;
    const bool add = k0 > k_begin;
    const float* b = p.packed_b ? p.packed_b + n0 * p.K + k0 * tile.columns : scratch.b;
    const std::int64_t panel_stride = (p.packed_b ? p.K : K) * tile.columns;
    if (!p.packed_b) {
      runs_of(p.b, k0, k1, scratch.runs);
      float* to = scratch.b;
      for (const RowRun& run : scratch.runs) {
        for (std::int64_t k = 0; k < run.count; ++k, to += tile.columns) {
          const float* row = run.first + k * p.b.row_stride + n0;
          // Slices of rows far apart: no hardware prefetcher sees them coming.
          for (std::int64_t n = 0; n < n1 - n0; n += 16)
            __builtin_prefetch(row + 6 * p.b.row_stride + n);
          tile.pack_row(row, n1 - n0, to, panel_stride);
        }
      }
    }
    if (sum_columns) {
      // Block by block, so that no sum is a chain of K roundings.
      std::fill_n(scratch.sums, n1 - n0, 0.0f);
      for (const RowRun& run : scratch.runs) {
        kernels_.add_rows(run.first + n0, run.count, p.b.row_stride, n1 - n0, scratch.sums);
      }
      float* sums = p.column_sums + part * cut.padded_N + n0;
      if (!add) std::fill_n(sums, n1 - n0, 0.0f);
      kernels_.add_rows(scratch.sums, 1, 0, n1 - n0, sums);
    }

    // A is packed where its k are rows; so many tiles at once as the scratch holds then meet each panel of B
    // in turn.
    if (p.a_columns) runs_of(p.a, k0, k1, scratch.runs);
    const std::int64_t group = p.a_columns ? GemmScratch::a_floats / (K * tile.rows) * tile.rows : m1 - m0;
    for (std::int64_t g0 = m0; g0 < m1; g0 += group) {
      const std::int64_t g1 = std::min(g0 + group, m1);
      if (p.a_columns) {
        float* to = scratch.a;
        for (const RowRun& run : scratch.runs) {
          tile.pack_columns(run.first + g0, p.a.row_stride, run.count, g1 - g0, to, K * tile.rows);
          to += run.count * tile.rows;
        }
      }
      for (std::int64_t panel = 0; panel < panels; ++panel) {
        for (std::int64_t m = g0; m < g1; m += tile.rows) {
          const float* panel_b = b + panel * panel_stride;
          float* to = c + (m - m0) * ldc + panel * tile.columns;
          if (p.a_columns) {
            tile.multiply_packed(scratch.a + (m - g0) * K, K, panel_b, to, ldc, add);
          } else {
            tile.multiply_rows(scratch.rows.data() + (m - m0), k0, K, panel_b, to, ldc, add);
          }
        }
      }
    }
  }
  if (!p.partial) store({m0, m1, n0, n1, c, ldc, worker});
}

void Gemm::pack_b_columns(const ConstMatrixView& columns, std::int64_t K, float* packed) const {
  const std::int64_t N = columns.rows();
  const int width = tile_for(N).columns;
  constexpr std::int64_t chunk = 64;  // of k, so that the lines written to stay in the cache
  pool_.run(quotient_up(N, width), [&](std::int64_t panel, int) {
    float* to = packed + panel * K * width;
    for (std::int64_t k0 = 0; k0 < K; k0 += chunk) {
      const std::int64_t k1 = std::min(k0 + chunk, K);
      for (std::int64_t j = 0; j < width; ++j) {
        const std::int64_t n = panel * width + j;
        const float* from = n < N ? columns.row(n) : nullptr;
        for (std::int64_t k = k0; k < k1; ++k)
          to[k * width + j] = from ? from[k] : 0;
      }
    }
  });
}

void Gemm::pack_b_rows(std::int64_t K, std::int64_t N, const std::function<RowOfB(std::int64_t)>& row,
                       float* packed) const {
  const GemmTile& tile = tile_for(N);
  const std::int64_t panels = quotient_up(N, tile.columns);
  for (std::int64_t k = 0; k < K; ++k) {
    const auto [from, count, zeros_before] = row(k);
    float* to = packed + k * tile.columns;
    if (zeros_before > 0) {
      for (std::int64_t n = 0; n < panels * tile.columns; ++n) {
        const std::int64_t at = n - zeros_before;
        to[n / tile.columns * K * tile.columns + n % tile.columns] = at >= 0 && at < count ? from[at] : 0;
      }
      continue;
    }
    for (std::int64_t panel = quotient_up(count, tile.columns); panel < panels; ++panel) {
      std::fill_n(to + panel * K * tile.columns, tile.columns, 0.0f);
    }
    tile.pack_row(from, count, to, K * tile.columns);
  }
}

}  // namespace bragg::cpu
