// 1D convolution. Output t reads the kernel * C_in contiguous numbers from src[n][t * stride][0] (channels
// last).
#include <algorithm>

#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/scalar_epilogue.h"
#include "kernels/cpu/scalar_loops.h"

namespace bragg::cpu {

void CpuBackend::do_conv1d_forward(const Conv1dProblem& p, const ConstActivations& src, ConstTensor weights,
                                   const Activations& dst, const Epilogue& epilogue) {
  const std::int64_t K = p.kernel * p.C_in;
  const float* w = weights.as<float>();  // (C_out, kernel, C_in)
  for (std::int64_t n = 0; n < p.N; ++n) {
    for (std::int64_t t = 0; t < p.L_out(); ++t) {
      const float* window = src.item<float>(n) + t * p.stride * p.C_in;
      for (std::int64_t o = 0; o < p.C_out; ++o) {
        const float sum = dot(window, w + o * K, K);
        dst.item<float>(n)[t * p.C_out + o] = apply(epilogue, sum, n * p.L_out() + t, o, p.C_out);
      }
    }
  }
}

void CpuBackend::do_conv1d_backward_data(const Conv1dProblem& p, const ConstActivations& diff_dst,
                                         ConstTensor weights, const Activations& diff_src,
                                         const ReluGradient& relu) {
  const std::int64_t K = p.kernel * p.C_in;
  const float* w = weights.as<float>();
  for (std::int64_t n = 0; n < p.N; ++n) {
    float* gradient = diff_src.item<float>(n);
    std::fill_n(gradient, p.L_in * p.C_in, 0.0f);
    for (std::int64_t t = 0; t < p.L_out(); ++t) {
      for (std::int64_t o = 0; o < p.C_out; ++o) {
        add_scaled(diff_dst.item<float>(n)[t * p.C_out + o], w + o * K, gradient + t * p.stride * p.C_in, K);
      }
    }
    for (std::int64_t i = 0; i < p.L_in * p.C_in; ++i)
      gradient[i] *= derivative(relu, n, i);
  }
}

void CpuBackend::do_conv1d_backward_weights(const Conv1dProblem& p, const ConstActivations& src,
                                            const ConstActivations& diff_dst, Tensor diff_weights,
                                            Tensor diff_bias) {
  const std::int64_t K = p.kernel * p.C_in;
  std::fill_n(diff_weights.as<float>(), p.C_out * K, 0.0f);
  std::fill_n(diff_bias.as<float>(), p.C_out, 0.0f);
  for (std::int64_t o = 0; o < p.C_out; ++o) {
    for (std::int64_t n = 0; n < p.N; ++n) {
      for (std::int64_t t = 0; t < p.L_out(); ++t) {
        const float gradient = diff_dst.item<float>(n)[t * p.C_out + o];
        add_scaled(gradient, src.item<float>(n) + t * p.stride * p.C_in, diff_weights.as<float>() + o * K, K);
        diff_bias.as<float>()[o] += gradient;
      }
    }
  }
}

}  // namespace bragg::cpu
