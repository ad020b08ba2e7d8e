// How far neighbouring points of a pattern scatter, whatever lies under them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

namespace bragg::data {

/// |y[i-1] - 2 y[i] + y[i+1]| of every inner point: a straight line under the noise leaves nothing.
template <typename T>
void second_differences(std::span<const T> y, std::vector<double>& differences) {
  differences.clear();
  for (std::size_t i = 1; i + 1 < y.size(); ++i)
    differences.push_back(std::abs(y[i - 1] - 2.0 * y[i] + y[i + 1]));
}

/// Standard deviation of white noise with this median of |second differences|: they have 1 + 4 + 1 times its
/// variance, and the median of |z| of a normal z is 0.6745.
inline double noise_of_median(double median) {
  return median / (0.6745 * std::sqrt(6.0));
}
/// The same from the value that nine tenths of them stay below: 1.645 of a normal |z|. It sees noise that is
/// nothing but scattered single counts, where the median is 0.
inline double noise_of_ninth_decile(double decile) {
  return decile / (1.645 * std::sqrt(6.0));
}

}  // namespace bragg::data
