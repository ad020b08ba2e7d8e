#include "kernels/ops/avg_pool1d.h"

#include <fmt/format.h>

namespace bragg {

void AvgPool1dProblem::validate() const {
  require_at_least("avg_pool1d", "N", N, 0);
  require_at_least("avg_pool1d", "C", C, 1);
  require_padded_window("avg_pool1d", kernel, stride, L_in, pad_before, pad_after);
}

std::string AvgPool1dProblem::text() const {
  return fmt::format("N {} L_in {} C {} kernel {} stride {}{}", N, L_in, C, kernel, stride,
                     padding_text(pad_before, pad_after));
}

}  // namespace bragg
