#include "kernels/ops/ema.h"

#include <fmt/format.h>

namespace bragg {

void EmaProblem::validate() const {
  require_at_least("ema", "count", count, 0);
  require_within("ema", "decay", decay, 0, 1);
}

std::string EmaProblem::text() const {
  return fmt::format("count {} decay {}", count, decay);
}

}  // namespace bragg
