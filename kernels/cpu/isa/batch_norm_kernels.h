// Vector code of batch normalisation, over rows of C channels: one table of functions per instruction set and type
// (ElementKernels::batch_norm). What is summed and computed with is a float.
#pragma once

#include <cstdint>

#include "kernels/base/bfloat16.h"  // the type alone

namespace bragg::cpu {

/// Rows that are read, and the distance from one to the next.
template <typename Element>
struct ConstRows {
  const Element* data;
  std::int64_t stride;
};
template <typename Element>
struct Rows {
  Element* data;
  std::int64_t stride;
};

/// Of C channels each.
struct NormaliseChannels {
  const float *mean, *factor, *shift;
  bool relu;
};
struct NormaliseGradientChannels {
  const float *mean, *factor, *offset, *slope;
};

template <typename Element>
struct BatchNormKernels {
  /// sums[c] += src[c] of all rows; several rows are added up first.
  void (*add_rows)(ConstRows<Element> src, std::int64_t rows, std::int64_t C, float* sums);
  /// sums[c] += (src[c] - mean[c])^2 of all rows, in the same way.
  void (*add_squares)(ConstRows<Element> src, std::int64_t rows, std::int64_t C, const float* mean,
                      float* sums);
  /// sums[c] += diff[c], products[c] += diff[c] (src[c] - mean[c]) of all rows, in the same way.
  void (*add_products)(ConstRows<Element> diff, ConstRows<Element> src, std::int64_t rows, std::int64_t C,
                       const float* mean, float* sums, float* products);
  /// dst = relu((src - mean) factor + shift + addend); no addend where it has no data.
  void (*normalise)(const NormaliseChannels&, ConstRows<Element> src, ConstRows<Element> addend,
                    std::int64_t rows, std::int64_t C, Rows<Element> dst);
  /// dst = diff factor - offset - (src - mean) slope; where `positive` has data, times scale, or 0 where that is not
  /// > 0.
  void (*normalise_gradient)(const NormaliseGradientChannels&, ConstRows<Element> diff,
                             ConstRows<Element> src, ConstRows<Element> positive, float scale,
                             std::int64_t rows, std::int64_t C, Rows<Element> dst);
};

namespace v2 {
extern const BatchNormKernels<float> batch_norm_kernels;
}
namespace v3 {
extern const BatchNormKernels<float> batch_norm_kernels;
}
namespace v4 {
extern const BatchNormKernels<float> batch_norm_kernels;
}

}  // namespace bragg::cpu
