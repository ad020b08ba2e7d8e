// The tiles of the GEMM for bfloat16 in the tile registers of AMX: sums in row_tiles x column_tiles of them, the
// others for rows of A as they lie in memory and for panels of B. Without AMX the same in arrays.
#include "kernels/cpu/isa/gemm_tiles.h"
#include "kernels/cpu/isa/pairs.h"
#include "kernels/cpu/isa/tile_registers.h"

namespace bragg::cpu::BRAGG_ISA {
namespace {

using tiles::k_step;
using tiles::repeat;
using tiles::side;

/// Rows of A for one register. Those that lie evenly are loaded from where they are, others by way of a copy,
/// as is the end of a row: behind it may lie anything.
struct RowsOfA {
  const BFloat16* const* rows;
  std::int64_t offset, stride;  ///< stride 0: not evenly

  RowsOfA(const BFloat16* const* rows_, std::int64_t offset_) : rows(rows_), offset(offset_) {
    stride = rows[1] - rows[0];
    bool even = stride > 0;
    for (int i = 2; i < side; ++i)
      even &= rows[i] - rows[i - 1] == stride;
    if (!even) stride = 0;
  }

  template <int tile>
  [[gnu::always_inline]] void load(std::int64_t k, std::int64_t K) const {
    if (stride > 0 && k + k_step <= K) {
      tiles::load<tile>(rows[0] + offset + k, stride * 2);
    } else {
      alignas(64) BFloat16 copy[side][k_step];
      copy_to(copy, k, K - k < k_step ? static_cast<int>(K - k) : k_step);
      tiles::load<tile>(copy, sizeof copy[0]);
    }
  }

  void copy_to(BFloat16 (&copy)[side][k_step], std::int64_t k, int count) const {
    for (int i = 0; i < side; ++i) {
      const BFloat16* from = rows[i] + offset + k;
#if defined(__AVX512BW__)
      _mm512_store_si512(copy[i], _mm512_maskz_loadu_epi16(0xFFFFFFFFu >> (k_step - count), from));
#else
      for (int j = 0; j < k_step; ++j)
        copy[i][j] = j < count ? from[j] : BFloat16{};
#endif
    }
  }
};

/// A square of words turned round.
void transpose_square(Pairs (&rows)[side]) {
  // What differs in a bit of the row's number changes places with what differs in that bit of the column's.
#define BRAGG_SWAP(distance, low, high)                \
  for (int i = 0; i < side; ++i) {                     \
    if (i & (distance)) continue;                      \
    const Pairs a = rows[i], b = rows[i + (distance)]; \
    rows[i] = low;                                     \
    rows[i + (distance)] = high;                       \
  }
#define BRAGG_OF(...) __builtin_shufflevector(a, b, __VA_ARGS__)
  BRAGG_SWAP(1, BRAGG_OF(0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30),
             BRAGG_OF(1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31))
  BRAGG_SWAP(2, BRAGG_OF(0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29),
             BRAGG_OF(2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31))
  BRAGG_SWAP(4, BRAGG_OF(0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27),
             BRAGG_OF(4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31))
  BRAGG_SWAP(8, BRAGG_OF(0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23),
             BRAGG_OF(8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31))
#undef BRAGG_SWAP
#undef BRAGG_OF
}

/// The words of columns at ... at + 15 of a pair of rows, zeros where there are none.
Pairs words_at(const BFloat16* const* k_rows, std::int64_t k, std::int64_t K, std::int64_t at,
               std::int64_t count) {
  if (k + 2 <= K && at + side <= count) return PairsAlongK::words(k_rows + k, at);
  Pairs words{};
  for (int j = 0; j < side && at + j < count; ++j) {
    for (int g = 0; g < 2 && k + g < K; ++g)
      words[j] |= std::uint32_t{k_rows[k + g][at + j].bits} << (16 * g);
  }
  return words;
}

void transpose(const BFloat16* const* k_rows, std::int64_t K, std::int64_t count, BFloat16* dst,
               std::int64_t row_stride) {
  for (std::int64_t k0 = 0; k0 < K; k0 += k_step) {
    for (std::int64_t at = 0; at < count; at += side) {
      Pairs square[side];
      for (int i = 0; i < side; ++i)
        square[i] = words_at(k_rows, k0 + 2 * i, K, at, count);
      transpose_square(square);
      for (int i = 0; i < side && at + i < count; ++i)
        __builtin_memcpy(dst + (at + i) * row_stride + k0, &square[i], sizeof square[i]);
    }
  }
}

void pack_columns(const BFloat16* const* columns, std::int64_t count, std::int64_t K, std::int64_t width,
                  BFloat16* dst) {
  for (std::int64_t k0 = 0; k0 < K; k0 += k_step) {
    Pairs square[side] = {};
    const std::int64_t numbers = K - k0 < k_step ? K - k0 : k_step;
    for (int j = 0; j < count; ++j) {
      if (numbers == k_step)
        square[j] = load<Pairs>(columns[j] + k0);
      else
        __builtin_memcpy(&square[j], columns[j] + k0, static_cast<std::size_t>(numbers) * sizeof(BFloat16));
    }
    transpose_square(square);
    for (int i = 0; i < side; ++i)
      __builtin_memcpy(dst + (k0 + 2 * i) * width, &square[i], sizeof square[i]);
  }
}

template <int row_tiles, int column_tiles>
struct AmxTile {
  static constexpr int rows = row_tiles * side, columns = column_tiles * side;
  static constexpr int first_a = row_tiles * column_tiles, first_b = first_a + row_tiles, of_b = 8 - first_b;
  static_assert(of_b >= 1);

