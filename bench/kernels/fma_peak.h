// The machine's peak: independent fused multiply-adds in registers, on every thread at once.
#pragma once

namespace bragg::bench {

/// GFLOP/s in fp32 that `threads` threads reach together with the widest vectors this process may use; the
/// best of several short runs.
double measure_fma_peak(int threads);

}  // namespace bragg::bench
