// Vector code of batch normalisation, over rows of C channels: one table of functions per instruction set
// (NetworkKernels::batch_norm).
#pragma once

#include <cstdint>

namespace bragg::cpu {

/// Rows that are read, and the distance from one to the next.
struct ConstRows {
  const float* data;
  std::int64_t stride;
};
struct Rows {
  float* data;
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

struct BatchNormKernels {
  /// sums[c] += src[c] of all rows; four rows are added up first.
  void (*add_rows)(ConstRows src, std::int64_t rows, std::int64_t C, float* sums);
  /// sums[c] += (src[c] - mean[c])^2 of all rows, in the same way.
  void (*add_squares)(ConstRows src, std::int64_t rows, std::int64_t C, const float* mean, float* sums);
  /// sums[c] += diff[c], products[c] += diff[c] (src[c] - mean[c]) of all rows, in the same way.
  void (*add_products)(ConstRows diff, ConstRows src, std::int64_t rows, std::int64_t C, const float* mean,
                       float* sums, float* products);
  /// dst = relu((src - mean) factor + shift + addend); no addend where it has no data.
  void (*normalise)(const NormaliseChannels&, ConstRows src, ConstRows addend, std::int64_t rows,
                    std::int64_t C, Rows dst);
  /// dst = diff factor - offset - (src - mean) slope
  void (*normalise_gradient)(const NormaliseGradientChannels&, ConstRows diff, ConstRows src,
                             std::int64_t rows, std::int64_t C, Rows dst);
};

namespace v2 {
extern const BatchNormKernels batch_norm_kernels;
}
namespace v3 {
extern const BatchNormKernels batch_norm_kernels;
}
namespace v4 {
extern const BatchNormKernels batch_norm_kernels;
}

}  // namespace bragg::cpu
