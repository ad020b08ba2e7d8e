// An operand A that is normalised on its way to a product (NormalisedSource): TMA brings to shared memory what a normalisation is
// of, and three warps put the result in its place before the tensor cores take it. So the result of a normalisation and its ReLU
// is neither written nor read.
#pragma once

#include "kernels/cuda/device/division.cuh"
#include "kernels/cuda/device/proxy.cuh"
#include "kernels/cuda/gemm/flat_view.h"
#include "kernels/cuda/gemm/normalised_rows.h"
#include "kernels/cuda/gemm/store.cuh"

namespace bragg::cuda {

/// What becomes of A between its arrival and the product: nothing.
struct AsItArrives {
  static constexpr bool changes = false;
  static constexpr int widest_tile = 160;
  /// Of a thread of the warpgroup that brings operands, and of those that multiply: together those that a block is given.
  static constexpr int bringing_registers = 40, multiplying_registers = 232;
};

/// Eight neighbouring channels' results of max(0, factor x + offset), of two bfloat16 numbers in each word.
__device__ inline void normalise_octet(std::uint32_t (&words)[4], const Pack<float, 4> (&factor)[2],
                                       const Pack<float, 4> (&offset)[2]) {
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const Pack<float, 2> x = unpack_bf16(words[i]);
    const int at = 2 * i % 4;
    words[i] = pack_relu_bf16(fmaf(x.at[0], factor[i / 2].at[at], offset[i / 2].at[at]),
                              fmaf(x.at[1], factor[i / 2].at[at + 1], offset[i / 2].at[at + 1]));
  }
}

/// The windows of a flat view: element k of flat row m is of row (m % pitch) steps + k / channels of its item, channel k % channels.
class Normalised {
 public:
  static constexpr bool changes = true;
  static constexpr int widest_tile =
      128;  ///< columns: sums of 160 and the rest of a store take more registers
  static constexpr int bringing_registers = 72, multiplying_registers = 216;
  static constexpr int warps = 3;  ///< of a warpgroup all but the one of whose threads one brings operands

  Normalised(const NormalisedRows& rows, const FlatView& windows)
      : factor_(rows.factor),
        offset_(rows.offset),
        channels_(rows.channels),
        pitch_(windows.pitch),
        steps_(static_cast<std::int32_t>(windows.row_stride / rows.channels)),
        first_(static_cast<std::int32_t>(rows.first)),
        length_(static_cast<std::int32_t>(rows.length)),
        columns_(static_cast<std::int32_t>(windows.row_length)) {}

  /// The boxes of a stage, `rows` rows of 64 elements each, from flat row `row0` and element `column0` of a window on; boxes lie
  /// beside each other and `box_bytes` apart. By all lanes of these warps, of which this one is number `warp`.
  template <int boxes, int rows>
  __device__ void change(unsigned char* stage, int box_bytes, std::int32_t row0, std::int32_t column0,
                         int warp) const {
    constexpr int rows_of_warp = 4, row_bytes = 128,
                  at_once = 4;  // reads under way before the first is changed
    const int lane = static_cast<int>(threadIdx.x % 32), octet = lane % 8, in_rows = lane / 8;
#pragma unroll 1
    for (int box = 0; box < boxes; ++box) {
      const std::int32_t column = column0 + box * 64 + octet * 8;
      const auto tap = static_cast<std::int32_t>(channels_.quotient(static_cast<std::uint32_t>(column)));
      const std::int32_t channel = column - tap * static_cast<std::int32_t>(channels_.divisor);
      if (column >= columns_) continue;
      const Pack<float, 4> factors[2] = {load<4>(factor_ + channel), load<4>(factor_ + channel + 4)},
                           offsets[2] = {load<4>(offset_ + channel), load<4>(offset_ + channel + 4)};
#pragma unroll 1
      for (int first = warp * rows_of_warp + in_rows; first < rows; first += at_once * warps * rows_of_warp) {
        const auto row_of = [&](int i) { return first + i * warps * rows_of_warp; };
        const auto at = [&](int i) {
          return reinterpret_cast<Octet*>(stage + box * box_bytes + row_of(i) * row_bytes +
                                          ((octet ^ row_of(i) % 8) * 16));
        };
        Octet numbers[at_once];
#pragma unroll
        for (int i = 0; i < at_once; ++i)
          if (row_of(i) < rows) numbers[i] = *at(i);
#pragma unroll
        for (int i = 0; i < at_once; ++i) {
          normalise_octet(numbers[i].at, factors, offsets);
          if (row_of(i) < rows && is_normalised(row0 + row_of(i), tap)) *at(i) = numbers[i];
        }
      }
    }
  }

 private:
  /// Whether the row of src that so many steps behind the begin of flat row m lies is an item's; others are zeros, and stay so.
  __device__ bool is_normalised(std::int32_t m, std::int32_t tap) const {
    const auto item = static_cast<std::int32_t>(pitch_.quotient(static_cast<std::uint32_t>(m)));
    const std::int32_t in_item = m - item * static_cast<std::int32_t>(pitch_.divisor);
    return static_cast<std::uint32_t>(in_item * steps_ + tap - first_) < static_cast<std::uint32_t>(length_);
  }

  const float *factor_, *offset_;
  Division channels_, pitch_;
  std::int32_t steps_;           ///< rows of src from one flat row to the next
  std::int32_t first_, length_;  ///< rows of an item that are not padding
  std::int32_t columns_;         ///< elements of a window
};

}  // namespace bragg::cuda
