#include "data/search/pattern_views.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <span>

#include <fmt/format.h>

#include "data/patterns/smooth_background.h"
#include "xrd/reflections.h"
#include "xrd/scattering/wavelength.h"

namespace bragg::data {
namespace {

constexpr double degree = std::numbers::pi / 180;
constexpr double least_noise =
    1e-3;  // of the highest point: below it are rounding and what a background left
/// Standard deviations of the smoothed noise that a view lies above: of what phases leave, which is weak, more are nothing but noise.
constexpr double of_whole = 2, of_rest = 3;
constexpr double same_wavelength = 1e-4;  // relative

std::size_t index(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

/// On 2 theta of the search's wavelength, with the intensities that it would have had there.
MeasuredPattern at_search_wavelength(const MeasuredPattern& measured, double wavelength) {
  MeasuredPattern pattern = to_two_theta(measured, wavelength, search_wavelength);
  const bool has_angles = measured.abscissa == Abscissa::two_theta;
  if (!has_angles || std::abs(wavelength / search_wavelength - 1) < same_wavelength) return pattern;
  for (std::size_t i = 0; i < pattern.x.size(); ++i) {
    const double sine = std::sin(pattern.x[i] / 2 * degree) * wavelength / search_wavelength;
    const double there = 2 * std::asin(std::min(sine, 1.0)) / degree;
    if (pattern.x[i] > 0 && there > 0)
      pattern.intensity[i] *= xrd::lorentz_polarisation(pattern.x[i]) / xrd::lorentz_polarisation(there);
  }
  return pattern;
}

/// y(i) with the ends going on as they are.
double held(std::span<const double> y, std::int64_t i) {
  return y[index(std::clamp<std::int64_t>(i, 0, std::ssize(y) - 1))];
}

std::vector<double> less_background(std::span<const double> y) {
  const std::vector<double> background = smooth_background(y, search_grid.step);
  std::vector<double> rest(y.size());
  std::transform(y.begin(), y.end(), background.begin(), rest.begin(), std::minus());
  return rest;
}

/// 1.48 times the median magnitude: the standard deviation of noise that most points are nothing but.
double noise_of(std::vector<double> rest) {
  for (double& value : rest)
    value = std::abs(value);
  const auto middle = rest.begin() + std::ssize(rest) / 2;
  std::nth_element(rest.begin(), middle, rest.end());
  return 1.48 * *middle;
}

std::vector<double> smoothed(std::span<const double> y, double sigma) {
  const auto reach = static_cast<std::int64_t>(std::ceil(4 * sigma));
  std::vector<double> weight(index(2 * reach + 1));
  double sum = 0;
  for (std::int64_t j = -reach; j <= reach; ++j)
    sum += weight[index(j + reach)] = std::exp(-0.5 * static_cast<double>(j * j) / (sigma * sigma));
  std::vector<double> smooth(y.size());
  for (std::int64_t i = 0; i < std::ssize(y); ++i) {
    double total = 0;
    for (std::int64_t j = -reach; j <= reach; ++j)
      total += weight[index(j + reach)] * held(y, i + j);
    smooth[index(i)] = total / sum;
  }
  return smooth;
}

/// To length 1 / sqrt(views); false where there is nothing.
bool normalise(std::span<float> view) {
  double square = 0;
  for (const float value : view)
    square += double{value} * double{value};
  if (!(square > 0)) return false;
  const double factor = 1 / std::sqrt(square * static_cast<double>(search_views.size()));
  for (float& value : view)
    value = static_cast<float>(value * factor);
  return true;
}

/// Less what is explained, and less what that may be off by, which in the flanks of lines is a share of their height.
void subtract(std::vector<double>& rest, std::span<const double> explained) {
  constexpr std::int64_t flank = 2;  // bins
  for (std::int64_t i = 0; i < std::ssize(rest); ++i) {
    double near = 0;
    for (std::int64_t j = -flank; j <= flank; ++j)
      near = std::max(near, held(explained, i + j));
    rest[index(i)] -= explained[index(i)] + explained_misfit * near;
  }
}

struct Window {
  std::int64_t first = 0, end = 0;
};

Window measured_bins(const std::vector<std::uint8_t>& covered) {
  const auto is_covered = [](std::uint8_t c) { return c != 0; };
  const auto first = std::find_if(covered.begin(), covered.end(), is_covered);
  const auto end = std::find_if(covered.rbegin(), covered.rend(), is_covered).base();
  return first < end ? Window{first - covered.begin(), end - covered.begin()} : Window{};
}

}  // namespace

double angle_of(double two_theta, double wavelength) {
  const double d = xrd::d_from_two_theta(two_theta, search_wavelength);
  return wavelength < 2 * d ? xrd::two_theta_from_d(d, wavelength) : 180;
}

PatternViews views_of(const MeasuredPattern& measured, double wavelength, std::span<const double> explained) {
  const MeasuredPattern pattern = at_search_wavelength(measured, wavelength);
  GridValues grid = resample(pattern.x, pattern.intensity, search_grid);
  const Window window = measured_bins(grid.covered);
  if (window.end - window.first < minimum_points) {
    throw PatternRefused(fmt::format(
        "{} bins of {} degrees lie between d = {:.2f} and {:.2f} A, at least {} are needed to search",
        window.end - window.first, search_grid.step,
        xrd::d_from_two_theta(search_grid.end(), search_wavelength),
        xrd::d_from_two_theta(search_grid.start, search_wavelength), minimum_points));
  }
  const std::span<const double> inside(grid.values.data() + window.first, index(window.end - window.first));
  std::vector<double> rest = less_background(inside);
  if (!explained.empty()) {
    if (explained.size() != measured.x.size())
      throw Error(fmt::format("[pattern_views] {} explained intensities of {} points", explained.size(),
                              measured.x.size()));
    MeasuredPattern other{measured.abscissa, measured.x, {explained.begin(), explained.end()}};
    other = at_search_wavelength(other, wavelength);
    const GridValues known = resample(other.x, other.intensity, search_grid);
    subtract(rest, std::span(known.values).subspan(index(window.first), rest.size()));
  }
  const double highest = *std::max_element(rest.begin(), rest.end());
  const double noise = std::max(noise_of(rest), least_noise * highest);
  PatternViews views{.values = std::vector<float>(search_views.size() * index(search_grid.points)),
                     .first_bin = window.first,
                     .end_bin = window.end};
  for (std::size_t v = 0; v < search_views.size(); ++v) {
    const SearchView& view = search_views[v];
    const std::vector<double> smooth = smoothed(rest, view.smoothing);
    const double floor = (explained.empty() ? of_whole : of_rest) * noise /
                         std::sqrt(2 * std::sqrt(std::numbers::pi) * view.smoothing);
    const std::span<float> to(views.values.data() + v * index(search_grid.points), index(search_grid.points));
    for (std::size_t i = 0; i < smooth.size(); ++i)
      to[index(window.first) + i] =
          static_cast<float>(std::pow(std::max(smooth[i] - floor, 0.0), view.power));
    if (!normalise(to)) throw PatternRefused("nothing rises above the noise: there is nothing to search for");
  }
  return views;
}

CellScale::CellScale(double scale) : scale_(scale), source_(index(search_grid.points)) {
  for (std::int64_t i = 0; i < search_grid.points; ++i) {
    const double sine = std::sin(search_grid.at(i) / 2 * degree) / scale;
    if (sine >= 1) continue;
    const double from = (2 * std::asin(sine) / degree - search_grid.start) / search_grid.step;
    const double low = std::floor(from);
    if (low < 0 || low + 1 >= static_cast<double>(search_grid.points)) continue;
    source_[index(i)] = {static_cast<std::int32_t>(low), static_cast<float>(from - low)};
  }
}

std::vector<float> CellScale::of(const PatternViews& views) const {
  std::vector<float> result(views.values.size());
  const std::size_t bins = source_.size();
  for (std::size_t v = 0; v < search_views.size(); ++v) {
    const float* const view = views.values.data() + v * bins;
    float* const to = result.data() + v * bins;
    for (std::size_t i = 0; i < bins; ++i) {
      const Source& from = source_[i];
      if (from.bin >= 0) to[i] = view[from.bin] * (1 - from.part) + view[from.bin + 1] * from.part;
    }
    normalise({to, bins});
  }
  return result;
}

}  // namespace bragg::data
