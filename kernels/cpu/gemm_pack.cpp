// The operands of a GEMM on their way into panels and rows that its tiles read.
#include <algorithm>
#include <array>
#include <cstring>

#include "kernels/cpu/gemm.h"

namespace bragg::cpu {
namespace {

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

}  // namespace

template <typename Element>
void Gemm<Element>::find_runs(const ConstMatrixView<Element>& view, std::int64_t first, std::int64_t last,
                              Scratch& scratch) {
  scratch.runs.clear();
  while (first < last) {
    const std::int64_t left = view.rows_per_item - first % view.rows_per_item;
    const std::int64_t count = std::min(left, last - first);
    scratch.runs.push_back({view.row(first), count});
    first += count;
  }
}

template <typename Element>
void Gemm<Element>::pack_b(const Problem& p, const Tile& tile, const Task& t, std::int64_t k0,
                           std::int64_t k1, Scratch& scratch) const {
  constexpr int group = k_group<Element>;
  find_runs(p.b, k0, k1, scratch);
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

template void Gemm<float>::pack_b(const Problem&, const Tile&, const Task&, std::int64_t, std::int64_t,
                                  Scratch&) const;
template void Gemm<float>::transpose_a(const Problem&, const Tile&, std::int64_t, std::int64_t, std::int64_t,
                                       Scratch&) const;
template void Gemm<float>::copy_a(const Tile&, const float* const*, std::int64_t, std::int64_t,
                                  Scratch&) const;
template void Gemm<float>::find_k_words(const Problem&, const Tile&, std::int64_t, std::int64_t,
                                        Scratch&) const;
template void Gemm<float>::find_runs(const ConstMatrixView<float>&, std::int64_t, std::int64_t, Scratch&);
template void Gemm<float>::pack_b_columns(const ConstMatrixView<float>&, std::int64_t, float*) const;
template void Gemm<float>::pack_b_rows(std::int64_t, std::int64_t,
                                       const std::function<RowOfB<float>(std::int64_t)>&, float*) const;
template void Gemm<BFloat16>::pack_b(const Problem&, const Tile&, const Task&, std::int64_t, std::int64_t,
                                     Scratch&) const;
template void Gemm<BFloat16>::transpose_a(const Problem&, const Tile&, std::int64_t, std::int64_t,
                                          std::int64_t, Scratch&) const;
template void Gemm<BFloat16>::copy_a(const Tile&, const BFloat16* const*, std::int64_t, std::int64_t,
                                     Scratch&) const;
template void Gemm<BFloat16>::find_k_words(const Problem&, const Tile&, std::int64_t, std::int64_t,
                                           Scratch&) const;
template void Gemm<BFloat16>::find_runs(const ConstMatrixView<BFloat16>&, std::int64_t, std::int64_t,
                                        Scratch&);
template void Gemm<BFloat16>::pack_b_columns(const ConstMatrixView<BFloat16>&, std::int64_t, BFloat16*) const;
template void Gemm<BFloat16>::pack_b_rows(std::int64_t, std::int64_t,
                                          const std::function<RowOfB<BFloat16>(std::int64_t)>&,
                                          BFloat16*) const;

}  // namespace bragg::cpu
