// data/'s batches as the trainer's: the only place where the two folders meet.
#pragma once

#include <memory>
#include <utility>

#include "data/patterns/stored_patterns.h"
#include "data/patterns/stream.h"
#include "kernels/ops/step_state.h"
#include "nn/batch_source.h"

namespace bragg::apps {

/// `Batches` is data::PatternStream or data::StoredPatterns, `Interface` nn::BatchSource or nn::FiniteSource.
template <typename Batches, typename Interface>
class AdaptedSource : public Interface {
 public:
  explicit AdaptedSource(Batches batches) : batches_(std::move(batches)) {}

  std::int64_t points() const override { return batches_.points(); }
  void plan(Backend& backend, std::int64_t N) override { batches_.plan(backend, N); }
  bool prepare(Backend& backend, const StepState& state) override {
    if constexpr (requires { batches_.prepare(backend, state); }) return batches_.prepare(backend, state);
    return false;
  }
  void enqueue(Backend& backend, ConstTensor state, const Activations& patterns, Tensor labels) override {
    batches_.enqueue(backend, state, patterns, labels);
  }

 protected:
  Batches batches_;
};

/// Batches without end, for training.
template <typename Batches>
std::unique_ptr<nn::BatchSource> endless_source(Batches batches) {
  return std::make_unique<AdaptedSource<Batches, nn::BatchSource>>(std::move(batches));
}

/// Every pattern once, for evaluation; `batches` must be in sequential order.
template <typename Batches>
std::unique_ptr<nn::FiniteSource> finite_source(Batches batches) {
  class Source final : public AdaptedSource<Batches, nn::FiniteSource> {
   public:
    using AdaptedSource<Batches, nn::FiniteSource>::AdaptedSource;
    std::int64_t size() const override { return this->batches_.size(); }
  };
  return std::make_unique<Source>(std::move(batches));
}

}  // namespace bragg::apps
