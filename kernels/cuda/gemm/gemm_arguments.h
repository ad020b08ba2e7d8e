// What a matrix product is given.
#pragma once

#include "kernels/cuda/gemm/matrix_view.cuh"

namespace bragg::cuda {

/// Along which index an operand's neighbours in memory lie: k, or its other one.
enum class Contiguous { k, mn };

/// C (M, N) = A (M, K) B (K, N). Each operand is a view by rows of k or by rows of its other index.
template <typename T>
struct GemmArguments {
  std::int32_t M, N, K;
  ConstMatrixView<T> a;          ///< row m holds A(m, .), or row k holds A(., k)
  ConstMatrixView<T> b;          ///< row n holds B(., n), or row k holds B(k, .)
  std::int32_t part_length = 0;  ///< of K; block z sums [z * part_length, (z + 1) * part_length)
  float* a_sums = nullptr;       ///< (parts, M): sums of A over k

  GemmArguments(std::int64_t M_, std::int64_t N_, std::int64_t K_, const ConstMatrixView<T>& a_,
                const ConstMatrixView<T>& b_)
      : M(static_cast<std::int32_t>(M_)),
        N(static_cast<std::int32_t>(N_)),
        K(static_cast<std::int32_t>(K_)),
        a(a_),
        b(b_) {}
};

}  // namespace bragg::cuda
