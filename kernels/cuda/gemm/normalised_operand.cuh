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
  static constexpr int rows_of_warp = 4,
                       warps = 3;  ///< of a warpgroup all but the one of whose threads one brings operands

  Normalised(const NormalisedRows& rows, const FlatView& windows)
      : factor_(rows.factor),
        offset_(rows.offset),
        channels_(rows.channels),
        pitch_(windows.pitch),
        steps_(static_cast<std::int32_t>(windows.row_stride / rows.channels)),
        first_(static_cast<std::int32_t>(rows.first)),
        length_(static_cast<std::int32_t>(rows.length)),
        columns_(static_cast<std::int32_t>(windows.row_length)) {}

  /// What a lane of one of these warps has of a stage of `rows` rows of boxes: of one row in each four that the warp has, which are
  /// every third four, an octet.
  template <int rows>
  struct Part {
    static constexpr int slots = (rows / rows_of_warp + warps - 1) / warps;
    std::int32_t
        begin[slots];  ///< where the row begins, in rows of src from the first of its item that is no padding
  };
  /// From flat row `row0` on; this warp is number `warp`.
  template <int rows>
  __device__ Part<rows> part(std::int32_t row0, int warp) const {
    Part<rows> result;
#pragma unroll
    for (int slot = 0; slot < Part<rows>::slots; ++slot) {
      const auto m = static_cast<std::uint32_t>(row0 + first_row(warp) + slot * slot_rows);
      const std::uint32_t in_item = m - pitch_.quotient(m) * pitch_.divisor;
      result.begin[slot] = static_cast<std::int32_t>(in_item) * steps_ - first_;
    }
    return result;
  }

  /// Changes the boxes of a stage, 64 elements wide, from element `column0` of a window on; they lie beside each other and `box_bytes`
  /// apart.
  template <int boxes, int rows>
  __device__ void change(unsigned char* stage, int box_bytes, const Part<rows>& part, std::int32_t column0,
                         int warp) const {
    constexpr int slots = Part<rows>::slots, at_once = 4;  // reads under way before the first is changed
    // With the 128-byte swizzle octet o of row r lies at o ^ r % 8; from slot to slot that is the other half.
    const int octet = static_cast<int>(threadIdx.x % 8), row = first_row(warp),
              even = row * row_bytes + (octet ^ (row & 7)) * 16, odd = even ^ 64;
    const bool has_last = first_row(warp) + (slots - 1) * slot_rows < rows;
#pragma unroll 1
    for (int box = 0; box < boxes; ++box) {
      const std::int32_t column = column0 + box * 64 + octet * 8;
      const auto tap = static_cast<std::int32_t>(channels_.quotient(static_cast<std::uint32_t>(column)));
      const std::int32_t channel = column - tap * static_cast<std::int32_t>(channels_.divisor);
      if (column >= columns_) continue;
      const Pack<float, 4> factors[2] = {load<4>(factor_ + channel), load<4>(factor_ + channel + 4)},
                           offsets[2] = {load<4>(offset_ + channel), load<4>(offset_ + channel + 4)};
      const auto exists = [&](int slot) { return slot < slots - 1 || (slot == slots - 1 && has_last); };
      const auto at = [&](int slot) {
        return reinterpret_cast<Octet*>(stage + box * box_bytes + (slot % 2 == 0 ? even : odd) +
                                        slot * slot_rows * row_bytes);
      };
#pragma unroll
      for (int first = 0; first < slots; first += at_once) {
        Octet numbers[at_once];
#pragma unroll
        for (int i = 0; i < at_once; ++i)
          if (exists(first + i)) numbers[i] = *at(first + i);
#pragma unroll
        for (int i = 0; i < at_once; ++i) {
          if (first + i >= slots) continue;
          normalise_octet(numbers[i].at, factors, offsets);
          const auto row_of_src = static_cast<std::uint32_t>(part.begin[first + i] + tap);
          // Others are zeros, and stay so.
          if (exists(first + i) && row_of_src < static_cast<std::uint32_t>(length_))
            *at(first + i) = numbers[i];
        }
      }
    }
  }

 private:
  static constexpr int slot_rows = warps * rows_of_warp, row_bytes = 128;
  __device__ static int first_row(int warp) {
    return warp * rows_of_warp + static_cast<int>(threadIdx.x % 32) / 8;
  }

  const float *factor_, *offset_;
  Division channels_, pitch_;
  std::int32_t steps_;           ///< rows of src from one flat row to the next
  std::int32_t first_, length_;  ///< rows of an item that are not padding
  std::int32_t columns_;         ///< elements of a window
};

}  // namespace bragg::cuda
