// What becomes of an element of C: bias, ReLU and dropout forward, their derivative backward, or a part of a
// sum. A main loop asks for a row once and hands it elements, one or two neighbours at a time.
#pragma once

#include "kernels/cuda/adam_step.cuh"
#include "kernels/cuda/device/pack.cuh"
#include "kernels/cuda/gemm/matrix_view.cuh"
#include "kernels/problems.h"
#include "kernels/random.h"

namespace bragg::cuda {

/// Not inlined: 100 instructions, in a loop over the elements of a thread.
__noinline__ inline __device__ Philox4 dropout_call(std::uint32_t seed, std::uint32_t layer,
                                                    std::uint64_t step, std::uint32_t call) {
  return random_call(seed, RandomStream::dropout, call, layer, step);
}

/// Elements (m, n) and (m, n + 1), as far as there are so many.
template <typename Store, typename Row>
__device__ void put_pair(const Store& store, Row& row, std::int32_t n, std::int32_t N, float first,
                         float second) {
  if (n + 1 < N) {
    store.put(row, n, first, second);
  } else if (n < N) {
    store.put(row, n, first);
  }
}

/// A warp's MI x NI accumulators of mma.sync (m16n8), the first of them at (m0, n0), as far as they are in C.
template <int MI, int NI, typename Store>
__device__ void put_accumulators(const Store& store, const float (&c)[MI][NI][4], std::int32_t m0,
                                 std::int32_t n0, std::int32_t M, std::int32_t N) {
  const auto lane = static_cast<std::int32_t>(threadIdx.x % 32), g = lane / 4, t = lane % 4;
#pragma unroll
  for (int i = 0; i < MI; ++i) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const std::int32_t m = m0 + 16 * i + 8 * half + g;
      if (m >= M) continue;
      auto row = store.row(static_cast<std::uint32_t>(m), static_cast<std::int32_t>(blockIdx.z));
#pragma unroll
      for (int j = 0; j < NI; ++j)
        put_pair(store, row, n0 + 8 * j + 2 * t, N, c[i][j][2 * half], c[i][j][2 * half + 1]);
    }
  }
}

/// Two neighbours; `together`: the first one's address is a multiple of both.
template <typename T>
__device__ void store_two(T* dst, bool together, float first, float second) {
  if (together) {
    store(dst, Pack<T, 2>{{rounded_to<T>(first), rounded_to<T>(second)}});
  } else {
    dst[0] = rounded_to<T>(first);
    dst[1] = rounded_to<T>(second);
  }
}

/// Forward: row m of C is logical row m of dst, its columns are the channels.
template <typename T>
struct ForwardStore {
  MatrixView<T> dst;
  bool precise;       ///< dst is float, whatever T is
  bool pairs;         ///< even columns may be stored with their neighbour
  const float* bias;  ///< or nullptr
  bool relu;
  std::uint32_t drop_below;  ///< dropout_threshold(p); 0: no dropout
  float scale;               ///< 1 / (1 - p)
  std::uint32_t seed, layer;
  const StepState* state;

  ForwardStore(const MatrixView<T>& dst_, bool precise_, const Epilogue& e)
      : dst(dst_),
        precise(precise_),
        pairs(reinterpret_cast<std::uintptr_t>(dst_.data) % (precise_ ? 8 : 2 * sizeof(T)) == 0 &&
              dst_.item_stride % 2 == 0 && dst_.row_stride % 2 == 0),
        bias(e.bias.as<float>()),
        relu(e.relu),
        drop_below(dropout_threshold(e.dropout.p)),
        scale(static_cast<float>(1.0 / (1.0 - double{e.dropout.p}))),
        seed(e.dropout.seed),
        layer(e.dropout.layer),
        state(e.dropout.state.as<StepState>()) {}

  struct Row {
    std::int64_t begin;
    std::uint32_t m;
    /// The last call and its words: one serves 8 elements, which a lane of a tensor core's accumulator has
    /// one after the other.
    std::uint32_t call;
    Philox4 words;
  };
  __device__ Row row(std::uint32_t m, std::int32_t /*part*/) const {
    const typename MatrixView<T>::Place at = dst.place(m);
    return {at.item * dst.item_stride + at.offset, m, 0xFFFFFFFFu, {}};
  }
  __device__ void put(Row& to, std::int32_t n, float value) const {
    value = result(to, n, value);
    if (precise) {
      reinterpret_cast<float*>(dst.data)[to.begin + n] = value;
    } else {
      dst.data[to.begin + n] = rounded_to<T>(value);
    }
  }
  __device__ void put(Row& to, std::int32_t n, float first, float second) const {
    first = result(to, n, first);
    second = result(to, n + 1, second);
    const bool together = pairs && n % 2 == 0;
    if (precise) {
      store_two(reinterpret_cast<float*>(dst.data) + to.begin + n, together, first, second);
    } else {
      store_two(dst.data + to.begin + n, together, first, second);
    }
  }

