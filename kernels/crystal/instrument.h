// What powder patterns are measured with, or rendered as if they had been.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace bragg {

/// A grid of 2 theta in degrees: start + i * step.
struct TwoThetaGrid {
  double start = 5.0, step = 0.01;
  std::int64_t points = 8500;

  double at(std::int64_t i) const { return start + static_cast<double>(i) * step; }
  double end() const { return at(points - 1); }
  bool operator==(const TwoThetaGrid&) const = default;
};
/// Why this is no grid below 180 degrees.
std::optional<std::string> fault_of(const TwoThetaGrid&);

/// The K-alpha doublet of copper (Hoelzer et al. 1997) and its mean weighted 2 : 1, to five decimals, A.
inline constexpr double copper_k_alpha1 = 1.54056, copper_k_alpha2 = 1.54439, copper_k_alpha = 1.54184;

/// A diffractometer in Bragg-Brentano geometry without a monochromator. What differs from pattern to pattern
/// (the share of K-alpha2, shifts, widths) is an Effect.
struct Instrument {
  TwoThetaGrid grid;
  double wavelength = copper_k_alpha;  ///< A; of a K-alpha doublet the mean weighted 2 : 1
  double radius = 200;                 ///< of the goniometer, mm

  /// K-alpha1 and K-alpha2, A: those of copper in proportion to `wavelength`, their mean.
  constexpr std::array<double, 2> k_alpha() const {
    constexpr double mean = (2 * copper_k_alpha1 + copper_k_alpha2) / 3;
    return {wavelength * (copper_k_alpha1 / mean), wavelength * (copper_k_alpha2 / mean)};
  }
  bool operator==(const Instrument&) const = default;
};
/// Why nothing can be measured with it: no grid, or a length that is not finite and above 0.
std::optional<std::string> fault_of(const Instrument&);

}  // namespace bragg
