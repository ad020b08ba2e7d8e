#include "kernels/ops/conv1d.h"

#include <fmt/format.h>

namespace bragg {

void Conv1dProblem::validate() const {
  require_at_least("conv1d", "N", N, 0);
  require_at_least("conv1d", "C_in", C_in, 1);
  require_at_least("conv1d", "C_out", C_out, 1);
  require_padded_window("conv1d", kernel, stride, L_in, pad_before, pad_after);
}

std::string Conv1dProblem::text() const {
  return fmt::format("N {} L_in {} C_in {} C_out {} kernel {} stride {}{}", N, L_in, C_in, C_out, kernel,
                     stride, padding_text(pad_before, pad_after));
}

}  // namespace bragg
