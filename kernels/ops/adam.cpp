#include "kernels/ops/adam.h"

#include <cmath>

#include <fmt/format.h>

namespace bragg {

void AdamProblem::validate() const {
  require_at_least("adam", "count", count, 0);
  learning_rate.validate("adam");
  require_within("adam", "beta1", beta1, 0, 1);
  require_within("adam", "beta2", beta2, 0, 1);
  require_within("adam", "epsilon", epsilon, 0, HUGE_VAL);
  require_within("adam", "weight_decay", weight_decay, 0, HUGE_VAL);
  require_within("adam", "clip_norm", clip_norm, 0, HUGE_VAL);
}

std::string AdamProblem::text() const {
  std::string text = fmt::format("count {}{}", count, learning_rate.text());
  if (weight_decay > 0) text += fmt::format(" weight decay {}", weight_decay);
  if (clip_norm > 0) text += fmt::format(" clip norm {}", clip_norm);
  return text;
}

void DenseBackwardWeightsAdam::check_more(const Check& check) const {
  const std::int64_t alignment = check.row_alignment();
  check.equal("count", adam.count, "out * row stride",
              problem.out * ((problem.in + alignment - 1) / alignment * alignment));
  if (adam.clip_norm > 0) check.fail(fmt::format("clip_norm {} > 0, without a norm", adam.clip_norm));
  if (problem.N == 0) check.fail("N 0 < 1");
}

}  // namespace bragg
