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

std::string precision_lacks(const DeviceOptions& options) {
  const auto [device, gpu, no_gpu_because] = choose_device(options.device);
  if (gpu) return "";
  const bool is_cpu = device == "cpu";
  const auto set = is_cpu ? cpu::parse_instruction_set(options.instruction_set) : cpu::InstructionSet::v2;
  if (options.precision == "fp32") return "";
  if (!is_cpu || options.precision != "bf16") {
    return fmt::format("precision {} is {}, the device is {}", options.precision,
                       options.precision == "bf16" ? "a GPU's or a CPU's" : "a GPU's", device);
  }
  if (set >= cpu::InstructionSet::v4_bf16) return "";
  return fmt::format("precision bf16 takes a CPU with AVX512-BF16{}, this one is used as {}",
                     cpu::machine_has(cpu::InstructionSet::v4_bf16) ? " that is faster than its fp32" : "",
                     cpu::name_of(set));
}

std::unique_ptr<Backend> make_backend(const DeviceOptions& options) {
  if (options.threads < 0) throw UsageError(fmt::format("threads {} < 0", options.threads));
  const auto [device, gpu, no_gpu_because] = choose_device(options.device);
  if (const std::string why = precision_lacks(options); !why.empty()) throw UsageError(why);
  if (device == "reference") return std::make_unique<reference::ReferenceBackend>();
  if (!gpu) {
    return std::make_unique<cpu::CpuBackend>(cpu::parse_instruction_set(options.instruction_set),
                                             options.precision == "bf16" ? DType::bf16 : DType::f32,
                                             options.threads);
  }
  DeviceOptions chosen = options;
  chosen.device = device;
  return cuda::make_cuda_backend(chosen);
}

}  // namespace bragg
