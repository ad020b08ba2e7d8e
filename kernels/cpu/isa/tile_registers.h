// The eight tile registers of AMX, each of 16 rows of 16 words; or eight arrays that do the same sums in the
// same order, for machines without them. Only for files of isa/.
#pragma once

#include <cstdint>

namespace bragg::cpu::BRAGG_ISA::tiles {

constexpr int side = 16;          ///< rows of a register, and words of a row
constexpr int k_step = 2 * side;  ///< bfloat16 of a row: what one product takes of K

/// Calls f.operator()<i>() for i in [first, last).
template <int first, int last, typename F>
[[gnu::always_inline]] inline void repeat(const F& f) {
  if constexpr (first < last) {
    f.template operator()<first>();
    repeat<first + 1, last>(f);
  }
}

#if defined(__AMX_BF16__)

/// Every register in full. A thread must begin before it touches one, and end: until then whoever takes the
/// core from it must save all eight kilobytes.
inline void begin() {
  struct alignas(64) Configuration {
    std::uint8_t palette, start_row, reserved[14];
    std::uint16_t row_bytes[16];
    std::uint8_t rows[16];
  };
  static const Configuration all = {
      1, 0, {}, {64, 64, 64, 64, 64, 64, 64, 64}, {side, side, side, side, side, side, side, side}};
  asm volatile("ldtilecfg %0" : : "m"(all));
}
inline void end() {
  asm volatile("tilerelease");
}

// In assembly: the compilers' intrinsics are macros that take a literal number of a register.
template <int tile>
[[gnu::always_inline]] inline void zero() {
  asm volatile("tilezero %%tmm%c0" : : "i"(tile));
}
template <int tile>
[[gnu::always_inline]] inline void load(const void* rows, std::int64_t stride_bytes) {
  asm volatile("tileloadd (%0,%1,1), %%tmm%c2" : : "r"(rows), "r"(stride_bytes), "i"(tile) : "memory");
}
template <int tile>
[[gnu::always_inline]] inline void store(void* rows, std::int64_t stride_bytes) {
  asm volatile("tilestored %%tmm%c2, (%0,%1,1)" : : "r"(rows), "r"(stride_bytes), "i"(tile) : "memory");
}
/// sums(i, j) += sum over k of a(i, k) b(k, j), with pairs of k in the words of both.
template <int sums, int a, int b>
[[gnu::always_inline]] inline void add_products() {
  asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(sums), "i"(a), "i"(b));
}

#else

struct Register {
  std::uint32_t words[side][side];
};
inline thread_local Register registers[8];

inline void begin() {}
inline void end() {}

template <int tile>
void zero() {
  registers[tile] = {};
}
template <int tile>
void load(const void* rows, std::int64_t stride_bytes) {
  for (int i = 0; i < side; ++i)
    __builtin_memcpy(registers[tile].words[i], static_cast<const char*>(rows) + i * stride_bytes, 4 * side);
}
template <int tile>
void store(void* rows, std::int64_t stride_bytes) {
  for (int i = 0; i < side; ++i)
    __builtin_memcpy(static_cast<char*>(rows) + i * stride_bytes, registers[tile].words[i], 4 * side);
}

/// As the instruction takes and leaves what is below 2^-126: for 0.
inline float flushed(float x) {
  return __builtin_fabsf(x) < 0x1p-126f ? __builtin_copysignf(0, x) : x;
}
inline float first_of(std::uint32_t pair) {
  return flushed(__builtin_bit_cast(float, pair << 16));
}
inline float second_of(std::uint32_t pair) {
  return flushed(__builtin_bit_cast(float, pair & 0xFFFF0000u));
}

/// The first and the second numbers of the pairs are summed apart, then joined, as the instruction does it.
template <int sums, int a, int b>
void add_products() {
  for (int i = 0; i < side; ++i) {
    for (int j = 0; j < side; ++j) {
      float first = 0, second = 0;
      for (int k = 0; k < side; ++k) {
        const std::uint32_t x = registers[a].words[i][k], y = registers[b].words[k][j];
        first = flushed(__builtin_fmaf(first_of(x), first_of(y), first));
        second = flushed(__builtin_fmaf(second_of(x), second_of(y), second));
      }
      const float sum = flushed(__builtin_bit_cast(float, registers[sums].words[i][j]));
      registers[sums].words[i][j] = __builtin_bit_cast(std::uint32_t, flushed(sum + flushed(first + second)));
    }
  }
}

#endif

}  // namespace bragg::cpu::BRAGG_ISA::tiles
