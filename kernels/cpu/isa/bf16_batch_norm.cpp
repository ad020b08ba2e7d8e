// The vector code of batch normalisation on bfloat16. Rows are the inner loop: what belongs to a strip of channels,
// sums or constants, stays in registers.
#include "kernels/cpu/isa/bf16_kernels.h"
#include "kernels/cpu/isa/bf16_vector.h"

namespace bragg::cpu::BRAGG_ISA {
namespace {

using namespace sixteen;
using Source = ConstRows<BFloat16>;

constexpr int widest = 6;

/// Channels of a strip: whole vectors.
template <int vectors_>
struct Whole {
  static constexpr int vectors = vectors_;

  template <typename Number>
  static Floats at(const Number* p, int j) {
    return load(p + j * lanes);
  }
  static void put(BFloat16* p, int j, Floats x) { store(p + j * lanes, x); }
  static void put(float* p, int j, Floats x) { __builtin_memcpy(p + j * lanes, &x, sizeof x); }
};

/// The last, fewer than sixteen, among zeros.
struct Part {
  static constexpr int vectors = 1;
  std::int64_t count;

  template <typename Number>
  Floats at(const Number* p, int) const {
    Number numbers[lanes] = {};
    __builtin_memcpy(numbers, p, static_cast<std::size_t>(count) * sizeof(Number));
    return load(numbers);
  }
  void put(BFloat16* p, int, Floats x) const {
    const Halves halves = rounded(x);
    __builtin_memcpy(p, &halves, static_cast<std::size_t>(count) * sizeof *p);
  }
  void put(float* p, int, Floats x) const {
    __builtin_memcpy(p, &x, static_cast<std::size_t>(count) * sizeof *p);
  }
};

/// Calls visit(strip, first channel) for strips of C channels.
template <typename Visit>
void for_strips(std::int64_t C, const Visit& visit) {
  std::int64_t c = 0;
  for (; c + widest * lanes <= C; c += widest * lanes)
    visit(Whole<widest>(), c);
  switch ((C - c) / lanes) {
    case 5:
      visit(Whole<5>(), c);
      break;
    case 4:
      visit(Whole<4>(), c);
      break;
    case 3:
      visit(Whole<3>(), c);
      break;
    case 2:
      visit(Whole<2>(), c);
      break;
    case 1:
      visit(Whole<1>(), c);
      break;
    default:
      break;
  }
  c += (C - c) / lanes * lanes;
  if (c < C) visit(Part{C - c}, c);
}

/// sums[c] += of(j, row) of all rows, two of which are added up first.
template <typename Strip, typename Of>
void add_up(const Strip& strip, std::int64_t rows, float* sums, const Of& of) {
  Floats sum[Strip::vectors];
  for (int j = 0; j < Strip::vectors; ++j)
    sum[j] = strip.at(sums, j);
  std::int64_t r = 0;
  for (; r + 2 <= rows; r += 2) {
#pragma GCC unroll 6
    for (int j = 0; j < Strip::vectors; ++j)
      sum[j] += of(j, r) + of(j, r + 1);
  }
  for (int j = 0; r < rows && j < Strip::vectors; ++j)
    sum[j] += of(j, r);
  for (int j = 0; j < Strip::vectors; ++j)
    strip.put(sums, j, sum[j]);
}

void add_rows(Source src, std::int64_t rows, std::int64_t C, float* sums) {
  for_strips(C, [&](const auto& strip, std::int64_t c) {
    add_up(strip, rows, sums + c,
           [&](int j, std::int64_t r) { return strip.at(src.data + r * src.stride + c, j); });
  });
}

/// The numbers of a strip.
template <typename Strip>
struct Constants {
  Floats all[Strip::vectors];

