// A measured pattern in pieces without holes and in even steps, with the noise that it carries.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace bragg::data {

/// Points in even steps.
struct MeasuredRun {
  double start, step;
  std::vector<double> y;
  std::vector<double> sum;    ///< sum[i]: of the first i points
  std::vector<double> noise;  ///< of a point, by window
  std::vector<double> level;  ///< mean intensity, at least 0, by window
  std::int64_t window;        ///< points that share a value of `noise`
  double unit = 0;            ///< of counts, 0: none shows
  double base = 0;            ///< from where they count

  std::int64_t size() const { return static_cast<std::int64_t>(y.size()); }
  double mean(std::int64_t first, std::int64_t count) const {
    return (sum[first + count] - sum[first]) * (1 / static_cast<double>(count));
  }
  std::size_t window_of(std::int64_t i) const {
    return std::min(static_cast<std::size_t>(i / window), noise.size() - 1);
  }
  double noise_at(std::int64_t i) const { return noise[window_of(i)]; }
};

/// Of points on degrees of 2 theta, ascending; a step wider than coarsest_step (resample.h) begins a new
/// piece. Points before the first and after the last that is not 0 count as not measured. Steps finer than
/// 0.01 are averaged, uneven ones resampled; spikes of a single channel (cosmic rays, hot channels) are taken
/// out.
std::vector<MeasuredRun> measured_runs(std::span<const double> two_theta, std::span<const double> intensity);

/// The value that `share` of them lie below; reorders them. 0 of none.
double value_at_share(std::vector<double>& values, double share);

}  // namespace bragg::data
