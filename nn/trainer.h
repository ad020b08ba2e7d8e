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
#include "nn/train_options.h"

namespace bragg::nn {

/// diverged: the loss or a weight became NaN or infinite; last.safetensors holds the last good state.
enum class TrainOutcome { finished, interrupted, diverged };

struct TrainResult {
  TrainOutcome outcome;
  StepState state;
  double best_accuracy;  ///< on the held-out source; NaN where there is none
};

/// Files in `out`:
///   metrics.jsonl       a line for every log_every steps: step, loss and accuracy (means since the last
///                       line), patterns_per_s (without evaluations), elapsed_s (of all runs so far);
///                       a line for every evaluation: step, held_out_loss, held_out_accuracy, elapsed_s;
///                       of a head beside the first HEAD_loss, HEAD_accuracy, held_out_HEAD_loss ... as well
///   last.safetensors    checkpoint: at the start, every save_every steps and save_minutes,
///                       at every evaluation, and when the run ends
///   best.safetensors    model of the best held-out accuracy so far
///   model.safetensors   model at the end
/// With an average of the weights (TrainOptions::ema_decay) evaluations and both models are of the average; the
/// checkpoint has both.
///
/// A run resumed from last.safetensors gives the same bits as one that was never interrupted, where the
/// metadata "arithmetic" (Backend::arithmetic, in every file) is the same.
class Trainer {
 public:
  /// The sources and the backend must outlive the trainer. Metadata goes into every file. Throws UsageError
  /// for options out of range and for a source that does not fit the model.
  Trainer(Backend&, const Model&, const TrainOptions&, BatchSource& train, FiniteSource* held_out, Metadata,
          std::filesystem::path out);

  /// Continues from out/last.safetensors where `resume`; otherwise refuses an `out` that already holds a run.
  ///   stop_requested  asked between steps; where it says true everything is saved and the run ends
  ///   before_writing  called once, when everything is checked, allocated and loaded, before the first file
  ///                   of the run is written
  /// Throws UsageError where a resumed run has another model than the checkpoint, and as check_resumed() and
  /// load_initial_weights().
  TrainResult run(bool resume, const std::function<bool()>& stop_requested,
                  const std::function<void()>& before_writing = {});

 private:
  Backend& backend_;
  Model model_;
  TrainOptions options_;
  BatchSource& train_;
  FiniteSource* held_out_;
  Metadata metadata_;
  std::filesystem::path out_;
};

}  // namespace bragg::nn
