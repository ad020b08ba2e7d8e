#include "data/refinement/counted_pattern.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <fmt/format.h>

#include "data/refinement/median.h"

namespace bragg::data {
namespace {

/// Counts scatter by their root; whole numbers that scatter by more or less than this factor are counts that were scaled.
constexpr double least_count_variance = 0.4, most_count_variance = 2.5;
/// Of the highest intensity. Where the lower half of the points shows less noise than the first, as in a simulation without any,
/// the second is taken: no model is better, and all points weigh something finite.
constexpr double no_noise = 1e-5, noise_of_none = 1e-3;

std::size_t index(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

struct Points {
  std::vector<double> x, y, variance;
};

bool are_whole(std::span<const double> y) {
  return std::all_of(y.begin(), y.end(),
                     [](double v) { return v >= 0 && std::abs(v - std::round(v)) < 1e-6; });
}

/// Variance over intensity, from second differences: of noise alone their square is 6 times a point's variance.
double variance_per_intensity(std::span<const double> y) {
  std::vector<double> ratios;
  for (std::size_t i = 2; i < y.size(); ++i) {
    const double sum = y[i] + 4 * y[i - 1] + y[i - 2];
    if (sum > 0) ratios.push_back(std::abs(y[i] - 2 * y[i - 1] + y[i - 2]) / std::sqrt(sum));
  }
  return std::pow(1.48 * median(std::move(ratios)), 2);
}

/// Of the lower half of the points: what is left of a background that was taken off.
double least_variance(std::span<const double> y) {
  const double middle = median({y.begin(), y.end()});
  std::vector<double> differences;
  for (std::size_t i = 2; i < y.size(); ++i)
    if (y[i - 1] <= middle) differences.push_back(std::abs(y[i] - 2 * y[i - 1] + y[i - 2]));
  return std::pow(1.48 * median(std::move(differences)), 2) / 6;
}

void set_variance(Points& points, CountedPattern& to) {
  const std::vector<double>& y = points.y;
  const double highest = *std::max_element(y.begin(), y.end()), factor = variance_per_intensity(y);
  const bool are_counts = are_whole(y) && factor > least_count_variance && factor < most_count_variance;
  to.from = are_counts ? VarianceFrom::counts : VarianceFrom::scatter;
  to.variance_per_intensity = are_counts ? 1 : factor;
  // Of scaled counts a single one is as large as the factor.
  double least = to.variance_per_intensity * to.variance_per_intensity;
  if (!are_counts) {
    const double seen = least_variance(y), none = std::pow(no_noise * highest, 2);
    least = std::max(least, seen > none ? seen : std::pow(noise_of_none * highest, 2));
  }
  for (const double value : y)
    points.variance.push_back(std::max(to.variance_per_intensity * value, least));
}

/// Of even steps the step, whatever their positions were rounded to; else the median.
double step_of(std::span<const double> x) {
  const double even = (x.back() - x.front()) / static_cast<double>(x.size() - 1);
  double most = 0;
  std::vector<double> steps;
  for (std::size_t i = 1; i < x.size(); ++i) {
    most = std::max(most, std::abs(x[i] - x.front() - even * static_cast<double>(i)));
    steps.push_back(x[i] - x[i - 1]);
  }
  return most < 0.5 * even ? even : median(std::move(steps));
}

/// How wide a step each point stands for.
std::vector<double> own_steps(std::span<const double> x) {
  std::vector<double> steps;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t left = i > 0 ? i - 1 : 0, right = std::min(i + 1, x.size() - 1);
    steps.push_back((x[right] - x[left]) / static_cast<double>(right - left));
  }
  return steps;
}

}  // namespace

CountedPattern counted_pattern(const PatternToRefine& of, std::span<const double> uncertainty, double first,
                               double last, double height) {
  const MeasuredPattern& measured = *of.measured;
  CountedPattern result;
  result.height = height;
  Points points;
  for (std::size_t i = 0; i < measured.x.size(); ++i) {
    if (measured.x[i] < first || measured.x[i] > last) continue;
    if (!uncertainty.empty() && !(uncertainty[i] > 0)) continue;
    points.x.push_back(measured.x[i]);
    points.y.push_back(measured.intensity[i]);
    if (!uncertainty.empty()) points.variance.push_back(uncertainty[i] * uncertainty[i]);
  }
  if (std::ssize(points.x) < minimum_points)
    throw PatternRefused(
        fmt::format("{} points weigh something between {:.2f} and {:.2f} degrees, at least {} are needed",
                    points.x.size(), first, last, minimum_points));
  if (uncertainty.empty())
    set_variance(points, result);
  else
    result.from = VarianceFrom::uncertainties;

  const double step = step_of(points.x), length = points.x.back() - points.x.front();
  if (length / step >= static_cast<double>(most_grid_points))
    throw PatternRefused(fmt::format("steps of {:.3g} degrees over {:.3f} degrees are more than {} points",
                                     step, length, most_grid_points));
  const TwoThetaGrid grid{points.x.front(), step,
                          static_cast<std::int64_t>(std::floor(length / step + 1e-6)) + 1};
  const GridValues y = resample(points.x, points.y, grid),
                   variance = resample(points.x, points.variance, grid),
                   own_step = resample(points.x, own_steps(points.x), grid);
  RefinedPattern& pattern = result.grid.pattern;
  pattern.start = grid.start;
  pattern.step = grid.step;
  pattern.first = 0;
  pattern.end = static_cast<std::int32_t>(grid.points);
  pattern.noise = static_cast<float>(std::sqrt(median(points.variance)) / height);
  set_radiation(pattern, of.wavelength);
  for (std::int64_t i = 0; i < grid.points; ++i) {
    const bool weighs = y.covered[index(i)] != 0 && variance.values[index(i)] > 0;
    result.grid.y.push_back(static_cast<float>(y.values[index(i)] / height));
    result.grid.weight.push_back(weighs ? static_cast<float>(height * height / variance.values[index(i)] *
                                                             step / own_step.values[index(i)])
                                        : 0);
    result.points += weighs;
  }
  if (result.points < minimum_points)
    throw PatternRefused(
        fmt::format("{} points of even steps lie near enough to measured ones between {:.2f} and {:.2f} "
                    "degrees, at least {} are needed",
                    result.points, first, last, minimum_points));
  return result;
}

}  // namespace bragg::data
