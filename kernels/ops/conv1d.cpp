#include "kernels/ops/conv1d.h"

#include <fmt/format.h>

namespace bragg {

void Conv1dProblem::validate() const {
  require_at_least("conv1d", "N", N, 0);
  require_at_least("conv1d", "C_in", C_in, 1);
  require_at_least("conv1d", "C_out", C_out, 1);
  require_at_least("conv1d", "L_in", L_in, 1);
  require_window("conv1d", kernel, stride, pad_before + L_in + pad_after);
  // A window of padding alone would be a constant.
  require_within("conv1d", "pad_before", static_cast<double>(pad_before), 0, static_cast<double>(kernel));
  require_within("conv1d", "pad_after", static_cast<double>(pad_after), 0, static_cast<double>(kernel));
}

std::string Conv1dProblem::text() const {
  const std::string padding = is_padded() ? fmt::format(" padding {} {}", pad_before, pad_after) : "";
  return fmt::format("N {} L_in {} C_in {} C_out {} kernel {} stride {}{}", N, L_in, C_in, C_out, kernel,
                     stride, padding);
}

}  // namespace bragg
