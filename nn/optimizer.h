// What updates the weights, as ops.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/ops/learning_rate.h"
#include "kernels/ops/network_op.h"
#include "nn/parameters.h"

namespace bragg::nn {

/// Adam with what stands beside it. Without any of the latter it is Adam alone.
struct Optimizer {
  LearningRate learning_rate;
  double beta1 = 0.9, beta2 = 0.999;
  double weight_decay = 0;  ///< AdamW's, of matrices alone (decays()): biases keep their size
  double clip_norm = 0;     ///< of all gradients together, 0: as they are
  double ema_decay = 0;     ///< of Parameters::average, 0: there is none

  AdamProblem problem(std::int64_t count, bool has_decay) const;
  /// Of the weights of dense layers, where the op of their gradient updates them: the norm has to be known first.
  bool may_update_in_backward() const { return clip_norm == 0; }
};

/// In order: the norm of the gradients, Adam over all parameters in one op, or in two where matrices decay (over
/// all but the weights of dense layers without `dense_weights`), the average. state: StepState.
std::vector<NetworkOp> update_ops(const Parameters&, const Optimizer&, ConstTensor state,
                                  bool dense_weights = true);

}  // namespace bragg::nn
