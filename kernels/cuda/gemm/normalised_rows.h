// Rows of activations that a product normalises as it reads them.
#pragma once

#include <cstdint>

namespace bragg::cuda {

/// Element x of channel c counts as max(0, factor[c] x + offset[c]), rounded to the element type; rows of an item before `first` and
/// from first + length on are padding, and stay as they are.
struct NormalisedRows {
  const float *factor, *offset;  ///< (channels); by wgmma at multiples of 16 bytes
  std::int64_t channels;         ///< by wgmma a multiple of 8
  std::int64_t first, length;
};

}  // namespace bragg::cuda
