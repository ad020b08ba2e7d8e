// The loop of measure_fma_peak for one instruction set; compiled once for each (BRAGG_ISA, -march). With
// AVX512-BF16 it multiplies pairs of bfloat16 and adds to floats.
#if defined(__AVX512BF16__)
#include <immintrin.h>
#endif

namespace bragg::bench::BRAGG_ISA {
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

}  // namespace bragg::bench::BRAGG_ISA
