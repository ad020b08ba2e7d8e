// In place of the CUDA backend where bragg was built without nvcc.
#include <fmt/format.h>

#include "kernels/base/error.h"
#include "kernels/cuda/make_cuda_backend.h"

namespace bragg::cuda {

std::unique_ptr<Backend> make_cuda_backend(const DeviceOptions& options) {
  throw UsageError(fmt::format("{}: this bragg was built without CUDA", options.device));
}

bool is_available() {
  return false;
}

std::string unavailable_because() {
  return {};
}

}  // namespace bragg::cuda
