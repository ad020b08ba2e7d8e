// Fully connected layer: dst = src * weights^T.
#include <algorithm>

#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/scalar_epilogue.h"
#include "kernels/cpu/scalar_loops.h"

namespace bragg::cpu {

void CpuBackend::do_dense_forward(const DenseProblem& p, const ConstActivations& src, ConstTensor weights,
                                  const Activations& dst, const Epilogue& epilogue) {
  for (std::int64_t o = 0; o < p.out; ++o) {
    for (std::int64_t n = 0; n < p.N; ++n) {
      const float sum = dot(src.item<float>(n), weights.as<float>() + o * p.in, p.in);
      dst.item<float>(n)[o] = apply(epilogue, sum, n, o, p.out);
    }
  }
}

void CpuBackend::do_dense_backward_data(const DenseProblem& p, const ConstActivations& diff_dst,
                                        ConstTensor weights, const Activations& diff_src,
                                        const ReluGradient& relu) {
  for (std::int64_t n = 0; n < p.N; ++n)
    std::fill_n(diff_src.item<float>(n), p.in, 0.0f);
  for (std::int64_t o = 0; o < p.out; ++o) {
    for (std::int64_t n = 0; n < p.N; ++n) {
      add_scaled(diff_dst.item<float>(n)[o], weights.as<float>() + o * p.in, diff_src.item<float>(n), p.in);
    }
  }
  for (std::int64_t n = 0; n < p.N; ++n) {
    for (std::int64_t i = 0; i < p.in; ++i)
      diff_src.item<float>(n)[i] *= derivative(relu, n, i);
  }
}

void CpuBackend::do_dense_backward_weights(const DenseProblem& p, const ConstActivations& src,
                                           const ConstActivations& diff_dst, Tensor diff_weights,
                                           Tensor diff_bias) {
  std::fill_n(diff_weights.as<float>(), p.out * p.in, 0.0f);
  std::fill_n(diff_bias.as<float>(), p.out, 0.0f);
  for (std::int64_t o = 0; o < p.out; ++o) {
    for (std::int64_t n = 0; n < p.N; ++n) {
      const float gradient = diff_dst.item<float>(n)[o];
      add_scaled(gradient, src.item<float>(n), diff_weights.as<float>() + o * p.in, p.in);
      diff_bias.as<float>()[o] += gradient;
    }
  }
}

}  // namespace bragg::cpu
