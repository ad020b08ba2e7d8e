// Which backend a run uses.
#include <fmt/format.h>

#include "kernels/backend.h"
#include "kernels/base/error.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/cuda/make_cuda_backend.h"
#include "kernels/reference/reference_backend.h"

namespace bragg {

DeviceChoice choose_device(const std::string& device) {
  if (device == "cpu" || device == "reference") return {device, false, ""};
  if (device.rfind("cuda", 0) == 0) return {device, true, ""};
  if (device != "auto")
    throw UsageError(fmt::format("unknown device '{}': auto, cpu, cuda, cuda:1 ... or reference", device));
  if (cuda::is_available()) return {"cuda", true, ""};
  return {"cpu", false, cuda::unavailable_because()};
}

std::unique_ptr<Backend> make_backend(const DeviceOptions& options) {
  if (options.threads < 0) throw UsageError(fmt::format("threads {} < 0", options.threads));
  const auto [device, gpu, no_gpu_because] = choose_device(options.device);
  if (!gpu && options.precision != "fp32")
    throw UsageError(fmt::format("precision {} is a GPU's, the device is {}", options.precision, device));
  if (device == "reference") return std::make_unique<reference::ReferenceBackend>();
  if (!gpu) {
    return std::make_unique<cpu::CpuBackend>(cpu::parse_instruction_set(options.instruction_set),
                                             options.threads);
  }
  DeviceOptions chosen = options;
  chosen.device = device;
  return cuda::make_cuda_backend(chosen);
}

}  // namespace bragg
