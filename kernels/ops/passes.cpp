#include "kernels/ops/passes.h"

namespace bragg {
namespace {

std::vector<LayerPass> passes_of(const Conv1dProblem& p) {
  return {{"forward", Conv1dForward{.problem = p}},
          {"backward_data", Conv1dBackwardData{.problem = p}},
          {"backward_weights", Conv1dBackwardWeights{.problem = p}}};
}
std::vector<LayerPass> passes_of(const AvgPool1dProblem& p) {
  return {{"forward", AvgPool1dForward{.problem = p}}, {"backward", AvgPool1dBackward{.problem = p}}};
}
std::vector<LayerPass> passes_of(const DenseProblem& p) {
  return {{"forward", DenseForward{.problem = p}},
          {"backward_data", DenseBackwardData{.problem = p}},
          {"backward_weights", DenseBackwardWeights{.problem = p}}};
}
std::vector<LayerPass> passes_of(const AddProblem& p) {
  return {{"forward", AddForward{.problem = p}}, {"backward", AddBackward{.problem = p}}};
}
std::vector<LayerPass> passes_of(const BatchNormProblem& p) {
  return {{"forward", BatchNormForward{.problem = p}},
          {"backward", BatchNormBackward{.problem = p}},
          {"inference", BatchNormInference{.problem = p}}};
}
std::vector<LayerPass> passes_of(const BatchNormFoldProblem& p) {
  return {{"", BatchNormFold{.problem = p}}};
}
std::vector<LayerPass> passes_of(const SoftmaxCrossEntropyProblem& p) {
  return {{"", SoftmaxCrossEntropy{.problem = p}}};
}
std::vector<LayerPass> passes_of(const HuberLossProblem& p) {
  return {{"", HuberLoss{.problem = p}}};
}
std::vector<LayerPass> passes_of(const NormProblem& p) {
  return {{"", Norm{.problem = p}}};
}
std::vector<LayerPass> passes_of(const AdamProblem& p) {
  return {{"", Adam{.problem = p}}};
}
std::vector<LayerPass> passes_of(const EmaProblem& p) {
  return {{"", Ema{.problem = p}}};
}

}  // namespace

std::vector<LayerPass> passes(const LayerProblem& any) {
  return std::visit([](const auto& problem) { return passes_of(problem); }, any);
}

std::vector<LayerPass> fused_passes(const DenseProblem& p, std::int64_t row_stride) {
  return {{"backward_weights_adam",
           DenseBackwardWeightsAdam{.problem = p, .adam = {.count = p.out * row_stride}}}};
}

std::vector<LayerPass> fused_passes(const Conv1dProblem& p, const AvgPool1dProblem& pool) {
  return {{"forward", Conv1dPoolForward{.problem = p, .pool = pool}},
          {"backward", AvgPool1dBackwardKept{.problem = pool}},
          {"backward_weights", Conv1dPoolBackwardWeights{.problem = p, .pool = pool}}};
}

std::vector<LayerPass> fused_passes(const Conv1dProblem& p, const BatchNormProblem& norm) {
  std::vector<LayerPass> all;
  if (norm.L == p.L_out() && norm.C == p.C_out)
    all.push_back({"forward", Conv1dBatchNormForward{.problem = p, .norm = norm}});
  if (norm.L == p.L_in && norm.C == p.C_in)
    all.push_back({"backward", Conv1dBatchNormBackward{.problem = p, .norm = norm}});
  return all;
}

NetworkOp in_training(NetworkOp any, float p) {
  std::visit(
      [p](auto& op) {
        if constexpr (requires { op.epilogue; }) {
          op.epilogue.relu = true;
          op.epilogue.dropout.p = p;
        }
        if constexpr (requires { op.relu; }) op.relu.p = p;
        if constexpr (requires {
                        op.kept;
                        op.kept.p;
                      })
          op.kept.p = p;
      },
      any);
  return any;
}

}  // namespace bragg
