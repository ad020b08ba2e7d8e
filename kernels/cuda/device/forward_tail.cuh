// The epilogue of ops that go through activations element by element.
#pragma once

#include "kernels/base/random.h"
#include "kernels/ops/epilogue.h"
#include "kernels/ops/step_state.h"

namespace bragg::cuda {

/// ReLU, then dropout. A bias is the op's own business.
struct ForwardTail {
  bool relu;
  float p, scale;  ///< of dropout; 1 / (1 - p)
  std::uint32_t seed, layer;
  const StepState* state;

  explicit ForwardTail(const Epilogue& e)
      : relu(e.relu),
        p(e.dropout.p),
        scale(static_cast<float>(1.0 / (1.0 - double{e.dropout.p}))),
        seed(e.dropout.seed),
        layer(e.dropout.layer),
        state(e.dropout.state.as<StepState>()) {}

  /// Of channel c, of C, in row t of an item of `length` elements.
  __device__ float operator()(float x, std::int64_t item, std::int32_t length, std::int32_t t, std::int32_t c,
                              std::int32_t C) const {
    if (relu && x < 0) x = 0;  // a NaN stays one
    if (p > 0) {
      const std::int64_t row = item * (length / C) + t;
      x = dropout_keeps(seed, layer, state->step, row, c, C, p) ? x * scale : 0;
    }
    return x;
  }
};

}  // namespace bragg::cuda
