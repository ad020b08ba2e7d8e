#include "tests/support/devices.h"

#include "kernels/base/error.h"
#include "kernels/cpu/instruction_set.h"
#include "kernels/cuda/make_cuda_backend.h"

namespace bragg::tests {

std::vector<DeviceOptions> devices_under_test() {
  std::vector<DeviceOptions> devices;
  for (const char* set : {"x86-64-v2", "x86-64-v3", "x86-64-v4"}) {
    try {
      cpu::parse_instruction_set(set);
      devices.push_back({"cpu", 2, set});
    } catch (const UsageError&) {  // this machine lacks it
    }
  }
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

OneMultiprocessor::OneMultiprocessor() = default;
OneMultiprocessor::~OneMultiprocessor() = default;

}  // namespace bragg::tests
