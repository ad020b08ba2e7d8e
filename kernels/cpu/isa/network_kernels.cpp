// The elementwise vector code of the network ops. Loops over arrays: the compiler makes the vectors.
#include "kernels/cpu/isa/network_kernels.h"

#include "kernels/cpu/isa/gemm_tiles.h"

namespace bragg::cpu::BRAGG_ISA {
namespace {

/// Philox4x32-10 (kernels/random.h has the definition) for 16 consecutive calls at once.
void philox_calls(std::uint32_t first, std::uint32_t layer, std::uint64_t step, std::uint32_t key0,
                  std::uint32_t key1, std::uint32_t* words, std::int64_t stride) {
  constexpr int calls = 16;
  std::uint32_t c0[calls], c1[calls], c2[calls], c3[calls];
  for (int i = 0; i < calls; ++i) {
    c0[i] = first + static_cast<std::uint32_t>(i);
    c1[i] = layer;
    c2[i] = static_cast<std::uint32_t>(step);
    c3[i] = static_cast<std::uint32_t>(step >> 32);
  }
#pragma GCC unroll 1
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < calls; ++i) {
      const std::uint64_t p0 = std::uint64_t{0xD2511F53u} * c0[i];
      const std::uint64_t p1 = std::uint64_t{0xCD9E8D57u} * c2[i];
      c0[i] = static_cast<std::uint32_t>(p1 >> 32) ^ c1[i] ^ key0;
      c2[i] = static_cast<std::uint32_t>(p0 >> 32) ^ c3[i] ^ key1;
      c1[i] = static_cast<std::uint32_t>(p1);
      c3[i] = static_cast<std::uint32_t>(p0);
    }
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  for (int i = 0; i < calls; ++i) {
    words[i] = c0[i];
    words[stride + i] = c1[i];
    words[2 * stride + i] = c2[i];
    words[3 * stride + i] = c3[i];
  }
}

void dropout_words(std::uint32_t seed, std::uint32_t stream, std::uint32_t layer, std::uint64_t step,
                   std::uint32_t first, std::int64_t count, std::uint32_t* words, std::int64_t stride) {
  for (std::int64_t i = 0; i < count; i += 16) {
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

/// 8 channels, whose 16 bits each are the given word of 4 consecutive calls.
template <bool relu>
void drop_eight(const float* acc, const float* bias, const std::uint16_t* bits, std::uint32_t drop_below,
                float scale, float* dst) {
  for (int c = 0; c < 8; ++c) {
    float value = bias ? acc[c] + bias[c] : acc[c];
    if (relu) value = value < 0 ? 0 : value;
    dst[c] = bits[c] >= drop_below ? value * scale : 0;
  }
}

template <bool relu>
void drop_row(const float* acc, std::int64_t count, const ForwardStore& how, const std::uint32_t* words,
              std::int64_t stride, float* dst) {
  std::int64_t c = 0;
  for (; c + 8 <= count; c += 8) {
    // Little-endian: the low half of a word is the lower channel.
    const std::uint32_t* word = words + c % 32 / 8 * stride + c / 32 * 4;
    std::uint16_t bits[8];
    __builtin_memcpy(bits, word, sizeof bits);
    drop_eight<relu>(acc + c, how.bias ? how.bias + c : nullptr, bits, how.drop_below, how.scale, dst + c);
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

void average_rows(const float* __restrict src, std::int64_t C, std::int64_t kernel, float scale,
                  float* __restrict dst) {
  for (std::int64_t c = 0; c < C; ++c) {
    float sum = src[c];
    for (std::int64_t j = 1; j < kernel; ++j)
      sum += src[j * C + c];
    dst[c] = sum * scale;
  }
}

void adam(const AdamStep& step, const float* __restrict gradients, std::int64_t count,
          float* __restrict weights, float* __restrict m, float* __restrict v) {
  for (std::int64_t i = 0; i < count; ++i) {
    const float g = gradients[i];
    m[i] = step.beta1 * m[i] + step.one_minus_beta1 * g;
    v[i] = step.beta2 * v[i] + step.one_minus_beta2 * (g * g);
    weights[i] -= step.step_size * m[i] / (__builtin_sqrtf(v[i]) * step.root_correction + step.epsilon);
  }
}

template <typename T>
void scale_row(const T* __restrict src, std::int64_t count, float scale, float* __restrict dst) {
  for (std::int64_t i = 0; i < count; ++i)
    dst[i] = scale * static_cast<float>(src[i]);
}

}  // namespace

const NetworkKernels network_kernels{
    .tiles = gemm_tiles,
    .tile_count = tile_count,
    .dropout_words = dropout_words,
    .store_forward = store_forward,
    .store_backward = store_backward,
    .add_rows = add_rows,
    .average_rows = average_rows,
    .adam = adam,
    .scale_f32 = scale_row<float>,
    .scale_u16 = scale_row<std::uint16_t>,
    .scale_i32 = scale_row<std::int32_t>,
};

}  // namespace bragg::cpu::BRAGG_ISA
