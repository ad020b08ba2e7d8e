// The exponential moving average of weights: one pass over memory.
#include <algorithm>

#include "kernels/cpu/cpu_backend.h"

namespace bragg::cpu {

void CpuBackend::run_op(const Ema& op) {
  const EmaProblem& p = op.problem;
  // Of the rounded decay, so that both make exactly 1: else the average of 0.9999 settles 1.7e-4 beside the
  // weights.
  const float decay = static_cast<float>(p.decay), rest = 1 - decay;
  constexpr std::int64_t chunk = 64 * 1024;
  pool_.run((p.count + chunk - 1) / chunk, [&](std::int64_t task, int) {
    const std::int64_t first = task * chunk, count = std::min(chunk, p.count - first);
    network_.average_in(decay, rest, op.weights.as<float>() + first, count, op.average.as<float>() + first);
  });
}

}  // namespace bragg::cpu
