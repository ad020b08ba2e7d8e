// The production CPU backend: fp32, or bf16 with parameters in fp32; vector code of the chosen instruction set,
// threads. Same bits for any thread count.
#pragma once

#include <functional>
#include <optional>

#include "kernels/base/thread_pool.h"
#include "kernels/cpu/conv1d_gradient.h"
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/instruction_set.h"
#include "kernels/host_backend.h"

namespace bragg::cpu {

class CpuBackend final : public HostBackend<CpuBackend> {
 public:
  /// `element`: f32, or bf16 where the instruction set has it.
  CpuBackend(InstructionSet, DType element, int threads);

  std::string name() const override { return "cpu"; }
  std::string description() const override;
  std::string arithmetic() const override;
  DType element_type() const override { return in_bf16_ ? DType::bf16 : DType::f32; }
  DType precise_type() const override { return DType::f32; }

  // ---- for BackendOf ----
  void run_op(const Conv1dForward&);
  void run_op(const Conv1dBackwardData&);
  void run_op(const Conv1dBackwardWeights&);
  void run_op(const AddForward&);
  void run_op(const AddBackward&);
  void run_op(const AvgPool1dForward&);
  void run_op(const AvgPool1dBackward&);
  void run_op(const BatchNormForward&);
  void run_op(const BatchNormBackward&);
  void run_op(const BatchNormInference&);
  void run_op(const BatchNormFold&);
  void run_op(const DenseForward&);
  void run_op(const DenseBackwardData&);
  void run_op(const DenseBackwardWeights&);
  void run_op(const SoftmaxCrossEntropy&);
  void run_op(const HuberLoss&);
  void run_op(const Norm&);
  void run_op(const Adam&);
  void run_op(const Ema&);
  void run_op(const Advance&);
  void run_op(const SampleRows&);
  void run_op(const GatherRows&);
  void run_op(const SamplePatterns&);
  void run_op(const RenderPatterns&);
  void run_op(const DrawViews&);
  void run_op(const MatchViews&);
  void run_op(const Refine&);
  void run_op(const DenseBackwardWeightsAdam&);
  bool has_op(const DenseBackwardWeightsAdam&) const { return in_bf16_.has_value(); }
  std::size_t workspace_of(const Conv1dProblem&) const;
  std::size_t workspace_of(const DenseProblem&) const;
  std::size_t workspace_of(const BatchNormProblem&) const;
  std::size_t workspace_of(const SoftmaxCrossEntropyProblem&) const;
  std::size_t workspace_of(const NormProblem&) const;
  std::size_t workspace_of(const PatternProblem&) const;
  std::size_t workspace_of(const DrawViewsProblem&) const;
  std::size_t workspace_of(const MatchViewsProblem&) const;

 private:
  ReflectionSet do_structure_factors(const ReflectionProblem&, const CrystalBatch&) override;

  /// Calls op.operator()<T>() with the element type.
  template <typename Op>
  auto with_element_type(const Op& op) const {
    if (in_bf16_) return op.template operator()<BFloat16>();
    return op.template operator()<float>();
  }
  /// Of the element type.
  template <typename Element>
  const Gemm<Element>& gemm() const {
    if constexpr (std::is_same_v<Element, BFloat16>)
      return *in_bf16_;
    else
      return *in_f32_;
  }

  /// Where there are tile registers.
  std::optional<Conv1dGradient> gradient_in_tiles(const Conv1dProblem&) const;
  /// The gradients of the layer's weights, block by block; that of the bias goes to op.diff_bias.
  template <typename Op>
  void dense_gradients(const Op& op, const std::function<void(const GemmBlock&)>& store);
  /// Adam on the numbers [first, first + count) of the tensors.
  void update(const AdamStep&, const float* gradients, const AdamTensors&, std::int64_t first,
              std::int64_t count) const;

  const InstructionSet instruction_set_;
  const NetworkKernels& network_;
  const CrystalKernels& crystal_;
  const ViewKernels& views_;
  const RefineKernels& refinement_;
  ThreadPool pool_;
  std::optional<const Gemm<float>> in_f32_;  ///< one of the two
  std::optional<const Gemm<BFloat16>> in_bf16_;
};

}  // namespace bragg::cpu
