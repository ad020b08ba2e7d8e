#include "kernels/ops/softmax_cross_entropy.h"

#include <limits>

#include <fmt/format.h>

namespace bragg {

void SoftmaxCrossEntropyProblem::validate() const {
  require_at_least("softmax_cross_entropy", "N", N, 0);
  require_at_least("softmax_cross_entropy", "classes", classes, 1);
  require_at_least("softmax_cross_entropy", "labels", labels, 0);
  require_within("softmax_cross_entropy", "weight", weight, 0, std::numeric_limits<double>::max());
  require_within("softmax_cross_entropy", "label_smoothing", label_smoothing, 0, 1);
}

std::string SoftmaxCrossEntropyProblem::text() const {
  std::string text = fmt::format("N {} classes {}", N, classes);
  if (labels > 0) text += fmt::format(" of {} labels", labels);
  if (weight != 1) text += fmt::format(" weight {}", weight);
  if (label_smoothing != 0) text += fmt::format(" label smoothing {}", label_smoothing);
  return text;
}

}  // namespace bragg
