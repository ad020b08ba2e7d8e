// Memory of the backends that compute on the host; their numbers are of one type.
#pragma once

#include <algorithm>
#include <cstring>

#include "kernels/backend_of.h"
#include "kernels/host_memory.h"

namespace bragg {

/// A BackendOf<Derived> whose element type is Number: double or float.
template <typename Derived, typename Number>
class HostBackend : public BackendOf<Derived> {
 public:
  DType element_type() const final { return std::is_same_v<Number, double> ? DType::f64 : DType::f32; }

  Buffer allocate(std::size_t bytes) final { return allocate_host_memory(bytes); }
  void fill_zero(void* dst, std::size_t bytes) final {
    if (bytes > 0) std::memset(dst, 0, bytes);
  }
  void upload(const void* host, void* dst, std::size_t bytes) final {
    if (bytes > 0) std::memcpy(dst, host, bytes);
  }
  void download(const void* src, void* host, std::size_t bytes) final {
    if (bytes > 0) std::memcpy(host, src, bytes);
  }
  void copy(const void* src, void* dst, std::size_t bytes) final {
    if (bytes > 0) std::memcpy(dst, src, bytes);
  }
  void upload(std::span<const float> host, Tensor dst) final {
    this->check_number_type("upload", dst);
    std::copy(host.begin(), host.end(), dst.as<Number>());
  }
  void download(ConstTensor src, std::span<float> host) final {
    this->check_number_type("download", src);
    if constexpr (std::is_same_v<Number, float>)
      download(src.data, host.data(), host.size_bytes());
    else
      std::transform(src.as<Number>(), src.as<Number>() + host.size(), host.begin(),
                     [](Number x) { return static_cast<float>(x); });
  }
};

}  // namespace bragg
