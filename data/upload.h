// Host vectors into a backend's memory.
#pragma once

#include <span>

#include "kernels/backend.h"

namespace bragg::data {

template <typename T>
Buffer uploaded(Backend& backend, std::span<const T> host) {
  Buffer buffer = backend.allocate(host.size_bytes());
  backend.upload(host.data(), buffer.data(), host.size_bytes());
  return buffer;
}

}  // namespace bragg::data
