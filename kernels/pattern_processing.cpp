#include "kernels/pattern_processing.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace bragg {
namespace {

/// dst[j] = the combination of src[j - half] .. src[j + half], as far as they exist.
template <typename T, typename Combine>
void slide(const std::vector<T>& src, std::vector<T>& dst, Combine combine) {
  const auto n = static_cast<std::int64_t>(src.size());
  dst = src;
  for (std::int64_t k = 1; k <= Processing::half_window && k < n; ++k) {
    for (std::int64_t j = k; j < n; ++j)
      dst[j] = combine(dst[j], src[j - k]);
    for (std::int64_t j = 0; j + k < n; ++j)
      dst[j] = combine(dst[j], src[j + k]);
  }
}

template <typename T>
void subtract_background(const Processing& processing, const TwoThetaGrid& grid, std::span<T> y) {
  const std::int64_t per_bin = processing.points_per_bin(grid), points = static_cast<std::int64_t>(y.size()),
                     n = (points + per_bin - 1) / per_bin;
  std::vector<T> bins(n), other;
  for (std::int64_t j = 0; j < n; ++j) {
    const std::int64_t end = std::min(points, (j + 1) * per_bin);
    T sum = 0;
    for (std::int64_t i = j * per_bin; i < end; ++i)
      sum += y[i];
    bins[j] = sum / static_cast<T>(end - j * per_bin);
  }
  slide(bins, other, [](T a, T b) { return b < a ? b : a; });
  slide(other, bins, [](T a, T b) { return b > a ? b : a; });
  slide(bins, other, [](T a, T b) { return a + b; });
  for (std::int64_t j = 0; j < n; ++j) {
    const std::int64_t first = std::max<std::int64_t>(0, j - Processing::half_window),
                       last = std::min(n - 1, j + Processing::half_window);
    other[j] /= static_cast<T>(last - first + 1);
  }
  // Bin j's centre is at point j per_bin + (per_bin - 1) / 2, the last one's too.
  for (std::int64_t i = 0; i < points; ++i) {
    const T at = (static_cast<T>(i) - static_cast<T>(per_bin - 1) / 2) / static_cast<T>(per_bin);
    const T clamped = std::clamp<T>(at, 0, static_cast<T>(n - 1));
    const auto low = std::min(static_cast<std::int64_t>(clamped), std::max<std::int64_t>(n - 2, 0));
    const std::int64_t high = std::min(low + 1, n - 1);
    const T share = clamped - static_cast<T>(low);
    const T left = y[i] - (other[low] + share * (other[high] - other[low]));
    y[i] = left > 0 ? left : 0;
  }
}

template <typename T>
void process(const Processing& processing, const TwoThetaGrid& grid, std::span<T> y) {
  if (y.empty()) return;
  if (processing.background_window > 0) subtract_background(processing, grid, y);
  const T highest = *std::max_element(y.begin(), y.end());
  const T scale = highest > 0 ? 1 / highest : 0;
  for (T& value : y) {
    value = highest > 0 ? value * scale : 0;
    if (processing.square_root) value = value > 0 ? std::sqrt(value) : 0;
  }
}

}  // namespace

void process_pattern(const Processing& processing, const TwoThetaGrid& grid, std::span<float> y) {
  process(processing, grid, y);
}
void process_pattern(const Processing& processing, const TwoThetaGrid& grid, std::span<double> y) {
  process(processing, grid, y);
}

}  // namespace bragg
