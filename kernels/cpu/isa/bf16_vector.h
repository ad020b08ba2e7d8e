// Sixteen bfloat16 as floats, and back. Only for files of isa/.
#pragma once

#include <cstdint>

#include "kernels/base/bfloat16.h"  // the type alone
#include "kernels/cpu/isa/intrinsics.h"

namespace bragg::cpu::BRAGG_ISA::sixteen {

constexpr int lanes = 16;

typedef float Floats __attribute__((vector_size(64)));
typedef std::uint32_t Words __attribute__((vector_size(64)));
typedef std::int32_t Ints __attribute__((vector_size(64)));
typedef std::uint16_t Halves __attribute__((vector_size(32)));
typedef std::uint16_t HalfHalves __attribute__((vector_size(16)));

/// A vector anywhere in memory.
template <typename Vector, typename Number>
Vector load(const Number* p) {
  Vector v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}

inline Floats load(const float* p) {
  return load<Floats, float>(p);
}
inline Floats load(const BFloat16* p) {
#if defined(__AVX512F__)
  const __m512i words =
      _mm512_cvtepu16_epi32((__m256i)load<Halves, BFloat16>(p));  // GCC 12 makes two halves of it
  return (Floats)_mm512_slli_epi32(words, 16);
#endif
  return (Floats)(__builtin_convertvector(load<Halves, BFloat16>(p), Words) << 16);
}

inline Halves rounded(Floats x) {
#if defined(__AVX512BF16__)
  return (Halves)_mm512_cvtneps_pbh((__m512)x);
#else
  const Words bits = (Words)x;
  const Words nearest = (bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16;
  const Words quiet = bits >> 16 | 0x40u;  // a NaN stays one
  const Words is_nan = (Words)(x != x);
  return __builtin_convertvector((nearest & ~is_nan) | (quiet & is_nan), Halves);
#endif
}

inline void store(BFloat16* p, Floats x) {
  const Halves halves = rounded(x);
  __builtin_memcpy(p, &halves, sizeof halves);
}

}  // namespace bragg::cpu::BRAGG_ISA::sixteen
