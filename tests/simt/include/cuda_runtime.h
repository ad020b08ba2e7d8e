// In place of the CUDA toolkit's header where kernels are compiled for the host (tests/simt): the words of
// the language, the device functions that our kernels use, and a runtime whose device memory is the host's.
// Only what bragg uses is here; anything else does not compile.
#pragma once

#include <atomic>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <stdexcept>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "tests/simt/device_memory.h"
#include "tests/simt/hopper.h"
#include "tests/simt/recording.h"
#include "tests/simt/simt.h"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __noinline__
#define __grid_constant__
#define __launch_bounds__(...)
#define __align__(n) alignas(n)
/// Blocks run one after another, so that one copy serves all of them.
#define __shared__ static

namespace simt {
/// threadIdx and its like: every component is read where it is used, as it differs from fibre to fibre.
template <auto triple, auto axis>
struct Component {
  operator unsigned() const { return place().*triple.*axis; }
};
template <auto triple, typename Triple>
struct Components {
  Component<triple, &Triple::x> x;
  Component<triple, &Triple::y> y;
  Component<triple, &Triple::z> z;
};
}  // namespace simt
inline constexpr simt::Components<&simt::Place::thread, uint3> threadIdx;
inline constexpr simt::Components<&simt::Place::block, uint3> blockIdx;
inline constexpr simt::Components<&simt::Place::block_size, dim3> blockDim;
inline constexpr simt::Components<&simt::Place::grid_size, dim3> gridDim;

struct alignas(16) float4 {
  float x, y, z, w;
};

// ---- device functions ----

using std::isfinite;
inline int min(int a, int b) {
  return a < b ? a : b;
}
inline int max(int a, int b) {
  return a > b ? a : b;
}
inline int __popc(unsigned x) {
  return std::popcount(x);
}
inline double __dadd_rn(double a, double b) {
  return a + b;
}
inline double __dmul_rn(double a, double b) {
  return a * b;
}
inline int __clz(int x) {
  return std::countl_zero(static_cast<unsigned>(x));
}
inline int __ffs(int x) {
  return x == 0 ? 0 : std::countr_zero(static_cast<unsigned>(x)) + 1;
}
inline float __fdividef(float a, float b) {
  return a / b;
}
/// sin and cos of pi x, correct to the last bit or the one before it.
inline void sincospif(float x, float* sine, float* cosine) {
  const double angle = std::remainder(double{x}, 2.0) * 3.14159265358979323846;
  *sine = static_cast<float>(std::sin(angle));
  *cosine = static_cast<float>(std::cos(angle));
}
inline void __syncthreads() {
  simt::barrier();
}
inline int __syncthreads_and(int predicate) {
  return simt::barrier_and(predicate != 0);
}
inline void __syncwarp() {
  simt::exchange(0xFFFFFFFFu, 0);
}
inline void __threadfence() {
  std::atomic_signal_fence(std::memory_order_seq_cst);
}
inline unsigned atomicAdd(unsigned* address, unsigned value) {
  return __atomic_fetch_add(address, value, __ATOMIC_ACQ_REL);
}

namespace simt {
template <typename T>
std::uint64_t to_bits(T value) {
  static_assert(sizeof(T) <= 8 && std::is_trivially_copyable_v<T>);
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  return bits;
}
template <typename T>
T from_bits(std::uint64_t bits) {
  T value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}
}  // namespace simt

template <typename T>
T __shfl_xor_sync(unsigned mask, T value, int lane_mask) {
  const std::uint64_t* all = simt::exchange(mask, simt::to_bits(value));
  return simt::from_bits<T>(all[simt::lane() ^ static_cast<unsigned>(lane_mask)]);
}
inline unsigned __ballot_sync(unsigned mask, int predicate) {
  const std::uint64_t* all = simt::exchange(mask, predicate != 0);
  unsigned result = 0;
  for (unsigned i = 0; i < 32; ++i)
    if ((mask >> i & 1) && all[i] != 0) result |= 1u << i;
  return result;
}
inline int __all_sync(unsigned mask, int predicate) {
  const std::uint64_t* all = simt::exchange(mask, predicate != 0);
  bool result = true;
  for (unsigned i = 0; i < 32; ++i)
    if (mask >> i & 1) result = result && all[i] != 0;
  return result;
}

