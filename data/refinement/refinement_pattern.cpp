#include "data/refinement/refinement_pattern.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <span>

#include <fmt/format.h>

#include "data/patterns/smooth_background.h"
#include "data/refinement/median.h"
#include "xrd/scattering/wavelength.h"

namespace bragg::data {
namespace {

constexpr double same_wavelength = 2e-4;  // relative
constexpr double background_step = 0.1;   // degrees: what a smooth background is known on
constexpr double least_range = 1;         // degrees
constexpr double least_noise = 1e-3;      // of the highest point
constexpr double fwhm_of_sigma = 2.3548200450309493;

std::size_t index(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

double median_step(std::span<const double> x) {
  std::vector<double> steps;
  for (std::size_t i = 1; i < x.size(); ++i)
    steps.push_back(x[i] - x[i - 1]);
  return median(std::move(steps));
}

/// Standard deviation of a point, from second differences: of noise alone 1.48 median / sqrt 6.
double noise_of(std::span<const double> y) {
  std::vector<double> differences;
  for (std::size_t i = 2; i < y.size(); ++i)
    differences.push_back(std::abs(y[i] - 2 * y[i - 1] + y[i - 2]));
  return 1.48 * median(std::move(differences)) / std::sqrt(6.0);
}

/// Weighted by a Gaussian, over the points that were measured.
std::vector<double> smoothed(std::span<const double> y, std::span<const std::uint8_t> covered, double sigma) {
  const auto reach = static_cast<std::int64_t>(std::ceil(3.5 * sigma));
  std::vector<double> weight(index(2 * reach + 1)), smooth(y.size());
  for (std::int64_t j = -reach; j <= reach; ++j)
    weight[index(j + reach)] = std::exp(-0.5 * static_cast<double>(j * j) / (sigma * sigma));
  for (std::int64_t i = 0; i < std::ssize(y); ++i) {
    double sum = 0, total = 0;
    for (std::int64_t j = std::max(-reach, -i); j <= std::min(reach, std::ssize(y) - 1 - i); ++j) {
      if (covered[index(i + j)] == 0) continue;
      sum += weight[index(j + reach)];
      total += weight[index(j + reach)] * y[index(i + j)];
    }
    smooth[index(i)] = sum > 0 ? total / sum : 0;
  }
  return smooth;
}

/// On steps of background_step from the first point on, to the last or a little before it.
std::vector<double> background_of(std::span<const double> x, std::span<const double> y) {
  const auto steps = static_cast<std::int64_t>((x.back() - x.front()) / background_step);
  GridValues coarse = resample(x, y, {x.front(), background_step, steps + 1});
  // In holes what was before them goes on: zeros would pull the background down beside them.
  for (std::size_t i = 1; i < coarse.values.size(); ++i)
    if (coarse.covered[i] == 0) coarse.values[i] = coarse.values[i - 1];
  return smooth_background(coarse.values, background_step);
}

}  // namespace

void set_radiation(RefinedPattern& pattern, double wavelength, bool may_have_doublet) {
  pattern.wavelength[0] = pattern.wavelength[1] = static_cast<float>(wavelength);
  pattern.second_share = 0;
  if (!may_have_doublet) return;
  for (const xrd::Anode& anode : xrd::anodes()) {
    if (std::abs(anode.k_alpha() / wavelength - 1) > same_wavelength) continue;
    pattern.wavelength[0] = static_cast<float>(anode.k_alpha1);
    pattern.wavelength[1] = static_cast<float>(anode.k_alpha2);
    pattern.second_share = 0.5f;
  }
}

RefinementPattern::RefinementPattern(const PatternToRefine& of, double first, double last)
    : wavelength_(of.wavelength), may_have_doublet_(of.may_have_doublet) {
  const MeasuredPattern& measured = *of.measured;
  for (std::size_t i = 0; i < measured.x.size(); ++i) {
    if (measured.x[i] < first || measured.x[i] > last) continue;
    x_.push_back(measured.x[i]);
    y_.push_back(measured.intensity[i]);
  }
  if (std::ssize(x_) < minimum_points)
    throw PatternRefused(
        fmt::format("{} points lie between {:.2f} and {:.2f} degrees, at least {} are needed to refine",
                    x_.size(), first, last, minimum_points));
  first_ = x_.front();
  last_ = x_.back();
  if (last_ - first_ < least_range)
    throw PatternRefused(
        fmt::format("{:.2f} to {:.2f} degrees are less than the {} degrees that a refinement needs", first_,
                    last_, least_range));
  step_ = median_step(x_);
  double largest = 0;
  for (const double value : y_)
    largest = std::max(largest, std::abs(value));
  background_ = background_of(x_, y_);
  for (std::size_t i = 0; i < x_.size(); ++i)
    y_[i] -= background_at(x_[i]);
  height_ = *std::max_element(y_.begin(), y_.end());
  // Of a flat pattern the background leaves the rounding.
  if (!(height_ > 1e-9 * largest))
    throw PatternRefused("nothing rises above the background: there is nothing to refine");
  for (std::vector<double>* values : {&y_, &background_})
    for (double& value : *values)
      value /= height_;
  noise_ = noise_of(y_);
}

double RefinementPattern::background_at(double two_theta) const {
  const double at = (two_theta - first_) / background_step;
  const auto bin = static_cast<std::size_t>(at);
  if (bin + 1 >= background_.size()) return background_.back();
  return background_[bin] + (at - static_cast<double>(bin)) * (background_[bin + 1] - background_[bin]);
}

RefinementPattern::OnGrid RefinementPattern::on_grid(double step, double blur, double misfit) const {
  step = std::max(step, step_);
  const TwoThetaGrid grid{first_, step, static_cast<std::int64_t>((last_ - first_) / step + 1e-6) + 1};
  GridValues values = resample(x_, y_, grid);
  const double sigma = blur / fwhm_of_sigma / step;  // steps
  double noise = noise_ * std::sqrt(std::min(1.0, step_ / step));
  if (sigma > 0) {
    values.values = smoothed(values.values, values.covered, sigma);
    noise /= std::max(1.0, std::sqrt(2 * std::sqrt(std::numbers::pi) * sigma));
  }
  noise = std::max(noise, least_noise);
  OnGrid result;
  result.pattern.start = grid.start;
  result.pattern.step = grid.step;
  result.pattern.noise = static_cast<float>(noise);
  result.pattern.first = 0;
  result.pattern.end = static_cast<std::int32_t>(grid.points);
  set_radiation(result.pattern, wavelength_, may_have_doublet_);
  for (std::size_t i = 0; i < values.values.size(); ++i) {
    const double y = values.values[i], doubt = misfit * std::max(y, 0.0);
    result.y.push_back(static_cast<float>(y));
    result.background.push_back(static_cast<float>(background_at(grid.at(static_cast<std::int64_t>(i)))));
    result.weight.push_back(values.covered[i] != 0 ? static_cast<float>(1 / (noise * noise + doubt * doubt))
                                                   : 0);
  }
  return result;
}

}  // namespace bragg::data
