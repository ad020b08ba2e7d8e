// Which backend a run uses.
#include <fmt/format.h>

#include "kernels/backend.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/cuda/make_cuda_backend.h"
#include "kernels/error.h"
#include "kernels/reference/reference_backend.h"

namespace bragg {

std::unique_ptr<Backend> make_backend(const DeviceOptions& options) {
  if (options.threads < 0) throw UsageError(fmt::format("threads {} < 0", options.threads));
  const std::string device = options.device != "auto" ? options.device
                             : cuda::is_available()   ? std::string("cuda")
                                                      : std::string("cpu");
  const bool gpu = device.rfind("cuda", 0) == 0;
  if (!gpu && device != "cpu" && device != "reference")
    throw UsageError(fmt::format("unknown device '{}': auto, cpu, cuda, cuda:1 ... or reference", device));
  if (!gpu && options.precision != "fp32")
    throw UsageError(fmt::format("precision {} is a GPU's, the device is {}", options.precision, device));
  if (device == "reference") return std::make_unique<reference::ReferenceBackend>();
  auto on_host =
      std::make_unique<cpu::CpuBackend>(cpu::parse_instruction_set(options.instruction_set), options.threads);
  if (gpu) return cuda::make_cuda_backend(device, options.precision, std::move(on_host));
  return on_host;
}

}  // namespace bragg
