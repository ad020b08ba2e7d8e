// The register tiles of the GEMM: a block of `rows` x `vectors` accumulators that lives in registers while k
// runs.
#include "kernels/cpu/isa/gemm_tiles.h"

namespace bragg::cpu::BRAGG_ISA {
namespace {

// BRAGG_WIDE_VECTORS: the tests' build of the 64-byte code for machines without AVX-512; the compiler splits
// the vectors.
#if defined(__AVX512F__) || defined(BRAGG_WIDE_VECTORS)
constexpr int vector_bytes = 64;
#elif defined(__AVX2__)
constexpr int vector_bytes = 32;
#else
constexpr int vector_bytes = 16;
#endif

typedef float Vector __attribute__((vector_size(vector_bytes)));
typedef float UnalignedVector __attribute__((vector_size(vector_bytes), aligned(4)));
constexpr int lanes = vector_bytes / 4;

template <int rows, int vectors>
struct Tile {
  static constexpr int columns = vectors * lanes;

  // Forced in line and unrolled: an accumulator that is indexed at run time would live in memory.
  [[gnu::always_inline]] static void store(const Vector (&sums)[rows][vectors], float* c, std::int64_t ldc,
                                           bool add) {
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i) {
      auto* row = reinterpret_cast<UnalignedVector*>(c + i * ldc);
#pragma GCC unroll 16
      for (int j = 0; j < vectors; ++j)
        row[j] = add ? row[j] + sums[i][j] : sums[i][j];
    }
  }

  /// C is wanted when the sums are ready, far too late to begin fetching it.
  [[gnu::always_inline]] static void prefetch(const float* c, std::int64_t ldc) {
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i)
      __builtin_prefetch(c + i * ldc, 1);
  }

  static void multiply_rows(const float* const* a, std::int64_t a_offset, std::int64_t K, const float* b,
                            float* c, std::int64_t ldc, bool add) {
    const float* row[rows];
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i)
      row[i] = a[i] + a_offset;
    Vector sums[rows][vectors] = {};
#pragma GCC unroll 4
    for (std::int64_t k = 0; k < K; ++k) {
      const auto* panel = reinterpret_cast<const Vector*>(b + k * columns);
#pragma GCC unroll 16
      for (int i = 0; i < rows; ++i) {
        const Vector factor = row[i][k] - Vector{};
#pragma GCC unroll 16
        for (int j = 0; j < vectors; ++j)
          sums[i][j] += factor * panel[j];
      }
    }
    store(sums, c, ldc, add);
  }

  static void multiply_packed(const float* a, std::int64_t K, const float* b, float* c, std::int64_t ldc,
                              bool add) {
    prefetch(c, ldc);
    Vector sums[rows][vectors] = {};
#pragma GCC unroll 4
    for (std::int64_t k = 0; k < K; ++k) {
      const auto* panel = reinterpret_cast<const Vector*>(b + k * columns);
#pragma GCC unroll 16
      for (int i = 0; i < rows; ++i) {
        const Vector factor = a[k * rows + i] - Vector{};
#pragma GCC unroll 16
        for (int j = 0; j < vectors; ++j)
          sums[i][j] += factor * panel[j];
      }
    }
    store(sums, c, ldc, add);
  }

  static void pack_columns(const float* src, std::int64_t stride, std::int64_t K, std::int64_t count,
                           float* dst, std::int64_t tile_stride) {
    for (std::int64_t k = 0; k < K; ++k, src += stride, dst += rows) {
      // Slices of rows far apart: no hardware prefetcher sees them coming.
      for (std::int64_t i = 0; i < count; i += 16)
        __builtin_prefetch(src + 6 * stride + i);
      float* to = dst;
      std::int64_t i = 0;
      for (; i + rows <= count; i += rows, to += tile_stride)
        __builtin_memcpy(to, src + i, rows * sizeof(float));
      if (i == count) continue;
      for (std::int64_t j = 0; j < rows; ++j)
        to[j] = i + j < count ? src[i + j] : 0;
    }
  }

  static void pack_row(const float* src, std::int64_t count, float* dst, std::int64_t panel_stride) {
    for (; count >= columns; count -= columns, src += columns, dst += panel_stride) {
      for (int j = 0; j < vectors; ++j) {
        reinterpret_cast<Vector*>(dst)[j] = reinterpret_cast<const UnalignedVector*>(src)[j];
      }
    }
    if (count == 0) return;
    for (int j = 0; j < columns; ++j)
      dst[j] = j < count ? src[j] : 0;
  }

  static constexpr GemmTile table(int k_block) {
    return {rows, columns, k_block, multiply_rows, multiply_packed, pack_columns, pack_row};
  }
};

}  // namespace

#if defined(__AVX512F__) || defined(BRAGG_WIDE_VECTORS)
const GemmTile gemm_tiles[tile_count] = {Tile<5, 5>::table(256), Tile<6, 4>::table(256)};
#elif defined(__AVX2__)
const GemmTile gemm_tiles[tile_count] = {Tile<6, 2>::table(320)};
#else
const GemmTile gemm_tiles[tile_count] = {Tile<6, 2>::table(512)};
#endif

}  // namespace bragg::cpu::BRAGG_ISA
