#include "data/patterns/smooth_background.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

namespace bragg::data {
namespace {

std::size_t index(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

/// y(i) with the ends going on as they are.
double held(std::span<const double> y, std::int64_t i) {
  return y[index(std::clamp<std::int64_t>(i, 0, std::ssize(y) - 1))];
}

/// The points of a window in ascending order, which moves along.
class SortedWindow {
 public:
  explicit SortedWindow(std::vector<double> points) : points_(std::move(points)) {
    std::sort(points_.begin(), points_.end());
  }
  double operator[](std::size_t rank) const { return points_[rank]; }
  /// One goes, another comes: what lies between their places moves by one.
  void replace(double gone, double come) {
    const auto from = std::lower_bound(points_.begin(), points_.end() - 1, gone),
               to = std::lower_bound(points_.begin(), points_.end(), come);
    if (from < to) {
      std::move(from + 1, to, from);
      *(to - 1) = come;
    } else {
      std::move_backward(to, from, from + 1);
      *to = come;
    }
  }

 private:
  std::vector<double> points_;
};

/// The value below which background_share of the window's points lie, between two of them linearly.
std::vector<double> low_values(std::span<const double> y, std::int64_t half_window) {
  std::vector<double> low(y.size()), points;
  const double rank = background_share * static_cast<double>(2 * half_window);
  const auto whole = static_cast<std::size_t>(rank);
  for (std::int64_t j = -half_window; j <= half_window; ++j)
    points.push_back(held(y, j));
  SortedWindow window(std::move(points));
  for (std::int64_t i = 0; i < std::ssize(y); ++i) {
    low[index(i)] = window[whole] + (rank - static_cast<double>(whole)) * (window[whole + 1] - window[whole]);
    window.replace(held(y, i - half_window), held(y, i + half_window + 1));
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