  Constants(const Strip& strip, const float* from) {
    for (int j = 0; j < Strip::vectors; ++j)
      all[j] = strip.at(from, j);
  }
  Floats operator[](int j) const { return all[j]; }
};

void add_squares(Source src, std::int64_t rows, std::int64_t C, const float* mean, float* sums) {
  for_strips(C, [&]<typename Strip>(const Strip& strip, std::int64_t c) {
    const Constants<Strip> means(strip, mean + c);
    add_up(strip, rows, sums + c, [&](int j, std::int64_t r) {
      const Floats apart = strip.at(src.data + r * src.stride + c, j) - means[j];
      return apart * apart;
    });
  });
}

void add_products(Source diff, Source src, std::int64_t rows, std::int64_t C, const float* mean, float* sums,
                  float* products) {
  for_strips(C, [&]<typename Strip>(const Strip& strip, std::int64_t c) {
    const Constants<Strip> means(strip, mean + c);
    Floats sum[Strip::vectors], product[Strip::vectors];
    for (int j = 0; j < Strip::vectors; ++j) {
      sum[j] = strip.at(sums + c, j);
      product[j] = strip.at(products + c, j);
    }
    for (std::int64_t r = 0; r < rows; ++r) {
      const BFloat16 *d = diff.data + r * diff.stride + c, *x = src.data + r * src.stride + c;
#pragma GCC unroll 6
      for (int j = 0; j < Strip::vectors; ++j) {
        const Floats at = strip.at(d, j);
        sum[j] += at;
        product[j] += at * (strip.at(x, j) - means[j]);
      }
    }
    for (int j = 0; j < Strip::vectors; ++j) {
      strip.put(sums + c, j, sum[j]);
      strip.put(products + c, j, product[j]);
    }
  });
}

template <bool has_addend, bool relu>
void normalise_rows(const NormaliseChannels& how, Source src, Source addend, std::int64_t rows,
                    std::int64_t C, Rows<BFloat16> dst) {
  for_strips(C, [&]<typename Strip>(const Strip& strip, std::int64_t c) {
    const Constants<Strip> mean(strip, how.mean + c), factor(strip, how.factor + c),
        shift(strip, how.shift + c);
    for (std::int64_t r = 0; r < rows; ++r) {
#pragma GCC unroll 6
      for (int j = 0; j < Strip::vectors; ++j) {
        Floats y = (strip.at(src.data + r * src.stride + c, j) - mean[j]) * factor[j] + shift[j];
        if (has_addend) y += strip.at(addend.data + r * addend.stride + c, j);
        if (relu) y = y < 0 ? Floats{} : y;  // a NaN stays one
        strip.put(dst.data + r * dst.stride + c, j, y);
      }
    }
  });
}

void normalise(const NormaliseChannels& how, Source src, Source addend, std::int64_t rows, std::int64_t C,
               Rows<BFloat16> dst) {
  if (addend.data != nullptr) {
    (how.relu ? normalise_rows<true, true> : normalise_rows<true, false>)(how, src, addend, rows, C, dst);
  } else {
    (how.relu ? normalise_rows<false, true> : normalise_rows<false, false>)(how, src, addend, rows, C, dst);
  }
}

template <bool has_relu>
void gradient_rows(const NormaliseGradientChannels& how, Source diff, Source src, Source positive,
                   float scale, std::int64_t rows, std::int64_t C, Rows<BFloat16> dst) {
  for_strips(C, [&]<typename Strip>(const Strip& strip, std::int64_t c) {
    const Constants<Strip> mean(strip, how.mean + c), factor(strip, how.factor + c),
        offset(strip, how.offset + c), slope(strip, how.slope + c);
    for (std::int64_t r = 0; r < rows; ++r) {
#pragma GCC unroll 6
      for (int j = 0; j < Strip::vectors; ++j) {
        Floats y = strip.at(diff.data + r * diff.stride + c, j) * factor[j] - offset[j] -
                   (strip.at(src.data + r * src.stride + c, j) - mean[j]) * slope[j];
        if (has_relu)
          y *= strip.at(positive.data + r * positive.stride + c, j) > 0 ? Floats{} + scale : Floats{};
        strip.put(dst.data + r * dst.stride + c, j, y);
      }
    }
  });
}

void normalise_gradient(const NormaliseGradientChannels& how, Source diff, Source src, Source positive,
                        float scale, std::int64_t rows, std::int64_t C, Rows<BFloat16> dst) {
  (positive.data != nullptr ? gradient_rows<true> : gradient_rows<false>)(how, diff, src, positive, scale,
                                                                          rows, C, dst);
}

}  // namespace

const BatchNormKernels<BFloat16> bf16_batch_norm_kernels{
    .add_rows = add_rows,
    .add_squares = add_squares,
    .add_products = add_products,
    .normalise = normalise,
    .normalise_gradient = normalise_gradient,
};

}  // namespace bragg::cpu::BRAGG_ISA
