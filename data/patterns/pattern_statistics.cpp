#include "data/patterns/pattern_statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "data/patterns/point_noise.h"
#include "kernels/crystal/pattern_problem.h"
#include "kernels/crystal/pattern_processing.h"

namespace bragg::data {
namespace {

/// Width at half of the height above `floor` around point `top`.
double width_at(const TwoThetaGrid& grid, std::span<const float> y, std::int64_t top) {
  const double half = y[top] / 2.0;
  const auto crossing = [&](int step) {
    for (std::int64_t i = top; i + step >= 0 && i + step < grid.points; i += step) {
      if (y[i + step] <= half)
        return std::abs(static_cast<double>(i - top)) + (y[i] - half) / (y[i] - y[i + step]);
    }
    return -1.0;
  };
  const double low = crossing(-1), high = crossing(1);
  return low < 0 || high < 0 ? 0 : (low + high) * grid.step;
}

/// Heights of the maxima that rise by at least `prominence` over both valleys beside them.
std::vector<double> heights_of_lines(std::span<const float> y, double prominence) {
  std::vector<double> heights;
  double valley = 0, peak = 0;
  bool rising = false;
  for (const float value : y) {
    if (!rising) {
      valley = std::min<double>(valley, value);
      if (value >= valley + prominence) {
        rising = true;
        peak = value;
      }
      continue;
    }
    peak = std::max<double>(peak, value);
    if (value > peak - prominence) continue;
    heights.push_back(peak);
    rising = false;
    valley = value;
  }
  return heights;
}

/// PatternStatistics::doublet. The doublet is resolved beyond 60 degrees: it is 0.16 degrees wide there.
double doublet_of(const Instrument& instrument, std::span<const float> y, double noise) {
  constexpr double from = 60, apart = 0.4;  // degrees
  const TwoThetaGrid& grid = instrument.grid;
  const auto both = instrument.k_alpha();
  const auto n = static_cast<std::int64_t>(y.size());
  const double least_height = std::max(8 * noise, 0.01 * *std::max_element(y.begin(), y.end()));
  const auto height = [&](std::int64_t i) {  // the mean of five points
    double sum = 0;
    for (std::int64_t j = i - 2; j <= i + 2; ++j)
      sum += y[j];
    return sum / 5;
  };
  double sum = 0;
  int lines = 0;
  for (auto i = std::max<std::int64_t>(0, std::llround((from - grid.start) / grid.step)); i < n; ++i) {
    const double two_theta = grid.start + static_cast<double>(i) * grid.step;
    // d(2 theta) = 2 tan(theta) d(lambda) / lambda, from K-alpha1
    const std::int64_t shift = std::llround(2 * std::tan(two_theta * std::numbers::pi / 360) *
                                            (both[1] / both[0] - 1) * 180 / std::numbers::pi / grid.step);
    // A line is the highest point as far around; farther than the doublet, so that K-alpha2 is none.
    const auto reach = std::max(static_cast<std::int64_t>(apart / grid.step), shift + shift / 2);
    if (!(y[i] > least_height) || i - reach < 2 || i + reach + 2 >= n) continue;
    const auto around = y.subspan(i - reach, 2 * reach + 1);
    if (y[i] < *std::max_element(around.begin(), around.end())) continue;
    sum += (height(i + shift) - height(i - shift)) / height(i);
    ++lines;
    i += reach;
  }
  return lines < 2 ? std::numeric_limits<double>::quiet_NaN() : sum / lines;
}

}  // namespace

std::array<double, 8> values(const PatternStatistics& s) {
  return {s.noise, s.fwhm, s.background, s.lines, s.second, s.median, s.covered, s.doublet};
}

PatternStatistics pattern_statistics(const Instrument& instrument, std::span<const float> pattern) {
  const TwoThetaGrid& grid = instrument.grid;
  PatternStatistics s{};
  std::vector<double> differences;
  std::int64_t first = -1, last = -1;
  for (std::int64_t i = 0; i < grid.points; ++i) {
    if (pattern[i] == 0) continue;
    if (first < 0) first = i;
    last = i;
  }
  s.covered = first < 0 ? 0 : static_cast<double>(last - first + 1) / static_cast<double>(grid.points);
  const std::int64_t begin = std::max<std::int64_t>(first, 1);
  if (last > begin) second_differences(pattern.subspan(begin, last - begin), differences);
  std::sort(differences.begin(), differences.end());
  s.noise = noise_of_median(percentile(differences, 0.5));

  std::vector<float> net(pattern.begin(), pattern.end());
  subtract_background({.background_window = 4}, grid, net);
  for (std::int64_t i = 0; i < grid.points; ++i)
    s.background += (pattern[i] - net[i]) / static_cast<double>(grid.points);
  const auto top = std::max_element(net.begin(), net.end()) - net.begin();
  s.fwhm = width_at(grid, net, top);
  std::vector<double> heights;
  if (net[top] > 0) heights = heights_of_lines(net, std::max(5 * s.noise, 0.01 * net[top]));
  std::sort(heights.begin(), heights.end());
  s.lines = static_cast<double>(heights.size());
  if (heights.size() >= 2) s.second = heights[heights.size() - 2] / heights.back();
  if (!heights.empty()) s.median = percentile(heights, 0.5) / heights.back();
  s.doublet = doublet_of(instrument, net, s.noise);
  return s;
}

double percentile(std::span<const double> sorted, double share) {
  if (sorted.empty()) return 0;
  const double at = share * static_cast<double>(sorted.size() - 1);
  const auto low = static_cast<std::size_t>(at), high = std::min(low + 1, sorted.size() - 1);
  return sorted[low] + (at - static_cast<double>(low)) * (sorted[high] - sorted[low]);
}

}  // namespace bragg::data
