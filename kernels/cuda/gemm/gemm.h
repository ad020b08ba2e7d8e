// The matrix products of the three passes: problem -> config -> launch. Each pass has its own arrangement of
// operands and its own way to store a result; conv1d.cu and dense.cu say what the matrices are. T is float
// (fp32 and tf32) or BFloat16.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "kernels/cuda/gemm/channel_sums.h"
#include "kernels/cuda/gemm/gemm_arguments.h"
#include "kernels/cuda/gemm/gemm_target.h"
#include "kernels/cuda/gemm/normalised_rows.h"
#include "kernels/cuda/gemm/store_gradient.cuh"

namespace bragg::cuda {

/// The op and its shapes, asked for only where a launch fails.
using Describe = std::function<std::string()>;

/// A by rows m, B by rows n: C = A B, stored through bias, ReLU and dropout.
template <typename T>
void gemm_forward(const Describe&, const GemmTarget&, const GemmArguments<T>&, const ForwardStore<T>&);

/// The same without ReLU and dropout by wgmma, and the sums of its channels, most_summed_channels at most, in `pairs`, which has room
/// for as many sets as there are multiprocessors. None, and nothing is computed, where the operands do not lie as that takes them.
std::optional<ChannelSums> gemm_forward_sums(const Describe&, const GemmTarget&,
                                             const GemmArguments<BFloat16>&, const ForwardStore<BFloat16>&,
                                             float* pairs);
/// The same of an A whose rows are windows of activations that are normalised as they arrive.
std::optional<ChannelSums> gemm_forward_sums(const Describe&, const GemmTarget&,
                                             const GemmArguments<BFloat16>&, const NormalisedRows& of_a,
                                             const ForwardStore<BFloat16>&, float* pairs);
/// In fp32, of any operands and as many channels as there are, in fp32_sum_bytes() of `pairs`; `of_a` or nullptr.
ChannelSums gemm_forward_sums(const Describe&, const GemmTarget&, const GemmArguments<float>&,
                              const NormalisedRows* of_a, const ForwardStore<float>&, float* pairs);
/// Of (M, N) results of a product in fp32.
std::size_t fp32_sum_bytes(std::int64_t M, std::int64_t N);

/// A by rows m, B by rows k.
template <typename T>
void gemm_backward_data(const Describe&, const GemmTarget&, const GemmArguments<T>&, const BackwardStore<T>&);
/// The same with B by rows n, by wgmma, where the operands lie as that takes them.
bool takes_rows_of_n(const GemmTarget&, const GemmArguments<BFloat16>&, const BackwardStore<BFloat16>&);
void gemm_backward_data_by_rows_of_n(const Describe&, const GemmTarget&, const GemmArguments<BFloat16>&,
                                     const BackwardStore<BFloat16>&);

/// Where gradients of weights (M, N) go: rows `row_stride` apart, and the bias's.
struct WeightGradient {
  float* weights;
  std::int64_t row_stride;
  float* bias;
};

/// Backward data with sums of its channels, as gemm_forward_sums: of diff_src and of its products with `norm_src`. `addend`, if it
/// has data, is added to the product as that would be stored, before the ReLU. Rows of both lie as those of the ReLU's src. With
/// `factor` and `offset` (channels) the ReLU is that of factor norm_src + offset. None, and nothing is computed, where one of them
/// does not lie in octets.
std::optional<ChannelSums> gemm_backward_data_sums(const Describe&, const GemmTarget&,
                                                   const GemmArguments<BFloat16>&,
                                                   const BackwardStore<BFloat16>&,
                                                   const ConstActivations& norm_src,
                                                   const ConstActivations& addend, const float* factor,
                                                   const float* offset, float* pairs);
/// In fp32, of any operands, B by rows of k.
ChannelSums gemm_backward_data_sums(const Describe&, const GemmTarget&, const GemmArguments<float>&,
                                    const MatrixView<float>& diff_src, const ReluGradient&,
                                    const ConstActivations& norm_src, const ConstActivations& addend,
                                    const float* factor, const float* offset, float* pairs);

/// Both by rows k: the gradient of the weights = A B with A = diff_dst^T, of the bias = the sums of A. Where
/// the general main loops cut K, the only long side of the problem, the parts are kept in `parts`
/// (part_bytes) and added up in order; nullptr: K stays whole.
template <typename T>
void gemm_backward_weights(const Describe&, const GemmTarget&, GemmArguments<T>, float* parts,
                           const WeightGradient&);
/// The same by wgmma, B's rows windows of activations that are normalised as they arrive. Whether the operands lie as that takes them:
/// nothing is computed where they don't.
bool gemm_normalised_backward_weights(const Describe&, const GemmTarget&, const GemmArguments<BFloat16>&,
                                      const NormalisedRows& of_b, const WeightGradient&);
/// In fp32, of any operands, as gemm_backward_weights.
void gemm_normalised_backward_weights(const Describe&, const GemmTarget&, const GemmArguments<float>&,
                                      const NormalisedRows& of_b, float* parts, const WeightGradient&);
/// The same as the first with Adam on the weights, which `store` holds; K in one part.
void gemm_backward_weights_adam(const Describe&, const GemmTarget&, GemmArguments<BFloat16>,
                                const AdamStore<false>& store, float* diff_bias);
std::size_t part_bytes(const GemmTarget&, std::int64_t M, std::int64_t N, std::int64_t K);

}  // namespace bragg::cuda