namespace simt {
template <typename Better>
int reduce(unsigned mask, int value, const Better& better) {
  const std::uint64_t* all = exchange(mask, to_bits(value));
  int result = value;
  for (unsigned i = 0; i < 32; ++i)
    if (mask >> i & 1) result = better(result, from_bits<int>(all[i]));
  return result;
}
}  // namespace simt
inline int __reduce_min_sync(unsigned mask, int value) {
  return simt::reduce(mask, value, [](int a, int b) { return min(a, b); });
}
inline int __reduce_max_sync(unsigned mask, int value) {
  return simt::reduce(mask, value, [](int a, int b) { return max(a, b); });
}

namespace simt {
/// To nearest, ties away from zero: cvt.rna.tf32.f32.
inline std::uint32_t to_tf32(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  if ((bits & 0x7F800000u) == 0x7F800000u) return bits;  // infinity, NaN
  return (bits + 0x1000u) & 0xFFFFE000u;
}

/// The documented fragments of m16n8, `per_word` values to a word, put together to matrices, multiplied, and
/// taken apart again. `value` (word, which): one of them.
template <unsigned per_word, typename Value>
void mma_m16n8(float (&c)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2], const Value& value) {
  struct Fragments {
    std::uint32_t a[4], b[2];
  } mine;
  std::memcpy(mine.a, a, sizeof a);
  std::memcpy(mine.b, b, sizeof b);
  const auto all = exchange_block(&mine, sizeof mine);
  const auto of = [&](unsigned other) { return static_cast<const Fragments*>(all(other)); };
  constexpr unsigned half_K = 4 * per_word;  // in the same word of four lanes
  const unsigned g = lane() / 4, t = lane() % 4;
  for (unsigned i = 0; i < 4; ++i) {
    const unsigned row = g + 8 * (i / 2), column = 2 * t + i % 2;
    float sum = c[i];
    for (unsigned k = 0; k < 2 * half_K; ++k) {
      const unsigned holder = k % half_K / per_word, which = k % per_word;
      const Fragments* with_a = of(row % 8 * 4 + holder);
      const Fragments* with_b = of(column * 4 + holder);
      sum = std::fma(value(with_a->a[row / 8 + 2 * (k / half_K)], which), value(with_b->b[k / half_K], which),
                     sum);
    }
    c[i] = sum;
  }
}
inline void mma_m16n8k8_tf32(float (&c)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
  // a tensor core takes the upper 19 bits of what it is given
  mma_m16n8<1>(c, a, b,
               [](std::uint32_t bits, unsigned) { return std::bit_cast<float>(bits & 0xFFFFE000u); });
}
inline void mma_m16n8k16_bf16(float (&c)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
  mma_m16n8<2>(c, a, b, [](std::uint32_t two, unsigned which) {
    return std::bit_cast<float>(which == 0 ? two << 16 : two & 0xFFFF0000u);
  });
}

/// Of the kernel that runs. Atomic for ThreadSanitizer, which takes the threads of a block for threads of the host.
inline std::atomic<std::uint64_t>& threads_that_waited() {
  static thread_local std::atomic<std::uint64_t> count = 0;
  return count;
}
inline void wait_for_previous_kernel() {
  threads_that_waited().fetch_add(1, std::memory_order_relaxed);
}

/// ldmatrix .x4: refuses an address that the hardware would.
inline void load_matrices(std::uint32_t (&d)[4], const void* row, bool transposed) {
  if (reinterpret_cast<std::uintptr_t>(row) % 16 != 0)
    throw std::runtime_error("ldmatrix: address not aligned");
  const auto all = exchange_block(row, 16);
  for (unsigned matrix = 0; matrix < 4; ++matrix) {
    const auto element = [&](unsigned r, unsigned c) {
      return static_cast<const std::uint16_t*>(all(8 * matrix + r))[c];
    };
    const unsigned i = lane() / 4, j = lane() % 4 * 2;
    const std::uint32_t low = transposed ? element(j, i) : element(i, j),
                        high = transposed ? element(j + 1, i) : element(i, j + 1);
    d[matrix] = low | high << 16;
  }
}

