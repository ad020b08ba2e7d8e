// What a forward op does to a sum before it stores it, as kernels take it.
#pragma once

#include <cuda_runtime.h>

#include "kernels/base/random.h"
#include "kernels/ops/epilogue.h"
#include "kernels/ops/step_state.h"

namespace bragg::cuda {

struct ForwardEpilogue {
  const float* bias;  ///< or nullptr
  bool relu;
  std::uint32_t drop_below;  ///< dropout_threshold(p); 0: no dropout
  float scale;               ///< 1 / (1 - p)
  std::uint32_t seed, layer;
  const StepState* state;

  explicit ForwardEpilogue(const Epilogue& e)
      : bias(e.bias.as<float>()),
        relu(e.relu),
        drop_below(dropout_threshold(e.dropout.p)),
        scale(drop_below > 0 ? static_cast<float>(1.0 / (1.0 - double{e.dropout.p})) : 1.0f),
        seed(e.dropout.seed),
        layer(e.dropout.layer),
        state(e.dropout.state.as<StepState>()) {}

  /// ReLU and dropout of a sum that has its bias; `draw`: 16 random bits, any without dropout.
  __device__ float activated(float value, std::uint32_t draw) const {
    if (relu && value < 0) value = 0;  // a NaN stays one
    return draw >= drop_below ? value * scale : 0.0f;
  }
};

/// Not inlined: 100 instructions, in a loop over the elements of a thread.
__noinline__ inline __device__ Philox4 dropout_call(std::uint32_t seed, std::uint32_t layer,
                                                    std::uint64_t step, std::uint32_t call) {
  return random_call(seed, RandomStream::dropout, call, layer, step);
}

}  // namespace bragg::cuda
