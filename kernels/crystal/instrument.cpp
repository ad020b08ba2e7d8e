#include "kernels/crystal/instrument.h"

#include <cmath>

#include <fmt/format.h>

namespace bragg {

std::optional<std::string> fault_of(const TwoThetaGrid& grid) {
  if (grid.points < 1) return fmt::format("grid points {} < 1", grid.points);
  if (!std::isfinite(grid.step) || grid.step <= 0)
    return fmt::format("grid step {} is not above 0", grid.step);
  if (!std::isfinite(grid.start) || grid.start < 0) return fmt::format("grid start {} < 0", grid.start);
  if (!(grid.end() < 180)) return fmt::format("grid end {} is not below 180", grid.end());
  return std::nullopt;
}

std::optional<std::string> fault_of(const Instrument& instrument) {
  if (auto fault = fault_of(instrument.grid)) return fault;
  const auto is_length = [](double x) { return std::isfinite(x) && x > 0; };
  if (!is_length(instrument.wavelength))
    return fmt::format("wavelength {} is not above 0", instrument.wavelength);
  if (!is_length(instrument.radius))
    return fmt::format("goniometer radius {} is not above 0", instrument.radius);
  return std::nullopt;
}

}  // namespace bragg
