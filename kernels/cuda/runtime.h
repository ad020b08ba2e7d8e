// The CUDA runtime behind types that clean up after themselves and errors that say what failed.
#pragma once

#include <cstddef>
#include <string>

#include <cuda_runtime.h>

#include "kernels/base/error.h"
#include "kernels/base/memory.h"

namespace bragg::cuda {

/// A call of the CUDA runtime failed: "[conv1d_forward] N 4 L_in 9 ...: invalid configuration argument".
class CudaError : public Error {
 public:
  using Error::Error;
};

/// The runtime's words; "no NVIDIA driver found" where there is none.
std::string describe(cudaError_t);
[[noreturn]] void fail(const std::string& what, cudaError_t);

inline void check(cudaError_t status, const char* what) {
  if (status != cudaSuccess) fail(what, status);
}

class Event;

/// A stream of its own, which does not wait for the default stream.
class Stream {
 public:
  Stream();
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  cudaStream_t get() const { return stream_; }
  void synchronize() const;
  /// What comes next waits for what the event's stream had been given.
  void wait_for(const Event&) const;

 private:
  cudaStream_t stream_ = nullptr;
};

/// A moment in a stream.
class Event {
 public:
  Event();
  ~Event();
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  cudaEvent_t get() const { return event_; }
  void record(const Stream&) const;
  /// Both have passed.
  double seconds_since(const Event& earlier) const;

 private:
  cudaEvent_t event_ = nullptr;
};

/// What a stream was given between begin() and the constructor, as one thing to launch.
class ExecutableGraph {
 public:
  /// From now on the stream records what this thread gives it.
  static void begin_capture(const Stream&);
  /// Ends the capture and throws its record away.
  static void abandon_capture(const Stream&) noexcept;
  /// Ends the capture.
  explicit ExecutableGraph(const Stream&);
  ~ExecutableGraph();
  ExecutableGraph(const ExecutableGraph&) = delete;
  ExecutableGraph& operator=(const ExecutableGraph&) = delete;

  void launch(const Stream&) const;

 private:
  cudaGraphExec_t graph_ = nullptr;
};

/// Zero-filled device memory. Throws Error that names the bytes asked for and the bytes that are free.
Buffer allocate_device_memory(std::size_t bytes);

/// The kernels are compiled for this compute capability and later ones.
inline constexpr int lowest_capability_major = 8;
/// The first device that the kernels can run on; -1 where there is none. Throws CudaError where the driver
/// does not say what a device is; why_no_device() too.
int first_usable_device();
/// In the runtime's words, or by name the devices whose compute capability is too low; empty where one can be
/// used.
std::string why_no_device();
/// Makes the device current for this thread. Throws UsageError naming the index and the count, or the device
/// and its compute capability.
void use_device(int index);
int compute_capability(int index);  ///< its major number
int multiprocessors(int index);
std::size_t shared_memory_of_block(int index);  ///< bytes, the most a kernel can ask for
/// "NVIDIA H100 80GB HBM3, sm_90, 132 multiprocessors, 79.1 GiB"
std::string describe_device(int index);

}  // namespace bragg::cuda
