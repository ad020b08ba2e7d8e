#include "kernels/ops/softmax_cross_entropy.h"

#include <fmt/format.h>

namespace bragg {

void SoftmaxCrossEntropyProblem::validate() const {
  require_at_least("softmax_cross_entropy", "N", N, 0);
  require_at_least("softmax_cross_entropy", "classes", classes, 1);
}

std::string SoftmaxCrossEntropyProblem::text() const {
  return fmt::format("N {} classes {}", N, classes);
}

}  // namespace bragg
