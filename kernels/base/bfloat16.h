// bfloat16: the upper half of a float. Arithmetic is done in float; this is how numbers are kept.
#pragma once

#include <bit>
#include <cstdint>

namespace bragg {

struct BFloat16 {
  std::uint16_t bits;
};

constexpr float to_float(BFloat16 x) {
  return std::bit_cast<float>(std::uint32_t{x.bits} << 16);
}

/// x > 0, which a NaN is not.
constexpr bool is_positive(BFloat16 x) {
  return static_cast<std::uint16_t>(x.bits - 1) < 0x7F80u;
}

/// To nearest, ties to even; a NaN stays one.
constexpr BFloat16 to_bfloat16(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return {static_cast<std::uint16_t>(bits >> 16 | 0x40u)};
  return {static_cast<std::uint16_t>((bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16)};
}

}  // namespace bragg
