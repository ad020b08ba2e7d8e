// The machine's peak: independent fused multiply-adds in registers, on every thread at once.
#pragma once

#include <string>

namespace bragg::bench {

/// GFLOP/s that `threads` threads reach together with the widest vectors this process may use; the best of
/// several short runs. `precision`: "fp32", or "bf16" where the machine has AVX512-BF16 or AMX
/// (products of bfloat16, sums in fp32).
double measure_fma_peak(int threads, const std::string& precision);

}  // namespace bragg::bench
