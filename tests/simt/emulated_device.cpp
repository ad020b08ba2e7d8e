// What the tests of this folder hold against the reference.
#include "tests/simt/machine.h"
#include "tests/support/devices.h"

namespace bragg::tests {

std::vector<DeviceOptions> devices_under_test() {
  return {{"cuda", 1, ""}, {"cuda", 1, "", "tf32"}, {"cuda", 1, "", "bf16"}, {"cuda", 1, "sm_80", "bf16"}};
}

bool is_emulated() {
  return true;
}

FewMultiprocessors::FewMultiprocessors(int count) : before_(simt::machine().multiprocessors) {
  simt::machine().multiprocessors = count;
}
FewMultiprocessors::~FewMultiprocessors() {
  simt::machine().multiprocessors = before_;
}

}  // namespace bragg::tests
