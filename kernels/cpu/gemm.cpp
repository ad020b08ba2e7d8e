#include "kernels/cpu/gemm.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <numeric>

#include "kernels/host_memory.h"

namespace bragg::cpu {
namespace {

/// Fetches what the next block of k takes of A into the second cache, in as many shares as there are tiles of C.
template <typename Element>
class AheadOfA {
 public:
  AheadOfA(const Element* const* rows, std::int64_t count, std::int64_t k, std::int64_t bytes,
           std::int64_t shares)
      : rows_(rows), k_(k), bytes_(bytes), left_(bytes > 0 ? count : 0), share_(quotient_up(count, shares)) {}

  void fetch_a_share() {
    for (std::int64_t i = std::min(share_, left_); i > 0; --i, --left_, ++rows_) {
      const char* row = reinterpret_cast<const char*>(*rows_ + k_);
      for (std::int64_t at = 0; at < bytes_; at += line)
        __builtin_prefetch(row + at, 0, 2);
      __builtin_prefetch(row + bytes_ - 1, 0, 2);
    }
  }

 private:
  static constexpr std::int64_t line = 64;
  const Element* const* rows_;
  std::int64_t k_, bytes_, left_, share_;
};

/// Whether A's k are rows, and the tile wants rows of A: they are transposed on the way.
template <typename Element>
bool transposes_a(const GemmProblem<Element>& p, const GemmTile<Element>& tile) {
  return p.a_columns && tile.transpose != nullptr;
}

/// Whether A's rows share nothing, and the tile is so fast that it shows how they are read.
template <typename Element>
bool reads_rows_once(const GemmProblem<Element>& p, const GemmTile<Element>& tile) {
  return tile.transpose != nullptr && !p.a_columns && p.a.row_stride >= p.K;
}

}  // namespace

template <typename Element>
GemmScratch<Element>::GemmScratch() {
  constexpr std::size_t megabyte = std::size_t{1} << 20;
  constexpr std::size_t bytes = sizeof(float) * (3 * c_floats + a_words + b_words + most_words);
  static_assert(bytes <= 2 * megabyte);
  memory = allocate_host_memory(std::max(bytes, megabyte));  // large enough for a huge page
  c = reinterpret_cast<float*>(memory.data());
  transposed = c + c_floats;
  float* const packed = transposed + c_floats;
  a = reinterpret_cast<Element*>(packed);
  b = reinterpret_cast<Element*>(packed + a_words);
  sums = packed + a_words + b_words;
  words = reinterpret_cast<std::uint32_t*>(sums + c_floats);
  rows.reserve(c_floats / 8);
  k_words.reserve(1024);
}

template <typename Element>
Gemm<Element>::Gemm(const NetworkKernels& kernels, ThreadPool& pool)
    : network_(kernels),
      kernels_(kernels.of<Element>()),
      pool_(pool),
      scratch_(static_cast<std::size_t>(pool.size())) {}

template <typename Element>
const GemmTile<Element>& Gemm<Element>::tile_for(std::int64_t N) const {
  const Tile* best = kernels_.tiles;
  for (int i = 1; i < kernels_.tile_count; ++i) {
    const Tile& tile = kernels_.tiles[i];
    if (round_up(N, tile.columns) < round_up(N, best->columns)) best = &tile;
  }
  return *best;
}

template <typename Element>
std::int64_t Gemm<Element>::padded(std::int64_t N) const {
  return round_up(N, tile_for(N).columns);
}

template <typename Element>
std::int64_t Gemm<Element>::packed_count(std::int64_t K, std::int64_t N) const {
  return round_up(K, tile_for(N).k_multiple) * padded(N);
}

template <typename Element>
GemmCut Gemm<Element>::cut(const Problem& p) const {
  const Tile& tile = tile_for(p.N);
  GemmCut cut;
  cut.padded_M = round_up(p.M, tile.rows);
  cut.padded_N = round_up(p.N, tile.columns);
  cut.parts = p.parts;
  cut.k_block = quotient_up(p.K, p.parts);
  cut.k_block = std::max<std::int64_t>(1, quotient_up(cut.k_block, quotient_up(cut.k_block, tile.k_block)));
  cut.k_block = round_up(cut.k_block, tile.k_multiple);
  const std::int64_t k_words = cut.k_block / k_group<Element>;

  // A packed B that does not stay in the second cache should meet many rows.
  const bool far_b = reads_rows_once(p, tile) && p.packed_b;
  const std::int64_t c_floats = far_b || transposes_a(p, tile) ? Scratch::c_floats : Scratch::near_c_floats;

  // Columns as the scratch for B and for one row of tiles of C allow. What is transposed should meet many, and what is
  // done with its sums goes through memory in long rows.
  const std::int64_t most_columns = transposes_a(p, tile) ? 320 : 128;
  const std::int64_t n_unit = std::lcm<std::int64_t>(tile.columns, p.n_multiple);
  const std::int64_t m_unit = std::lcm<std::int64_t>(tile.rows, p.m_multiple);
  const std::int64_t fits = p.packed_b ? std::min<std::int64_t>(256, c_floats / m_unit)
                                       : std::min<std::int64_t>(most_columns, Scratch::b_words / k_words);
  // Tiles that are so fast that packing shows: B is packed once, where all rows of C fit.
  const std::int64_t beside_all_rows = c_floats / round_up(p.M, m_unit);
  const bool once = tile.transpose != nullptr && !p.packed_b && !p.partial && beside_all_rows >= n_unit;
  const std::int64_t widest =
      std::max(n_unit, (once ? std::min(fits, beside_all_rows) : fits) / n_unit * n_unit);
  cut.n_block = p.N <= widest ? cut.padded_N : round_up(quotient_up(p.N, quotient_up(p.N, widest)), n_unit);
  cut.n_blocks = quotient_up(p.N, cut.n_block);

  // Rows as the scratch for C allows, fewer where there would be too few tasks to share out.
  const std::int64_t enough_tasks = far_b ? 16 : 32;
  const std::int64_t most = (p.partial ? 1024 : c_floats / cut.n_block) / m_unit * m_unit;
  const std::int64_t blocks =
      std::max(quotient_up(p.M, most), quotient_up(enough_tasks, cut.n_blocks * cut.parts));
  cut.m_block = std::min(round_up(quotient_up(p.M, blocks), m_unit), most);
  cut.m_blocks = quotient_up(p.M, cut.m_block);
  assert(most > 0 && (p.partial || cut.m_block * cut.n_block <= c_floats));
  assert(p.packed_b || k_words * cut.n_block <= Scratch::b_words);
  return cut;
}

template <typename Element>
void Gemm<Element>::run(const Problem& p, const std::function<void(const GemmBlock&)>& store) const {
  const Tile& tile = tile_for(p.N);
  const GemmCut c = cut(p);
  pool_.run(c.tasks(),
            [&](std::int64_t task, int worker) { run_task(p, tile, c, task_of(p, c, task), worker, store); });
}

template <typename Element>
typename Gemm<Element>::Task Gemm<Element>::task_of(const Problem& p, const GemmCut& cut,
                                                    std::int64_t task) const {
  const std::int64_t part = task % cut.parts;
  const std::int64_t n0 = task / cut.parts % cut.n_blocks * cut.n_block;
  const std::int64_t m0 = task / cut.parts / cut.n_blocks * cut.m_block;
  // Parts begin with whole groups.
  const auto k_of = [&](std::int64_t s) {
    return s == cut.parts ? p.K : p.K * s / cut.parts / k_group<Element> * k_group<Element>;
  };
  return {part,          m0, std::min(m0 + cut.m_block, p.M), n0, std::min(n0 + cut.n_block, p.N), k_of(part),
          k_of(part + 1)};
}

template <typename Element>
void Gemm<Element>::sum_runs(std::int64_t row_stride, std::int64_t first, std::int64_t count, bool add,
                             float* sums, Scratch& scratch) const {
  // Block by block, so that no sum is a chain of K roundings.
  std::fill_n(scratch.sums, count, 0.0f);
  for (const RowRun<Element>& run : scratch.runs)
    kernels_.add_rows(run.first + first, run.count, row_stride, count, scratch.sums);
  if (!add) std::fill_n(sums, count, 0.0f);
  network_.add_rows(scratch.sums, 1, 0, count, sums);
}

template <typename Element>
void Gemm<Element>::run_task(const Problem& p, const Tile& tile, const GemmCut& cut, const Task& t,
                             int worker, const std::function<void(const GemmBlock&)>& store) const {
  const auto [part, m0, m1, n0, n1, k_begin, k_end] = t;
  Scratch& scratch = this->scratch(worker);

  float* c = p.partial ? p.partial + part * cut.padded_M * cut.padded_N + m0 * cut.padded_N + n0 : scratch.c;
  const std::int64_t ldc = p.partial ? cut.padded_N : cut.n_block;
  if (!p.a_columns) {
    // The rows that fill up the last tile repeat the last one; their results are never stored.
    scratch.rows.resize(static_cast<std::size_t>(round_up(m1 - m0, tile.rows)));
    RowWalk row(p.a, m0);
    for (std::int64_t i = 0; i < m1 - m0; ++i, row.next())
      scratch.rows[static_cast<std::size_t>(i)] = row.data;
    std::fill(scratch.rows.begin() + (m1 - m0), scratch.rows.end(), p.a.row(m1 - 1));
  }

  if (tile.begin != nullptr) tile.begin();
  for (std::int64_t k0 = k_begin; k0 < k_end; k0 += cut.k_block) {
    const std::int64_t k1 = std::min(k0 + cut.k_block, k_end);
    const bool add = k0 > k_begin;
    if (!p.packed_b) pack_b(p, tile, t, k0, k1, scratch);
    if (p.column_sums != nullptr && m0 == 0)
      sum_runs(p.b.row_stride, n0, n1 - n0, add, p.column_sums + part * cut.padded_N + n0, scratch);
    if (p.a_columns) find_runs(p.a, k0, k1, scratch);
    multiply(p, tile, t, k0, k1, scratch, c, ldc);
  }
  if (tile.end != nullptr) tile.end();
  if (!p.partial) store({m0, m1, n0, n1, c, ldc, worker});
}

template <typename Element>
void Gemm<Element>::multiply(const Problem& p, const Tile& tile, const Task& t, std::int64_t k0,
                             std::int64_t k1, Scratch& scratch, float* c, std::int64_t ldc) const {
  const std::int64_t m0 = t.m0, m1 = t.m1, K = k1 - k0, panels = quotient_up(t.n1 - t.n0, tile.columns);
  const std::int64_t packed_K = round_up(p.packed_b ? p.K : K, tile.k_multiple);
  const Element* b = p.packed_b ? p.packed_b + t.n0 * packed_K + k0 * tile.columns : scratch.b;
  const bool add = k0 > t.k_begin, transposes = transposes_a(p, tile), in_words = p.a_columns && !transposes;

  // Rows of A that share nothing are so long that they should be read once, to where they lie in whole lines; and
  // what lies as far apart is not seen coming by the hardware.
  const bool rows_first = reads_rows_once(p, tile);
  const std::int64_t next_K = rows_first ? std::min(t.k_end - k1, K) : 0;
  AheadOfA ahead(scratch.rows.data(), m1 - m0, k1, next_K * static_cast<std::int64_t>(sizeof(Element)),
                 panels * quotient_up(m1 - m0, tile.rows));

  // Where A's k are rows, so many columns at once as stay in the second cache meet each panel of B in turn,
  // and a last tile that is not full by itself.
  const std::int64_t full = in_words ? m1 - (m1 - m0) % tile.rows : m1;
  std::int64_t at_once = m1 - m0;
  if (transposes) at_once = 2 * Scratch::a_words / transposed_stride(tile, K) / tile.rows * tile.rows;
  if (in_words) {
    const std::int64_t words = round_up(K, k_group<Element>) / k_group<Element>;
    at_once = Scratch::a_words / (words * tile.rows) * tile.rows;
  }
  for (std::int64_t g0 = m0; g0 < m1;) {
    const std::int64_t g1 = g0 < full ? std::min(g0 + at_once, full) : m1;
    if (transposes) transpose_a(p, tile, g0, g1, K, scratch);
    if (in_words) find_k_words(p, tile, g0, g1, scratch);
    const auto one = [&](std::int64_t panel, std::int64_t m) {
      const Element* panel_b = b + panel * packed_K * tile.columns;
      float* to = c + (m - m0) * ldc + panel * tile.columns;
      if (in_words) {
        tile.multiply_columns(scratch.k_words.data(), (m - g0) * k_group<Element>, K, panel_b, to, ldc, add);
      } else {
        tile.multiply_rows(scratch.rows.data() + (m - g0), transposes ? 0 : k0, K, panel_b, to, ldc, add);
      }
    };
    if (rows_first) {
      for (std::int64_t m = g0; m < g1; m += tile.rows) {
        copy_a(tile, scratch.rows.data() + (m - g0), k0, K, scratch);
        for (std::int64_t panel = 0; panel < panels; ++panel) {
          ahead.fetch_a_share();
          tile.multiply_rows(scratch.k_words.data(), 0, K, b + panel * packed_K * tile.columns,
                             c + (m - m0) * ldc + panel * tile.columns, ldc, add);
        }
      }
    } else {
      for (std::int64_t panel = 0; panel < panels; ++panel) {
        for (std::int64_t m = g0; m < g1; m += tile.rows)
          one(panel, m);
      }
    }
    g0 = g1;
  }
}

template class Gemm<float>;
template class Gemm<BFloat16>;

}  // namespace bragg::cpu
