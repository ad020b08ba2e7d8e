#include "kernels/ops/norm.h"

#include <fmt/format.h>

namespace bragg {

void NormProblem::validate() const {
  require_at_least("norm", "count", count, 0);
}

std::string NormProblem::text() const {
  return fmt::format("count {}", count);
}

}  // namespace bragg