 private:
  __device__ float result(Row& to, std::int32_t n, float value) const {
    if (bias) value += bias[n];
    if (relu && value < 0) value = 0;  // a NaN stays one
    if (drop_below > 0) value = keeps(to, n) ? value * scale : 0.0f;
    return value;
  }
  __device__ bool keeps(Row& to, std::int32_t n) const {
    const DropoutBits where = dropout_bits(to.m, n, dst.row_length);
    if (where.call != to.call) {
      to.call = where.call;
      to.words = dropout_call(seed, layer, state->step, where.call);
    }
    const std::uint32_t word = where.half < 2   ? to.words[0]
                               : where.half < 4 ? to.words[1]
                               : where.half < 6 ? to.words[2]
                                                : to.words[3];
    return (word >> (16 * (where.half % 2)) & 0xFFFFu) >= drop_below;
  }
};

/// Backward data: rows of C are rows of diff_src, as are those of the ReLU's src.
template <typename T>
struct BackwardStore {
  MatrixView<T> dst;
  bool pairs;
  const T* src;  ///< or nullptr
  std::int64_t src_item_stride;
  float scale;

  BackwardStore(const MatrixView<T>& dst_, const ReluGradient& relu)
      : dst(dst_),
        pairs(holds_packs<2>(dst_.data, dst_.item_stride) && dst_.row_stride % 2 == 0),
        src(static_cast<const T*>(relu.src.data)),
        src_item_stride(relu.src.item_stride),
        scale(static_cast<float>(1.0 / (1.0 - double{relu.p}))) {}

  struct Row {
    T* dst;
    const T* src;
    std::int32_t length;
  };
  __device__ Row row(std::uint32_t m, std::int32_t /*part*/) const {
    const typename MatrixView<T>::Place at = dst.place(m);
    return {dst.data + at.item * dst.item_stride + at.offset,
            src ? src + at.item * src_item_stride + at.offset : nullptr, at.length};
  }
  __device__ void put(const Row& to, std::int32_t n, float value) const {
    if (n < to.length) to.dst[n] = rounded_to<T>(result(to, n, value));
  }
  __device__ void put(const Row& to, std::int32_t n, float first, float second) const {
    if (n + 1 < to.length) {
      store_two(to.dst + n, pairs && n % 2 == 0, result(to, n, first), result(to, n + 1, second));
    } else {
      put(to, n, first);
    }
  }

 private:
  __device__ float result(const Row& to, std::int32_t n, float value) const {
    return to.src ? value * (as_float(to.src[n]) > 0 ? scale : 0.0f) : value;
  }
};

/// Backward weights: C itself, or a part of it, to be added up by add_parts.
struct PartStore {
  float* parts;
  std::int64_t part_stride, row_stride;  ///< elements
  bool pairs;

  PartStore(float* parts_, std::int64_t part_stride_, std::int64_t row_stride_)
      : parts(parts_),
        part_stride(part_stride_),
        row_stride(row_stride_),
        pairs(holds_packs<2>(parts_, part_stride_) && row_stride_ % 2 == 0) {}

  struct Row {
    float* dst;
  };
  __device__ Row row(std::uint32_t m, std::int32_t part) const {
    return {parts + part * part_stride + m * row_stride};
  }
  __device__ void put(const Row& to, std::int32_t n, float value) const { to.dst[n] = value; }
  __device__ void put(const Row& to, std::int32_t n, float first, float second) const {
    store_two(to.dst + n, pairs && n % 2 == 0, first, second);
  }
};

/// The same of a C that is the transpose: its rows are the columns of what is stored.
struct TransposedPartStore {
  float* parts;
  std::int64_t part_stride, row_stride;

  struct Row {
    float* dst;
  };
  __device__ Row row(std::uint32_t m, std::int32_t part) const { return {parts + part * part_stride + m}; }
  __device__ void put(const Row& to, std::int32_t n, float value) const { to.dst[n * row_stride] = value; }
  __device__ void put(const Row& to, std::int32_t n, float first, float second) const {
    put(to, n, first);
    put(to, n + 1, second);
  }
};

/// Backward weights with Adam: C is the gradient, or its transpose, and goes no further than this.
template <bool transposed>
struct AdamStore {
  float *weights, *m, *v;
  BFloat16* working;
  std::int64_t row_stride;  ///< elements, of the weights
  AdamConstants constants;
  const StepState* state;

  struct Row {
    std::int64_t begin;
    AdamFactors factors;
  };
  __device__ Row row(std::uint32_t index, std::int32_t /*part*/) const {
    return {transposed ? index : index * row_stride, factors_of(constants, *state)};
  }
  __device__ void put(const Row& to, std::int32_t n, float gradient) const {
    const std::int64_t at = to.begin + (transposed ? n * row_stride : n);
    float w = weights[at], first = m[at], second = v[at];
    adam_step(constants, to.factors, gradient, w, first, second);
    weights[at] = w;
    m[at] = first;
    v[at] = second;
    working[at] = rounded_to<BFloat16>(w);
  }
  __device__ void put(const Row& to, std::int32_t n, float first, float second) const {
    put(to, n, first);
    put(to, n + 1, second);
  }
};

}  // namespace bragg::cuda
