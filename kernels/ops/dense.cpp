#include "kernels/ops/dense.h"

#include <fmt/format.h>

namespace bragg {

void DenseProblem::validate() const {
  require_at_least("dense", "N", N, 0);
  require_at_least("dense", "in", in, 1);
  require_at_least("dense", "out", out, 1);
}

std::string DenseProblem::text() const {
  return fmt::format("N {} in {} out {}", N, in, out);
}

}  // namespace bragg
