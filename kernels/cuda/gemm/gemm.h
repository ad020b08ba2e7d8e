// The matrix products of the three passes: problem -> config -> launch. Each pass has its own arrangement of
// operands and its own way to store a result; conv1d.cu and dense.cu say what the matrices are.
#pragma once

#include <functional>
#include <string>

#include "kernels/cuda/gemm/gemm_arguments.h"
#include "kernels/cuda/gemm/gemm_config.h"
#include "kernels/cuda/gemm/store.cuh"

namespace bragg::cuda {

/// The op and its shapes, asked for only where a launch fails.
using Describe = std::function<std::string()>;

/// A by rows m, B by rows n: C = A B, stored through bias, ReLU and dropout.
void gemm_forward(const Describe&, cudaStream_t, Precision, const GemmArguments&, const ForwardStore&);

/// A by rows m, B by rows k.
void gemm_backward_data(const Describe&, cudaStream_t, Precision, const GemmArguments&, const BackwardStore&);

/// Both by rows k: diff_weights (M, N) = A B with A = diff_dst^T, and diff_bias (M), the sums of A. K, the
/// only long side of the problem, is cut into parts that are kept in `parts` (part_bytes) and added up in
/// order.
void gemm_backward_weights(const Describe&, cudaStream_t, GemmArguments, const GemmConfig&, float* parts,
                           float* diff_weights, float* diff_bias);
std::size_t part_bytes(const GemmConfig&, std::int64_t M, std::int64_t N);

}  // namespace bragg::cuda
