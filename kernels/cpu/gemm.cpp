#include "kernels/cpu/gemm.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
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
template <typename Element>
void runs_of(const ConstMatrixView<Element>& view, std::int64_t first, std::int64_t last,
             std::vector<RowRun<Element>>& runs) {
  runs.clear();
  while (first < last) {
    const std::int64_t left = view.rows_per_item - first % view.rows_per_item;
    const std::int64_t count = std::min(left, last - first);
    runs.push_back({view.row(first), count});
    first += count;
  }
}

/// Calls pack(rows, g) for the groups g of the runs' rows, each begun `columns` in; a group may have rows of two
/// runs, and the last one null for rows that there are not.
template <typename Element, typename Pack>
void for_groups(const std::vector<RowRun<Element>>& runs, std::int64_t row_stride, std::int64_t begin,
                std::int64_t columns, const Pack& pack) {
  constexpr int group = k_group<Element>;
  std::array<const Element*, group> rows{};
  std::int64_t filled = 0, groups = 0;
  for (const RowRun<Element>& run : runs) {
    const Element* row = run.first + begin;
    for (std::int64_t k = 0; k < run.count; ++k, row += row_stride) {
      // Slices of rows far apart: no hardware prefetcher sees them coming.
      for (std::int64_t n = 0; n < columns; n += 16 * group)
        __builtin_prefetch(row + 6 * group * row_stride + n);
      rows[static_cast<std::size_t>(filled)] = row;
      if (++filled < group) continue;
      pack(rows.data(), groups++);
      filled = 0;
    }
  }
  if (filled == 0) return;
  std::fill(rows.begin() + filled, rows.end(), nullptr);
  pack(rows.data(), groups);
}

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

/// Whether A's rows share nothing, and the tile is so fast that it shows how they are read.
template <typename Element>
bool reads_rows_once(const GemmProblem<Element>& p, const GemmTile<Element>& tile) {
  return tile.transpose != nullptr && !p.a_columns && p.a.row_stride >= p.K;
}

