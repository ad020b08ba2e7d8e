// The two inner loops of the cpu's sums, in the shape that a compiler makes vector code of.
#pragma once

#include <cstdint>

namespace bragg::cpu {

inline float dot(const float* a, const float* b, std::int64_t count) {
  float sums[8] = {};
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
inline void add_scaled(float scale, const float* x, float* y, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i)
    y[i] += scale * x[i];
}

}  // namespace bragg::cpu
