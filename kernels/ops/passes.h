// The ops that a layer is made of: what tests, gradient checks and benchmarks run through.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "kernels/ops/network_op.h"

namespace bragg {

/// What ops of a network are made for.
using LayerProblem = std::variant<Conv1dProblem, AvgPool1dProblem, DenseProblem, AddProblem, BatchNormProblem,
                                  BatchNormFoldProblem, SoftmaxCrossEntropyProblem, HuberLossProblem,
                                  NormProblem, AdamProblem, EmaProblem>;

/// An op of a layer, without memory. The forward pass gives X as an operand "X", a backward pass its gradient
/// as "diff_X".
struct LayerPass {
  std::string name;  ///< "forward", "backward_data" ...; empty where a layer is one op
  NetworkOp op;
};

/// Those that every backend has, forward first.
std::vector<LayerPass> passes(const LayerProblem&);

/// Those that only some backends have (Backend::has), in place of others. `row_stride` is that of the weights.
std::vector<LayerPass> fused_passes(const DenseProblem&, std::int64_t row_stride);
/// Of a convolution and the pooling behind it.
std::vector<LayerPass> fused_passes(const Conv1dProblem&, const AvgPool1dProblem&);
/// Of a convolution and the normalisation behind it, or before it.
std::vector<LayerPass> fused_passes(const Conv1dProblem&, const BatchNormProblem&);

/// The op as training runs it: ReLU and dropout p behind it, or their gradient.
NetworkOp in_training(NetworkOp, float p);

}  // namespace bragg
