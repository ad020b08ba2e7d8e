// One way to start a kernel; a launch that fails says which op with which shapes.
#pragma once

#include <string>
#include <utility>

#include "kernels/cuda/runtime.h"

namespace bragg::cuda {

/// Where kernels are enqueued; or, in a rehearsal, nowhere: what would be launched is chosen and no more.
struct LaunchTarget {
  cudaStream_t stream = nullptr;
  bool is_rehearsal = false;
  /// A kernel comes in while the one before it ends; it waits itself (device/previous_kernel.cuh). Compute capability 9 and
  /// later.
  bool overlaps = false;

  LaunchTarget(cudaStream_t where = nullptr, bool rehearsal = false,  // NOLINT: a stream is a target
               bool overlapping = false)
      : stream(where), is_rehearsal(rehearsal), overlaps(overlapping) {}
};

struct LaunchShape {
  dim3 grid, block;
  std::size_t shared_bytes = 0;
  unsigned cluster = 1;  ///< neighbouring blocks along x that run together: compute capability 9 and later
};

/// `describe()` gives the op and its shapes; it is called only where the launch fails. The kernel begins with
/// wait_for_previous_kernel().
template <typename Describe, typename... Parameters, typename... Arguments>
void launch(const Describe& describe, const LaunchTarget& target, const LaunchShape& shape,
            void (*kernel)(Parameters...), Arguments&&... arguments) {
  if (target.is_rehearsal) return;
  cudaLaunchConfig_t config{};
  config.gridDim = shape.grid;
  config.blockDim = shape.block;
  config.dynamicSmemBytes = shape.shared_bytes;
  config.stream = target.stream;
  cudaLaunchAttribute attributes[2] = {};
  config.attrs = attributes;
  if (target.overlaps) {
    cudaLaunchAttribute& overlap = attributes[config.numAttrs++];
    overlap.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    overlap.val.programmaticStreamSerializationAllowed = 1;
  }
  if (shape.cluster > 1) {
    cudaLaunchAttribute& together = attributes[config.numAttrs++];
    together.id = cudaLaunchAttributeClusterDimension;
    together.val.clusterDim.x = shape.cluster;
    together.val.clusterDim.y = together.val.clusterDim.z = 1;
  }
  constexpr std::size_t shared_without_asking = 48 << 10;
  if (shape.shared_bytes > shared_without_asking) {
    const cudaError_t status = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                                    static_cast<int>(shape.shared_bytes));
    if (status != cudaSuccess) fail(describe(), status);
  }
  const cudaError_t status = cudaLaunchKernelEx(&config, kernel, std::forward<Arguments>(arguments)...);
  if (status != cudaSuccess) fail(describe(), status);
}

/// Blocks for a grid-stride loop over `count` elements: enough to fill any GPU, few enough to start quickly.
inline unsigned blocks_for(std::int64_t count, int threads) {
  const std::int64_t blocks = (count + threads - 1) / threads;
  return static_cast<unsigned>(blocks < 2112 ? blocks : 2112);
}

}  // namespace bragg::cuda
