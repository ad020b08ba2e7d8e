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

void AdamTensors::check(const Check& check) const {
  const auto& [element, precise] = check.types();
  if (element != precise) {
    check.present("working", working.data);
    check.is("working", working.dtype, element);
  } else if (working) {
    check.fail(fmt::format("working is {}, there is none beside {} weights", name_of(working.dtype),
                           name_of(precise)));
  }
}

void DenseBackwardWeightsAdam::check_more(const Check& check) const {
  const std::int64_t alignment = check.row_alignment();
  check.equal("count", adam.count, "out * row stride",
              problem.out * ((problem.in + alignment - 1) / alignment * alignment));
  tensors.check(check);
  if (problem.N == 0) check.fail("N 0 < 1");
}

}  // namespace bragg
