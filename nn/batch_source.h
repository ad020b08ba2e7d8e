// Where batches come from. The trainer sees only this; apps/ connects it to data/'s streams.
#pragma once

#include <cstdint>
#include <string>

#include "kernels/backend.h"
#include "kernels/ops/step_state.h"

namespace bragg::nn {

/// A batch is a pure function of the source and the StepState: patterns first_index .. first_index + N - 1.
class BatchSource {
 public:
  virtual ~BatchSource() = default;
  virtual std::int64_t points() const = 0;
  /// Allocates what batches of N need. Called before the first enqueue, never inside a step.
  virtual void plan(Backend&, std::int64_t N) = 0;
  /// Called before every batch, outside of what is recorded: may wait, and copy to the device what the batch
  /// at `state` (the host's copy) needs. Returns true where memory that enqueue() names lies elsewhere since:
  /// what was recorded with it must be recorded anew.
  virtual bool prepare(Backend&, const StepState& /*state*/) { return false; }
  /// Enqueues the ops that write patterns (N, points, 1), maximum 1, and labels i32 (N). A step is recorded
  /// with them: they are what Backend::record() takes, nothing that waits or copies to or from the host.
  virtual void enqueue(Backend&, ConstTensor state, const Activations& patterns, Tensor labels) = 0;
};

/// The same for a finite set in a fixed order: pattern i of the set is index i. Indices from size() on must
/// give something too (any pattern, any label): the last batch is padded with them.
class FiniteSource : public BatchSource {
 public:
  virtual std::int64_t size() const = 0;
};

}  // namespace bragg::nn
