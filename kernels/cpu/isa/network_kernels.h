// Vector code of the network ops: one table of functions per instruction set. Plain pointers and counts; how
// the work is cut and who runs it is decided in cpu/*.cpp.
#pragma once

#include <cstdint>

namespace bragg::cpu {

/// A register tile of the GEMM. B comes packed in panels of `columns`: panel element (k, j) at b[k * columns
/// + j]. C has row stride ldc; it is overwritten, or added to.
struct GemmTile {
  int rows, columns;
  int k_block;  ///< K is cut into blocks of at most this: a panel of B then stays in the nearest cache

  /// C(i, j) = sum_k a[i][a_offset + k] b(k, j), for k in [0, K): the rows of A as they lie in memory.
  void (*multiply_rows)(const float* const* a, std::int64_t a_offset, std::int64_t K, const float* b,
                        float* c, std::int64_t ldc, bool add);
  /// C(i, j) = sum_k a[k * rows + i] b(k, j): A packed by pack_columns.
  void (*multiply_packed)(const float* a, std::int64_t K, const float* b, float* c, std::int64_t ldc,
                          bool add);
  /// `count` columns of A^T's rows k in [0, K), tile by tile: dst[(i / rows) * tile_stride + k * rows + i %
  /// rows] = src[k * stride + i], the last tile filled up with zeros.
  void (*pack_columns)(const float* src, std::int64_t stride, std::int64_t K, std::int64_t count, float* dst,
                       std::int64_t tile_stride);
  /// One row k of B into its panels, padded with zeros: dst[(j / columns) * panel_stride + j % columns] =
  /// src[j].
  void (*pack_row)(const float* src, std::int64_t count, float* dst, std::int64_t panel_stride);
};

/// What happens to a row of accumulators on its way to memory.
struct ForwardStore {
  const float* bias;  ///< of the row's first element, or null
  bool relu;
  std::uint32_t drop_below;  ///< dropout_threshold(p); 0: no dropout
  float scale;               ///< 1 / (1 - p)
};

struct AdamStep {
  float beta1, one_minus_beta1, beta2, one_minus_beta2;
  float step_size;        ///< learning_rate / (1 - beta1^t)
  float root_correction;  ///< 1 / sqrt(1 - beta2^t)
  float epsilon;
  float kept;            ///< of a weight: 1 - learning_rate * weight_decay
  float gradient_scale;  ///< of clipping
};

struct NetworkKernels {
  const GemmTile* tiles;
  int tile_count;

  /// Philox calls [first, first + count) of (seed, dropout stream, layer, step): word w of call first + i at
  /// words[w * stride + i]. Writes up to the next multiple of 32 calls.
  void (*dropout_words)(std::uint32_t seed, std::uint32_t stream, std::uint32_t layer, std::uint64_t step,
                        std::uint32_t first, std::int64_t count, std::uint32_t* words, std::int64_t stride);
  /// dst[c] = dropout(relu(acc[c] + bias[c])), c in [0, count); `words` as above, of the call of element 0,
  /// which is the first of its block of 32 channels.
  void (*store_forward)(const float* acc, std::int64_t count, const ForwardStore&, const std::uint32_t* words,
                        std::int64_t stride, float* dst);
  /// dst[c] = acc[c] * (src[c] > 0 ? scale : 0), or acc[c] where src is null.
  void (*store_backward)(const float* acc, std::int64_t count, const float* src, float scale, float* dst);

  /// sums[c] += sum over `rows` rows of src, row_stride apart.
  void (*add_rows)(const float* src, std::int64_t rows, std::int64_t row_stride, std::int64_t count,
                   float* sums);

  /// dst[c] = (src[c] + src[C + c] + ... `kernel` rows) * scale
  void (*average_rows)(const float* src, std::int64_t C, std::int64_t kernel, float scale, float* dst);

  void (*adam)(const AdamStep&, const float* gradients, std::int64_t count, float* weights, float* m,
               float* v);
  /// average[i] = decay * average[i] + rest * weights[i]
  void (*average_in)(float decay, float rest, const float* weights, std::int64_t count, float* average);
  /// In double, in an order that the count alone decides: the same bits with every instruction set.
  double (*sum_of_squares)(const float* values, std::int64_t count);

  void (*scale_f32)(const float* src, std::int64_t count, float scale, float* dst);
  void (*scale_u16)(const std::uint16_t* src, std::int64_t count, float scale, float* dst);
  void (*scale_i32)(const std::int32_t* src, std::int64_t count, float scale, float* dst);
};

namespace v2 {
extern const NetworkKernels network_kernels;
}
namespace v3 {
extern const NetworkKernels network_kernels;
}
namespace v4 {
extern const NetworkKernels network_kernels;
}

}  // namespace bragg::cpu
