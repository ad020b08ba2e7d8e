// Products with a convolution's windows in the tile registers of AMX: a column of tiles at a time, so that every
// word is loaded once, with the rows of A in the nearest cache. Without AMX the same in arrays.
#include "kernels/cpu/isa/gemm_tiles.h"
#include "kernels/cpu/isa/pairs.h"
#include "kernels/cpu/isa/tile_registers.h"

namespace bragg::cpu::BRAGG_ISA {
namespace {

using tiles::k_step;
using tiles::repeat;
using tiles::side;

constexpr int most_row_tiles = 6;

void pair(const BFloat16* src, std::int64_t valid, std::int64_t distance, std::int64_t count,
          std::uint32_t* words) {
  std::int64_t i = 0;
  for (; i + distance + side <= valid && i + side <= count; i += side) {
    const BFloat16* const rows[2] = {src + i, src + i + distance};
    const Pairs both = PairsAlongK::words(rows, 0);
    __builtin_memcpy(words + i, &both, sizeof both);
  }
  for (; i < count; ++i) {
    const std::uint32_t first = i < valid ? src[i].bits : 0,
                        second = i + distance < valid ? src[i + distance].bits : 0;
    words[i] = first | second << 16;
  }
}

template <int row_tiles>
void multiply_rows(const BFloat16* a, std::int64_t a_stride, std::int64_t K, const std::uint32_t* words,
                   std::int64_t word_stride, std::int64_t columns, float* c, std::int64_t ldc, bool add) {
  constexpr int of_b = row_tiles, first_a = of_b + 1, of_a = 8 - first_a;
  for (std::int64_t j = 0; j < columns; j += side) {
    repeat<0, row_tiles>([&]<int i>() {
      if (add)
        tiles::load<i>(c + i * side * ldc + j, ldc * 4);
      else
        tiles::zero<i>();
    });
    for (std::int64_t k = 0; k < K; k += k_step) {
      tiles::load<of_b>(words + k / 2 * word_stride + j, word_stride * 4);
      repeat<0, row_tiles>([&]<int i>() {
        tiles::load<first_a + i % of_a>(a + i * side * a_stride + k, a_stride * 2);
        tiles::add_products<i, first_a + i % of_a, of_b>();
      });
    }
    repeat<0, row_tiles>([&]<int i>() { tiles::store<i>(c + i * side * ldc + j, ldc * 4); });
  }
}

void multiply(const BFloat16* a, std::int64_t a_stride, std::int64_t rows, std::int64_t K,
              const std::uint32_t* words, std::int64_t word_stride, std::int64_t columns, float* c,
              std::int64_t ldc, bool add) {
  constexpr decltype(&multiply_rows<1>) of_row_tiles[most_row_tiles] = {multiply_rows<1>, multiply_rows<2>,
                                                                        multiply_rows<3>, multiply_rows<4>,
                                                                        multiply_rows<5>, multiply_rows<6>};
  tiles::begin();
  of_row_tiles[rows / side - 1](a, a_stride, K, words, word_stride, columns, c, ldc, add);
  tiles::end();
}

}  // namespace

const WindowProducts window_products{.most_rows = most_row_tiles * side,
                                     .row_multiple = side,
                                     .column_multiple = side,
                                     .k_multiple = k_step,
                                     .pair = pair,
                                     .multiply = multiply};

}  // namespace bragg::cpu::BRAGG_ISA
