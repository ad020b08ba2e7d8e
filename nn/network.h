// A model bound to a backend and a batch size: memory planned once, a step a fixed list of ops.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "kernels/backend.h"
#include "nn/model.h"
#include "nn/parameters.h"

namespace bragg::nn {

/// One op of the plan; `what` is its name and shapes, for `bragg info --plan` and profiles.
struct PlannedOp {
  std::string what;
  std::function<void()> run;
};

class Network {
 public:
  enum class Mode { inference, training };

  /// Plans for batches of exactly N. `state` is the StepState (training; dropout and Adam read it).
  Network(Backend&, const Model&, Parameters&, std::int64_t N, Mode, std::uint32_t seed = 0, ConstTensor state = {});

  std::int64_t batch() const { return N_; }
  Activations input() const;   ///< (N, points, 1)
  ConstTensor logits() const;  ///< (N, classes)
  Tensor labels() const;       ///< i32 (N)
  Tensor totals() const;       ///< LossTotals

  void forward();        ///< input -> logits (with dropout in training)
  void loss();           ///< logits, labels -> totals, and in training the logits' gradient
  void backward();       ///< -> Parameters::gradients
  /// All ops in order, for printing and for timing one by one.
  const std::vector<PlannedOp>& plan() const { return plan_; }
  std::size_t activation_bytes() const;

  LossTotals read_totals() const;  ///< waits
  void clear_totals();

 private:
  // (layout of the planned memory: network.cpp)
};

}  // namespace bragg::nn
