// The exponential moving average of weights.
#pragma once

#include <cstdint>
#include <string>

#include "kernels/ops/op.h"

namespace bragg {

/// average = decay average + (1 - decay) weights, as torch.optim.swa_utils.get_ema_avg_fn.
struct EmaProblem {
  std::int64_t count = 0;
  double decay = 0.999;
  void validate() const;
  std::string text() const;
};

/// weights (count), average (count), of the precise type; the average is updated in place.
struct Ema {
  static constexpr const char* name = "ema";
  EmaProblem problem{};
  ConstTensor weights{};
  Tensor average{};

  template <typename Self, typename Visitor>
  static void operands(Self& op, Visitor&& visit) {
    const RowsExtent extent{1, op.problem.count};
    visit(OperandInfo{Role::in, "weights", NumberType::precise}, op.weights, extent);
    visit(OperandInfo{Role::inout, "average", NumberType::precise}, op.average, extent);
  }
  bool is_empty() const { return problem.count == 0; }
};

}  // namespace bragg
