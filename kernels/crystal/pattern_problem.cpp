#include "kernels/crystal/pattern_problem.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "kernels/base/error.h"

namespace bragg {
namespace {

template <typename... T>
[[noreturn]] void fail(fmt::format_string<T...> text, T&&... values) {
  throw ProblemError(fmt::format("[render_patterns] {}", fmt::format(text, std::forward<T>(values)...)));
}

}  // namespace

std::int64_t Processing::points_per_bin(const TwoThetaGrid& grid) const {
  return std::max<std::int64_t>(1, std::llround(background_window / (2 * half_window * grid.step)));
}

std::string PatternProblem::text() const {
  return fmt::format("N {} points {}", N, grid.points);
}

void PatternProblem::validate() const {
  if (N < 0) fail("N {} < 0", N);
  if (const auto fault = fault_of(grid)) fail("{}", *fault);
  if (!std::isfinite(wavelength) || wavelength <= 0) fail("wavelength {} is not above 0", wavelength);
  if (!std::isfinite(maximum) || maximum <= 0) fail("maximum {} is not above 0", maximum);
  if (!(processing.background_window >= 0 && processing.background_window <= 180))
    fail("background_window {} is not in 0..180 degrees", processing.background_window);
}

std::optional<std::string> fault_of(const TwoThetaGrid& grid) {
  if (grid.points < 1) return fmt::format("grid points {} < 1", grid.points);
  if (!std::isfinite(grid.step) || grid.step <= 0)
    return fmt::format("grid step {} is not above 0", grid.step);
  if (!std::isfinite(grid.start) || grid.start < 0) return fmt::format("grid start {} < 0", grid.start);
  if (!(grid.end() < 180)) return fmt::format("grid end {} is not below 180", grid.end());
  return std::nullopt;
}

}  // namespace bragg
