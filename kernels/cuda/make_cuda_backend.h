// The door to the CUDA backend, there in every build: without nvcc no device is available.
#pragma once

#include <memory>
#include <string>

#include "kernels/backend.h"

namespace bragg::cuda {

/// Device "cuda" or "cuda:1", any precision, instruction set "" or the most to use. Throws
/// UsageError for another text, for a device that is not there, and where bragg was built without CUDA.
std::unique_ptr<Backend> make_cuda_backend(const DeviceOptions&);
/// Whether there is a device that make_cuda_backend would take.
bool is_available();
/// "no CUDA-capable device is detected"; empty where bragg was built without CUDA.
std::string unavailable_because();

}  // namespace bragg::cuda
