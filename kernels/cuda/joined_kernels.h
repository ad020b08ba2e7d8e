// Small kernels of convolutions, each too short for a launch of its own: weights put in another order before a product, and the
// gradients of weights that several columns of a product share, added up behind it. An op runs its own; a recording runs those of
// all its ops at once, the first at its head, the others before somebody reads what they make.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include "kernels/base/memory.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/memory_range.h"

namespace bragg::cuda {

/// Weights, rows of row_length numbers for each of C_out outputs, as a matrix of `rows` rows of `length`, or its transpose. Rows
/// are groups of outputs, `slots` of each: row (g, slot, i) has output g group + i. Its number k is weight first + slot step + k, or
/// zero where there is none.
struct WeightOrder {
  const void* weights = nullptr;
  void* dst = nullptr;
  std::int32_t weight_row_stride = 0, row_length = 0, C_out = 0;
  std::int32_t rows = 0, length = 0, dst_stride = 0, group = 0, slots = 0, first = 0, step = 0;
  bool transposed = false;

  std::int32_t dst_rows() const { return transposed ? length : rows; }
  std::int32_t dst_length() const { return transposed ? rows : length; }
  std::int64_t dst_count() const { return std::int64_t{dst_rows()} * dst_stride; }
  bool operator==(const WeightOrder&) const = default;
};
/// T is float or BFloat16; of that rows of dst begin at multiples of 8, and dst at one of 16 bytes.
template <typename T>
void put_in_order(const LaunchTarget&, std::span<const WeightOrder>);

/// The gradients of weights and bias from those of `outputs` kernels, each moved by row_step numbers: src (outputs C_out, K) and
/// sums (outputs C_out), added in their order.
struct MovedGradients {
  const float *src, *sums;
  float *diff_weights, *diff_bias;
  std::int32_t outputs, row_step, K, C_out, weight_row_stride, row_length;
};
void add_up(const LaunchTarget&, std::span<const MovedGradients>);

/// The small kernels of a recording. Its ops are gone through twice: first to find out what they need, then, with memory for it, to
/// be recorded.
class JoinedKernels {
 public:
  /// Where the weights lie in that order; nullptr where the op has to see to it: the first time, or as something of the recording
  /// has changed them. order.dst does not matter.
  template <typename T>
  const T* ordered(WeightOrder order) {
    order.dst = nullptr;
    return static_cast<const T*>(find({order, std::is_same_v<T, float>}));
  }
  /// Memory that MovedGradients may lie in until they are added up; nullptr where the op has to see to that.
  float* products(std::size_t bytes);
  void add_up_later(const MovedGradients&);

  /// Before an op is recorded, or what is none and goes through memory.
  template <typename O>
  void before(const O& op, const LaunchTarget& launches) {
    for_each_range(op, [&](const MemoryRange& range, bool writes) { before(range, writes, launches); });
  }
  void before(const MemoryRange&, bool writes, const LaunchTarget&);

  std::size_t bytes() const { return bytes_; }
  /// Between the two times: puts all weights in order, in memory of bytes().
  void begin(void* memory, const LaunchTarget&);
  /// Adds up what has been left for later: before somebody reads it, and at the recording's end.
  void add_up_pending(const LaunchTarget&);

 private:
  struct Ordered {
    WeightOrder order;
    bool is_float;
    std::size_t at = 0;
  };

  const void* find(const Ordered&);
  std::size_t reserve(std::size_t bytes);

  std::byte* memory_ = nullptr;  ///< the second time
  std::size_t bytes_ = 0;
  std::vector<Ordered> ordered_;
  std::vector<std::size_t> products_at_;
  std::size_t products_given_ = 0;
  std::vector<MovedGradients> pending_;
  std::vector<MemoryRange> written_;
};

}  // namespace bragg::cuda
