#include "tests/support/devices.h"

namespace bragg::tests {

std::string name_of(const DeviceOptions& options) {
  const std::string& set = options.instruction_set;
  std::string name = options.device;
  // "sm_80", "x86-64-v4-bf16"
  if (!set.empty()) name += "_" + (set.starts_with("sm_") ? set : set.substr(set.find('v'), 2));
  if (options.precision != "fp32") name += "_" + options.precision;
  return name;
}

}  // namespace bragg::tests
