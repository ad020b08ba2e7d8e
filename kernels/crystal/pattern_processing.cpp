#include "kernels/crystal/pattern_processing.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace bragg {
namespace {

// The loops are written for the vectoriser: no index is computed by division, no sum hangs on the one before.

/// In place: the combination of a row's elements j - half .. j + half, as far as they exist, for an operation
/// that may take an element twice. By doubling: runs of 2, 4, 8 ... elements from j on.
template <typename T, typename Combine>
void slide(std::vector<T>& row, std::int64_t half, Combine combine) {
  const std::int64_t window = 2 * half + 1;
  const auto n = static_cast<std::int64_t>(row.size());
  // Beyond the ends stand the ends themselves, which belong to every window that reaches there.
  std::vector<T> run(n + 2 * half);
  std::fill_n(run.begin(), half, row.front());
  std::copy(row.begin(), row.end(), run.begin() + half);
  std::fill_n(run.begin() + half + n, half, row.back());
  std::vector<T> next(run.size());
  std::int64_t length = 1;
  for (; 2 * length <= window; length *= 2) {
    const std::int64_t count = static_cast<std::int64_t>(run.size()) - length;
    for (std::int64_t j = 0; j < count; ++j)
      next[j] = combine(run[j], run[j + length]);
    std::copy_n(run.begin() + count, length, next.begin() + count);
    run.swap(next);
  }
  // run[j] is of `length` elements from j on: two of them are a window, however much they share.
  for (std::int64_t j = 0; j < n; ++j)
    row[j] = combine(run[j], run[j + window - length]);
}

template <typename T>
void smooth(const std::vector<T>& src, std::int64_t half, std::vector<T>& dst) {
  const auto n = static_cast<std::int64_t>(src.size());
  dst = src;
  for (std::int64_t k = 1; k <= half && k < n; ++k) {
    for (std::int64_t j = k; j < n; ++j)
      dst[j] += src[j - k];
    for (std::int64_t j = 0; j + k < n; ++j)
      dst[j] += src[j + k];
  }
  for (std::int64_t j = 0; j < n; ++j) {
    const std::int64_t count = std::min(n - 1, j + half) - std::max<std::int64_t>(0, j - half) + 1;
    dst[j] /= static_cast<T>(count);
  }
}

template <typename T>
void subtract(const Processing& processing, const TwoThetaGrid& read, std::span<T> y) {
  const Processing::Opening opening = processing.opening(read);
  const std::int64_t per_bin = opening.points_per_bin, half = opening.half_window,
                     points = static_cast<std::int64_t>(y.size()), n = (points + per_bin - 1) / per_bin,
                     last = points - (n - 1) * per_bin;
  if (points == 0) return;
  std::vector<T> bins(n), background;
  for (std::int64_t k = 0; k < per_bin; ++k) {
    const std::int64_t whole = k < last ? n : n - 1;
    for (std::int64_t j = 0; j < whole; ++j)
      bins[j] += y[j * per_bin + k];
  }
  for (std::int64_t j = 0; j + 1 < n; ++j)
    bins[j] /= static_cast<T>(per_bin);
  bins[n - 1] /= static_cast<T>(last);
  slide(bins, half, [](T a, T b) { return b < a ? b : a; });
  slide(bins, half, [](T a, T b) { return b > a ? b : a; });
  smooth(bins, half, background);

  // Between the centres of bins j and j + 1, at points j per_bin + (per_bin - 1) / 2 and per_bin further.
  const auto less = [](T& value, T by) {
    const T left = value - by;
    value = left > 0 ? left : 0;
  };
  const std::int64_t head = std::min(points, per_bin / 2);
  std::vector<T> share(per_bin);
  for (std::int64_t k = 0; k < per_bin; ++k)
    share[k] = (static_cast<T>(k + per_bin / 2) - static_cast<T>(per_bin - 1) / 2) / static_cast<T>(per_bin);
  for (std::int64_t i = 0; i < head; ++i)
    less(y[i], background[0]);
  for (std::int64_t j = 0; j + 1 < n; ++j) {
    const std::int64_t begin = j * per_bin + per_bin / 2, end = std::min(points, begin + per_bin);
    const T from = background[j], step = background[j + 1] - from;
    for (std::int64_t i = begin; i < end; ++i)
      less(y[i], from + share[i - begin] * step);
  }
  for (std::int64_t i = std::max(head, (n - 1) * per_bin + per_bin / 2); i < points; ++i)
    less(y[i], background[n - 1]);
}

/// At the beginning of y; returns how many.
template <typename T>
std::size_t average(const Processing& processing, const TwoThetaGrid& grid, std::span<T> y) {
  const auto count = static_cast<std::size_t>(processing.points_per_mean(grid)), means = y.size() / count;
  if (count == 1) return means;
  for (std::size_t j = 0; j < means; ++j) {
    T sum = 0;
    for (std::size_t k = 0; k < count; ++k)
      sum += y[j * count + k];
    y[j] = sum / static_cast<T>(count);
  }
  return means;
}

template <typename T>
void process(const Processing& processing, const TwoThetaGrid& grid, std::vector<T>& y) {
  if (y.empty()) return;
  y.resize(average(processing, grid, std::span<T>(y)));
  if (processing.background_window > 0) subtract(processing, processing.read_grid(grid), std::span<T>(y));
  const T highest = *std::max_element(y.begin(), y.end());
  const T scale = highest > 0 ? 1 / highest : 0;
  for (T& value : y) {
    value *= scale;
    if (processing.square_root) value = value > 0 ? std::sqrt(value) : 0;
  }
}

}  // namespace

void average_points(const Processing& processing, const TwoThetaGrid& grid, std::span<float> y) {
  average(processing, grid, y);
}

void subtract_background(const Processing& processing, const TwoThetaGrid& read, std::span<float> y) {
  subtract(processing, read, y);
}

void process_pattern(const Processing& processing, const TwoThetaGrid& grid, std::vector<float>& y) {
  process(processing, grid, y);
}
void process_pattern(const Processing& processing, const TwoThetaGrid& grid, std::vector<double>& y) {
  process(processing, grid, y);
}

}  // namespace bragg
