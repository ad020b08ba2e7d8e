// What happens to the points of a pattern: background, noise and scaling.
#include "kernels/cpu/isa/crystal_vector.h"
#include "kernels/cpu/isa/pattern_kernels.h"

namespace bragg::cpu::BRAGG_ISA {
namespace {

// 32 x 32 -> 64 bits in every lane.
void multiply_wide(Words a, std::uint32_t b, Words& high, Words& low) {
#if defined(__AVX512F__)
  const __m512i x = reinterpret_cast<__m512i>(a), m = _mm512_set1_epi32(static_cast<int>(b));
  const __m512i even = _mm512_mul_epu32(x, m), odd = _mm512_mul_epu32(_mm512_srli_epi64(x, 32), m);
  high = reinterpret_cast<Words>(_mm512_mask_blend_epi32(0xAAAA, _mm512_srli_epi64(even, 32), odd));
  low = reinterpret_cast<Words>(_mm512_mask_blend_epi32(0xAAAA, even, _mm512_slli_epi64(odd, 32)));
#elif defined(__AVX2__)
  const __m256i x = reinterpret_cast<__m256i>(a), m = _mm256_set1_epi32(static_cast<int>(b));
  const __m256i even = _mm256_mul_epu32(x, m), odd = _mm256_mul_epu32(_mm256_srli_epi64(x, 32), m);
  high = reinterpret_cast<Words>(_mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xAA));
  low = reinterpret_cast<Words>(_mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xAA));
#else
  const __m128i x = reinterpret_cast<__m128i>(a), m = _mm_set1_epi32(static_cast<int>(b));
  const __m128i even = _mm_mul_epu32(x, m), odd = _mm_mul_epu32(_mm_srli_epi64(x, 32), m);
  high = reinterpret_cast<Words>(_mm_blend_epi16(_mm_srli_epi64(even, 32), odd, 0xCC));
  low = reinterpret_cast<Words>(_mm_blend_epi16(even, _mm_slli_epi64(odd, 32), 0xCC));
#endif
}

// random.h's philox4x32_10 for `lanes` consecutive calls.
void philox(std::uint32_t first_call, std::uint32_t purpose, std::uint64_t index, std::uint32_t seed,
            std::uint32_t stream, Words r[4]) {
  Words call{};
  for (int i = 0; i < lanes; ++i) {
    call[i] = first_call + static_cast<std::uint32_t>(i);
  }
  r[0] = call;
  r[1] = Words{} + purpose;
  r[2] = Words{} + static_cast<std::uint32_t>(index);
  r[3] = Words{} + static_cast<std::uint32_t>(index >> 32);
  std::uint32_t key0 = seed, key1 = stream;
  for (int round = 0; round < 10; ++round) {
    Words high0, low0, high1, low1;
    multiply_wide(r[0], 0xD2511F53u, high0, low0);
    multiply_wide(r[2], 0xCD9E8D57u, high1, low1);
    r[0] = high1 ^ r[1] ^ key0;
    r[1] = low1;
    r[2] = high0 ^ r[3] ^ key1;
    r[3] = low0;
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
}

// a0 b0 a1 b1 ... in two vectors.
void interleave(Words a, Words b, Words& first, Words& second) {
#if defined(__AVX512F__)
  first = __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  second = __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
#elif defined(__AVX2__)
  first = __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
  second = __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
#else
  first = __builtin_shufflevector(a, b, 0, 4, 1, 5);
  second = __builtin_shufflevector(a, b, 2, 6, 3, 7);
#endif
}

// random.h's uniform01.
Floats uniform(Words bits) {
  return __builtin_convertvector(reinterpret_cast<Ints>(bits >> 8), Floats) * 0x1p-24f;
}

}  // namespace

void add_background(const BackgroundCall& call) {
  const auto step = static_cast<float>(call.step), start = static_cast<float>(call.start);
  const float to_unit = call.points > 1 ? 2 / static_cast<float>(call.points - 1) : 0,
              unit_start = call.points > 1 ? -1 : 0;
  const auto effect = [&](Effect e) { return static_cast<float>(call.effects[static_cast<int>(e)]); };
  const float air = effect(Effect::air_scatter) * start, hump = effect(Effect::hump),
              hump_centre = effect(Effect::hump_centre), hump_width = effect(Effect::hump_width),
              hump_scale = hump > 0 ? -4 / (hump_width * hump_width) : 0;
  const double chebyshev = call.effects[static_cast<int>(Effect::chebyshev)],
               floor = call.effects[static_cast<int>(Effect::floor)];
  float c[5] = {static_cast<float>(chebyshev / 2 + floor)};  // of T_0 .. T_4
  for (int k = 1; k < 5; ++k)
    c[k] = static_cast<float>(chebyshev * call.chebyshev[k - 1] / 8);
  bool curved = false;
  for (int k = 1; k < 5; ++k)
    curved |= c[k] != 0;
  for (std::int64_t i = 0; i < call.points; i += lanes) {
    const Floats at = ramp() + static_cast<float>(i);
    Floats y = load(call.y + i) * call.scale + c[0];
    if (call.other != nullptr) y += load(call.other + i) * call.other_scale;
    if (curved) {  // Clenshaw
      const Floats x = at * to_unit + unit_start, two_x = x + x;
      const Floats b3 = two_x * c[4] + c[3], b2 = two_x * b3 - c[4] + c[2], b1 = two_x * b2 - b3 + c[1];
      y += x * b1 - b2;
    }
    const Floats two_theta = at * step + start;
    if (air > 0) y += air / two_theta;
    if (hump > 0) {
      const Floats x = two_theta - hump_centre;
      y += hump * exp2(x * (x * hump_scale));
    }
    store(call.y + i, y);
  }
}

