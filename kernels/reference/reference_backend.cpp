// Memory of the reference. Its ops are in one file each.
#include "kernels/reference/reference_backend.h"

#include <algorithm>
#include <cstring>

#include "kernels/host_memory.h"

namespace bragg::reference {

Buffer ReferenceBackend::allocate(std::size_t bytes) {
  return allocate_host_memory(bytes);
}

void ReferenceBackend::fill_zero(void* dst, std::size_t bytes) {
  if (bytes > 0) std::memset(dst, 0, bytes);
}

void ReferenceBackend::upload(const void* host, void* dst, std::size_t bytes) {
  if (bytes > 0) std::memcpy(dst, host, bytes);
}

void ReferenceBackend::download(const void* src, void* host, std::size_t bytes) {
  if (bytes > 0) std::memcpy(host, src, bytes);
}

void ReferenceBackend::copy(const void* src, void* dst, std::size_t bytes) {
  if (bytes > 0) std::memcpy(dst, src, bytes);
}

void ReferenceBackend::upload(std::span<const float> host, Tensor dst) {
  check_number_type("upload", dst);
  std::copy(host.begin(), host.end(), dst.as<double>());
}

void ReferenceBackend::download(ConstTensor src, std::span<float> host) {
  check_number_type("download", src);
  std::transform(src.as<double>(), src.as<double>() + host.size(), host.begin(),
                 [](double x) { return static_cast<float>(x); });
}

}  // namespace bragg::reference
