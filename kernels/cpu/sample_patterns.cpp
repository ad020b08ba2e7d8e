#include "kernels/cpu/cpu_backend.h"
#include "kernels/crystal/sample_pattern.h"
#include "kernels/ops/step_state.h"

namespace bragg::cpu {

void CpuBackend::run_op(const SamplePatterns& op) {
  const PatternSampling& p = op.problem;
  const std::uint64_t first_index = op.state.as<StepState>()->first_index;
  pool_.run(p.N, [&](std::int64_t n, int) {
    op.dst.as<PatternParameters>()[n] = sample_pattern(p, first_index + static_cast<std::uint64_t>(n));
  });
}

}  // namespace bragg::cpu
