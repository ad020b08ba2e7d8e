// What a product leaves of its result beside the result: sums over rows.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bragg::cuda {

/// Of every channel, for each block of the product, the sum of the numbers that it stored and the sum of their squares, or of their
/// products with other numbers. Column n of the result is of channel n modulo `channels`.
struct ChannelSums {
  float* pairs = nullptr;  ///< (sets, channels, 2)
  std::int64_t sets = 0, channels = 0;

  std::size_t bytes() const { return 2 * sizeof(float) * static_cast<std::size_t>(sets * channels); }
};

/// A warp of such a product has room for so many.
inline constexpr std::int64_t most_summed_channels = 256;

}  // namespace bragg::cuda
