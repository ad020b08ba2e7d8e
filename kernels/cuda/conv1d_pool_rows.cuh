// What becomes of the sums of conv1d_pool.cu: bias, ReLU, dropout, the bits of what they let through, and the pooling.
#pragma once

#include "kernels/cuda/conv1d_pool_bits.cuh"
#include "kernels/cuda/conv1d_pool_weights.cuh"
#include "kernels/cuda/device/division.cuh"
#include "kernels/cuda/device/pack.cuh"
#include "kernels/cuda/device/ptx.cuh"
#include "kernels/cuda/device/tma.cuh"
#include "kernels/cuda/gemm/forward_epilogue.cuh"
#include "kernels/cuda/gemm/store_octets.cuh"

namespace bragg::cuda {

struct PoolArguments {
  /// Of src: all rows that lie in it as a whole; and the last one where it does not.
  CUtensorMap src, last_row, weights;
  std::int32_t whole_rows, whole_tiles, tiles;
  Division pitch;  ///< of flat rows (flat_view.h)
  std::int32_t rows_per_item, L_out, C;
  std::int32_t boxes, k_steps;   ///< of 64, of 16 that are not all zeros
  std::int32_t blocks;           ///< of channels
  std::int32_t cost, last_cost;  ///< of a tile with the channels of a block, and of the last block
  BFloat16* dst;
  std::int64_t dst_item_stride;
  std::uint32_t* kept;  ///< or nullptr
};

/// What a lane has of the channels' biases, scaled: group j, channels 2 t + {0, 1}.
struct Biases {
  float at[block_groups][2];

  __device__ Biases(const ForwardEpilogue& epilogue, std::int32_t first, std::int32_t C) {
#pragma unroll
    for (int j = 0; j < block_groups; ++j)
#pragma unroll
      for (int e = 0; e < 2; ++e) {
        const std::int32_t c = first + group * j + e;
        at[j][e] = epilogue.bias != nullptr && c < C ? epilogue.scale * epilogue.bias[c] : 0.0f;
      }
  }
};

/// The unit matrix as a tensor core's operand B: a product with it adds up in fp32 what words of a lane's two rows have of channels
/// 2 t + {0, 1}, in the accumulator's order.
class Adder {
 public:
  __device__ Adder() {
    const unsigned n = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
    unit_ = n / 2 == t ? (n % 2 == 0 ? 0x3F80u : 0x3F800000u) : 0u;
  }
  /// What is no finite number spoils all 8 channels of the group.
  __device__ void add(float (&sums)[4], const std::uint32_t (&words)[2]) const {
#ifdef __CUDACC__
    asm("mma.sync.aligned.m16n8k8.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, "
        "%3};"
        : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
        : "r"(words[0]), "r"(words[1]), "r"(unit_));
#else
    simt::mma_m16n8k16_bf16(sums, {words[0], words[1], 0, 0}, {unit_, 0});
#endif
  }

 private:
  std::uint32_t unit_;
};

/// One of the two rows that a lane has of the accumulators, and where its results go.
struct PooledRow {
  BFloat16* dst;         ///< the lane's octet: group t's channels of the first window
  std::uint32_t output;  ///< the first one's number in the batch
  std::uint32_t call;    ///< of that
  std::int32_t outputs;  ///< that there are from that on

  __device__ PooledRow(const PoolArguments& p, const DropoutCalls& calls, std::int32_t m, std::int32_t end,
                       std::int32_t block) {
    const auto t = static_cast<std::int32_t>(threadIdx.x % 4);
    const std::uint32_t item = p.pitch.quotient(static_cast<std::uint32_t>(m));
    const std::int32_t in_item = m - static_cast<std::int32_t>(item * p.pitch.divisor);
    const bool exists = m < end && in_item < p.rows_per_item;
    const std::int32_t first = in_item * row_step, channel = block * channels + group * t;
    output = item * static_cast<std::uint32_t>(p.L_out) + static_cast<std::uint32_t>(first);
    outputs = exists ? p.L_out - first : 0;
    call = output * calls.per_row + static_cast<std::uint32_t>(block * 4 + t);
    dst = p.dst + item * p.dst_item_stride + std::int64_t{in_item} * row_windows * p.C + channel;
  }
  /// Whether all of the row's window w is there.
  __device__ bool has_window(int w) const { return pool_stride * w + pool_kernel <= outputs; }

