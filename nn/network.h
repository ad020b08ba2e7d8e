// A model bound to a backend and a batch size: memory planned once, a step a fixed list of ops.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kernels/backend.h"
#include "kernels/ops/network_op.h"
#include "nn/model.h"
#include "nn/parameters.h"

namespace bragg::nn {

/// One op of the plan, for the parameters of `layer`: "conv1", or nothing where it has none.
struct PlannedOp {
  std::string layer;
  NetworkOp op;

  void run(Backend&) const;
  std::string text() const;         ///< "conv1: conv1d_forward N 256 ... + bias, relu"
  std::string how(Backend&) const;  ///< Backend::how
};

/// Not movable: the ops of the plan know where its memory lies.
class Network {
 public:
  enum class Mode { inference, training };

  /// Plans for batches of exactly N and reserves the backend's workspace. `seed` and `state` (StepState on
  /// the device) are dropout's; training needs them. Throws ProblemError without. With a learning rate
  /// update() is planned too, and where the backend has DenseBackwardWeightsAdam the weights of dense layers
  /// are updated in backward(): they have no gradients then.
  Network(Backend&, const Model&, Parameters&, std::int64_t N, Mode, std::uint32_t seed = 0,
          ConstTensor state = {}, std::optional<double> learning_rate = {});
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  std::int64_t batch() const { return N_; }
  std::int64_t classes() const { return activations_.back().C; }
  Activations input() const { return activations_.front(); }  ///< (N, points, 1)
  ConstTensor logits() const {
    return {activations_.back().data, activations_.back().dtype};
  }                                          ///< (N, classes)
  Tensor labels() const { return labels_; }  ///< i32 (N)
  Tensor totals() const { return totals_; }  ///< LossTotals

  void forward();   ///< input -> logits (with dropout in training)
  void loss();      ///< logits, labels -> totals, and in training the logits' gradient
  void backward();  ///< -> Parameters::gradients
  void update();    ///< Adam on what backward() has not updated
  /// All ops in order, for printing and for timing one by one.
  const std::vector<PlannedOp>& plan() const { return plan_; }
  std::size_t activation_bytes() const { return memory_.bytes(); }

  LossTotals read_totals() const;  ///< waits
  void clear_totals();
  void write_totals(const LossTotals&);

  /// What lies between the layers, for tests: activations(0) is the input, activations(i + 1) what layer i
  /// wrote; gradients(i) is shaped like activations(i), training only and none for i = 0. In inference only
  /// the last activations are still there after forward(). Where layer i is a convolution that the backend
  /// pools at once (Conv1dPoolForward), activations(i + 1) have no data; in training kept(i + 1) are its bits
  /// (KeptBits).
  const Activations& activations(std::size_t i) const { return activations_.at(i); }
  Tensor kept(std::size_t i) const { return kept_.at(i); }
  const Activations& gradients(std::size_t i) const { return gradients_.at(i); }

 private:
  class Planner;
  void run(std::size_t begin, std::size_t end);

  Backend& backend_;
  std::int64_t N_;
  std::vector<Activations> activations_, gradients_;
  std::vector<Tensor> kept_;  ///< beside activations_
  Tensor labels_, totals_;
  Buffer memory_;
  std::vector<PlannedOp> plan_;
  std::size_t forward_end_ = 0, loss_end_ = 0, backward_end_ = 0;  ///< where in plan_
};

}  // namespace bragg::nn
