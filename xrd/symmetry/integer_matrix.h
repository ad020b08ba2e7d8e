// Products of small integer matrices, which are arrays of rows.
#pragma once

#include <array>
#include <cstddef>

namespace bragg::xrd {

template <typename Integer>
constexpr Integer dot(const std::array<Integer, 3>& a, const std::array<Integer, 3>& b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

template <typename Integer>
constexpr std::array<Integer, 3> operator*(const std::array<std::array<Integer, 3>, 3>& m,
                                           const std::array<Integer, 3>& v) {
  return {dot(m[0], v), dot(m[1], v), dot(m[2], v)};
}

template <typename Integer>
constexpr std::array<std::array<Integer, 3>, 3> operator*(const std::array<std::array<Integer, 3>, 3>& a,
                                                          const std::array<std::array<Integer, 3>, 3>& b) {
  std::array<std::array<Integer, 3>, 3> out{};
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      for (std::size_t k = 0; k < 3; ++k)
        out[i][j] += a[i][k] * b[k][j];
  return out;
}

}  // namespace bragg::xrd
