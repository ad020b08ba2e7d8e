// The production CPU backend: fp32, vector code of the chosen instruction set, threads. Same bits for any
// thread count.
#pragma once

#include "kernels/base/thread_pool.h"
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/instruction_set.h"
#include "kernels/host_backend.h"

namespace bragg::cpu {

class CpuBackend final : public HostBackend<CpuBackend, float> {
 public:
  CpuBackend(InstructionSet, int threads);

  std::string name() const override { return "cpu"; }
  std::string description() const override;
  std::string arithmetic() const override;

  // ---- for BackendOf ----
  void run_op(const Conv1dForward&);
  void run_op(const Conv1dBackwardData&);
  void run_op(const Conv1dBackwardWeights&);
  void run_op(const AddForward&);
  void run_op(const AddBackward&);
  void run_op(const AvgPool1dForward&);
  void run_op(const AvgPool1dBackward&);
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
  std::size_t workspace_of(const Conv1dProblem&) const;
  std::size_t workspace_of(const DenseProblem&) const;
  std::size_t workspace_of(const SoftmaxCrossEntropyProblem&) const;
  std::size_t workspace_of(const NormProblem&) const;
  std::size_t workspace_of(const PatternProblem&) const;

 private:
  ReflectionSet do_structure_factors(const ReflectionProblem&, const CrystalBatch&) override;

  const InstructionSet instruction_set_;
  const NetworkKernels& network_;
  const CrystalKernels& crystal_;
  ThreadPool pool_;
  const Gemm gemm_;
};

}  // namespace bragg::cpu
