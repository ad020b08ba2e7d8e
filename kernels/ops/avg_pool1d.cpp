#include "kernels/ops/avg_pool1d.h"

#include <fmt/format.h>

namespace bragg {

void AvgPool1dProblem::validate() const {
  require_at_least("avg_pool1d", "N", N, 0);
  require_at_least("avg_pool1d", "C", C, 1);
  require_at_least("avg_pool1d", "L_in", L_in, 1);
  require_window("avg_pool1d", kernel, stride, pad_before + L_in + pad_after);
  // A window of padding alone would be a constant.
  require_within("avg_pool1d", "pad_before", static_cast<double>(pad_before), 0, static_cast<double>(kernel));
  require_within("avg_pool1d", "pad_after", static_cast<double>(pad_after), 0, static_cast<double>(kernel));
}

std::string AvgPool1dProblem::text() const {
  const std::string padding = is_padded() ? fmt::format(" padding {} {}", pad_before, pad_after) : "";
  return fmt::format("N {} L_in {} C {} kernel {} stride {}{}", N, L_in, C, kernel, stride, padding);
}

}  // namespace bragg
