// kernels/crystal/crystal_math.h on the device, to the bit.
#pragma once

#include <cuda_runtime.h>

#include "kernels/crystal/reflection_problem.h"

namespace bragg::cuda {

/// inverse_d_squared of crystal_math.h, without contraction to FMA.
__device__ inline double inverse_d_squared_rn(const ReciprocalMetric& g, int h, int k, int l) {
  const double x = h, y = k, z = l;
  const auto term = [](double factor, double a, double b) { return __dmul_rn(__dmul_rn(factor, a), b); };
  double sum = __dadd_rn(term(g[0], x, x), term(g[1], y, y));
  sum = __dadd_rn(sum, term(g[2], z, z));
  sum = __dadd_rn(sum, term(g[3], y, z));
  sum = __dadd_rn(sum, term(g[4], x, z));
  return __dadd_rn(sum, term(g[5], x, y));
}

}  // namespace bragg::cuda
