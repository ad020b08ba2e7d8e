// What the tests of this folder hold against the reference.
#include "tests/support/devices.h"

namespace bragg::tests {

std::vector<DeviceOptions> devices_under_test() {
  return {{"cuda", 1, ""}, {"cuda", 1, "", "tf32"}, {"cuda", 1, "", "bf16"}, {"cuda", 1, "sm_80", "bf16"}};
}

bool is_emulated() {
  return true;
}

}  // namespace bragg::tests
