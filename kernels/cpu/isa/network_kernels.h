// Vector code of the network ops: one table of functions per instruction set. Plain pointers and counts; how
// the work is cut and who runs it is decided in cpu/*.cpp.
#pragma once

#include <cstdint>

#include "kernels/base/bfloat16.h"  // the type alone: its functions are in line elsewhere, too
#include "kernels/cpu/isa/batch_norm_kernels.h"

namespace bragg::cpu {

/// Numbers along K that lie side by side where operands are packed, a word of four bytes: what one instruction
/// multiplies and adds up in a lane.
template <typename Element>
constexpr int k_group = static_cast<int>(sizeof(float) / sizeof(Element));

/// A register tile of the GEMM; sums are floats. B comes packed in panels of `columns`: panel element (k, j) at
/// b[(k / group * columns + j) * group + k % group] with group = k_group, zeros up to the next multiple of
/// k_multiple.
/// C has row stride ldc; it is overwritten, or added to.
template <typename Element>
struct GemmTile {
  int rows, columns;
  int k_block;  ///< K is cut into blocks of at most this: a panel of B then stays in the nearest cache
  int k_multiple;

  /// C(i, j) = sum_k a[i][a_offset + k] b(k, j), for k in [0, K): the rows of A as they lie in memory.
  void (*multiply_rows)(const Element* const* a, std::int64_t a_offset, std::int64_t K, const Element* b,
                        float* c, std::int64_t ldc, bool add);
  /// The same with C's rows side by side in A^T's: a word of k .. k + group - 1 and row i is at a[k / group] +
  /// a_offset + i * group. Null where there is `transpose`.
  void (*multiply_columns)(const Element* const* a, std::int64_t a_offset, std::int64_t K, const Element* b,
                           float* c, std::int64_t ldc, bool add);
  /// Such words of a group of A^T's rows: dst[i * group + g] = k_rows[g][i], i in [0, count), and zeros up to
  /// `padded`. A row that is null is one of zeros. Where a group is one row, that is as good; then this is null.
  void (*interleave)(const Element* const* k_rows, std::int64_t count, std::int64_t padded, Element* dst);
  /// A group of B's rows into its panels, padded with zeros: dst[(j / columns) * panel_stride + j % columns *
  /// group + g] = k_rows[g][j]. A row that is null is one of zeros.
  void (*pack_rows)(const Element* const* k_rows, std::int64_t count, Element* dst,
                    std::int64_t panel_stride);
  /// Sixteen of B's columns into a panel of `width`, given `count` of them, K numbers each: dst[(k / group * width +
  /// j) * group + k % group] = columns[j][k], and zeros. Null where it is as well done number by number.
  void (*pack_columns)(const Element* const* columns, std::int64_t count, std::int64_t K, std::int64_t width,
                       Element* dst);
  /// Rows of A from rows of A^T: dst[i * row_stride + k] = k_rows[k][i], i in [0, count), k in [0, K), and zeros
  /// up to the next multiple of k_multiple. Null where multiply_columns does without.
  void (*transpose)(const Element* const* k_rows, std::int64_t K, std::int64_t count, Element* dst,
                    std::int64_t row_stride);
  /// Called by a thread before and after its products; or null.
  void (*begin)();
  void (*end)();
};

/// Products with a convolution's windows whose k are outputs, in words of two outputs; what lies in one row of src
/// for several windows is packed once.
struct WindowProducts {
  int most_rows;  ///< of A at once
  int row_multiple, column_multiple, k_multiple;

