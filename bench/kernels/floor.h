// The least time that a chip could take, so that a figure says how much is left.
#pragma once

#include <algorithm>
#include <optional>
#include <string>

namespace bragg::bench {

/// Seconds for so many operations and bytes in bf16 on the chip of Backend::description(): the longer of the
/// two. An H100 with HBM3 alone, by what large matrix products and copies reach on it: 800 TFLOP/s, 3.0 TB/s.
inline std::optional<double> floor_seconds(const std::string& description, const std::string& precision,
                                           double flops, double bytes) {
  if (precision != "bf16" || description.find("NVIDIA H100 80GB HBM3") == std::string::npos) return {};
  return std::max(flops / 800e12, bytes / 3.0e12);
}

}  // namespace bragg::bench
