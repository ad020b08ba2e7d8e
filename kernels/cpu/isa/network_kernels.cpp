// The elementwise vector code of the network ops. Loops over arrays: the compiler makes the vectors.
#include "kernels/cpu/isa/network_kernels.h"

#include <immintrin.h>

#include "kernels/cpu/isa/gemm_tiles.h"

namespace bragg::cpu::BRAGG_ISA {
namespace {

// One 32-bit number in every 64-bit lane, as the widening multiplication wants them: it ignores the upper
// halves, so they are left to hold anything until the end.
#if defined(__AVX512F__)
typedef std::uint64_t Lanes __attribute__((vector_size(64)));
Lanes multiply_low_halves(Lanes a, Lanes b) {
  return (Lanes)_mm512_maskz_mul_epu32(0xFF, (__m512i)a, (__m512i)b);
}
#elif defined(__AVX2__)
typedef std::uint64_t Lanes __attribute__((vector_size(32)));
Lanes multiply_low_halves(Lanes a, Lanes b) {
  return (Lanes)_mm256_mul_epu32((__m256i)a, (__m256i)b);
}
#else
typedef std::uint64_t Lanes __attribute__((vector_size(16)));
Lanes multiply_low_halves(Lanes a, Lanes b) {
  return (Lanes)_mm_mul_epu32((__m128i)a, (__m128i)b);
}
#endif
constexpr int lanes = sizeof(Lanes) / 8;
constexpr int sets = 3;  // one after the other would wait for the multiplications

typedef std::uint32_t HalfLanes __attribute__((vector_size(sizeof(Lanes) / 2), aligned(4)));

/// Philox4x32-10 (kernels/base/random.h has the definition) for sets * lanes consecutive calls at once.
void philox_calls(std::uint32_t first, std::uint32_t layer, std::uint64_t step, std::uint32_t key0,
                  std::uint32_t key1, std::uint32_t* words, std::int64_t stride) {
  Lanes count_up = {};
  for (int i = 0; i < lanes; ++i)
    count_up[i] = static_cast<std::uint64_t>(i);
  Lanes c[sets][4];
#pragma GCC unroll 4
  for (int set = 0; set < sets; ++set) {
    for (int i = 0; i < lanes; ++i)
      c[set][0][i] = first + static_cast<std::uint32_t>(set * lanes + i);
    c[set][0] = count_up + (first + static_cast<std::uint32_t>(set * lanes));
    c[set][1] = Lanes{} + layer;
    c[set][2] = Lanes{} + static_cast<std::uint32_t>(step);
    c[set][3] = Lanes{} + (step >> 32);
  }
  const Lanes multiplier0 = Lanes{} + 0xD2511F53u, multiplier1 = Lanes{} + 0xCD9E8D57u;
#pragma GCC unroll 10
  for (int round = 0; round < 10; ++round) {
    const Lanes k0 = Lanes{} + key0, k1 = Lanes{} + key1;
#pragma GCC unroll 4
    for (int set = 0; set < sets; ++set) {
      const Lanes p0 = multiply_low_halves(c[set][0], multiplier0),
                  p1 = multiply_low_halves(c[set][2], multiplier1);
      c[set][0] = (p1 >> 32) ^ c[set][1] ^ k0;
      c[set][2] = (p0 >> 32) ^ c[set][3] ^ k1;
      c[set][1] = p1;
      c[set][3] = p0;
    }
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
#pragma GCC unroll 4
  for (int set = 0; set < sets; ++set) {
    for (int word = 0; word < 4; ++word) {
      *reinterpret_cast<HalfLanes*>(words + word * stride + set * lanes) =
          __builtin_convertvector(c[set][word], HalfLanes);
    }
  }
}

void dropout_words(std::uint32_t seed, std::uint32_t stream, std::uint32_t layer, std::uint64_t step,
                   std::uint32_t first, std::int64_t count, std::uint32_t* words, std::int64_t stride) {
  for (std::int64_t i = 0; i < count; i += sets * lanes) {
    philox_calls(first + static_cast<std::uint32_t>(i), layer, step, seed, stream, words + i, stride);
  }
}

void add_bias(const float* acc, std::int64_t count, const ForwardStore& how, float* dst) {
  if (how.bias) {
    for (std::int64_t c = 0; c < count; ++c)
      dst[c] = acc[c] + how.bias[c];
  } else {
    for (std::int64_t c = 0; c < count; ++c)
      dst[c] = acc[c];
  }
  if (how.relu) {
    for (std::int64_t c = 0; c < count; ++c)
      dst[c] = dst[c] < 0 ? 0 : dst[c];  // a NaN stays one
  }
}

typedef float Eight __attribute__((vector_size(32)));
/// Eight floats anywhere in memory: of a reference to a vector that is aligned to less clang would forget
/// that.
struct __attribute__((packed, may_alias)) EightFloats {
  Eight all;
};
typedef std::int32_t EightMasks __attribute__((vector_size(32)));
typedef std::uint16_t EightHalves __attribute__((vector_size(16), aligned(2)));

EightFloats& eight(float* p) {
  return *reinterpret_cast<EightFloats*>(p);
}
const EightFloats& eight(const float* p) {
  return *reinterpret_cast<const EightFloats*>(p);
}

template <bool relu>
void drop_row(const float* acc, std::int64_t count, const ForwardStore& how, const std::uint32_t* words,
              std::int64_t stride, float* dst) {
  const auto drop_below = static_cast<std::int32_t>(how.drop_below);
  std::int64_t c = 0;
  for (; c + 8 <= count; c += 8) {
    // Little-endian: the low half of a word is the lower channel.
    const std::uint32_t* word = words + c % 32 / 8 * stride + c / 32 * 4;
    EightHalves halves;
    __builtin_memcpy(&halves, word, sizeof halves);
    Eight value = eight(acc + c).all;
    if (how.bias) value += eight(how.bias + c).all;
    EightMasks kept = __builtin_convertvector(halves, EightMasks) >= drop_below;
    if (relu) kept &= ~(value < 0);
    eight(dst + c).all = (Eight)((EightMasks)(value * how.scale) & kept);
  }
  const std::uint32_t* word = words + c % 32 / 8 * stride + c / 32 * 4;
  for (; c < count; ++c) {
    const std::uint32_t bits = word[c % 8 / 2] >> (16 * (c % 2)) & 0xFFFFu;
    float value = how.bias ? acc[c] + how.bias[c] : acc[c];
    if (relu) value = value < 0 ? 0 : value;
    dst[c] = bits >= how.drop_below ? value * how.scale : 0;
  }
}

void store_forward(const float* acc, std::int64_t count, const ForwardStore& how, const std::uint32_t* words,
                   std::int64_t stride, float* dst) {
  if (how.drop_below == 0) {
    add_bias(acc, count, how, dst);
  } else if (how.relu) {
    drop_row<true>(acc, count, how, words, stride, dst);
  } else {
    drop_row<false>(acc, count, how, words, stride, dst);
  }
}

void store_backward(const float* acc, std::int64_t count, const float* src, float scale, float* dst) {
  if (src == nullptr) {
    for (std::int64_t c = 0; c < count; ++c)
      dst[c] = acc[c];
  } else {
    for (std::int64_t c = 0; c < count; ++c)
      dst[c] = acc[c] * (src[c] > 0 ? scale : 0.0f);
  }
}

void add_rows(const float* __restrict src, std::int64_t rows, std::int64_t row_stride, std::int64_t count,
              float* __restrict sums) {
  for (std::int64_t r = 0; r < rows; ++r, src += row_stride) {
    for (std::int64_t c = 0; c < count; ++c)
      sums[c] += src[c];
  }
}

void sum(const float* a, const float* b, std::int64_t count, float* __restrict dst) {
  for (std::int64_t i = 0; i < count; ++i)
    dst[i] = b ? a[i] + b[i] : a[i];
}

void average_rows(const float* __restrict src, std::int64_t C, std::int64_t kernel, float scale,
                  const float* __restrict positive, float* __restrict dst) {
  std::int64_t c = 0;
  for (; c + 8 <= C; c += 8) {
    Eight sum = eight(src + c).all;
    for (std::int64_t j = 1; j < kernel; ++j)
      sum += eight(src + j * C + c).all;
    eight(dst + c).all = sum * scale;
  }
  for (; c < C; ++c) {
    float sum = src[c];
    for (std::int64_t j = 1; j < kernel; ++j)
      sum += src[j * C + c];
    dst[c] = sum * scale;
  }
  if (positive) store_backward(dst, C, positive, 1.0f, dst);
}

void adam(const AdamStep& step, const float* __restrict gradients, std::int64_t count,
          float* __restrict weights, float* __restrict m, float* __restrict v) {
  for (std::int64_t i = 0; i < count; ++i) {
    const float g = gradients[i] * step.gradient_scale;
    m[i] = step.beta1 * m[i] + step.one_minus_beta1 * g;
    v[i] = step.beta2 * v[i] + step.one_minus_beta2 * (g * g);
    weights[i] = weights[i] * step.kept -
                 step.step_size * m[i] / (__builtin_sqrtf(v[i]) * step.root_correction + step.epsilon);
  }
}

void average_in(float decay, float rest, const float* __restrict weights, std::int64_t count,
                float* __restrict average) {
  for (std::int64_t i = 0; i < count; ++i)
    average[i] = decay * average[i] + rest * weights[i];
}

/// The square of a float is exact in double, so that it is all one where it is rounded.
double sum_of_squares(const float* __restrict values, std::int64_t count) {
  constexpr int sums = 16;
  double sum[sums] = {};
  std::int64_t i = 0;
  for (; i + sums <= count; i += sums) {
    for (int k = 0; k < sums; ++k)
      sum[k] += static_cast<double>(values[i + k]) * static_cast<double>(values[i + k]);
  }
  for (int k = 0; i < count; ++i, ++k)
    sum[k] += static_cast<double>(values[i]) * static_cast<double>(values[i]);
  double all = 0;
  for (int k = 0; k < sums; ++k)
    all += sum[k];
  return all;
}

template <typename T>
void scale_row(const T* __restrict src, std::int64_t count, float scale, float* __restrict dst) {
  for (std::int64_t i = 0; i < count; ++i)
    dst[i] = scale * static_cast<float>(src[i]);
}

}  // namespace

const NetworkKernels network_kernels{{.tiles = gemm_tiles,
                                      .tile_count = tile_count,
                                      .store_forward = store_forward,
                                      .store_backward = store_backward,
                                      .add_rows = add_rows,
                                      .sum = sum,
                                      .average_rows = average_rows,
                                      .scale_f32 = scale_row<float>,
                                      .scale_u16 = scale_row<std::uint16_t>,
                                      .scale_i32 = scale_row<std::int32_t>,
                                      .batch_norm = &batch_norm_kernels},
                                     dropout_words,
                                     adam,
                                     average_in,
                                     sum_of_squares};

}  // namespace bragg::cpu::BRAGG_ISA
