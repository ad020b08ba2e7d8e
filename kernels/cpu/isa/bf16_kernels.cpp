// The elementwise vector code of the network ops on bfloat16, sixteen at once: what is summed and scaled is a
// float. AVX512-BF16 rounds to nearest even and takes numbers below 2^-126 for 0; elsewhere (the tests' build
// for machines without it) bits are rounded.
#include "kernels/cpu/isa/bf16_kernels.h"

#include "kernels/cpu/isa/bf16_vector.h"
#include "kernels/cpu/isa/gemm_tiles.h"

namespace bragg::cpu::BRAGG_ISA {
namespace {

using namespace sixteen;

/// The last, fewer than sixteen, among zeros.
template <typename Number>
struct Rest {
  Number numbers[lanes] = {};

  Rest(const Number* from, std::int64_t count) {
    if (from) __builtin_memcpy(numbers, from, static_cast<std::size_t>(count) * sizeof(Number));
  }
};

/// dst[i] = of(vectors at i of all sources), for i in [0, count). A source may be null.
template <typename Of, typename... Sources>
void for_sixteens(std::int64_t count, BFloat16* dst, const Of& of, const Sources*... sources) {
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes)
    store(dst + i, of(i, sources ? sources + i : nullptr...));
  if (i == count) return;
  const Halves last = rounded(
      of(i, (sources ? Rest(sources + i, count - i).numbers : static_cast<const Sources*>(nullptr))...));
  __builtin_memcpy(dst + i, &last, static_cast<std::size_t>(count - i) * sizeof(BFloat16));
}

/// All ones where the channels [c, c + 16) are kept.
Ints kept(const ForwardStore& how, const std::uint32_t* words, std::int64_t stride, std::int64_t c) {
  // Little-endian: the low half of a word is the lower channel.
  const std::uint32_t* word = words + c % 32 / 8 * stride + c / 32 * 4;
  const HalfHalves low = load<HalfHalves>(word), high = load<HalfHalves>(word + stride);
  const Halves bits =
      __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  return __builtin_convertvector(bits, Ints) >= static_cast<std::int32_t>(how.drop_below);
}

template <bool relu, bool drops>
void store_row(const float* acc, std::int64_t count, const ForwardStore& how, const std::uint32_t* words,
               std::int64_t stride, BFloat16* dst) {
  const auto one = [&](std::int64_t c, const float* sums, const float* bias) {
    Floats value = load(sums);
    if (bias) value += load(bias);
    if (relu) value = value < 0 ? Floats{} : value;  // a NaN stays one
    if (drops) value = (Floats)((Ints)(value * how.scale) & kept(how, words, stride, c));
    return value;
  };
  for_sixteens(count, dst, one, acc, how.bias);
}

void store_forward(const float* acc, std::int64_t count, const ForwardStore& how, const std::uint32_t* words,
                   std::int64_t stride, BFloat16* dst) {
  const bool drops = how.drop_below > 0;
  const auto store_as = how.relu ? (drops ? store_row<true, true> : store_row<true, false>)
                                 : (drops ? store_row<false, true> : store_row<false, false>);
  store_as(acc, count, how, words, stride, dst);
}

void store_backward(const float* acc, std::int64_t count, const BFloat16* src, float scale, BFloat16* dst) {
  const auto one = [&](std::int64_t, const float* sums, const BFloat16* at) {
    const Floats value = load(sums);
    return at ? value * (load(at) > 0 ? Floats{} + scale : Floats{}) : value;
  };
  for_sixteens(count, dst, one, acc, src);
}

/// Sums of a strip of columns stay in registers.
template <int vectors>
void add_strip(const BFloat16* src, std::int64_t rows, std::int64_t row_stride, float* sums) {
  Floats strip[vectors];
  for (int j = 0; j < vectors; ++j)
    strip[j] = load(sums + j * lanes);
  for (std::int64_t r = 0; r < rows; ++r, src += row_stride) {
    for (int j = 0; j < vectors; ++j)
      strip[j] += load(src + j * lanes);
  }
  __builtin_memcpy(sums, strip, sizeof strip);
}

void add_rows(const BFloat16* src, std::int64_t rows, std::int64_t row_stride, std::int64_t count,
              float* sums) {
  std::int64_t c = 0;
  for (; c + 5 * lanes <= count; c += 5 * lanes)
    add_strip<5>(src + c, rows, row_stride, sums + c);
  for (; c + lanes <= count; c += lanes)
    add_strip<1>(src + c, rows, row_stride, sums + c);
  for (std::int64_t r = 0; r < rows && c < count; ++r, src += row_stride) {
    for (std::int64_t i = c; i < count; ++i)
      sums[i] += __builtin_bit_cast(float, std::uint32_t{src[i].bits} << 16);
  }
}

void sum(const BFloat16* a, const BFloat16* b, std::int64_t count, float* dst) {
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const Floats value = b ? load(a + i) + load(b + i) : load(a + i);
    __builtin_memcpy(dst + i, &value, sizeof value);
  }
  if (i == count) return;
  const Floats first = load(Rest(a + i, count - i).numbers);
  const Floats last = b ? first + load(Rest(b + i, count - i).numbers) : first;
  __builtin_memcpy(dst + i, &last, static_cast<std::size_t>(count - i) * sizeof(float));
}

void average_rows(const BFloat16* src, std::int64_t C, std::int64_t kernel, float scale,
                  const BFloat16* positive, BFloat16* dst) {
  const auto finish = [&](Floats total, const BFloat16* at) {
    total *= scale;
    return at ? total * (load(at) > 0 ? Floats{} + 1.0f : Floats{}) : total;
  };
  const auto average = [&](std::int64_t c, const BFloat16*, const BFloat16* at) {
    Floats total = load(src + c);
    for (std::int64_t j = 1; j < kernel; ++j)
      total += load(src + j * C + c);
    return finish(total, at);
  };
  const std::int64_t whole = C / lanes * lanes;
  for_sixteens(whole, dst, average, src, positive);
  if (whole == C) return;
  Floats total{};
  for (std::int64_t j = 0; j < kernel; ++j)
    total += load(Rest(src + j * C + whole, C - whole).numbers);
  const Halves last = rounded(finish(total, positive ? Rest(positive + whole, C - whole).numbers : nullptr));
  __builtin_memcpy(dst + whole, &last, static_cast<std::size_t>(C - whole) * sizeof(BFloat16));
}

template <typename T>
void scale_row(const T* src, std::int64_t count, float scale, BFloat16* dst) {
  typedef T Numbers __attribute__((vector_size(lanes * sizeof(T))));
  const auto one = [&](std::int64_t, const T* at) {
    return scale * __builtin_convertvector(load<Numbers>(at), Floats);
  };
  for_sixteens(count, dst, one, src);
}

}  // namespace

const ElementKernels<BFloat16> bf16_kernels{.tiles = bf16_tiles,
                                            .tile_count = bf16_tile_count,
                                            .store_forward = store_forward,
                                            .store_backward = store_backward,
                                            .add_rows = add_rows,
                                            .sum = sum,
                                            .average_rows = average_rows,
                                            .scale_f32 = scale_row<float>,
                                            .scale_u16 = scale_row<std::uint16_t>,
                                            .scale_i32 = scale_row<std::int32_t>,
                                            .batch_norm = &bf16_batch_norm_kernels};

}  // namespace bragg::cpu::BRAGG_ISA
