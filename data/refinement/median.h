// The median, which a few lines among much noise do not move.
#pragma once

#include <algorithm>
#include <vector>

namespace bragg::data {

/// The upper one of an even number of values; 0 of none.
inline double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + std::ssize(values) / 2;
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace bragg::data
