// From a graph to ops, one layer after the other.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "kernels/backend.h"
#include "nn/graph.h"
#include "nn/optimizer.h"
#include "nn/parameters.h"
#include "nn/program.h"

namespace bragg::nn {

/// What a training changes about the losses of the heads; as torch.nn.CrossEntropyLoss has both.
struct LossOptions {
  double label_smoothing = 0;         ///< of all heads that ask for a class
  std::vector<double> class_weights;  ///< of the first head's classes; empty: all count alike
};

/// What a network is planned for.
struct NetworkOptions {
  std::int64_t N = 1;  ///< patterns of a batch
  Mode mode = Mode::inference;
  std::uint32_t seed = 0;  ///< of dropout
  ConstTensor state{};     ///< StepState on the device; training needs it
  std::optional<Optimizer> optimizer{};
  LossOptions loss{};
  /// Values share memory where one is of no use any more; without, all can be looked at after a step.
  bool shares_memory = true;
};

/// A head's part of a program, and of a network.
struct HeadMemory {
  Activations logits;
  Tensor totals;         ///< LossTotals
  Tensor class_of;       ///< none where labels are the classes
  Tensor class_weights;  ///< none where all count alike
};
/// The same of a head that asks for numbers.
struct RegressionMemory {
  Activations predictions;
  Tensor targets;
  Tensor totals;  ///< LossTotals
};

/// A program, and where in it the values of the graph lie.
struct LoweredGraph {
  Program program;
  std::vector<Activations> values, gradients;  ///< by number; none where no gradient is wanted
  std::vector<Tensor> kept;  ///< by number: bits of a value that does not lie in memory (KeptBits)
  std::vector<NormalisedSource>
      made_by_readers;  ///< by number: of a value that does not either, how readers make it
  Tensor labels;
  std::vector<HeadMemory> heads;
  std::vector<RegressionMemory> regressions;
};

/// Phases forward and loss, in training backward, with an optimizer update. Nothing is fused. Throws UsageError
/// for class weights that are not as many as the first head's classes.
LoweredGraph lower(const Graph&, const Backend&, const Parameters&, const NetworkOptions&);

}  // namespace bragg::nn
