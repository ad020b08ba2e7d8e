// The operands of a block's tile on their way from global to shared memory: 256 threads, K in steps of 16,
// everything beyond the matrix as zeros. Shared memory holds them by k: element (k, r) at tile[k * pitch +
// r].
#pragma once

#include "kernels/cuda/gemm/gemm_arguments.h"

namespace bragg::cuda {

namespace gemm_block {
constexpr int threads = 256, k_step = 16;

/// One operand's tile, 16 T rows or columns of 16 numbers, on its way from global to shared memory.
template <int T, Contiguous order>
class Fetch;

/// Neighbouring threads take neighbouring k: thread (k, r) serves rows r + 16 i.
template <int T>
class Fetch<T, Contiguous::k> {
 public:
  __device__ Fetch(const ConstMatrixView<float>& view, std::int32_t first, std::int32_t end)
      : k_(threadIdx.x % 16) {
#pragma unroll
    for (int i = 0; i < T; ++i) {
      const std::int32_t r = first + static_cast<std::int32_t>(threadIdx.x / 16) + 16 * i;
      row_[i] = r < end ? view.row(static_cast<std::uint32_t>(r)) : nullptr;
    }
  }
  __device__ void load(std::int32_t k0, std::int32_t k_end) {
    const std::int32_t k = k0 + k_;
#pragma unroll
    for (int i = 0; i < T; ++i)
      value_[i] = row_[i] && k < k_end ? row_[i][k] : 0.0f;
  }
  template <int pitch>
  __device__ void store(float* tile) const {
    const int r = static_cast<int>(threadIdx.x / 16);
#pragma unroll
    for (int i = 0; i < T; ++i)
      tile[k_ * pitch + r + 16 * i] = value_[i];
  }

 private:
  std::int32_t k_;
  const float* row_[T];
  float value_[T];
};

/// Neighbouring threads take neighbouring columns of a row k.
template <int T>
class Fetch<T, Contiguous::mn> {
 public:
  __device__ Fetch(const ConstMatrixView<float>& view, std::int32_t first, std::int32_t end)
      : view_(view), first_(first), end_(end) {}
  __device__ void load(std::int32_t k0, std::int32_t k_end) {
#pragma unroll
    for (int i = 0; i < T; ++i) {
      const std::int32_t at = static_cast<std::int32_t>(threadIdx.x) + threads * i;
      const std::int32_t k = k0 + at / (16 * T), column = first_ + at % (16 * T);
      value_[i] = 0.0f;
      if (k < k_end && column < end_) {
        const auto row = static_cast<std::uint32_t>(k);
        if (column < view_.length(row)) value_[i] = view_.row(row)[column];
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
  std::int32_t first_, end_;
  float value_[T];
};
}  // namespace gemm_block

}  // namespace bragg::cuda
