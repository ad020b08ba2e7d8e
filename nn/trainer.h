// The training loop: steps, metrics, evaluation, checkpoints, interruption.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "kernels/backend.h"
#include "nn/batch_source.h"
#include "nn/checkpoint.h"
#include "nn/model.h"

namespace bragg::nn {

struct TrainOptions {
  std::int64_t batch = 256;
  std::int64_t steps = 500000;
  double learning_rate = 1e-4;
  std::uint32_t seed = 1;
  std::int64_t log_every = 20;
  std::int64_t evaluate_every = 1000;  ///< 0: only at the end
  std::int64_t save_every = 1000;      ///< checkpoints between evaluations
};

enum class TrainOutcome { finished, interrupted, diverged };

struct TrainResult {
  TrainOutcome outcome;
  StepState state;
  double best_accuracy;  ///< on the held-out source; NaN where there is none
};

/// Files in `out`: metrics.jsonl (appended; a resumed run first drops lines beyond its step), last.safetensors
/// (checkpoint), best.safetensors (model), model.safetensors (model at the end).
class Trainer {
 public:
  Trainer(Backend&, const Model&, const TrainOptions&, BatchSource& train, FiniteSource* held_out, Metadata,
          std::filesystem::path out);

  /// Continues from out/last.safetensors where `resume`; otherwise refuses an `out` that already holds a run.
  /// Stops after the running step when `stop_requested` says so, with everything saved.
  TrainResult run(bool resume, const std::function<bool()>& stop_requested);
};

}  // namespace bragg::nn
