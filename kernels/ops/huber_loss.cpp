#include "kernels/ops/huber_loss.h"

#include <limits>

#include <fmt/format.h>

#include "kernels/base/error.h"

namespace bragg {

void HuberLossProblem::validate() const {
  require_at_least("huber_loss", "N", N, 0);
  require_at_least("huber_loss", "outputs", outputs, 1);
  require_within("huber_loss", "weight", weight, 0, std::numeric_limits<double>::max());
  if (!(delta > 0 && delta <= std::numeric_limits<double>::max()))
    throw ProblemError(fmt::format("[huber_loss] delta {} is not a positive number", delta));
}

std::string HuberLossProblem::text() const {
  std::string text = fmt::format("N {} outputs {} delta {}", N, outputs, delta);
  if (weight != 1) text += fmt::format(" weight {}", weight);
  return text;
}

}  // namespace bragg
