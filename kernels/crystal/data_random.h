// Random numbers of the pattern number `index`, alike on every backend: words and uniforms to the bit, what
// comes of a logarithm but for its last digits.
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/base/host_device.h"
#include "kernels/base/random.h"

namespace bragg {

BRAGG_HOST_DEVICE inline Philox4 data_call(std::uint32_t seed, DataDraw what, std::uint32_t call,
                                           std::uint64_t index) {
  return random_call(seed, RandomStream::data, call, static_cast<std::uint32_t>(what), index);
}

/// Box-Muller: a pair of independent normal deviates.
struct NormalPair {
  double first, second;
};
BRAGG_HOST_DEVICE inline NormalPair normal_pair(std::uint32_t bits0, std::uint32_t bits1) {
  const double radius = std::sqrt(-2 * std::log(1 - double{uniform01(bits0)})), turns = uniform01(bits1);
#ifdef __CUDA_ARCH__
  double sine, cosine;
  sincospi(2 * turns, &sine, &cosine);  // a call less than cos, which would have to reduce any angle
  return {radius * cosine, radius * sine};
#else
  const double angle = 6.283185307179586 * turns;
  return {radius * std::cos(angle), radius * std::sin(angle)};
#endif
}

}  // namespace bragg
