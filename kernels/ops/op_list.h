// All ops, by name alone: what a new op adds a line to. Each is declared in a header of its own beside this
// one.
#pragma once

#include <variant>

namespace bragg {

struct AddForward;
struct AddBackward;
struct Conv1dForward;
struct Conv1dBackwardData;
struct Conv1dBackwardWeights;
struct Conv1dPoolForward;
struct Conv1dPoolBackwardWeights;
struct Conv1dBatchNormForward;
struct Conv1dBatchNormBackward;
struct Conv1dNormalisedBackwardWeights;
struct BatchNormForward;
struct BatchNormBackward;
struct BatchNormInference;
struct BatchNormFold;
struct AvgPool1dForward;
struct AvgPool1dBackward;
struct AvgPool1dBackwardKept;
struct DenseForward;
struct DenseBackwardData;
struct DenseBackwardWeights;
struct DenseBackwardWeightsAdam;
struct SoftmaxCrossEntropy;
struct HuberLoss;
struct Norm;
struct Adam;
struct Ema;
struct Advance;
struct SampleRows;
struct GatherRows;
struct SamplePatterns;
struct RenderPatterns;
struct DrawViews;
struct MatchViews;
struct Refine;

/// What a backend is handed.
using OpPointer =
    std::variant<const AddForward*, const AddBackward*, const Conv1dForward*, const Conv1dBackwardData*,
                 const Conv1dBackwardWeights*, const Conv1dPoolForward*, const Conv1dPoolBackwardWeights*,
                 const Conv1dBatchNormForward*, const Conv1dBatchNormBackward*,
                 const Conv1dNormalisedBackwardWeights*, const BatchNormForward*, const BatchNormBackward*,
                 const BatchNormInference*, const BatchNormFold*, const AvgPool1dForward*,
                 const AvgPool1dBackward*, const AvgPool1dBackwardKept*, const DenseForward*,
                 const DenseBackwardData*, const DenseBackwardWeights*, const DenseBackwardWeightsAdam*,
                 const SoftmaxCrossEntropy*, const HuberLoss*, const Norm*, const Adam*, const Ema*,
                 const Advance*, const SampleRows*, const GatherRows*, const SamplePatterns*,
                 const RenderPatterns*, const DrawViews*, const MatchViews*, const Refine*>;

template <typename O>
concept IsOp = std::is_constructible_v<OpPointer, const O*>;

}  // namespace bragg