/// From a transposed row of A to the next: an odd number of lines, so that rows do not meet in the cache.
template <typename Element>
std::int64_t transposed_stride(const GemmTile<Element>& tile, std::int64_t K) {
  return round_up(K, 2 * tile.k_multiple) + tile.k_multiple;
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
  const std::int64_t c_floats = far_b ? Scratch::c_floats : Scratch::near_c_floats;

  // Columns as the scratch for B and for one row of tiles of C allow. What is transposed should meet many.
  const std::int64_t most_columns = p.partial && tile.transpose ? 320 : 128;
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
void Gemm<Element>::pack_b(const Problem& p, const Tile& tile, const Task& t, std::int64_t k0,
                           std::int64_t k1, Scratch& scratch) const {
  constexpr int group = k_group<Element>;
  runs_of(p.b, k0, k1, scratch.runs);
  const std::int64_t panel_stride = round_up(k1 - k0, tile.k_multiple) * tile.columns;
  for_groups(scratch.runs, p.b.row_stride, t.n0, t.n1 - t.n0,
             [&](const Element* const* rows, std::int64_t g) {
               tile.pack_rows(rows, t.n1 - t.n0, scratch.b + g * group * tile.columns, panel_stride);
             });
  const std::int64_t packed = round_up(k1 - k0, group) * tile.columns;
  if (packed == panel_stride) return;
  for (std::int64_t panel = 0; panel < quotient_up(t.n1 - t.n0, tile.columns); ++panel)
    std::fill_n(scratch.b + panel * panel_stride + packed, panel_stride - packed, Element{});
}

template <typename Element>
void Gemm<Element>::transpose_a(const Problem& p, const Tile& tile, std::int64_t m0, std::int64_t m1,
                                std::int64_t K, Scratch& scratch) const {
  scratch.k_words.clear();
  for (const RowRun<Element>& run : scratch.runs) {
    for (std::int64_t k = 0; k < run.count; ++k)
      scratch.k_words.push_back(run.first + k * p.a.row_stride + m0);
  }
  const std::int64_t stride = transposed_stride(tile, K);
  tile.transpose(scratch.k_words.data(), K, m1 - m0, scratch.a, stride);
  scratch.rows.resize(static_cast<std::size_t>(round_up(m1 - m0, tile.rows)));
  for (std::size_t i = 0; i < scratch.rows.size(); ++i)
    scratch.rows[i] = scratch.a + std::min(static_cast<std::int64_t>(i), m1 - m0 - 1) * stride;
}

template <typename Element>
void Gemm<Element>::copy_a(const Tile& tile, const Element* const* rows, std::int64_t k0, std::int64_t K,
                           Scratch& scratch) const {
  const std::int64_t stride = transposed_stride(tile, K);
  scratch.k_words.clear();
  for (std::int64_t i = 0; i < tile.rows; ++i) {
    Element* to = scratch.a + i * stride;
    std::memcpy(to, rows[i] + k0, static_cast<std::size_t>(K) * sizeof(Element));
    scratch.k_words.push_back(to);
  }
}

template <typename Element>
void Gemm<Element>::find_k_words(const Problem& p, const Tile& tile, std::int64_t m0, std::int64_t m1,
                                 Scratch& scratch) const {
  const std::int64_t width = round_up(m1 - m0, tile.rows);
  const bool lie_in_memory = k_group<Element> == 1 && width == m1 - m0;
  scratch.k_words.clear();
  for_groups(scratch.runs, p.a.row_stride, m0, m1 - m0, [&](const Element* const* rows, std::int64_t g) {
    if (lie_in_memory) {
      scratch.k_words.push_back(rows[0]);
      return;
    }
    Element* to = scratch.a + g * k_group<Element> * width;
    if (tile.interleave != nullptr) {
      tile.interleave(rows, m1 - m0, width, to);
    } else {
      std::copy_n(rows[0], m1 - m0, to);
      std::fill_n(to + (m1 - m0), width - (m1 - m0), Element{});
    }
    scratch.k_words.push_back(to);
  });
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
    if (p.a_columns) runs_of(p.a, k0, k1, scratch.runs);
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
  const bool add = k0 > t.k_begin, transposes = p.a_columns && tile.transpose != nullptr,
             in_words = p.a_columns && !transposes;

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

template <typename Element>
void Gemm<Element>::pack_b_columns(const ConstMatrixView<Element>& columns, std::int64_t K,
                                   Element* packed) const {
  constexpr int group = k_group<Element>;
  const Tile& tile = tile_for(columns.rows());
  const std::int64_t N = columns.rows(), padded_K = round_up(K, tile.k_multiple), whole = K / group * group;
  const int width = tile.columns;
  constexpr std::int64_t chunk = 64 * group;  // of k, so that the lines written to stay in the cache
  pool_.run(quotient_up(N, width), [&](std::int64_t panel, int) {
    Element* to = packed + panel * padded_K * width;
    if (tile.pack_columns != nullptr) {
      constexpr std::int64_t together = 16;
      std::array<const Element*, together> from{};
      for (std::int64_t j = 0; j < width; j += together) {
        const std::int64_t first = panel * width + j,
                           count = std::clamp<std::int64_t>(N - first, 0, together);
        for (std::int64_t i = 0; i < count; ++i)
          from[static_cast<std::size_t>(i)] = columns.row(first + i);
        tile.pack_columns(from.data(), count, K, width, to + j * group);
      }
      return;
    }
    for (std::int64_t k0 = 0; k0 < padded_K; k0 += chunk) {
      const std::int64_t k1 = std::min(k0 + chunk, padded_K), whole_k1 = std::min(k1, whole);
      for (std::int64_t j = 0; j < width; ++j) {
        const std::int64_t n = panel * width + j;
        const Element* from = n < N ? columns.row(n) : nullptr;
        std::int64_t k = k0;
        for (; from && k < whole_k1; k += group)
          std::memcpy(to + k * width + j * group, from + k, sizeof(float));
        for (; k < k1; ++k)
          to[k / group * group * width + j * group + k % group] = from && k < K ? from[k] : Element{};
      }
    }
  });
}

template <typename Element>
void Gemm<Element>::pack_b_rows(std::int64_t K, std::int64_t N,
                                const std::function<RowOfB<Element>(std::int64_t)>& row,
                                Element* packed) const {
  constexpr int group = k_group<Element>;
  const Tile& tile = tile_for(N);
  const std::int64_t panels = quotient_up(N, tile.columns), columns = panels * tile.columns,
                     padded_K = round_up(K, tile.k_multiple), panel_stride = padded_K * tile.columns;
  pool_.run(padded_K / group, [&](std::int64_t g, int) {
    std::array<RowOfB<Element>, group> rows{};
    std::array<const Element*, group> from{};
    bool are_alike = true;
    for (std::size_t i = 0; i < group; ++i) {
      const std::int64_t k = g * group + static_cast<std::int64_t>(i);
      if (k < K) rows[i] = row(k);
      from[i] = rows[i].from;
      are_alike = are_alike && (k >= K || (rows[i].zeros_before == 0 && rows[i].count == rows[0].count));
    }
    Element* to = packed + g * group * tile.columns;
    if (!are_alike) {
      for (std::int64_t n = 0; n < columns; ++n) {
        for (std::size_t i = 0; i < group; ++i) {
          const std::int64_t at = n - rows[i].zeros_before;
          to[n / tile.columns * panel_stride + n % tile.columns * group + static_cast<std::int64_t>(i)] =
              at >= 0 && at < rows[i].count ? rows[i].from[at] : Element{};
        }
      }
      return;
    }
    for (std::int64_t panel = quotient_up(rows[0].count, tile.columns); panel < panels; ++panel)
      std::fill_n(to + panel * panel_stride, tile.columns * group, Element{});
    tile.pack_rows(from.data(), rows[0].count, to, panel_stride);
  });
}

template class Gemm<float>;
template class Gemm<BFloat16>;

}  // namespace bragg::cpu
