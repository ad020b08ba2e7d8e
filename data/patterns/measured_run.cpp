#include "data/patterns/measured_run.h"

#include <cmath>

#include "data/patterns/point_noise.h"
#include "data/patterns/resample.h"

namespace bragg::data {
namespace {

using Index = std::int64_t;
using Run = MeasuredRun;

/// Finer steps than this are averaged: no line of a powder is resolved better.
constexpr double finest_step = 0.01;
/// Noise is taken as even over so many degrees, and so many points at least.
constexpr double noise_window = 5;
constexpr Index fewest_window_points = 100;

/// What one count is, as far as it shows. Where most points are equal, as those of dead and saturated
/// detectors and of patterns cut off at zero are: how far the others usually are from them, by the lower
/// quartile. Else the smallest step between values where all are multiples of it.
void measure_unit(Run& run) {
  std::vector<double> sorted = run.y, apart;
  const double usual = value_at_share(sorted, 0.5);
  for (const double value : run.y)
    if (value != usual) apart.push_back(std::abs(value - usual));
  if (2 * apart.size() < run.y.size()) {
    run.unit = value_at_share(apart, 0.25);
    run.base = usual;
    return;
  }
  double unit = INFINITY;
  for (std::size_t i = 1; i < run.y.size(); ++i) {
    const double difference = std::abs(run.y[i] - run.y[i - 1]);
    if (difference > 0) unit = std::min(unit, difference);
  }
  for (std::size_t i = 1; i < run.y.size(); ++i) {
    const double multiple = std::abs(run.y[i] - run.y[i - 1]) / unit;
    if (multiple > 1e5 || std::abs(multiple - std::round(multiple)) > 0.02) return;
  }
  run.unit = unit;
}

/// A single channel high above both beside it is no line: a cosmic ray or a hot channel.
void remove_spikes(Run& run) {
  std::vector<double>& y = run.y;
  for (Index i = 2; i + 2 < run.size(); ++i) {
    const double beside = std::max(y[i - 1], y[i + 1]),
                 under = std::min({y[i - 2], y[i - 1], y[i + 1], y[i + 2]});
    const double noise = run.noise_at(i);
    if (y[i] - beside < 6 * noise || beside - under > std::max(4 * noise, 0.05 * (y[i] - under))) continue;
    y[i] = (y[i - 1] + y[i + 1]) / 2;
  }
}

/// Noise of a point in every window: the larger of what the windows beside it show as well, for noise rises
/// with the intensity, and that may be steep.
void measure_noise(Run& run) {
  run.window = std::max(fewest_window_points, static_cast<Index>(noise_window / run.step));
  const Index windows = std::max<Index>(1, run.size() / run.window);
  const auto [low, high] = std::minmax_element(run.y.begin(), run.y.end());
  const double rounding = 1e-6 * std::max(std::abs(*low), std::abs(*high));
  measure_unit(run);
  std::vector<double> own, differences, &level = run.level;
  for (Index k = 0; k < windows; ++k) {
    const Index begin = k * run.window, end = k + 1 == windows ? run.size() : begin + run.window;
    second_differences(std::span<const double>(run.y).subspan(begin, end - begin), differences);
    const double median = value_at_share(differences, 0.5), decile = value_at_share(differences, 0.9);
    double apart = 0, sum = 0;
    for (Index i = begin; i < end; ++i) {
      apart += std::abs(run.y[i] - run.base) / static_cast<double>(end - begin);
      sum += run.y[i];
    }
    level.push_back(std::max(0.0, sum / static_cast<double>(end - begin)));
    own.push_back(std::max({noise_of_median(median), noise_of_ninth_decile(decile), rounding,
                            apart < 4 * run.unit ? std::sqrt(run.unit * apart) : 0.3 * run.unit}));
  }
  // Where counts are so few that most differences vanish, the others tell: noise goes with the root of the
  // level.
  std::vector<double> sorted_noise = own, sorted_level = level;
  const double usual_noise = value_at_share(sorted_noise, 0.5),
               usual_level = value_at_share(sorted_level, 0.5);
  for (Index k = 0; k < windows && usual_level > 0; ++k)
    own[k] = std::max(own[k], usual_noise * std::sqrt(std::min(1.0, level[k] / usual_level)));
  for (Index k = 0; k < windows; ++k)
    run.noise.push_back(
        *std::max_element(own.begin() + std::max<Index>(0, k - 1), own.begin() + std::min(windows, k + 2)));
}

}  // namespace

double value_at_share(std::vector<double>& values, double share) {
  if (values.empty()) return 0;
  const auto at =
      values.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

std::vector<MeasuredRun> measured_runs(std::span<const double> x, std::span<const double> y) {
  std::vector<MeasuredRun> runs;
  std::size_t begin = 0, end = x.size();
  while (begin < end && y[begin] == 0)
    ++begin;
  while (end > begin && y[end - 1] == 0)
    --end;
  while (begin < end) {
    std::size_t stop = begin + 1;
    while (stop < end && x[stop] - x[stop - 1] <= coarsest_step)
      ++stop;
    const auto points = static_cast<double>(stop - begin);
    if (stop - begin >= 2) {
      MeasuredRun run;
      run.start = x[begin];
      run.step = (x[stop - 1] - x[begin]) / (points - 1);
      bool even = run.step >= finest_step * 0.99;
      for (std::size_t i = begin; i < stop && even; ++i)
        even = std::abs(x[i] - run.start - static_cast<double>(i - begin) * run.step) < 0.3 * run.step;
      if (even) {
        run.y.assign(y.begin() + static_cast<std::ptrdiff_t>(begin),
                     y.begin() + static_cast<std::ptrdiff_t>(stop));
      } else {
        run.step = std::max(run.step, finest_step);
        const auto count = static_cast<Index>((x[stop - 1] - x[begin]) / run.step) + 1;
        run.y = resample(x.subspan(begin, stop - begin), y.subspan(begin, stop - begin),
                         {run.start, run.step, count})
                    .values;
      }
      measure_noise(run);
      remove_spikes(run);
      run.sum.assign(1, 0);
      for (const double value : run.y)
        run.sum.push_back(run.sum.back() + value);
      runs.push_back(std::move(run));
    }
    begin = stop;
  }
  return runs;
}

}  // namespace bragg::data
