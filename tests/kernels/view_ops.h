// What the tests of draw_views and match_views share: memory of a backend from host vectors and back.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/backend.h"
#include "kernels/base/error.h"
#include "kernels/base/random.h"
#include "tests/support/devices.h"

namespace bragg::tests {

/// Words that are a function of (seed, i) alone.
inline std::uint32_t word(std::uint32_t seed, std::int64_t i) {
  return random_call(seed, RandomStream::data, 0, 0, static_cast<std::uint64_t>(i))[0];
}

template <typename T>
Buffer uploaded(Backend& backend, const std::vector<T>& host) {
  Buffer buffer = backend.allocate(std::max<std::size_t>(host.size() * sizeof(T), 1));
  backend.upload(host.data(), buffer.data(), host.size() * sizeof(T));
  return buffer;
}
template <typename T>
std::vector<T> downloaded(Backend& backend, const Buffer& buffer, std::int64_t count) {
  std::vector<T> host(static_cast<std::size_t>(count));
  backend.download(buffer.data(), host.data(), host.size() * sizeof(T));
  return host;
}
inline std::vector<float> numbers_of(Backend& backend, const Buffer& buffer, DType type, std::int64_t count) {
  std::vector<float> host(static_cast<std::size_t>(count));
  if (count > 0) backend.download({buffer.data(), type}, host);
  return host;
}

/// A backend and the reference beside it.
class ViewOps : public ::testing::TestWithParam<DeviceOptions> {
 protected:
  const std::unique_ptr<Backend> backend = make_backend(GetParam());
  const std::unique_ptr<Backend> reference = make_backend({"reference", 1, ""});
};

/// Fails unless it is refused with that message.
template <typename Call>
void refused(const std::string& message, Call call) {
  try {
    call();
    ADD_FAILURE() << "not refused: " << message;
  } catch (const ProblemError& e) {
    EXPECT_EQ(e.what(), message);
  }
}

}  // namespace bragg::tests
