#include "kernels/ops/adam.h"

#include <cmath>

#include <fmt/format.h>

namespace bragg {

void AdamProblem::validate() const {
  require_at_least("adam", "count", count, 0);
  require_within("adam", "learning_rate", learning_rate, 0, HUGE_VAL);
  require_within("adam", "beta1", beta1, 0, 1);
  require_within("adam", "beta2", beta2, 0, 1);
  require_within("adam", "epsilon", epsilon, 0, HUGE_VAL);
}

std::string AdamProblem::text() const {
  return fmt::format("count {}", count);
}

void DenseBackwardWeightsAdam::check_more(const Check& check) const {
  const std::int64_t alignment = check.row_alignment();
  check.equal("count", adam.count, "out * row stride",
              problem.out * ((problem.in + alignment - 1) / alignment * alignment));
  if (problem.N == 0) check.fail("N 0 < 1");
}

}  // namespace bragg
