// What the reference does to a number before it stores it.
#pragma once

#include "kernels/base/random.h"
#include "kernels/ops/epilogue.h"
#include "kernels/ops/step_state.h"

namespace bragg::reference {

/// Element c of logical row `row` (n * L + t) of a result with C features.
inline double apply(const Epilogue& e, double value, std::int64_t row, std::int64_t c, std::int64_t C) {
  if (e.bias) value += e.bias.as<double>()[c];
  if (e.relu && value < 0) value = 0;  // a NaN stays one
  const Dropout& d = e.dropout;
  if (d.p == 0) return value;
  const std::uint64_t step = d.state.as<StepState>()->step;
  return dropout_keeps(d.seed, d.layer, step, row, c, C, d.p) ? value / (1.0 - double{d.p}) : 0.0;
}

/// The derivative at element (n, offset within the item).
inline double derivative(const ReluGradient& g, std::int64_t n, std::int64_t offset) {
  if (g.src.data == nullptr) return 1;
  return g.src.item<double>(n)[offset] > 0 ? 1.0 / (1.0 - double{g.p}) : 0.0;
}

}  // namespace bragg::reference
