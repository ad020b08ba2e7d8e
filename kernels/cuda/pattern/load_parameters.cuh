// The parameters of a block's pattern in its shared memory.
#pragma once

#include "kernels/crystal/pattern_parameters.h"
#include "kernels/cuda/pattern/arguments.h"

namespace bragg::cuda {

/// The parameters of pattern n into shared memory; whether a pattern can be rendered from them. All threads
/// of the block; ends with a barrier.
__device__ inline bool load_parameters(const PatternArguments& a, std::int64_t n,
                                       PatternParameters& pattern) {
  static_assert(effect_count < pattern_threads);
  const auto thread = static_cast<int>(threadIdx.x);
  const PatternParameters& source = a.parameters[n];
  bool is_sound = true;
  if (thread < effect_count) {
    pattern.value[thread] = source.value[thread];
    is_sound = is_possible(static_cast<Effect>(thread), source.value[thread]);
  } else if (thread == effect_count) {
    pattern.U = source.U;
    pattern.V = source.V;
    for (int i = 0; i < 6; ++i)
      pattern.distortion[i] = source.distortion[i];
    for (int k = 0; k < chebyshev_terms; ++k)
      pattern.chebyshev[k] = source.chebyshev[k];
    pattern.index = source.index;
    pattern.seed = source.seed;
    pattern.axis = source.axis;
    is_sound = has_sound_shape(source) && (a.mixed || !(source[Effect::impurity] > 0));
  }
  return __syncthreads_and(is_sound) != 0;
}

}  // namespace bragg::cuda
