// From a graph to ops, one layer after the other.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "kernels/backend.h"
#include "nn/graph.h"
#include "nn/parameters.h"
#include "nn/program.h"

namespace bragg::nn {

enum class Mode { inference, training };

/// What a network is planned for.
struct NetworkOptions {
  std::int64_t N = 1;  ///< patterns of a batch
  Mode mode = Mode::inference;
  std::uint32_t seed = 0;  ///< of dropout
  ConstTensor state{};     ///< StepState on the device; training needs it
  std::optional<double> learning_rate{};
  /// Values share memory where one is of no use any more; without, all can be looked at after a step.
  bool shares_memory = true;
};

/// A head's part of a program, and of a network.
struct HeadMemory {
  Activations logits;
  Tensor totals;    ///< LossTotals
  Tensor class_of;  ///< none where labels are the classes
};

/// A program, and where in it the values of the graph lie.
struct LoweredGraph {
  Program program;
  std::vector<Activations> values, gradients;  ///< by number; none where no gradient is wanted
  std::vector<Tensor> kept;  ///< by number: bits of a value that does not lie in memory (KeptBits)
  Tensor labels;
  std::vector<HeadMemory> heads;
};

/// Phases forward and loss, in training backward, with a learning rate update. Nothing is fused.
LoweredGraph lower(const Graph&, const Backend&, const Parameters&, const NetworkOptions&);

}  // namespace bragg::nn
