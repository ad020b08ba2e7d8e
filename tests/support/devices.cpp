#include "tests/support/devices.h"

#include "kernels/base/error.h"
#include "kernels/cpu/instruction_set.h"
#include "kernels/cuda/make_cuda_backend.h"

namespace bragg::tests {

std::vector<DeviceOptions> devices_under_test() {
  std::vector<DeviceOptions> devices;
  for (const DeviceOptions& options :
       {DeviceOptions{"cpu", 2, "x86-64-v2"}, DeviceOptions{"cpu", 2, "x86-64-v3"},
        DeviceOptions{"cpu", 2, "x86-64-v4"}, DeviceOptions{"cpu", 2, "", "bf16"}}) {
    try {
      if (precision_lacks(options).empty()) devices.push_back(options);
    } catch (const UsageError&) {  // this machine lacks the instruction set
    }
  }
  // Where the fastest is AMX's tiles, or fp32 is faster than dot products, those too.
  if (cpu::machine_has(cpu::InstructionSet::v4_bf16) &&
      cpu::best_instruction_set() != cpu::InstructionSet::v4_bf16)
    devices.push_back({"cpu", 2, "x86-64-v4-bf16", "bf16"});
  if (cuda::is_available()) {
    devices.push_back({"cuda", 2, ""});
    devices.push_back({"cuda", 2, "", "tf32"});
    devices.push_back({"cuda", 2, "", "bf16"});
    devices.push_back({"cuda", 2, "sm_80", "bf16"});
  }
  return devices;
}

bool is_emulated() {
  return false;
}

FewMultiprocessors::FewMultiprocessors(int) {}
FewMultiprocessors::~FewMultiprocessors() = default;

}  // namespace bragg::tests