float maximum_of(const float* y, std::int64_t points) {
  Floats m = load(y);
  for (std::int64_t i = lanes; i + lanes <= points; i += lanes)
    m = maximum(m, load(y + i));
  float highest = 0;
  for (int i = 0; i < lanes && i < points; ++i)
    highest = m[i] > highest ? m[i] : highest;
  for (std::int64_t i = points / lanes * lanes; i < points; ++i)
    highest = y[i] > highest ? y[i] : highest;
  return highest;
}

void add_uniform_noise(float level, std::uint32_t seed, std::uint64_t index, std::int64_t points, float* y) {
  constexpr std::uint32_t data_stream = 1, noise_purpose = 2;  // RandomStream::data, DataDraw::noise
  for (std::int64_t i = 0; i < points; i += 4 * lanes) {
    Words r[4], a, b, c, d, block[4];
    philox(static_cast<std::uint32_t>(i / 4), noise_purpose, index, seed, data_stream, r);
    interleave(r[0], r[2], a, b);
    interleave(r[1], r[3], c, d);
    interleave(a, c, block[0], block[1]);
    interleave(b, d, block[2], block[3]);
    for (int j = 0; j < 4 && i + j * lanes < points; ++j) {
      float* at = y + i + j * lanes;
      store(at, load(at) + level * uniform(block[j]));
    }
  }
}

namespace {

// data_random.h's normal_pair.
void normals(Words bits0, Words bits1, Floats& first, Floats& second) {
  const Floats radius = sqrt(-2.0f * log(1.0f - uniform(bits0))), turns = uniform(bits1);
  Floats sine, cosine;
  sincos_turns(turns > 0.5f ? turns - 1.0f : turns, sine, cosine);
  first = radius * cosine;
  second = radius * sine;
}

Floats with_noise(Floats y, Floats z, float poisson, float gaussian) {
  if (!(poisson > 0)) return y + gaussian * z;
  const float n = 1 / (poisson * poisson), sigma = n * gaussian, offset = sigma * sigma + 0.375f;
  const Floats positive = y > 0.0f ? y : Floats{};
  const Floats counts = positive * n + offset;
  // (sqrt(counts) + z / 2)^2 - offset, without the cancellation
  const Floats noisy = positive + (sqrt(counts) * z + 0.25f * (z * z)) * (1 / n);
  return gaussian > 0 ? noisy : maximum(noisy, Floats{});
}

}  // namespace

void add_noise(const NoiseCall& call) {
  const auto poisson = static_cast<float>(call.effects[static_cast<int>(Effect::poisson)]),
             gaussian = static_cast<float>(call.effects[static_cast<int>(Effect::gaussian)]);
  constexpr std::uint32_t data_stream = 1, noise_purpose = 2;  // RandomStream::data, DataDraw::noise
  for (std::int64_t i = 0; i < call.points; i += 4 * lanes) {
    Words r[4], a, b, c, d, block[4];
    philox(static_cast<std::uint32_t>(i / 4), noise_purpose, call.index, call.seed, data_stream, r);
    Floats z[4];
    normals(r[0], r[1], z[0], z[1]);
    normals(r[2], r[3], z[2], z[3]);
    interleave(reinterpret_cast<Words>(z[0]), reinterpret_cast<Words>(z[2]), a, b);
    interleave(reinterpret_cast<Words>(z[1]), reinterpret_cast<Words>(z[3]), c, d);
    interleave(a, c, block[0], block[1]);
    interleave(b, d, block[2], block[3]);
    for (int j = 0; j < 4 && i + j * lanes < call.points; ++j) {
      float* at = call.y + i + j * lanes;
      store(at, with_noise(load(at), reinterpret_cast<Floats>(block[j]), poisson, gaussian));
    }
  }
}

void scale_into(const float* y, float factor, std::int64_t points, float* dst) {
  std::int64_t i = 0;
  for (; i + lanes <= points; i += lanes) {
    *reinterpret_cast<UnalignedFloats*>(dst + i) = load(y + i) * factor;
  }
  for (; i < points; ++i)
    dst[i] = y[i] * factor;
}

void root_into(const float* y, float factor, std::int64_t points, float* dst) {
  for (std::int64_t i = 0; i < points; i += lanes) {
    const Floats value = load(y + i) * factor, root = sqrt(value > 0.0f ? value : Floats{});
    if (i + lanes <= points) {
      *reinterpret_cast<UnalignedFloats*>(dst + i) = root;
    } else {
      for (int j = 0; i + j < points; ++j)
        dst[i + j] = root[j];
    }
  }
}

}  // namespace bragg::cpu::BRAGG_ISA
