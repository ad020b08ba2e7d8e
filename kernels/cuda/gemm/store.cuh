// What becomes of an element of C: bias, ReLU and dropout forward, their derivative backward, or a part of a
// sum.
#pragma once

#include "kernels/cuda/gemm/matrix_view.cuh"
#include "kernels/problems.h"
#include "kernels/random.h"

namespace bragg::cuda {

/// Drawn for one element at a time. Not inlined: a thread has up to 64 elements, and the call is 100
/// instructions.
__noinline__ inline __device__ bool keeps(std::uint32_t seed, std::uint32_t layer, std::uint64_t step,
                                          std::uint32_t row, std::int32_t c, std::int32_t C,
                                          std::uint32_t drop_below) {
  const DropoutBits where = dropout_bits(row, c, C);
  const Philox4 words = random_call(seed, RandomStream::dropout, where.call, layer, step);
  const std::uint32_t word = where.half < 2   ? words[0]
                             : where.half < 4 ? words[1]
                             : where.half < 6 ? words[2]
                                              : words[3];
  return (word >> (16 * (where.half % 2)) & 0xFFFFu) >= drop_below;
}

/// Forward: row m of C is logical row m of dst, its columns are the channels.
struct ForwardStore {
  MatrixView dst;
  const float* bias;  ///< or nullptr
  bool relu;
  std::uint32_t drop_below;  ///< dropout_threshold(p); 0: no dropout
  float scale;               ///< 1 / (1 - p)
  std::uint32_t seed, layer;
  const StepState* state;

  ForwardStore(const MatrixView& dst_, const Epilogue& e)
      : dst(dst_),
        bias(e.bias.as<float>()),
        relu(e.relu),
        drop_below(dropout_threshold(e.dropout.p)),
        scale(static_cast<float>(1.0 / (1.0 - double{e.dropout.p}))),
        seed(e.dropout.seed),
        layer(e.dropout.layer),
        state(e.dropout.state.as<StepState>()) {}

  struct Row {
    float* dst;
    std::uint32_t m;
  };
  __device__ Row row(std::uint32_t m) const {
    const MatrixView::Place at = dst.place(m);
    return {dst.data + at.item * dst.item_stride + at.offset, m};
  }
  __device__ void put(const Row& to, std::int32_t n, float value) const {
    if (bias) value += bias[n];
    if (relu && value < 0) value = 0;  // a NaN stays one
    if (drop_below > 0)
      value = keeps(seed, layer, state->step, to.m, n, dst.row_length, drop_below) ? value * scale : 0.0f;
    to.dst[n] = value;
  }
};

/// Backward data: rows of C are rows of diff_src, as are those of the ReLU's src.
struct BackwardStore {
  MatrixView dst;
  const float* src;  ///< or nullptr
  std::int64_t src_item_stride;
  float scale;

  BackwardStore(const MatrixView& dst_, const ReluGradient& relu)
      : dst(dst_),
        src(static_cast<const float*>(relu.src.data)),
        src_item_stride(relu.src.item_stride),
        scale(static_cast<float>(1.0 / (1.0 - double{relu.p}))) {}

  struct Row {
    float* dst;
    const float* src;
    std::int32_t length;
  };
  __device__ Row row(std::uint32_t m) const {
    const MatrixView::Place at = dst.place(m);
    return {dst.data + at.item * dst.item_stride + at.offset,
            src ? src + at.item * src_item_stride + at.offset : nullptr, at.length};
  }
  __device__ void put(const Row& to, std::int32_t n, float value) const {
    if (n >= to.length) return;
    to.dst[n] = to.src ? value * (to.src[n] > 0 ? scale : 0.0f) : value;
  }
};

/// Backward weights: part z of C, to be added up by sum_parts.
struct PartStore {
  float* parts;  ///< (parts, M, N)
  std::int32_t M, N;

  struct Row {
    float* dst;
  };
  __device__ Row row(std::uint32_t m) const {
    return {parts + (static_cast<std::int64_t>(blockIdx.z) * M + m) * N};
  }
  __device__ void put(const Row& to, std::int32_t n, float value) const { to.dst[n] = value; }
};

}  // namespace bragg::cuda
