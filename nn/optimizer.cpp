#include "nn/optimizer.h"

namespace bragg::nn {

AdamProblem Optimizer::problem(std::int64_t count, bool has_decay) const {
  AdamProblem p;
  p.count = count;
  p.learning_rate = learning_rate;
  p.beta1 = beta1;
  p.beta2 = beta2;
  p.weight_decay = has_decay ? weight_decay : 0;
  p.clip_norm = clip_norm;
  return p;
}

std::vector<NetworkOp> update_ops(const Parameters& parameters, const Optimizer& optimizer, ConstTensor state,
                                  bool dense_weights) {
  std::vector<NetworkOp> ops;
  const bool clips = optimizer.clip_norm > 0;
  if (clips)
    ops.emplace_back(Norm{{parameters.arena_count()}, parameters.gradients(), parameters.gradient_norm()});
  const auto adam = [&](std::int64_t begin, std::int64_t end, bool has_decay) {
    if (begin < end)
      ops.emplace_back(Adam{optimizer.problem(end - begin, has_decay), parameters.adam_tensors(begin),
                            parameters.from(parameters.gradients(), begin), state,
                            clips ? parameters.gradient_norm() : Tensor{}});
  };
  const std::int64_t end = dense_weights ? parameters.arena_count() : parameters.dense_weights_begin();
  const std::int64_t matrices = optimizer.weight_decay > 0 ? parameters.matrices_begin() : end;
  adam(0, matrices, false);
  adam(matrices, end, true);
  if (optimizer.ema_decay > 0)
    ops.emplace_back(
        Ema{{parameters.arena_count(), optimizer.ema_decay}, parameters.weights(), parameters.average()});
  return ops;
}

}  // namespace bragg::nn
