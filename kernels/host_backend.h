// Memory of the backends that compute on the host.
#pragma once

#include <algorithm>
#include <cstring>

#include "kernels/backend_of.h"
#include "kernels/base/bfloat16.h"
#include "kernels/host_memory.h"

namespace bragg {

template <typename Derived>
class HostBackend : public BackendOf<Derived> {
 public:
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
    if (dst.dtype == DType::bf16)
      std::transform(host.begin(), host.end(), dst.as<BFloat16>(), to_bfloat16);
    else if (dst.dtype == DType::f64)
      std::copy(host.begin(), host.end(), dst.as<double>());
    else
      upload(host.data(), dst.data, host.size_bytes());
  }
  void download(ConstTensor src, std::span<float> host) final {
    this->check_number_type("download", src);
    if (src.dtype == DType::bf16)
      std::transform(src.as<BFloat16>(), src.as<BFloat16>() + host.size(), host.begin(),
                     [](BFloat16 x) { return to_float(x); });
    else if (src.dtype == DType::f64)
      std::transform(src.as<double>(), src.as<double>() + host.size(), host.begin(),
                     [](double x) { return static_cast<float>(x); });
    else
      download(src.data, host.data(), host.size_bytes());
  }
};

}  // namespace bragg