  static void multiply_rows(const BFloat16* const* a, std::int64_t a_offset, std::int64_t K,
                            const BFloat16* b, float* c, std::int64_t ldc, bool add) {
    const std::int64_t c_bytes = ldc * 4;
    const auto at = [&](int i, int j) { return c + i * side * ldc + j * side; };
    repeat<0, row_tiles * column_tiles>([&]<int t>() {
      if (add)
        tiles::load<t>(at(t / column_tiles, t % column_tiles), c_bytes);
      else
        tiles::zero<t>();
    });
    const RowsOfA of_a[2] = {{a, a_offset}, {a + (row_tiles - 1) * side, a_offset}};
    for (std::int64_t k = 0; k < K; k += k_step, b += k_step * columns) {
      repeat<0, row_tiles>([&]<int i>() { of_a[i].template load<first_a + i>(k, K); });
      repeat<0, column_tiles>([&]<int j>() {
        tiles::load<first_b + j % of_b>(b + j * k_step, columns * 4);
        repeat<0, row_tiles>(
            [&]<int i>() { tiles::add_products<i * column_tiles + j, first_a + i, first_b + j % of_b>(); });
      });
    }
    repeat<0, row_tiles * column_tiles>(
        [&]<int t>() { tiles::store<t>(at(t / column_tiles, t % column_tiles), c_bytes); });
  }

  static constexpr GemmTile<BFloat16> table(int k_block) {
    return {.rows = rows,
            .columns = columns,
            .k_block = k_block,
            .k_multiple = k_step,
            .multiply_rows = multiply_rows,
            .multiply_columns = nullptr,
            .interleave = nullptr,
            .pack_rows = Tile<PairsAlongK, 1, column_tiles>::pack_rows,
            .pack_columns = pack_columns,
            .transpose = transpose,
            .begin = tiles::begin,
            .end = tiles::end};
  }
};

}  // namespace

// Panels of B that stay in the nearest cache. The second and the third for 80 and 48 columns, of which the first
// would waste a part.
const GemmTile<BFloat16> amx_tiles[amx_tile_count] = {AmxTile<2, 2>::table(256), AmxTile<1, 5>::table(160),
                                                      AmxTile<1, 3>::table(256)};

}  // namespace bragg::cpu::BRAGG_ISA