/// stmatrix .x4.
inline void store_matrices(void* row, const std::uint32_t (&d)[4]) {
  if (reinterpret_cast<std::uintptr_t>(row) % 16 != 0)
    throw std::runtime_error("stmatrix: address not aligned");
  const auto all = exchange_block(d, sizeof d);
  const unsigned matrix = lane() / 8, r = lane() % 8;
  for (unsigned t = 0; t < 4; ++t)
    std::memcpy(static_cast<std::byte*>(row) + 4 * t,
                static_cast<const std::uint32_t*>(all(4 * r + t)) + matrix, 4);
}

inline void copy_async(void* shared, const void* global, std::uint32_t bytes) {
  if (reinterpret_cast<std::uintptr_t>(shared) % 16 != 0 ||
      reinterpret_cast<std::uintptr_t>(global) % 16 != 0 || bytes > 16)
    throw std::runtime_error("cp.async: address not aligned, or more than 16 bytes");
  copy_later(shared, global, bytes, 16);
}
}  // namespace simt

// ---- runtime ----

enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInvalidConfiguration = 9,
  cudaErrorInsufficientDriver = 35,
  cudaErrorStreamCaptureUnsupported = 900,
  cudaErrorStreamCaptureUnjoined = 904
};
inline const char* cudaGetErrorString(cudaError_t e) {
  switch (e) {
    case cudaSuccess:
      return "no error";
    case cudaErrorInvalidValue:
      return "invalid argument";
    case cudaErrorMemoryAllocation:
      return "out of memory";
    case cudaErrorInsufficientDriver:
      return "CUDA driver version is insufficient for CUDA runtime version";
    case cudaErrorInvalidConfiguration:
      return "invalid configuration argument";
    case cudaErrorStreamCaptureUnsupported:
      return "operation not permitted when stream is capturing";
    case cudaErrorStreamCaptureUnjoined:
      return "capturing stream has unjoined work";
  }
  return "unknown error";
}
inline cudaError_t cudaGetLastError() {
  return cudaSuccess;
}

using cudaStream_t = struct SimtStream*;
inline constexpr unsigned cudaStreamNonBlocking = 1;
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned);
cudaError_t cudaStreamDestroy(cudaStream_t);
inline cudaError_t cudaStreamSynchronize(cudaStream_t) {
  return simt::is_recording() ? cudaErrorStreamCaptureUnsupported : cudaSuccess;
}

using cudaEvent_t = SimtEvent*;
cudaError_t cudaEventCreate(cudaEvent_t* event);
cudaError_t cudaEventDestroy(cudaEvent_t event);
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t);
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t begin, cudaEvent_t end);
cudaError_t cudaStreamWaitEvent(cudaStream_t, cudaEvent_t, unsigned flags);

using cudaGraph_t = SimtGraph*;
using cudaGraphExec_t = SimtGraph*;
enum cudaStreamCaptureMode { cudaStreamCaptureModeThreadLocal = 1 };
cudaError_t cudaStreamBeginCapture(cudaStream_t, cudaStreamCaptureMode);
cudaError_t cudaStreamEndCapture(cudaStream_t, cudaGraph_t* graph);
inline cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
  *executable = new SimtGraph(*graph);
  return cudaSuccess;
}
inline cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}
inline cudaError_t cudaGraphExecDestroy(cudaGraphExec_t graph) {
  delete graph;
  return cudaSuccess;
}
inline cudaError_t cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t) {
  graph->run();
  return cudaSuccess;
}
inline cudaError_t cudaDeviceSynchronize() {
  return cudaSuccess;
}

// Device memory, in device_memory.cpp: out of the host's reach except while a kernel or a copy runs.
cudaError_t simt_malloc(void** memory, std::size_t bytes);
cudaError_t cudaFree(void* memory);
cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total);
template <typename T>
cudaError_t cudaMalloc(T** memory, std::size_t bytes) {
  return simt_malloc(reinterpret_cast<void**>(memory), bytes);
}
enum cudaMemcpyKind { cudaMemcpyHostToDevice = 1, cudaMemcpyDeviceToHost = 2, cudaMemcpyDeviceToDevice = 3 };
cudaError_t cudaMemset(void* dst, int value, std::size_t bytes);
cudaError_t cudaMemsetAsync(void* dst, int value, std::size_t bytes, cudaStream_t);
cudaError_t cudaMemcpyAsync(void* dst, const void* src, std::size_t bytes, cudaMemcpyKind, cudaStream_t);
cudaError_t cudaMemcpy2DAsync(void* dst, std::size_t dst_pitch, const void* src, std::size_t src_pitch,
                              std::size_t width, std::size_t height, cudaMemcpyKind, cudaStream_t);

