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
  return fmt::format("N {} points {}", N, instrument.grid.points);
}

void PatternProblem::validate() const {
  if (N < 0) fail("N {} < 0", N);
  if (const auto fault = fault_of(instrument)) fail("{}", *fault);
  if (!std::isfinite(maximum) || maximum <= 0) fail("maximum {} is not above 0", maximum);
  if (!(processing.background_window >= 0 && processing.background_window <= 180))
    fail("background_window {} is not in 0..180 degrees", processing.background_window);
}

}  // namespace bragg
