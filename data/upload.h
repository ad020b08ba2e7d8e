// Host vectors into a backend's memory and back.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/backend.h"

namespace bragg::data {

template <typename T>
Buffer uploaded(Backend& backend, std::span<const T> host) {
  Buffer buffer = backend.allocate(host.size_bytes());
  backend.upload(host.data(), buffer.data(), host.size_bytes());
  return buffer;
}

template <typename T>
std::vector<T> downloaded(Backend& backend, const Buffer& buffer, std::int64_t count) {
  std::vector<T> host(static_cast<std::size_t>(count));
  backend.download(buffer.data(), host.data(), host.size() * sizeof(T));
  return host;
}

}  // namespace bragg::data
