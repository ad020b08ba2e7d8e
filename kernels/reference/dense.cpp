// Fully connected layer: dst = src * weights^T.
#include <algorithm>

#include "kernels/reference/epilogue.h"
#include "kernels/reference/reference_backend.h"
#include "kernels/reference/vector_loops.h"

namespace bragg::reference {

void ReferenceBackend::do_dense_forward(const DenseProblem& p, const ConstActivations& src,
                                        ConstTensor weights, const Activations& dst,
                                        const Epilogue& epilogue) {
  for (std::int64_t o = 0; o < p.out; ++o) {
    for (std::int64_t n = 0; n < p.N; ++n) {
      const double sum = dot(src.item<double>(n), weights.as<double>() + o * p.in, p.in);
      dst.item<double>(n)[o] = apply(epilogue, sum, n, o, p.out);
    }
  }
}

void ReferenceBackend::do_dense_backward_data(const DenseProblem& p, const ConstActivations& diff_dst,
                                              ConstTensor weights, const Activations& diff_src,
                                              const ReluGradient& relu) {
  for (std::int64_t n = 0; n < p.N; ++n)
    std::fill_n(diff_src.item<double>(n), p.in, 0.0);
  for (std::int64_t o = 0; o < p.out; ++o) {
    for (std::int64_t n = 0; n < p.N; ++n) {
      add_scaled(diff_dst.item<double>(n)[o], weights.as<double>() + o * p.in, diff_src.item<double>(n),
                 p.in);
    }
  }
  for (std::int64_t n = 0; n < p.N; ++n) {
    for (std::int64_t i = 0; i < p.in; ++i)
      diff_src.item<double>(n)[i] *= derivative(relu, n, i);
  }
}

void ReferenceBackend::do_dense_backward_weights(const DenseProblem& p, const ConstActivations& src,
                                                 const ConstActivations& diff_dst, Tensor diff_weights,
                                                 Tensor diff_bias) {
  std::fill_n(diff_weights.as<double>(), p.out * p.in, 0.0);
  std::fill_n(diff_bias.as<double>(), p.out, 0.0);
  for (std::int64_t o = 0; o < p.out; ++o) {
    for (std::int64_t n = 0; n < p.N; ++n) {
      const double gradient = diff_dst.item<double>(n)[o];
      add_scaled(gradient, src.item<double>(n), diff_weights.as<double>() + o * p.in, p.in);
      diff_bias.as<double>()[o] += gradient;
    }
  }
}

}  // namespace bragg::reference
