// Whole numbers of blocks.
#pragma once

#include <cstdint>

namespace bragg::cpu {

constexpr std::int64_t quotient_up(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}
constexpr std::int64_t round_up(std::int64_t a, std::int64_t b) {
  return quotient_up(a, b) * b;
}

}  // namespace bragg::cpu
