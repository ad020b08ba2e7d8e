// What the cpu does to a number before it stores it.
#pragma once

#include "kernels/problems.h"
#include "kernels/random.h"

namespace bragg::cpu {

/// Element c of logical row `row` (n * L + t) of a result with C features.
inline float apply(const Epilogue& e, float value, std::int64_t row, std::int64_t c, std::int64_t C) {
  if (e.bias) value += e.bias.as<float>()[c];
  if (e.relu && value < 0) value = 0;  // a NaN stays one
  const Dropout& d = e.dropout;
  if (d.p == 0) return value;
  const std::uint64_t step = d.state.as<StepState>()->step;
  return dropout_keeps(d.seed, d.layer, step, row, c, C, d.p) ? value / (1.0f - float{d.p}) : 0.0f;
}

/// The derivative at element (n, offset within the item).
inline float derivative(const ReluGradient& g, std::int64_t n, std::int64_t offset) {
  if (g.src.data == nullptr) return 1;
  return g.src.item<float>(n)[offset] > 0 ? 1.0f / (1.0f - float{g.p}) : 0.0f;
}

}  // namespace bragg::cpu
