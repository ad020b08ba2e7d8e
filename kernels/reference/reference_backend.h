// The readable spec and the oracle: double precision, plain loops, one thread. A complete backend, not a fast
// one.
#pragma once

#include "kernels/backend.h"

namespace bragg::reference {

class ReferenceBackend final : public Backend {
 public:
  std::string name() const override { return "reference"; }
  std::string description() const override { return "reference: double precision, one thread"; }
  std::string arithmetic() const override { return "reference"; }
  DType element_type() const override { return DType::f64; }

  Buffer allocate(std::size_t bytes) override;
  void fill_zero(void* dst, std::size_t bytes) override;
  void upload(const void* host, void* dst, std::size_t bytes) override;
  void download(const void* src, void* host, std::size_t bytes) override;
  void copy(const void* src, void* dst, std::size_t bytes) override;
  void upload(std::span<const float> host, Tensor dst) override;
  void download(ConstTensor src, std::span<float> host) override;

 private:
  void do_conv1d_forward(const Conv1dProblem&, const ConstActivations& src, ConstTensor weights,
                         const Activations& dst, const Epilogue&) override;
  void do_conv1d_backward_data(const Conv1dProblem&, const ConstActivations& diff_dst, ConstTensor weights,
                               const Activations& diff_src, const ReluGradient&) override;
  void do_conv1d_backward_weights(const Conv1dProblem&, const ConstActivations& src,
                                  const ConstActivations& diff_dst, Tensor diff_weights,
                                  Tensor diff_bias) override;
  void do_avg_pool1d_forward(const AvgPool1dProblem&, const ConstActivations& src,
                             const Activations& dst) override;
  void do_avg_pool1d_backward(const AvgPool1dProblem&, const ConstActivations& diff_dst,
                              const Activations& diff_src, const ReluGradient&) override;
  void do_dense_forward(const DenseProblem&, const ConstActivations& src, ConstTensor weights,
                        const Activations& dst, const Epilogue&) override;
  void do_dense_backward_data(const DenseProblem&, const ConstActivations& diff_dst, ConstTensor weights,
                              const Activations& diff_src, const ReluGradient&) override;
  void do_dense_backward_weights(const DenseProblem&, const ConstActivations& src,
                                 const ConstActivations& diff_dst, Tensor diff_weights,
                                 Tensor diff_bias) override;
  void do_softmax_cross_entropy(const SoftmaxCrossEntropyProblem&, ConstTensor logits, ConstTensor labels,
                                const Activations& diff_logits, Tensor totals) override;
  void do_adam(const AdamProblem&, const AdamTensors&, ConstTensor gradients, ConstTensor state) override;
  void do_advance(Tensor state, std::int64_t batch) override;
  void do_draw_rows(const DrawRowsProblem&, ConstTensor candidates, ConstTensor state, Tensor dst) override;
  void do_gather_rows(const GatherRowsProblem&, ConstTensor table, ConstTensor rows,
                      const Activations& dst) override;
  ReflectionSet do_structure_factors(const ReflectionProblem&, const CrystalBatch&) override;
  void do_sample_patterns(const PatternSampling&, ConstTensor state, Tensor dst) override;
  void do_render_patterns(const PatternProblem&, const ReflectionSet&, ConstTensor crystals,
                          ConstTensor impurities, ConstTensor parameters, const Activations& dst) override;
};

}  // namespace bragg::reference
