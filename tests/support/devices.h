// The backends that tests hold against the reference.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "kernels/backend.h"

namespace bragg::tests {

/// Every fast implementation that can run here: cpu with each instruction set that this machine has, cuda
/// where there is a device. In the tests of tests/simt: the emulated GPU alone.
std::vector<DeviceOptions> devices_under_test();
/// Whether these are emulated: right, but a thousand times slower than a device.
bool is_emulated();
/// For as long as it lives emulated GPUs have so many multiprocessors: a few tiles fill them. Of a real one nothing
/// changes.
class FewMultiprocessors {
 public:
  explicit FewMultiprocessors(int count);
  ~FewMultiprocessors();
  FewMultiprocessors(const FewMultiprocessors&) = delete;
  FewMultiprocessors& operator=(const FewMultiprocessors&) = delete;

 private:
  [[maybe_unused]] int before_ = 0;
};
struct OneMultiprocessor : FewMultiprocessors {
  OneMultiprocessor() : FewMultiprocessors(1) {}
};
/// "cpu_v3", "cuda", "cuda_sm_80_bf16": the name of a test's instance.
std::string name_of(const DeviceOptions&);

}  // namespace bragg::tests

namespace bragg {
/// For GoogleTest's messages.
inline void PrintTo(const DeviceOptions& options, std::ostream* out) {
  *out << tests::name_of(options);
}
}  // namespace bragg