  /// words[i] = (src[i], src[i + distance]), i in [0, count), with zeros for numbers from `valid` on.
  void (*pair)(const BFloat16* src, std::int64_t valid, std::int64_t distance, std::int64_t count,
               std::uint32_t* words);
  /// C(i, j) = or += sum_k a[i * a_stride + k] b(k, j), with the word of k and k + 1 in column j at words[k / 2 *
  /// word_stride + j]. Rows, columns and K are such multiples.
  void (*multiply)(const BFloat16* a, std::int64_t a_stride, std::int64_t rows, std::int64_t K,
                   const std::uint32_t* words, std::int64_t word_stride, std::int64_t columns, float* c,
                   std::int64_t ldc, bool add);
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

/// What depends on the type that activations and weights are kept in. Sums are made in float, and rounded to
/// nearest even where they are stored.
template <typename Element>
struct ElementKernels {
  const GemmTile<Element>* tiles;
  int tile_count;

  /// dst[c] = dropout(relu(acc[c] + bias[c])), c in [0, count); words as dropout_words makes them, of the call
  /// of element 0, which is the first of its block of 32 channels.
  void (*store_forward)(const float* acc, std::int64_t count, const ForwardStore&, const std::uint32_t* words,
                        std::int64_t stride, Element* dst);
  /// dst[c] = acc[c] * (src[c] > 0 ? scale : 0), or acc[c] where src is null.
  void (*store_backward)(const float* acc, std::int64_t count, const Element* src, float scale, Element* dst);

  /// sums[c] += sum over `rows` rows of src, row_stride apart.
  void (*add_rows)(const Element* src, std::int64_t rows, std::int64_t row_stride, std::int64_t count,
                   float* sums);
  /// dst[i] = a[i] + b[i], or a[i] where b is null.
  void (*sum)(const Element* a, const Element* b, std::int64_t count, float* dst);

  /// dst[c] = (src[c] + src[C + c] + ... `kernel` rows) * scale, and 0 of it where `positive` is given and
  /// positive[c] is not > 0.
  void (*average_rows)(const Element* src, std::int64_t C, std::int64_t kernel, float scale,
                       const Element* positive, Element* dst);

  void (*scale_f32)(const float* src, std::int64_t count, float scale, Element* dst);
  void (*scale_u16)(const std::uint16_t* src, std::int64_t count, float scale, Element* dst);
  void (*scale_i32)(const std::int32_t* src, std::int64_t count, float scale, Element* dst);

  const BatchNormKernels<Element>* batch_norm;
  const WindowProducts* windows = nullptr;  ///< where there are tile registers
};

/// Those of floats, what knows no other type, and where the set has them those of bfloat16.
struct NetworkKernels : ElementKernels<float> {
  /// Philox calls [first, first + count) of (seed, dropout stream, layer, step): word w of call first + i at
  /// words[w * stride + i]. Writes up to the next multiple of 32 calls.
  void (*dropout_words)(std::uint32_t seed, std::uint32_t stream, std::uint32_t layer, std::uint64_t step,
                        std::uint32_t first, std::int64_t count, std::uint32_t* words, std::int64_t stride);
  void (*adam)(const AdamStep&, const float* gradients, std::int64_t count, float* weights, float* m,
               float* v);
  /// average[i] = decay * average[i] + rest * weights[i]
  void (*average_in)(float decay, float rest, const float* weights, std::int64_t count, float* average);
  /// In double, in an order that the count alone decides: the same bits with every instruction set.
  double (*sum_of_squares)(const float* values, std::int64_t count);
  const ElementKernels<BFloat16>* of_bfloat16 = nullptr;

  template <typename Element>
  const ElementKernels<Element>& of() const {
    if constexpr (sizeof(Element) == sizeof(BFloat16))
      return *of_bfloat16;
    else
      return *this;
  }
};

constexpr int amx_tile_count = 3;

namespace v2 {
extern const NetworkKernels network_kernels;
}
namespace v3 {
extern const NetworkKernels network_kernels;
}
namespace v4 {
extern const NetworkKernels network_kernels;
}
namespace v4_bf16 {
extern const ElementKernels<BFloat16> bf16_kernels;
}
namespace v4_amx {
extern const GemmTile<BFloat16> amx_tiles[amx_tile_count];
extern const WindowProducts window_products;
}  // namespace v4_amx

}  // namespace bragg::cpu
