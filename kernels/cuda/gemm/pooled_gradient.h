// The gradient of a convolution's weights where that of its output is what an average pooling behind it (kernel 3, stride 2) got, and
// passes a ReLU and dropout by one bit of each element.
#pragma once

#include <cstdint>

#include "kernels/base/bfloat16.h"
#include "kernels/cuda/device/division.cuh"
#include "kernels/cuda/gemm/flat_view.h"
#include "kernels/cuda/gemm/gemm.h"

namespace bragg::cuda {

/// Channels of the convolution that the kernel is compiled for: two outputs are the columns of its tile.
inline constexpr std::int32_t pooled_gradient_channels = 80;

/// A row k of the product's B is `outputs` neighbouring outputs of an item, an even number, and what is said of them here.
struct PooledGradient {
  const BFloat16* diff_dst;  ///< of the pooling: windows x channels of an item
  std::int64_t item_stride;
  const std::uint32_t* kept;  ///< KeptBits of the convolution's outputs
  std::int32_t outputs, outputs_per_item, windows;
  float scale;     ///< of a sum over the windows that an output is in
  Division pitch;  ///< flat rows (flat_view.h) from one item to the next; those beyond its outputs are zero
  std::int32_t rows;  ///< of all items
};

/// C (M, N) as gemm_backward_weights has it: `windows` of src, row by row of k, by rows of `gradient`. By wgmma.
void gemm_pooled_backward_weights(const Describe&, const GemmTarget&, const FlatView& windows,
                                  const PooledGradient& gradient, const WeightGradient&);

}  // namespace bragg::cuda
