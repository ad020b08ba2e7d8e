// Average pooling without padding.
#include <algorithm>

#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/scalar_epilogue.h"

namespace bragg::cpu {

void CpuBackend::do_avg_pool1d_forward(const AvgPool1dProblem& p, const ConstActivations& src,
                                       const Activations& dst) {
  for (std::int64_t n = 0; n < p.N; ++n) {
    for (std::int64_t t = 0; t < p.L_out(); ++t) {
      for (std::int64_t c = 0; c < p.C; ++c) {
        float sum = 0;
        for (std::int64_t j = 0; j < p.kernel; ++j)
          sum += src.item<float>(n)[(t * p.stride + j) * p.C + c];
        dst.item<float>(n)[t * p.C + c] = sum / static_cast<double>(p.kernel);
      }
    }
  }
}

void CpuBackend::do_avg_pool1d_backward(const AvgPool1dProblem& p, const ConstActivations& diff_dst,
                                        const Activations& diff_src, const ReluGradient& relu) {
  for (std::int64_t n = 0; n < p.N; ++n) {
    float* gradient = diff_src.item<float>(n);
    std::fill_n(gradient, p.L_in * p.C, 0.0f);
    for (std::int64_t t = 0; t < p.L_out(); ++t) {
      for (std::int64_t j = 0; j < p.kernel; ++j) {
        for (std::int64_t c = 0; c < p.C; ++c) {
          gradient[(t * p.stride + j) * p.C + c] +=
              diff_dst.item<float>(n)[t * p.C + c] / static_cast<double>(p.kernel);
        }
      }
    }
    for (std::int64_t i = 0; i < p.L_in * p.C; ++i)
      gradient[i] *= derivative(relu, n, i);
  }
}

}  // namespace bragg::cpu
