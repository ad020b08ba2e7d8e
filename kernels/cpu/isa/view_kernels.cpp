// Structures drawn from their lines, and patterns compared with panels of rows.
//
// A panel holds as many rows as fill two vectors, a word of two numbers of each; a pattern's numbers go through in
// order of k, so that a product's bits depend neither on its neighbours nor on the number of scales.
#include "kernels/cpu/isa/view_kernels.h"

#include "kernels/cpu/isa/crystal_vector.h"

namespace bragg::cpu::BRAGG_ISA {
namespace {

constexpr float drawn_cut = 2.0377f;  // draw_views.h

typedef std::uint16_t Halves __attribute__((vector_size(bytes / 2)));

template <typename Vector, typename Number>
Vector load_anywhere(const Number* p) {
  Vector v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}

void store_anywhere(float* p, Floats v) {
  __builtin_memcpy(p, &v, sizeof v);
}

// ---- drawing ----

float float_of(std::uint32_t bits) {
  float x;
  __builtin_memcpy(&x, &bits, sizeof x);
  return x;
}

/// 2^x as far as a bfloat16 goes, some number for x below -126: Chebyshev fit of degree 4, relative error 3e-6.
Floats bell(Floats x) {
  const Floats shifted = x + round_float;
  const Floats f = x - (shifted - round_float);
  Floats p = splat(9.5828512e-3f);
  p = p * f + 5.5906425e-2f;
  p = p * f + 2.4024099e-1f;
  p = p * f + 6.9312419e-1f;
  return scale_by_power(p * f + 1.0f, shifted);
}

void add_line(const DrawViewCall& call, std::uint32_t line) {
  const float x = static_cast<float>(line & 0xFFFFu) / call.steps_per_bin - 0.5f;
  const float area = float_of(line & 0xFFFF0000u);
  const float width = call.fwhm_low + call.fwhm_slope * x, reach = drawn_cut * width;
  const float height = area / width, scale = -4 / (width * width);
  auto begin = static_cast<std::int64_t>(__builtin_ceilf(x - reach)),
       end = static_cast<std::int64_t>(__builtin_floorf(x + reach)) + 1;
  if (begin < call.first_bin) begin = call.first_bin;
  if (end > call.end_bin) end = call.end_bin;
  for (std::int64_t i = begin; i < end; i += lanes) {
    const Floats away = ramp() + (static_cast<float>(i) - x);
    const Floats profile = height * bell(away * (away * scale));
    store_anywhere(call.y + i, load_anywhere<Floats>(call.y + i) + (away <= reach ? profile : Floats{}));
  }
}

/// 2^(power log2 x), 0 of 0.
Floats powered(Floats x, float power) {
  if (power == 0.5f) return sqrt(x);
  const Floats root = exp2(log(x) * (power * 1.44269504f));
  return x > 0 ? root : Floats{};
}

Halves rounded(Floats x) {
  const Words bits = reinterpret_cast<Words>(x);
  return __builtin_convertvector((bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16, Halves);
}

void draw(const DrawViewCall& call) {
  for (std::int64_t i = 0; i < call.bins; i += lanes)
    store_anywhere(call.y + i, Floats{});
  for (std::int64_t n = 0; n < call.count; ++n)
    add_line(call, call.lines[n]);
  // A line's last vector may reach beyond the window.
  for (std::int64_t i = call.end_bin; i < call.end_bin + 2 * lanes && i < call.bins + lanes; ++i)
    call.y[i] = 0;
  Floats squares{};
  for (std::int64_t i = 0; i < call.bins; i += lanes) {
    const Floats root = powered(load_anywhere<Floats>(call.y + i), call.power);
    store_anywhere(call.y + i, root);
    squares += root * root;
  }
  const float square = sum(squares);
  const float factor = square > 0 ? call.length / __builtin_sqrtf(square) : 0;
  std::int64_t i = 0;
  for (; i + lanes <= call.bins; i += lanes) {
    const Halves halves = rounded(load_anywhere<Floats>(call.y + i) * factor);
    __builtin_memcpy(call.dst + i, &halves, sizeof halves);
  }
  if (i < call.bins) {
    const Halves halves = rounded(load_anywhere<Floats>(call.y + i) * factor);
    __builtin_memcpy(call.dst + i, &halves, static_cast<std::size_t>(call.bins - i) * sizeof(BFloat16));
  }
}

// ---- panels ----

constexpr int panel_vectors = 2, panel_rows = panel_vectors * lanes;

std::uint32_t word_at(const BFloat16* row, std::int64_t k, std::int64_t K) {
  return row[k].bits | (k + 1 < K ? std::uint32_t{row[k + 1].bits} << 16 : 0u);
}

/// Four rows' words of eight numbers from k on, turned round.
void turn_round(const BFloat16* const* rows, std::int64_t k, std::uint32_t* words) {
  const auto row = [&](int i) {
    return reinterpret_cast<__m128>(_mm_loadu_si128(reinterpret_cast<const __m128i*>(rows[i] + k)));
  };
  __m128 a = row(0), b = row(1), c = row(2), d = row(3);
  _MM_TRANSPOSE4_PS(a, b, c, d);
  const auto put = [&](int pair, __m128 v) {
    _mm_storeu_ps(reinterpret_cast<float*>(words + pair * panel_rows), v);
  };
  put(0, a);
  put(1, b);
  put(2, c);
  put(3, d);
}

void pack(const PackPanelCall& call) {
  const std::int64_t whole = call.count / 4 * 4, pairs = (call.K + 1) / 2;
  for (std::int64_t r = 0; r < whole; r += 4) {
    std::int64_t k = 0;
    for (; k + 8 <= call.K; k += 8)
      turn_round(call.rows + r, k, call.words + k / 2 * panel_rows + r);
    for (; k < call.K; k += 2)
      for (std::int64_t i = r; i < r + 4; ++i)
        call.words[k / 2 * panel_rows + i] = word_at(call.rows[i], k, call.K);
  }
  for (std::int64_t r = whole; r < panel_rows; ++r)
    for (std::int64_t pair = 0; pair < pairs; ++pair)
      call.words[pair * panel_rows + r] = r < call.count ? word_at(call.rows[r], 2 * pair, call.K) : 0;
}

// ---- products ----

#if defined(__AVX512BF16__)
constexpr bool in_bf16 = true;
using PatternNumber = std::uint32_t;
#else
constexpr bool in_bf16 = false;
using PatternNumber = float;
#endif
/// Scales at once: two accumulators each, in the registers that are left.
constexpr int most_at_once = lanes == 16 ? 12 : 6;

struct Best {
  Floats product[panel_vectors];
  Ints scale[panel_vectors];
};

/// Scales [first, first + count) of call.S.
template <int count>
[[gnu::always_inline]] inline void match_scales(const MatchPanelCall& call, std::int64_t first, Best& best) {
  Floats total[count][panel_vectors] = {};
  const auto* pattern = static_cast<const PatternNumber*>(call.pattern) + first;
  const std::uint32_t* words = call.words;
  for (std::int64_t pair = 0; pair < call.pairs; ++pair, words += panel_rows) {
    Words panel[panel_vectors];
    for (int v = 0; v < panel_vectors; ++v)
      panel[v] = load_anywhere<Words>(words + v * lanes);
#if defined(__AVX512BF16__)
#pragma GCC unroll 12
    for (int s = 0; s < count; ++s) {
      const Words number = Words{} + pattern[s];
      for (int v = 0; v < panel_vectors; ++v)
        total[s][v] = (Floats)_mm512_dpbf16_ps((__m512)total[s][v], (__m512bh)number, (__m512bh)panel[v]);
    }
    pattern += call.S;
#else
    for (int odd = 0; odd < 2; ++odd, pattern += call.S) {
      Floats k[panel_vectors];
      for (int v = 0; v < panel_vectors; ++v)
        k[v] = reinterpret_cast<Floats>(odd ? panel[v] & 0xFFFF0000u : panel[v] << 16);
#pragma GCC unroll 12
      for (int s = 0; s < count; ++s)
        for (int v = 0; v < panel_vectors; ++v)
          total[s][v] += pattern[s] * k[v];
    }
#endif
  }
#pragma GCC unroll 12
  for (int s = 0; s < count; ++s)
    for (int v = 0; v < panel_vectors; ++v) {
      const Ints better = total[s][v] > best.product[v];
      best.product[v] = better ? total[s][v] : best.product[v];
      best.scale[v] = better ? Ints{} + static_cast<std::int32_t>(first + s) : best.scale[v];
    }
}

void match_some(const MatchPanelCall& call, std::int64_t first, std::int64_t count, Best& best) {
  switch (count) {
#define BRAGG_COUNT(n) \
  case n:              \
    return match_scales<n>(call, first, best);
    BRAGG_COUNT(1)
    BRAGG_COUNT(2)
    BRAGG_COUNT(3)
    BRAGG_COUNT(4)
    BRAGG_COUNT(5)
    BRAGG_COUNT(6)
#if defined(__AVX512F__)
    BRAGG_COUNT(7)
    BRAGG_COUNT(8)
    BRAGG_COUNT(9)
    BRAGG_COUNT(10)
    BRAGG_COUNT(11)
    BRAGG_COUNT(12)
#endif
#undef BRAGG_COUNT
    default:
      return;
  }
}

void match(const MatchPanelCall& call) {
  Best best;
  for (int v = 0; v < panel_vectors; ++v) {
    best.product[v] = splat(-__builtin_inff());
    best.scale[v] = Ints{} - 1;
  }
  // In parts of like size: a last part of one scale would cost as much in loads as a whole one.
  const std::int64_t parts = (call.S + most_at_once - 1) / most_at_once;
  for (std::int64_t part = 0; part < parts; ++part) {
    const std::int64_t first = call.S * part / parts, end = call.S * (part + 1) / parts;
    match_some(call, first, end - first, best);
  }
  __builtin_memcpy(call.best, best.product, sizeof best.product);
  __builtin_memcpy(call.scale, best.scale, sizeof best.scale);
}

}  // namespace

extern const ViewKernels view_kernels{panel_rows, draw, pack, match, in_bf16};

}  // namespace bragg::cpu::BRAGG_ISA
