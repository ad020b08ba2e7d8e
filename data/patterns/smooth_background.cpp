#include "data/patterns/smooth_background.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace bragg::data {
namespace {

std::size_t index(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

/// y(i) with the ends going on as they are.
double held(std::span<const double> y, std::int64_t i) {
  return y[index(std::clamp<std::int64_t>(i, 0, std::ssize(y) - 1))];
}

/// The value below which background_share of the window's points lie, between two of them linearly.
std::vector<double> low_values(std::span<const double> y, std::int64_t half_window) {
  std::vector<double> low(y.size()), window(index(2 * half_window + 1));
  const double rank = background_share * static_cast<double>(2 * half_window);
  const auto whole = static_cast<std::ptrdiff_t>(rank);
  for (std::int64_t i = 0; i < std::ssize(y); ++i) {
    for (std::int64_t j = -half_window; j <= half_window; ++j)
      window[index(j + half_window)] = held(y, i + j);
    const auto at = window.begin() + whole;
    std::nth_element(window.begin(), at, window.end());
    const double next = *std::min_element(at + 1, window.end());
    low[index(i)] = *at + (rank - static_cast<double>(whole)) * (next - *at);
  }
  return low;
}

}  // namespace

std::vector<double> smooth_background(std::span<const double> y, double step) {
  const auto half_window = std::max<std::int64_t>(1, std::llround(background_reach / step));
  const std::vector<double> low = low_values(y, half_window);
  std::vector<double> background(y.size());
  double sum = 0;
  for (std::int64_t j = -half_window; j <= half_window; ++j)
    sum += held(low, j);
  for (std::int64_t i = 0; i < std::ssize(y); ++i) {
    background[index(i)] = sum / static_cast<double>(2 * half_window + 1);
    sum += held(low, i + half_window + 1) - held(low, i - half_window);
  }
  return background;
}

}  // namespace bragg::data
