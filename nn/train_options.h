// What a training is asked for, beside the model and the data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kernels/ops/learning_rate.h"
#include "nn/checkpoint.h"
#include "nn/lower.h"
#include "nn/model.h"
#include "nn/optimizer.h"

namespace bragg::nn {

struct TrainOptions {
  std::int64_t batch = 256;
  std::int64_t steps = 500000;
  double learning_rate = 1e-4;
  std::uint32_t seed = 1;
  std::int64_t log_every = 20;
  std::int64_t evaluate_every = 1000;  ///< 0: only at the end
  std::int64_t save_every = 1000;      ///< checkpoints between evaluations
  double save_minutes = 5;             ///< and by the clock; 0: none
  /// Evaluations without a better held-out accuracy after which the run ends, finished; 0: it takes its steps.
  std::int64_t patience = 0;

  // Of the learning rate: LearningRate, whose end is `steps`.
  std::int64_t warmup_steps = 0;
  LearningRate::Schedule schedule = LearningRate::Schedule::constant;
  std::optional<std::int64_t> decay_begin{};  ///< of linear_decay; none: not yet
  double final_fraction = 0;                  ///< of cosine

  double beta1 = 0.9, beta2 = 0.999;
  double weight_decay = 0;  ///< AdamW's, of matrices alone
  double clip_norm = 0;     ///< of the gradients, 0: none
  /// Of an average of the weights, which begins as a copy of the first ones and is not corrected for it: after n
  /// steps these still count ema_decay^n. Evaluations and models are of the average then. 0: none.
  double ema_decay = 0;

  double label_smoothing = 0;
  std::vector<double> class_weights;  ///< one per class of the first head; empty: all alike
  /// A model file whose weights a new run begins with, and with the pattern behind the last that they have seen;
  /// empty: initialise() and pattern 0.
  std::string init;
};

/// Names of schedules, in the order of the enumeration: "constant", "cosine", "linear_decay".
const std::vector<std::string>& schedule_names();

/// Throws UsageError for what is out of range, for a decay that begins in the warm-up or behind the steps, and for
/// class weights that are not as many as the classes.
void check(const TrainOptions&, const Model&);

Optimizer optimizer_of(const TrainOptions&);
LossOptions loss_of(const TrainOptions&);

/// What a run was trained with, for the metadata of its files: the settings that stay, and where the decay begins and
/// ends (decay_begin, "none" where it has not; steps).
Metadata settings(const TrainOptions&);
/// Throws UsageError naming `path` and both values where a run that has done `done` steps with the settings in
/// `found` cannot go on with these: settings that stay are another, or the learning rate of a step that is done
/// would be another with the new steps or decay_begin. What an earlier version did not write it did not have.
void check_resumed(const TrainOptions&, const Metadata& found, std::uint64_t done, const std::string& path);

/// Loads the weights of the model file `init`, for a new run -> the index of the first pattern of this run: its
/// metadata first_index, as many as it has seen, so that a run of the same seed draws none of them again; 0 where it
/// does not say. Dropout and the weights of losses may be others. Throws UsageError naming both values where it is of
/// another kind of model, of other classes or points; Error as load_weights() and for a first_index that is no count.
std::uint64_t load_initial_weights(const std::string& init, const Model&, Parameters&);

}  // namespace bragg::nn
