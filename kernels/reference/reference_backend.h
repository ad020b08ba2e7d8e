// The readable spec and the oracle: double precision, plain loops, one thread. A complete backend, not a fast
// one.
#pragma once

#include "kernels/host_backend.h"

namespace bragg::reference {

class ReferenceBackend final : public HostBackend<ReferenceBackend> {
 public:
  std::string name() const override { return "reference"; }
  std::string description() const override { return "reference: double precision, one thread"; }
  std::string arithmetic() const override { return "reference"; }
  DType element_type() const override { return DType::f64; }

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

 private:
  ReflectionSet do_structure_factors(const ReflectionProblem&, const CrystalBatch&) override;
};

}  // namespace bragg::reference
