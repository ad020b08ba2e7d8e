#include "kernels/crystal/sample_pattern.h"
#include "kernels/ops/step_state.h"
#include "kernels/reference/reference_backend.h"

namespace bragg::reference {

void ReferenceBackend::run_op(const SamplePatterns& op) {
  const PatternSampling& p = op.problem;
  const std::uint64_t first_index = op.state.as<StepState>()->first_index;
  for (std::int64_t n = 0; n < p.N; ++n)
    op.dst.as<PatternParameters>()[n] = sample_pattern(p, first_index + static_cast<std::uint64_t>(n));
}

}  // namespace bragg::reference
