// The operands of a block's tile on their way from global to shared memory: 256 threads, K in steps of 16,
// everything beyond the matrix as zeros. Shared memory holds them by k: element (k, r) at tile[k * pitch +
// r].
#pragma once

#include <type_traits>

#include "kernels/cuda/gemm/gemm_arguments.h"
#include "kernels/cuda/gemm/normalised_fetch.cuh"

namespace bragg::cuda {

namespace gemm_block {
constexpr int threads = 256, k_step = 16;

/// One operand's tile, 16 T rows or columns of 16 numbers, on its way from global to shared memory.
template <int T, Contiguous order, typename Source>
class Fetch;

/// Neighbouring threads take neighbouring k: thread (k, r) serves rows r + 16 i.
template <int T, typename Source>
class Fetch<T, Contiguous::k, Source> {
 public:
  __device__ Fetch(const ConstMatrixView<float>& view, const Source& source, std::int32_t first,
                   std::int32_t end)
      : source_(source), k_(threadIdx.x % 16) {
#pragma unroll
    for (int i = 0; i < T; ++i) {
      const std::int32_t r = first + static_cast<std::int32_t>(threadIdx.x / 16) + 16 * i;
      row_[i] = r < end ? view.row(static_cast<std::uint32_t>(r)) : nullptr;
      if constexpr (Source::changes) begin_[i] = source.begin(static_cast<std::uint32_t>(r));
    }
  }
  __device__ void load(std::int32_t k0, std::int32_t k_end) {
    const std::int32_t k = k0 + k_;
#pragma unroll
    for (int i = 0; i < T; ++i)
      value_[i] = row_[i] && k < k_end ? row_[i][k] : 0.0f;
    if constexpr (Source::changes) {
      if (k >= k_end) return;
      const auto column = source_.column(k);
#pragma unroll
      for (int i = 0; i < T; ++i)
        value_[i] = source_(value_[i], begin_[i], column);
    }
  }
  template <int pitch>
  __device__ void store(float* tile) const {
    const int r = static_cast<int>(threadIdx.x / 16);
#pragma unroll
    for (int i = 0; i < T; ++i)
      tile[k_ * pitch + r + 16 * i] = value_[i];
  }

 private:
  const Source source_;
  std::int32_t k_;
  const float* row_[T];
  std::int32_t begin_[Source::changes ? T : 1];
  float value_[T];
};

/// Neighbouring threads take neighbouring columns of a row k.
template <int T, typename Source>
class Fetch<T, Contiguous::mn, Source> {
 public:
  __device__ Fetch(const ConstMatrixView<float>& view, const Source& source, std::int32_t first,
                   std::int32_t end)
      : view_(view), source_(source), first_(first), end_(end) {
    // Rows of the tile are a part of the threads: a thread has one column.
    static_assert(!Source::changes || threads % (16 * T) == 0);
    if constexpr (Source::changes)
      column_ = source.column(min(first + static_cast<std::int32_t>(threadIdx.x) % (16 * T), end - 1));
  }
  __device__ void load(std::int32_t k0, std::int32_t k_end) {
#pragma unroll
    for (int i = 0; i < T; ++i) {
      const std::int32_t at = static_cast<std::int32_t>(threadIdx.x) + threads * i;
      const std::int32_t k = k0 + at / (16 * T), column = first_ + at % (16 * T);
      value_[i] = 0.0f;
      if (k < k_end && column < end_) {
        const auto row = static_cast<std::uint32_t>(k);
        if (column < view_.length(row)) {
          value_[i] = view_.row(row)[column];
          if constexpr (Source::changes) value_[i] = source_(value_[i], source_.begin(row), column_);
        }
      }
    }
  }
  template <int pitch>
  __device__ void store(float* tile) const {
#pragma unroll
    for (int i = 0; i < T; ++i) {
      const int at = static_cast<int>(threadIdx.x) + threads * i;
      tile[at / (16 * T) * pitch + at % (16 * T)] = value_[i];
    }
  }

 private:
  const ConstMatrixView<float>& view_;
  const Source source_;
  std::int32_t first_, end_;
  typename Source::Column column_;
  float value_[T];
};

/// Calls multiply(a, b) for every step of the block's part of k, the tiles of both operands in one of two
/// stages of shared memory, the next step's numbers waiting in registers meanwhile. `source`: what becomes of windows, A by rows of m
/// or B by rows of k. Returns, where `sums`, the sum over k of row threadIdx.x of A's tile.
template <int TM, int TN, Contiguous a_order, Contiguous b_order, int a_pitch, int b_pitch, typename Source,
          typename Multiply>
__device__ float for_each_step(const GemmArguments<float>& p, const Source& source, std::int32_t m0,
                               std::int32_t n0, bool sums, float* memory, const Multiply& multiply) {
  using OfA = std::conditional_t<a_order == Contiguous::k, Source, AsFetched>;
  using OfB = std::conditional_t<a_order == Contiguous::k, AsFetched, Source>;
  constexpr int stage = k_step * (a_pitch + b_pitch);
  const std::int32_t k_begin = static_cast<std::int32_t>(blockIdx.z) * p.part_length;
  const std::int32_t k_end = min(k_begin + p.part_length, p.K);
  const auto source_of = [&]<typename Of>(std::type_identity<Of>) -> Of {
    if constexpr (std::is_same_v<Of, Source>) {
      return source;
    } else {
      return {};
    }
  };
  Fetch<TM, a_order, OfA> fetch_a(p.a, source_of(std::type_identity<OfA>()), m0, p.M);
  Fetch<TN, b_order, OfB> fetch_b(p.b, source_of(std::type_identity<OfB>()), n0, p.N);
  fetch_a.load(k_begin, k_end);
  fetch_b.load(k_begin, k_end);
  float a_sum = 0;
  int at = 0;
  for (std::int32_t k0 = k_begin; k0 < k_end; k0 += k_step, at ^= 1) {
    float* const a = memory + at * stage;
    float* const b = a + k_step * a_pitch;
    fetch_a.template store<a_pitch>(a);
    fetch_b.template store<b_pitch>(b);
    // The other stage is still read by threads that are behind; the next barrier comes before it is written
    // again.
    __syncthreads();
    if (k0 + k_step < k_end) {
      fetch_a.load(k0 + k_step, k_end);
      fetch_b.load(k0 + k_step, k_end);
    }
    multiply(a, b);
    if (sums)
      for (int k = 0; k < k_step; ++k)
        a_sum += a[k * a_pitch + static_cast<int>(threadIdx.x)];
  }
  return a_sum;
}

/// What for_each_step returned, where `sums`.
__device__ inline void put_a_sum(const GemmArguments<float>& p, std::int32_t m0, bool sums, float a_sum) {
  const std::int32_t m = m0 + static_cast<std::int32_t>(threadIdx.x);
  if (sums && m < p.M) p.a_sums[static_cast<std::int64_t>(blockIdx.z) * p.M + m] = a_sum;
}
}  // namespace gemm_block

}  // namespace bragg::cuda
