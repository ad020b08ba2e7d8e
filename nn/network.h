// A model bound to a backend and a batch size: memory planned once, a step a fixed list of ops.
//
//   graph (what the model is) -> lower (ops, layer by layer) -> fuse (fewer ops) -> layout (how values lie)
//   -> lifetimes (where) -> network
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/backend.h"
#include "nn/lower.h"
#include "nn/model.h"
#include "nn/parameters.h"

namespace bragg::nn {

/// Not movable: whoever fills its input knows where it lies.
class Network {
 public:
  /// Plans for batches of exactly N and reserves the backend's workspace. Throws ProblemError for N < 1, and
  /// for training without a StepState. With an optimizer update() is planned too, and where the backend
  /// has DenseBackwardWeightsAdam and nothing is clipped the weights of dense layers are updated in backward():
  /// they have no gradients then.
  Network(Backend&, const Model&, const Parameters&, const NetworkOptions&);
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  std::int64_t batch() const { return input().N; }
  const Activations& input() const { return values_.front(); }  ///< (N, points, 1)
  Tensor labels() const { return labels_; }                     ///< i32 (N)
  std::size_t heads() const { return heads_.size(); }
  std::int64_t classes(std::size_t head = 0) const { return heads_.at(head).logits.C; }
  ConstTensor logits(std::size_t head = 0) const {
    return {heads_.at(head).logits.data, heads_.at(head).logits.dtype};
  }                                                                             ///< (N, classes)
  Tensor totals(std::size_t head = 0) const { return heads_.at(head).totals; }  ///< LossTotals
  const std::vector<RegressionMemory>& regressions() const { return regressions_; }

  void forward();   ///< input -> logits (with dropout in training)
  void loss();      ///< logits, labels -> totals, and in training the logits' gradient
  void backward();  ///< -> Parameters::gradients
  void update();    ///< update_ops() of what backward() has not updated
  /// All ops in order, for printing and for timing one by one.
  const std::vector<PlannedOp>& plan() const { return plan_; }
  std::size_t activation_bytes() const { return memory_.bytes(); }

  LossTotals read_totals(std::size_t head = 0) const;      ///< waits
  LossTotals read_regression_totals(std::size_t i) const;  ///< waits
  void clear_totals();                                     ///< of all heads
  void write_totals(const LossTotals&, std::size_t head = 0);

  /// What lies between the layers, for tests: of a value of the graph, and its gradient. No data where an op
  /// does not store it, or nobody wants it; `kept` then are its bits (KeptBits) where the gradient needs them, and
  /// `made_by_readers` how readers make it of what was normalised.
  /// After forward() they hold what they say where memory is not shared (NetworkOptions::shares_memory).
  const Activations& activations(Value value) const { return values_.at(value.number); }
  const Activations& gradients(Value value) const { return gradients_.at(value.number); }
  Tensor kept(Value value) const { return kept_.at(value.number); }
  const NormalisedSource& made_by_readers(Value value) const { return made_by_readers_.at(value.number); }

 private:
  void run(Phase);

  Backend& backend_;
  Buffer memory_;
  std::vector<PlannedOp> plan_;
  std::vector<Activations> values_, gradients_;
  std::vector<Tensor> kept_;
  std::vector<NormalisedSource> made_by_readers_;
  Tensor labels_;
  std::vector<HeadMemory> heads_;
  std::vector<RegressionMemory> regressions_;
};

}  // namespace bragg::nn
