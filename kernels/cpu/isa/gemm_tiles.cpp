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

  static void multiply_columns(const ColumnRun* runs, int run_count, std::int64_t offset, std::int64_t stride,
                               const float* b, float* c, std::int64_t ldc, bool add) {
    Vector sums[rows][vectors] = {};
    for (int run = 0; run < run_count; ++run) {
      const float* a = runs[run].data + offset;
#pragma GCC unroll 4
      for (std::int64_t k = 0; k < runs[run].count; ++k) {
        const auto* panel = reinterpret_cast<const Vector*>(b);
#pragma GCC unroll 16
        for (int i = 0; i < rows; ++i) {
          const Vector factor = a[i] - Vector{};
#pragma GCC unroll 16
          for (int j = 0; j < vectors; ++j)
            sums[i][j] += factor * panel[j];
        }
        a += stride;
        b += columns;
      }
    }
    store(sums, c, ldc, add);
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
    return {rows, columns, k_block, multiply_rows, multiply_columns, pack_row};
  }
};

}  // namespace

#if defined(__AVX512F__) || defined(BRAGG_WIDE_VECTORS)
const GemmTile gemm_tiles[tile_count] = {Tile<5, 5>::table(256), Tile<6, 4>::table(256)};
#elif defined(__AVX2__)
const GemmTile gemm_tiles[tile_count] = {Tile<6, 2>::table(384)};
#else
const GemmTile gemm_tiles[tile_count] = {Tile<6, 2>::table(512)};
#endif

}  // namespace bragg::cpu::BRAGG_ISA
