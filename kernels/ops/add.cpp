#include "kernels/ops/add.h"

#include <fmt/format.h>

namespace bragg {

void AddProblem::validate() const {
  require_at_least("add", "N", N, 0);
  require_at_least("add", "L", L, 1);
  require_at_least("add", "C", C, 1);
}

std::string AddProblem::text() const {
  return fmt::format("N {} L {} C {}", N, L, C);
}

}  // namespace bragg