  /// A lane's bits of the last four outputs, and of the last one, which the next row has as well if there is one.
  __device__ void keep(const PoolArguments& p, std::int32_t block, int number, std::uint32_t bits) const {
    const auto t = static_cast<std::int32_t>(threadIdx.x % 4);
    const auto put = [&](std::int32_t of, std::uint32_t word) {
      const auto words = static_cast<std::uint32_t>(kept_words(p.C));
      p.kept[multiply_wide(output + static_cast<std::uint32_t>(of), words) + block] = word;
    };
    if (number % 4 == 3) {  // lane t gets what each has of output t of the last four
      const std::uint32_t word = by_channels(exchange_outputs(exchange_outputs(bits, 1), 2));
      const std::int32_t of = number - 3 + t;
      if (of < outputs) put(of, word);
    } else if (number == row_step) {
      std::uint32_t word = by_channels(bits) << 2 * t;
      word |= __shfl_xor_sync(0xFFFFFFFFu, word, 1);
      word |= __shfl_xor_sync(0xFFFFFFFFu, word, 2);
      if (t == 0 && outputs == row_outputs) put(number, word);
    }
  }
};

/// Every window of both rows is stored, and the bit of every output.
template <bool relu, bool dropout>
__device__ void pool_rows(const PoolArguments& p, const ForwardEpilogue& epilogue, const DropoutCalls& calls,
                          const DropoutStep& drawn, const Biases& bias, const Adder& adder,
                          const float (&d)[products][block_columns / 2], const OctetStage& stage,
                          std::int32_t block, PooledRow (&rows)[2]) {
  const bool has_octet = block * channels + group * static_cast<std::int32_t>(threadIdx.x % 4) < p.C;
  constexpr float share = 1.0 / pool_kernel;
  std::uint32_t bits[2] = {};
  float sums[block_groups][4] = {};
#pragma unroll
  for (int output = 0; output < row_outputs; ++output) {
    std::uint32_t y[block_groups][2];
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      Philox4 draws{};
      if (dropout) draws = drawn.words(rows[half].call);
      rows[half].call += calls.per_row;
      if (output % 4 == 0) bits[half] = 0;
#pragma unroll
      for (int j = 0; j < block_groups; ++j) {
        const int at = 4 * (j % 2 * row_outputs + output) + 2 * half;
        const float low = fmaf(d[j / 2][at], epilogue.scale, bias.at[j][0]),
                    high = fmaf(d[j / 2][at + 1], epilogue.scale, bias.at[j][1]);
        y[j][half] = relu ? pack_relu_bf16(low, high) : pack_bf16(low, high);
        if (dropout) y[j][half] &= calls.kept(draws[j]);
        bits[half] |= positive_halves(y[j][half]) & noted(output % 4, j);
      }
      if (p.kept != nullptr) rows[half].keep(p, block, output, bits[half]);
    }
#pragma unroll
    for (int j = 0; j < block_groups; ++j)
      adder.add(sums[j], y[j]);
    if (output % pool_stride != 0 || output == 0) continue;
    // The last of a window, and the first of the next.
    std::uint32_t pooled[2][block_groups];
#pragma unroll
    for (int j = 0; j < block_groups; ++j) {
#pragma unroll
      for (int half = 0; half < 2; ++half)
        pooled[half][j] = pack_bf16(sums[j][2 * half] * share, sums[j][2 * half + 1] * share);
#pragma unroll
      for (float& sum : sums[j])
        sum = 0;
      adder.add(sums[j], y[j]);
    }
    const int window = output / pool_stride - 1;
#pragma unroll
    for (int half = 0; half < 2; ++half)
      stage.write(half, pooled[half]);
    __syncwarp();
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const Octet octet = stage.read(half);
      if (has_octet && rows[half].has_window(window)) *reinterpret_cast<Octet*>(rows[half].dst) = octet;
      rows[half].dst += p.C;
    }
    __syncwarp();
  }
}

}  // namespace bragg::cuda
