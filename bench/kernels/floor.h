// The least time that a chip could take, so that a figure says how much is left.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

namespace bragg::bench {

/// What large matrix products in bf16 and copies in its memory (bytes read and written) reach on a chip, by
/// the name that its driver gives it.
struct Chip {
  std::string_view name;
  double flops_per_s, bytes_per_s;
};
inline constexpr Chip chips[] = {{"NVIDIA H100 80GB HBM3", 800e12, 3.0e12}, {"NVIDIA H200", 800e12, 4.3e12}};

/// Seconds for so many operations and bytes in bf16 on the chip of Backend::description(): the longer of the
/// two. None for another precision or chip.
inline std::optional<double> floor_seconds(const std::string& description, const std::string& precision,
                                           double flops, double bytes) {
  if (precision != "bf16") return {};
  for (const Chip& chip : chips)
    if (description.starts_with(std::string(chip.name) + ","))
      return std::max(flops / chip.flops_per_s, bytes / chip.bytes_per_s);
  return {};
}

}  // namespace bragg::bench
