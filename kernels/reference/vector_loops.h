// The two inner loops of the reference's sums, in the shape that a compiler makes vector code of.
#pragma once

#include <cstdint>

namespace bragg::reference {

inline double dot(const double* a, const double* b, std::int64_t count) {
  double sums[8] = {};
  std::int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    for (int j = 0; j < 8; ++j)
      sums[j] += a[i + j] * b[i + j];
  }
  for (; i < count; ++i)
    sums[0] += a[i] * b[i];
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

/// y += scale * x
inline void add_scaled(double scale, const double* x, double* y, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i)
    y[i] += scale * x[i];
}

}  // namespace bragg::reference
