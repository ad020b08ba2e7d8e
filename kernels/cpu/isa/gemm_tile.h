// A register tile of the GEMM: a block of `rows` x `vectors` accumulators that lives in registers while k runs.
// Only for files of isa/: everything lies in the namespace of the instruction set.
#pragma once

#include <cstdint>

#include "kernels/cpu/isa/network_kernels.h"

namespace bragg::cpu::BRAGG_ISA {

// BRAGG_WIDE_VECTORS: the tests' build of the 64-byte code for machines without AVX-512; the compiler splits
// the vectors.
#if defined(__AVX512F__) || defined(BRAGG_WIDE_VECTORS)
constexpr int vector_bytes = 64;
#elif defined(__AVX2__)
constexpr int vector_bytes = 32;
#else
constexpr int vector_bytes = 16;
#endif
constexpr int lanes = vector_bytes / 4;

typedef float Vector __attribute__((vector_size(vector_bytes)));

/// Of numbers anywhere in memory: of a type that is aligned to less a template or the splitting of a vector
/// may lose that.
template <typename Words, typename Element>
[[gnu::always_inline]] static inline Words load(const Element* p) {
  Words words;
  __builtin_memcpy(&words, p, sizeof words);
  return words;
}

/// Of Numbers:
///   Element, Words                     a vector of words, of k_group elements each
///   multiply_add(sum, factor, panel)   adds the products of a lane to its sum
///   splat(p), splat_last(p)            the word at p, or its first element and zeros, in every lane
///   words(k_rows, at)                  the words of columns at, at + 1, ... of a group of rows
template <typename Numbers, int rows, int vectors>
struct Tile {
  using Element = typename Numbers::Element;
  using Words = typename Numbers::Words;
  static constexpr int columns = vectors * lanes, group = k_group<Element>;

  // Forced in line and unrolled: an accumulator that is indexed at run time would live in memory.
  [[gnu::always_inline]] static void store(const Vector (&sums)[rows][vectors], float* c, std::int64_t ldc,
                                           bool add) {
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i) {
      float* row = c + i * ldc;
#pragma GCC unroll 16
      for (int j = 0; j < vectors; ++j) {
        const Vector total = add ? load<Vector>(row + j * lanes) + sums[i][j] : sums[i][j];
        __builtin_memcpy(row + j * lanes, &total, sizeof total);
      }
    }
  }

  /// C is wanted when the sums are ready, far too late to begin fetching it.
  [[gnu::always_inline]] static void prefetch(const float* c, std::int64_t ldc) {
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i)
      __builtin_prefetch(c + i * ldc, 1);
  }

  static void multiply_rows(const Element* const* a, std::int64_t a_offset, std::int64_t K, const Element* b,
                            float* c, std::int64_t ldc, bool add) {
    const Element* row[rows];
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i)
      row[i] = a[i] + a_offset;
    Vector sums[rows][vectors] = {};
    const auto* panel = reinterpret_cast<const Words*>(b);
    std::int64_t k = 0;
#pragma GCC unroll 4
    for (; k + group <= K; k += group, panel += vectors) {
#pragma GCC unroll 16
      for (int i = 0; i < rows; ++i) {
        const Words factor = Numbers::splat(row[i] + k);
#pragma GCC unroll 16
        for (int j = 0; j < vectors; ++j)
          sums[i][j] = Numbers::multiply_add(sums[i][j], factor, panel[j]);
      }
    }
    if constexpr (group > 1) {
      // Behind the last number of a row may lie anything.
      if (k < K) {
#pragma GCC unroll 16
        for (int i = 0; i < rows; ++i) {
          const Words factor = Numbers::splat_last(row[i] + k);
#pragma GCC unroll 16
          for (int j = 0; j < vectors; ++j)
            sums[i][j] = Numbers::multiply_add(sums[i][j], factor, panel[j]);
        }
      }
    }
    store(sums, c, ldc, add);
  }

  static void multiply_columns(const Element* const* a, std::int64_t a_offset, std::int64_t K,
                               const Element* b, float* c, std::int64_t ldc, bool add) {
    prefetch(c, ldc);
    Vector sums[rows][vectors] = {};
    const auto* panel = reinterpret_cast<const Words*>(b);
#pragma GCC unroll 4
    for (std::int64_t k = 0; k < K; k += group, panel += vectors) {
      const Element* column = a[k / group] + a_offset;
#pragma GCC unroll 16
      for (int i = 0; i < rows; ++i) {
        const Words factor = Numbers::splat(column + i * group);
#pragma GCC unroll 16
        for (int j = 0; j < vectors; ++j)
          sums[i][j] = Numbers::multiply_add(sums[i][j], factor, panel[j]);
      }
    }
    store(sums, c, ldc, add);
  }

  static void interleave(const Element* const* k_rows, std::int64_t count, std::int64_t padded,
                         Element* dst) {
    std::int64_t at = 0;
    for (; at + lanes <= count; at += lanes) {
      const Words words = Numbers::words(k_rows, at);
      __builtin_memcpy(dst + at * group, &words, sizeof words);
    }
    pack_some(k_rows, at, count, static_cast<int>(padded - at), dst + at * group);
  }

  static void pack_rows(const Element* const* k_rows, std::int64_t count, Element* dst,
                        std::int64_t panel_stride) {
    std::int64_t at = 0;
    for (; at + columns <= count; at += columns, dst += panel_stride) {
      for (int j = 0; j < vectors; ++j)
        reinterpret_cast<Words*>(dst)[j] = Numbers::words(k_rows, at + j * lanes);
    }
    if (at < count) pack_some(k_rows, at, count, columns, dst);
  }

  static constexpr GemmTile<Element> table(int k_block) {
    return {.rows = rows,
            .columns = columns,
            .k_block = k_block,
            .k_multiple = group,
            .multiply_rows = multiply_rows,
            .multiply_columns = multiply_columns,
            .interleave = group == 1 ? nullptr : interleave,
            .pack_rows = pack_rows,
            .pack_columns = nullptr,
            .transpose = nullptr,
            .begin = nullptr,
            .end = nullptr};
  }

 private:
  /// The words [at, at + width) of the rows, zeros beyond `count`.
  static void pack_some(const Element* const* k_rows, std::int64_t at, std::int64_t count, int width,
                        Element* dst) {
    for (int j = 0; j < width; ++j) {
      for (int g = 0; g < group; ++g)
        dst[j * group + g] = at + j < count && k_rows[g] != nullptr ? k_rows[g][at + j] : Element{};
    }
  }
};

}  // namespace bragg::cpu::BRAGG_ISA
