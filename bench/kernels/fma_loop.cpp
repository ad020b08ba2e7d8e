// The loop of measure_fma_peak for one instruction set; compiled once for each (BRAGG_ISA, -march).
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
  const Vector a = Vector{} + 0.9999999f, b = Vector{} + 1e-7f;
  for (long i = 0; i < iterations; ++i) {
#pragma GCC unroll 12
    for (int j = 0; j < accumulators; ++j)
      sums[j] = sums[j] * a + b;
  }
  Vector total{};
#pragma GCC unroll 12
  for (int j = 0; j < accumulators; ++j)
    total += sums[j];
  *result = total[0];
  return 2.0 * (vector_bytes / 4) * accumulators * static_cast<double>(iterations);
}

}  // namespace bragg::bench::BRAGG_ISA
