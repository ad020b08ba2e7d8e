#include "data/patterns/resample.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include <fmt/format.h>

#include "xrd/scattering/wavelength.h"

namespace bragg::data {
namespace {

/// Positions closer than this share of the grid's step are the same: files print 5.01 where the grid holds 5
/// + 0.01.
constexpr double same_position = 1e-6;

/// The interval that source point j stands for: half-way to its neighbours; at the ends and beside holes as
/// far as on the other side.
struct Cell {
  double low, high;
};

Cell source_cell(std::span<const double> x, std::size_t j) {
  const double before = j > 0 ? x[j] - x[j - 1] : coarsest_step * 2;
  const double after = j + 1 < x.size() ? x[j + 1] - x[j] : coarsest_step * 2;
  const bool open_before = before > coarsest_step, open_after = after > coarsest_step;
  const double half_before = open_before ? (open_after ? 0 : after / 2) : before / 2;
  const double half_after = open_after ? (open_before ? 0 : before / 2) : after / 2;
  return {x[j] - half_before, x[j] + half_after};
}

/// Mean of the source over [low, high]; `j` is the first source point whose cell may reach in, and moves on
/// with `low`.
double mean_over(std::span<const double> x, std::span<const double> y, double low, double high,
                 std::size_t& j) {
  while (j + 1 < x.size() && source_cell(x, j).high <= low)
    ++j;
  double sum = 0, length = 0;
  for (std::size_t k = j; k < x.size(); ++k) {
    const Cell cell = source_cell(x, k);
    if (cell.low >= high) break;
    const double overlap = std::min(cell.high, high) - std::max(cell.low, low);
    if (overlap <= 0) continue;
    sum += overlap * y[k];
    length += overlap;
  }
  return length > 0 ? sum / length : 0;
}

double median_step(std::span<const double> x) {
  std::vector<double> steps;
  for (std::size_t i = 1; i < x.size(); ++i)
    steps.push_back(x[i] - x[i - 1]);
  const auto middle = steps.begin() + static_cast<std::ptrdiff_t>(steps.size() / 2);
  std::nth_element(steps.begin(), middle, steps.end());
  return *middle;
}

}  // namespace

std::string_view name_of(Abscissa abscissa) {
  switch (abscissa) {
    case Abscissa::two_theta:
      return "two_theta";
    case Abscissa::q:
      return "q";
    case Abscissa::d:
      return "d";
  }
  throw Error("[resample] unknown abscissa");
}

GridValues resample(std::span<const double> x, std::span<const double> y, const TwoThetaGrid& grid) {
  if (x.size() != y.size()) {
    throw Error(fmt::format("[resample] {} positions != {} intensities", x.size(), y.size()));
  }
  for (std::size_t i = 1; i < x.size(); ++i) {
    if (!(x[i] > x[i - 1])) {
      throw Error(fmt::format("[resample] position {} after {} is not ascending", x[i], x[i - 1]));
    }
  }
  GridValues result{std::vector<double>(static_cast<std::size_t>(grid.points)),
                    std::vector<std::uint8_t>(static_cast<std::size_t>(grid.points))};
  const double tolerance = same_position * grid.step;
  std::size_t right = 0;  // first source point not left of the grid point
  std::size_t cell = 0;
  for (std::int64_t i = 0; i < grid.points; ++i) {
    const double at = grid.at(i);
    while (right < x.size() && x[right] < at - tolerance)
      ++right;
    if (right == x.size()) break;
    const bool on_point = std::abs(x[right] - at) <= tolerance;
    if (!on_point && right == 0) continue;
    // The steps on both sides decide: a source finer than the grid is averaged even where a point falls on
    // the grid.
    const double before = right > 0 ? x[right] - x[right - 1] : 0;
    const double after = on_point && right + 1 < x.size() ? x[right + 1] - x[right] : 0;
    if (!on_point && before > coarsest_step) continue;
    const double step = std::max(before <= coarsest_step ? before : 0, after <= coarsest_step ? after : 0);
    const auto slot = static_cast<std::size_t>(i);
    result.covered[slot] = 1;
    if (step > 0 && step < grid.step - tolerance) {
      result.values[slot] = mean_over(x, y, at - grid.step / 2, at + grid.step / 2, cell);
    } else if (on_point) {
      result.values[slot] = y[right];
    } else {
      const double t = (at - x[right - 1]) / before;
      result.values[slot] = (1 - t) * y[right - 1] + t * y[right];
    }
  }
  return result;
}

MeasuredPattern to_two_theta(const MeasuredPattern& pattern, double measured_wavelength, double wavelength) {
  if (pattern.abscissa == Abscissa::two_theta && measured_wavelength == wavelength) return pattern;
  MeasuredPattern result;
  for (std::size_t i = 0; i < pattern.x.size(); ++i) {
    const double x = pattern.x[i];
    if (x <= 0) continue;  // no d-spacing
    double d = x;
    if (pattern.abscissa == Abscissa::q) d = 2 * std::numbers::pi / x;
    if (pattern.abscissa == Abscissa::two_theta) d = xrd::d_from_two_theta(x, measured_wavelength);
    const double two_theta = xrd::two_theta_from_d(d, wavelength);
    if (!std::isfinite(two_theta)) continue;
    result.x.push_back(two_theta);
    result.intensity.push_back(pattern.intensity[i]);
  }
  if (pattern.abscissa == Abscissa::d) {
    std::reverse(result.x.begin(), result.x.end());
    std::reverse(result.intensity.begin(), result.intensity.end());
  }
  return result;
}

PreparedPattern prepare_pattern(const MeasuredPattern& pattern, double measured_wavelength,
                                const Instrument& instrument) {
  const TwoThetaGrid& grid = instrument.grid;
  const MeasuredPattern all = to_two_theta(pattern, measured_wavelength, instrument.wavelength);
  const std::span<const double> x = all.x, y = all.intensity;
  const auto inside_begin = std::lower_bound(x.begin(), x.end(), grid.start - grid.step);
  const auto inside_end = std::upper_bound(x.begin(), x.end(), grid.end() + grid.step);
  const auto inside = inside_begin < inside_end ? inside_end - inside_begin : 0;
  const auto range = fmt::format("{:.6g}..{:.6g} degrees", grid.start, grid.end());
  if (inside < minimum_points) {
    throw PatternRefused(
        fmt::format("{} points within {}; at least {} are needed", inside, range, minimum_points));
  }
  PreparedPattern result;
  result.first = x.front();
  result.last = x.back();
  result.step = median_step(
      x.subspan(static_cast<std::size_t>(inside_begin - x.begin()), static_cast<std::size_t>(inside)));
  if (result.step > coarsest_step) {
    throw PatternRefused(
        fmt::format("step {:.4g} degrees is coarser than {:.4g}: peaks would fall between the points",
                    result.step, coarsest_step));
  }
  const GridValues drawn = resample(x, y, grid);
  std::int64_t covered = 0;
  double low = INFINITY, high = -INFINITY;
  for (std::size_t i = 0; i < drawn.values.size(); ++i) {
    if (!drawn.covered[i]) continue;
    ++covered;
    low = std::min(low, drawn.values[i]);
    high = std::max(high, drawn.values[i]);
  }
  result.covered_share = static_cast<double>(covered) / static_cast<double>(grid.points);
  if (result.covered_share < minimum_covered_share) {
    throw PatternRefused(fmt::format(
        "{:.1f} % of {} was measured ({:.6g}..{:.6g}); at least {:.0f} % is needed",
        100 * result.covered_share, range, result.first, result.last, 100 * minimum_covered_share));
  }
  if (high == low) throw PatternRefused(fmt::format("constant: every intensity is {:.6g}", high));
  if (high <= 0) throw PatternRefused(fmt::format("no positive intensity: the highest is {:.6g}", high));
  result.values.reserve(drawn.values.size());
  for (const double value : drawn.values)
    result.values.push_back(static_cast<float>(value / high));
  return result;
}

}  // namespace bragg::data
