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

std::int64_t Processing::points_per_mean(const TwoThetaGrid& grid) const {
  return step > 0 ? std::max<std::int64_t>(1, std::llround(step / grid.step)) : 1;
}

TwoThetaGrid Processing::read_grid(const TwoThetaGrid& grid) const {
  const std::int64_t count = points_per_mean(grid);
  if (count == 1) return grid;
  const auto points = static_cast<double>(count);
  return {.start = grid.start + (points - 1) / 2 * grid.step,
          .step = points * grid.step,
          .points = grid.points / count};
}

Processing::Opening Processing::opening(const TwoThetaGrid& read) const {
  constexpr std::int64_t half = 16;
  const double points = background_window / (2 * half * read.step);  // in a bin
  if (step == 0)
    return {.points_per_bin = std::max<std::int64_t>(1, std::llround(points)), .half_window = half};
  constexpr double rounding = 1e-9;
  const auto per_bin = std::max<std::int64_t>(1, static_cast<std::int64_t>(points + rounding));
  const double bins = background_window / (2 * static_cast<double>(per_bin) * read.step);
  return {.points_per_bin = per_bin, .half_window = std::max<std::int64_t>(1, std::llround(bins))};
}

std::optional<std::string> fault_of(const Processing& processing, const TwoThetaGrid& grid) {
  const double window = processing.background_window, step = processing.step;
  if (!(window >= 0 && window <= 180))
    return fmt::format("background_window {} is not in 0..180 degrees", window);
  if (step == 0) return std::nullopt;
  if (!(step > 0 && step <= 180)) return fmt::format("step {} is not in 0..180 degrees", step);
  const double ratio = step / grid.step;
  constexpr double rounding = 1e-6;
  if (ratio < 1 - rounding || std::abs(ratio - std::round(ratio)) > rounding * ratio)
    return fmt::format("step {} is no whole number of the grid's steps {}", step, grid.step);
  if (const std::int64_t count = processing.points_per_mean(grid); grid.points % count != 0)
    return fmt::format("step {}: the grid's {} points are no whole number of {}", step, grid.points, count);
  return std::nullopt;
}

std::string PatternProblem::text() const {
  return fmt::format("N {} points {}", N, instrument.grid.points);
}

void PatternProblem::validate() const {
  if (N < 0) fail("N {} < 0", N);
  if (const auto fault = fault_of(instrument)) fail("{}", *fault);
  if (!std::isfinite(maximum) || maximum <= 0) fail("maximum {} is not above 0", maximum);
  if (const auto fault = fault_of(processing, instrument.grid)) fail("{}", *fault);
}

}  // namespace bragg
