#include "kernels/crystal/sample_pattern.h"
#include "kernels/reference/reference_backend.h"

namespace bragg::reference {

void ReferenceBackend::do_sample_patterns(const PatternSampling& p, ConstTensor state, Tensor dst) {
  const std::uint64_t first_index = state.as<StepState>()->first_index;
  for (std::int64_t n = 0; n < p.N; ++n)
    dst.as<PatternParameters>()[n] = sample_pattern(p, first_index + static_cast<std::uint64_t>(n));
}

}  // namespace bragg::reference
