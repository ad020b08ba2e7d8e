// An op of a network's plan, as a value.
#pragma once

#include <string>
#include <variant>

#include "kernels/ops/adam.h"
#include "kernels/ops/add.h"
#include "kernels/ops/avg_pool1d.h"
#include "kernels/ops/batch_norm.h"
#include "kernels/ops/call.h"
#include "kernels/ops/conv1d.h"
#include "kernels/ops/conv1d_batch_norm.h"
#include "kernels/ops/conv1d_pool.h"
#include "kernels/ops/dense.h"
#include "kernels/ops/ema.h"
#include "kernels/ops/huber_loss.h"
#include "kernels/ops/norm.h"
#include "kernels/ops/softmax_cross_entropy.h"

namespace bragg {

using NetworkOp =
    std::variant<AddForward, AddBackward, Conv1dForward, Conv1dBackwardData, Conv1dBackwardWeights,
                 Conv1dPoolForward, Conv1dPoolBackwardWeights, Conv1dBatchNormForward,
                 Conv1dBatchNormBackward, Conv1dNormalisedBackwardWeights, BatchNormForward,
                 BatchNormBackward, BatchNormInference, BatchNormFold, AvgPool1dForward, AvgPool1dBackward,
                 AvgPool1dBackwardKept, DenseForward, DenseBackwardData, DenseBackwardWeights,
                 DenseBackwardWeightsAdam, SoftmaxCrossEntropy, HuberLoss, Norm, Adam, Ema>;

inline std::string text(const NetworkOp& any) {
  return std::visit([](const auto& op) { return text(op); }, any);
}

}  // namespace bragg
