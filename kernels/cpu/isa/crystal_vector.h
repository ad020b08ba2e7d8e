// Vectors of floats and doubles, and the elementary functions that the crystallographic kernels need. Only
// for files of isa/: everything lies in the namespace of the instruction set.
#pragma once

#include <cstdint>

#include "kernels/cpu/isa/intrinsics.h"

namespace bragg::cpu::BRAGG_ISA {

#if defined(__AVX512F__)
constexpr int lanes = 16;
#elif defined(__AVX2__)
constexpr int lanes = 8;
#else
constexpr int lanes = 4;
#endif
constexpr int bytes = lanes * 4;
constexpr int half = lanes / 2;  // doubles in a vector

typedef float Floats __attribute__((vector_size(bytes)));
typedef double Doubles __attribute__((vector_size(bytes)));
typedef std::int32_t Ints __attribute__((vector_size(bytes)));
typedef std::uint32_t Words __attribute__((vector_size(bytes)));
typedef float HalfFloats __attribute__((vector_size(bytes / 2)));
typedef std::int32_t HalfInts __attribute__((vector_size(bytes / 2)));
typedef float UnalignedFloats __attribute__((vector_size(bytes), aligned(4)));

static inline Floats load(const float* p) {
  return *reinterpret_cast<const Floats*>(p);
}
static inline void store(float* p, Floats v) {
  *reinterpret_cast<Floats*>(p) = v;
}
static inline Floats splat(float x) {
  return Floats{} + x;
}
static inline Doubles splat_double(double x) {
  return Doubles{} + x;
}
static inline Floats sqrt(Floats x) {
  for (int i = 0; i < lanes; ++i)
    x[i] = __builtin_sqrtf(x[i]);
  return x;
}

static inline Floats maximum(Floats a, Floats b) {
  return a > b ? a : b;
}

/// 0, 1, 2, ...
static inline Floats ramp() {
  Floats r{};
  for (int i = 0; i < lanes; ++i)
    r[i] = static_cast<float>(i);
  return r;
}

static inline float sum(Floats x) {
#if defined(__AVX512F__)
  return _mm512_reduce_add_ps(reinterpret_cast<__m512>(x));
#else
#if defined(__AVX2__)
  const __m256 y = reinterpret_cast<__m256>(x);
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(y), _mm256_extractf128_ps(y, 1));
#else
  __m128 s = reinterpret_cast<__m128>(x);
#endif
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  s = _mm_add_ss(s, _mm_shuffle_ps(s, s, 1));
  return _mm_cvtss_f32(s);
#endif
}

/// Two half vectors of doubles as one of floats.
static inline Floats narrow(Doubles low, Doubles high) {
  const HalfFloats a = __builtin_convertvector(low, HalfFloats),
                   b = __builtin_convertvector(high, HalfFloats);
  Floats r;
  __builtin_memcpy(&r, &a, sizeof a);
  __builtin_memcpy(reinterpret_cast<char*>(&r) + sizeof a, &b, sizeof b);
  return r;
}

/// 2^f on [-1/2, 1/2], Chebyshev fit of degree 6: relative error 3e-9.
static inline Floats exp2_fraction(Floats f) {
  Floats p = splat(1.5469732e-4f);
  p = p * f + 1.3400432e-3f;
  p = p * f + 9.6180256e-3f;
  p = p * f + 5.5503272e-2f;
  p = p * f + 2.4022651e-1f;
  p = p * f + 6.9314721e-1f;
  return p * f + 1.0f;
}

constexpr float round_float = 12582912.0f;           // 1.5 * 2^23: x + this - this is x rounded to an integer
constexpr double round_double = 6755399441055744.0;  // 1.5 * 2^52

/// 2^(whole + rest) with whole integral in [-126, 127] and shifted by round_float; beyond, some number: lanes that
/// nobody reads may lie there, so the sum is one that wraps.
static inline Floats scale_by_power(Floats mantissa, Floats shifted) {
  const Words exponent = reinterpret_cast<Words>(shifted) << 23;  // the bits of round_float are shifted out
  return reinterpret_cast<Floats>(reinterpret_cast<Words>(mantissa) + exponent);
}

/// e^x, relative error below 2e-7 for -87 <= x <= 88; beyond, the value at the end of that range.
static inline Floats exp(Floats x) {
  x = x < -87.0f ? splat(-87.0f) : x;
  x = x > 88.0f ? splat(88.0f) : x;
  const Floats shifted = x * 1.44269504f + round_float;
  const Floats whole = shifted - round_float;
  Floats f = x - whole * 0.693359375f;  // ln 2 in two parts (Cody & Waite): the first product is exact
  f = f + whole * 2.12194440e-4f;
  return scale_by_power(exp2_fraction(f * 1.44269504f), shifted);
}

/// 2^x, relative error below 2e-7 + 6e-8 |x|, for x <= 127; 2^-126 below -126.
static inline Floats exp2(Floats x) {
  x = x < -126.0f ? splat(-126.0f) : x;
  const Floats shifted = x + round_float;
  return scale_by_power(exp2_fraction(x - (shifted - round_float)), shifted);
}

/// Natural logarithm of a normal x > 0 (polynomial of Cephes): relative error below 2e-7.
static inline Floats log(Floats x) {
  const Ints bits = reinterpret_cast<Ints>(x);
  Ints exponent = (bits >> 23) - 126;
  Floats f = reinterpret_cast<Floats>((bits & 0x007FFFFF) | 0x3F000000);  // in [1/2, 1)
  const Ints low = f < 0.70710678f;
  exponent += low;  // -1 where it holds
  f = (low ? f + f : f) - 1.0f;
  const Floats z = f * f;
  Floats p = splat(7.0376836292e-2f);
  p = p * f - 1.1514610310e-1f;
  p = p * f + 1.1676998740e-1f;
  p = p * f - 1.2420140846e-1f;
  p = p * f + 1.4249322787e-1f;
  p = p * f - 1.6668057665e-1f;
  p = p * f + 2.0000714765e-1f;
  p = p * f - 2.4999993993e-1f;
  p = p * f + 3.3333331174e-1f;
  const Floats e = __builtin_convertvector(exponent, Floats);
  return f + (f * z * p - 2.12194440e-4f * e - 0.5f * z) + 0.693359375f * e;
}

/// sin and cos of 2 pi r for |r| <= 1/2 (polynomials of Cephes on [-pi/4, pi/4]).
static inline void sincos_turns(Floats r, Floats& sine, Floats& cosine) {
  const Floats shifted = r * 4.0f + round_float;
  const Floats y = (r - (shifted - round_float) * 0.25f) * 6.28318531f;
  const Floats z = y * y;
  const Floats s = y + y * z * (-1.6666654611e-1f + z * (8.3321608736e-3f + z * -1.9515295891e-4f));
  const Floats c = 1.0f - 0.5f * z +
                   z * z * (4.166664568298827e-2f + z * (-1.388731625493765e-3f + z * 2.443315711809948e-5f));
  const Ints quadrant = reinterpret_cast<Ints>(shifted);
  const Ints swap = (quadrant & 1) != 0;
  const Ints sign_sine = (quadrant & 2) << 30, sign_cosine = ((quadrant + 1) & 2) << 30;
  sine = reinterpret_cast<Floats>(reinterpret_cast<Ints>(swap ? c : s) ^ sign_sine);
  cosine = reinterpret_cast<Floats>(reinterpret_cast<Ints>(swap ? s : c) ^ sign_cosine);
}

}  // namespace bragg::cpu::BRAGG_ISA
