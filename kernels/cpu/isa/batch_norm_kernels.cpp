// The vector code of batch normalisation. Loops over channels: the compiler makes the vectors. The sums of a
// block of rows are small and stay in the nearest cache, so four rows go to them at once.
#include "kernels/cpu/isa/batch_norm_kernels.h"

namespace bragg::cpu::BRAGG_ISA {
namespace {

constexpr std::int64_t at_once = 4;

void add_rows(ConstRows<float> src, std::int64_t rows, std::int64_t C, float* __restrict sums) {
  std::int64_t r = 0;
  for (; r + at_once <= rows; r += at_once) {
    const float* a = src.data + r * src.stride;
    const float *b = a + src.stride, *c = b + src.stride, *d = c + src.stride;
    for (std::int64_t i = 0; i < C; ++i)
      sums[i] += (a[i] + b[i]) + (c[i] + d[i]);
  }
  for (; r < rows; ++r) {
    const float* a = src.data + r * src.stride;
    for (std::int64_t i = 0; i < C; ++i)
      sums[i] += a[i];
  }
}

float square(float x) {
  return x * x;
}

void add_squares(ConstRows<float> src, std::int64_t rows, std::int64_t C, const float* __restrict mean,
                 float* __restrict sums) {
  std::int64_t r = 0;
  for (; r + at_once <= rows; r += at_once) {
    const float* a = src.data + r * src.stride;
    const float *b = a + src.stride, *c = b + src.stride, *d = c + src.stride;
    for (std::int64_t i = 0; i < C; ++i)
      sums[i] += (square(a[i] - mean[i]) + square(b[i] - mean[i])) +
                 (square(c[i] - mean[i]) + square(d[i] - mean[i]));
  }
  for (; r < rows; ++r) {
    const float* a = src.data + r * src.stride;
    for (std::int64_t i = 0; i < C; ++i)
      sums[i] += square(a[i] - mean[i]);
  }
}

void add_products(ConstRows<float> diff, ConstRows<float> src, std::int64_t rows, std::int64_t C,
                  const float* __restrict mean, float* __restrict sums, float* __restrict products) {
  std::int64_t r = 0;
  for (; r + at_once <= rows; r += at_once) {
    const float* a = diff.data + r * diff.stride;
    const float *b = a + diff.stride, *c = b + diff.stride, *d = c + diff.stride;
    const float* x = src.data + r * src.stride;
    const float *y = x + src.stride, *z = y + src.stride, *w = z + src.stride;
    for (std::int64_t i = 0; i < C; ++i) {
      sums[i] += (a[i] + b[i]) + (c[i] + d[i]);
      products[i] += (a[i] * (x[i] - mean[i]) + b[i] * (y[i] - mean[i])) +
                     (c[i] * (z[i] - mean[i]) + d[i] * (w[i] - mean[i]));
    }
  }
  for (; r < rows; ++r) {
    const float *a = diff.data + r * diff.stride, *x = src.data + r * src.stride;
    for (std::int64_t i = 0; i < C; ++i) {
      sums[i] += a[i];
      products[i] += a[i] * (x[i] - mean[i]);
    }
  }
}

template <bool has_addend, bool relu>
void normalise_row(const NormaliseChannels& how, const float* __restrict src, const float* __restrict addend,
                   std::int64_t C, float* __restrict dst) {
  const float *mean = how.mean, *factor = how.factor, *shift = how.shift;
  for (std::int64_t i = 0; i < C; ++i) {
    float y = (src[i] - mean[i]) * factor[i] + shift[i];
    if (has_addend) y += addend[i];
    dst[i] = relu && y < 0 ? 0 : y;  // a NaN stays one
  }
}

template <bool has_addend, bool relu>
void normalise_rows(const NormaliseChannels& how, ConstRows<float> src, ConstRows<float> addend,
                    std::int64_t rows, std::int64_t C, Rows<float> dst) {
  for (std::int64_t r = 0; r < rows; ++r)
    normalise_row<has_addend, relu>(how, src.data + r * src.stride,
                                    has_addend ? addend.data + r * addend.stride : nullptr, C,
                                    dst.data + r * dst.stride);
}

void normalise(const NormaliseChannels& how, ConstRows<float> src, ConstRows<float> addend, std::int64_t rows,
               std::int64_t C, Rows<float> dst) {
  if (addend.data != nullptr) {
    (how.relu ? normalise_rows<true, true> : normalise_rows<true, false>)(how, src, addend, rows, C, dst);
  } else {
    (how.relu ? normalise_rows<false, true> : normalise_rows<false, false>)(how, src, addend, rows, C, dst);
  }
}

void normalise_gradient_row(const NormaliseGradientChannels& how, const float* __restrict diff,
                            const float* __restrict src, std::int64_t C, float* __restrict dst) {
  const float *mean = how.mean, *factor = how.factor, *offset = how.offset, *slope = how.slope;
  for (std::int64_t i = 0; i < C; ++i)
    dst[i] = diff[i] * factor[i] - offset[i] - (src[i] - mean[i]) * slope[i];
}

void scale_positive(const float* __restrict positive, float scale, std::int64_t C, float* __restrict dst) {
  for (std::int64_t i = 0; i < C; ++i)
    dst[i] = dst[i] * (positive[i] > 0 ? scale : 0.0f);
}

void normalise_gradient(const NormaliseGradientChannels& how, ConstRows<float> diff, ConstRows<float> src,
                        ConstRows<float> positive, float scale, std::int64_t rows, std::int64_t C,
                        Rows<float> dst) {
  for (std::int64_t r = 0; r < rows; ++r) {
    float* row = dst.data + r * dst.stride;
    normalise_gradient_row(how, diff.data + r * diff.stride, src.data + r * src.stride, C, row);
    if (positive.data != nullptr) scale_positive(positive.data + r * positive.stride, scale, C, row);
  }
}

}  // namespace

const BatchNormKernels<float> batch_norm_kernels{
    .add_rows = add_rows,
    .add_squares = add_squares,
    .add_products = add_products,
    .normalise = normalise,
    .normalise_gradient = normalise_gradient,
};

}  // namespace bragg::cpu::BRAGG_ISA
