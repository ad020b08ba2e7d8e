#include "kernels/cpu/cpu_backend.h"
#include "kernels/crystal/sample_pattern.h"

namespace bragg::cpu {

void CpuBackend::do_sample_patterns(const PatternSampling& p, ConstTensor state, Tensor dst) {
  const std::uint64_t first_index = state.as<StepState>()->first_index;
  pool_.run(p.N, [&](std::int64_t n, int) {
    dst.as<PatternParameters>()[n] = sample_pattern(p, first_index + static_cast<std::uint64_t>(n));
  });
}

}  // namespace bragg::cpu
