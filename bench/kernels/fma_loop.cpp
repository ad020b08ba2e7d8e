// The loop of measure_fma_peak for one instruction set; compiled once for each (BRAGG_ISA, -march). With
// AVX512-BF16 it multiplies pairs of bfloat16 and adds to floats, with AMX tiles of them.
#if defined(__AMX_BF16__)
#include "kernels/cpu/isa/tile_registers.h"
#elif defined(__AVX512BF16__)
#include <immintrin.h>
#endif

namespace bragg::bench::BRAGG_ISA {

#if defined(__AMX_BF16__)

/// Six tiles of sums, of zeros: the time does not depend on the numbers.
double fma_loop(long iterations, float* result) {
  namespace tiles = cpu::BRAGG_ISA::tiles;
  tiles::begin();  // with every register 0
  for (long i = 0; i < iterations; ++i) {
    tiles::add_products<0, 6, 7>();
    tiles::add_products<1, 6, 7>();
    tiles::add_products<2, 6, 7>();
    tiles::add_products<3, 6, 7>();
    tiles::add_products<4, 6, 7>();
    tiles::add_products<5, 6, 7>();
  }
  tiles::end();
  *result = 0;
  return 6.0 * 2 * tiles::side * tiles::side * tiles::k_step * static_cast<double>(iterations);
}

#else

namespace {

#if defined(__AVX512F__)
constexpr int vector_bytes = 64;
#elif defined(__AVX2__)
constexpr int vector_bytes = 32;
#else
constexpr int vector_bytes = 16;
#endif
typedef float Vector __attribute__((vector_size(vector_bytes)));

constexpr int accumulators = 12;  // enough to hide the latency of two pipes

}  // namespace

/// Returns the floating-point operations done.
double fma_loop(long iterations, float* result) {
  Vector sums[accumulators];
#pragma GCC unroll 12
  for (int j = 0; j < accumulators; ++j)
    sums[j] = Vector{} + static_cast<float>(j);
#if defined(__AVX512BF16__)
  typedef unsigned Pairs __attribute__((vector_size(vector_bytes)));
  Pairs a = Pairs{} + 0x3F803F80u, b = Pairs{} + 0x33D633D6u;  // 1 and 1e-7, twice
  asm volatile("" : "+v"(a), "+v"(b));                         // or the sums would be made at once
  for (long i = 0; i < iterations; ++i) {
#pragma GCC unroll 12
    for (int j = 0; j < accumulators; ++j)
      sums[j] = (Vector)_mm512_dpbf16_ps((__m512)sums[j], (__m512bh)a, (__m512bh)b);
  }
  constexpr double per_lane = 4;
#else
  const Vector a = Vector{} + 0.9999999f, b = Vector{} + 1e-7f;
  for (long i = 0; i < iterations; ++i) {
#pragma GCC unroll 12
    for (int j = 0; j < accumulators; ++j)
      sums[j] = sums[j] * a + b;
  }
  constexpr double per_lane = 2;
#endif
  Vector total{};
#pragma GCC unroll 12
  for (int j = 0; j < accumulators; ++j)
    total += sums[j];
  *result = total[0];
  return per_lane * (vector_bytes / 4) * accumulators * static_cast<double>(iterations);
}

#endif

}  // namespace bragg::bench::BRAGG_ISA
