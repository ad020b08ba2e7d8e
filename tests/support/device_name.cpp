#include "tests/support/devices.h"

namespace bragg::tests {

std::string name_of(const DeviceOptions& options) {
  const std::string& set = options.instruction_set;
  return set.empty() ? options.device : options.device + "_" + set.substr(set.size() - 2);
}

}  // namespace bragg::tests
