// Which backend a run uses.
#include <fmt/format.h>

#include "kernels/backend.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/error.h"
#include "kernels/reference/reference_backend.h"

namespace bragg {

std::unique_ptr<Backend> make_backend(const DeviceOptions& options) {
  if (options.threads < 0) throw UsageError(fmt::format("threads {} < 0", options.threads));
  if (options.device == "reference") return std::make_unique<reference::ReferenceBackend>();
  if (options.device == "cpu" || options.device == "auto") {
    return std::make_unique<cpu::CpuBackend>(cpu::parse_instruction_set(options.instruction_set),
                                             options.threads);
  }
  throw UsageError(fmt::format("unknown device '{}': auto, cpu or reference", options.device));
}

}  // namespace bragg