struct cudaDeviceProp {
  char name[256];
  int major, minor, multiProcessorCount;
  std::size_t totalGlobalMem;
  std::size_t sharedMemPerBlockOptin;
};
cudaError_t cudaGetDeviceCount(int* count);
cudaError_t cudaDriverGetVersion(int* version);
cudaError_t cudaSetDevice(int index);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int index);

enum cudaLaunchAttributeID {
  cudaLaunchAttributeClusterDimension = 4,
  cudaLaunchAttributeProgrammaticStreamSerialization = 6
};
struct cudaLaunchAttribute {
  cudaLaunchAttributeID id;
  union {
    struct {
      unsigned x, y, z;
    } clusterDim;
    int programmaticStreamSerializationAllowed;
  } val;
};
struct cudaLaunchConfig_t {
  dim3 gridDim, blockDim;
  std::size_t dynamicSmemBytes = 0;
  cudaStream_t stream = nullptr;
  cudaLaunchAttribute* attrs = nullptr;
  unsigned numAttrs = 0;
};

enum cudaDriverEntryPointQueryResult { cudaDriverEntryPointSuccess = 0 };
inline constexpr unsigned cudaEnableDefault = 0;
inline cudaError_t cudaGetDriverEntryPointByVersion(const char* name, void** entry, unsigned, unsigned,
                                                    cudaDriverEntryPointQueryResult* result) {
  if (std::strcmp(name, "cuTensorMapEncodeTiled") != 0) return cudaErrorInvalidValue;
  *entry = reinterpret_cast<void*>(&cuTensorMapEncodeTiled);
  *result = cudaDriverEntryPointSuccess;
  return cudaSuccess;
}

enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize = 8 };
template <typename... Parameters>
cudaError_t cudaFuncSetAttribute(void (*)(Parameters...), cudaFuncAttribute, int bytes) {
  return bytes <= 227 << 10 ? cudaSuccess : cudaErrorInvalidValue;
}

/// With the limits of a GPU of compute capability 8 or 9. A kernel that may come in before the one before it has ended, and
/// of which not every thread waits for that, is found out.
template <typename... Parameters, typename... Arguments>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...),
                               Arguments&&... arguments) {
  const dim3 &grid = config->gridDim, &block = config->blockDim;
  const unsigned threads = block.x * block.y * block.z;
  if (threads == 0 || threads > 1024 || grid.x == 0 || grid.y == 0 || grid.z == 0 || grid.y > 65535 ||
      grid.z > 65535 || grid.x > 0x7FFFFFFFu)
    return cudaErrorInvalidConfiguration;
  if (config->dynamicSmemBytes > 227 << 10) return cudaErrorInvalidValue;
  unsigned cluster = 1;
  bool overlaps_before = false;
  for (unsigned i = 0; i < config->numAttrs; ++i) {
    const cudaLaunchAttribute& attribute = config->attrs[i];
    if (attribute.id == cudaLaunchAttributeClusterDimension) {
      cluster = attribute.val.clusterDim.x;
      if (attribute.val.clusterDim.y != 1 || attribute.val.clusterDim.z != 1 || cluster == 0 || cluster > 8 ||
          grid.x % cluster != 0)
        return cudaErrorInvalidConfiguration;
    } else {
      overlaps_before = attribute.val.programmaticStreamSerializationAllowed != 0;
    }
  }
  const auto work = [grid, block, shared_bytes = config->dynamicSmemBytes, kernel, overlaps = overlaps_before,
                     cluster, values = std::tuple<Parameters...>(std::forward<Arguments>(arguments)...)] {
    const simt::DeviceAccess access;
    std::atomic<std::uint64_t>& waited = simt::threads_that_waited();
    waited = 0;
    simt::run(
        grid, block, shared_bytes, [&] { std::apply(kernel, values); }, cluster);
    const std::uint64_t all = std::uint64_t{grid.x} * grid.y * grid.z * block.x * block.y * block.z;
    if (overlaps && waited != all)
      throw std::runtime_error("of " + std::to_string(all) + " threads " + std::to_string(waited) +
                               " waited for the kernel before");
  };
  if (simt::is_recording()) {
    simt::record(config->stream, work);
  } else {
    work();
  }
  return cudaSuccess;
}
