// A fast backend with the reference beside it, for tests of ops.
#pragma once

#include <cstdint>
#include <memory>
#include <ostream>
#include <string>

#include "tests/kernels/op_runner.h"
#include "tests/support/devices.h"

namespace bragg::tests {

inline constexpr double unit_roundoff = 0x1p-24;

/// A device, and to what its operands are aligned.
struct DeviceCase {
  DeviceOptions device;
  std::int64_t alignment;
};
inline std::string name_of(const DeviceCase& c) {
  return tests::name_of(c.device) + (c.alignment > 1 ? "_aligned" : "");
}
inline void PrintTo(const DeviceCase& c, std::ostream* out) {
  *out << name_of(c);
}

struct BesideReference {
  explicit BesideReference(const DeviceCase& c)
      : backend_(make_backend(c.device)),
        got_(*backend_, c.alignment),
        bf16_(backend_->element_type() == DType::bf16) {}

  const std::unique_ptr<Backend> reference_ =
      make_backend({.device = "reference", .threads = 1, .instruction_set = ""});
  const std::unique_ptr<Backend> backend_;
  OpRunner expected_{*reference_}, got_;
  const bool bf16_;
};

}  // namespace bragg::tests
