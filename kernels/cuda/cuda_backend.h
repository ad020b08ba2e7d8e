// The NVIDIA GPU backend: fp32, fp32 with products in tf32, or bf16 with parameters in fp32; kernels written
// by hand, one stream. Ops return before they have run; download() and synchronize() wait.
#pragma once

#include "kernels/backend.h"
#include "kernels/base/bfloat16.h"
#include "kernels/cuda/gemm/gemm_target.h"
#include "kernels/cuda/runtime.h"

namespace bragg::cuda {

/// The most that kernels may use: mma.sync and cp.async, or wgmma and TMA too.
enum class GpuInstructions { sm_80, sm_90a };

class CudaBackend final : public Backend {
 public:
  /// Throws UsageError where there is no such device.
  CudaBackend(int device, Precision, GpuInstructions);

  std::string name() const override { return "cuda"; }
  std::string description() const override;
  std::string arithmetic() const override { return description(); }
  DType element_type() const override { return precision_ == Precision::bf16 ? DType::bf16 : DType::f32; }
  DType precise_type() const override { return DType::f32; }
  bool fuses_adam() const override { return precision_ == Precision::bf16; }
  bool fuses_pool(const Conv1dProblem&, const AvgPool1dProblem&) const override;
  /// In bf16 16 bytes, which cp.async and TMA need.
  std::int64_t row_alignment() const override { return precision_ == Precision::bf16 ? 8 : 1; }
  std::int64_t conv1d_steps(const Conv1dProblem&) const override;

  Buffer allocate(std::size_t bytes) override;
  using Backend::workspace_bytes;
  std::size_t workspace_bytes(const Conv1dProblem&) const override;
  std::size_t workspace_bytes(const DenseProblem&) const override;
  std::size_t workspace_bytes(const SoftmaxCrossEntropyProblem&) const override;
  std::size_t workspace_bytes(const PatternSampling&) const override;
  std::size_t workspace_bytes(const PatternProblem&) const override;
  std::size_t workspace_bytes(const Conv1dProblem&, const AvgPool1dProblem&) const override;
  void fill_zero(void* dst, std::size_t bytes) override;
  void upload(const void* host, void* dst, std::size_t bytes) override;
  void download(const void* src, void* host, std::size_t bytes) override;
  void copy(const void* src, void* dst, std::size_t bytes) override;
  void synchronize() override;
  double seconds_of(const std::function<void()>& ops) override;
  void* stream() const override { return stream_.get(); }
  std::unique_ptr<Recording> record(std::function<void()> enqueue) override;
  std::vector<std::string> choices_of(const std::function<void()>& ops) override;
  void upload(std::span<const float> host, Tensor dst) override;
  void download(ConstTensor src, std::span<float> host) override;

 private:
  class Graph;
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
  void do_conv1d_pool_forward(const Conv1dProblem&, const AvgPool1dProblem&, const ConstActivations& src,
                              ConstTensor weights, const Activations& dst, Tensor kept,
                              const Epilogue&) override;
  void do_avg_pool1d_backward_kept(const AvgPool1dProblem&, const ConstActivations& diff_dst,
                                   const Activations& diff_src, const KeptBits&) override;
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
  void do_dense_backward_weights_adam(const DenseProblem&, const ConstActivations& src,
                                      const ConstActivations& diff_dst, const AdamProblem&,
                                      const AdamTensors&, Tensor diff_bias, ConstTensor state) override;
  void do_advance(Tensor state, std::int64_t batch) override;
  void do_draw_rows(const DrawRowsProblem&, ConstTensor candidates, ConstTensor state, Tensor dst) override;
  void do_gather_rows(const GatherRowsProblem&, ConstTensor table, ConstTensor rows,
                      const Activations& dst) override;
  ReflectionSet do_structure_factors(const ReflectionProblem&, const CrystalBatch&) override;
  void do_sample_patterns(const PatternSampling&, ConstTensor state, Tensor dst) override;
  void do_render_patterns(const PatternProblem&, const ReflectionSet&, ConstTensor crystals,
                          ConstTensor impurities, ConstTensor parameters, const Activations& dst) override;

  /// Calls op.operator()<T>() with the element type.
  template <typename Op>
  void with_element_type(const Op& op) const {
    if (precision_ == Precision::bf16) {
      op.template operator()<BFloat16>();
    } else {
      op.template operator()<float>();
    }
  }

  GemmTarget gemm_target(bool wgmma) const;

  const int device_;
  const Precision precision_;
  const bool wgmma_;
  /// A convolution's rows overlap, and the driver may refuse TMA maps of such rows: tried once, here.
  const std::string overlapping_map_refused_because_;
  const bool conv1d_wgmma_;
  const int multiprocessors_;
  const std::size_t shared_memory_;  ///< that a block can have, bytes
  Stream stream_;
  Buffer tickets_;  ///< zero between ops: counters by which the blocks of one launch find out who is last
  Buffer shared_sums_, shared_flags_;  ///< of blocks that share a tile: GemmTarget
  std::vector<std::string>* choices_ = nullptr;
};

}  // namespace bragg::cuda
