#include "nn/train_options.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "kernels/base/error.h"
#include "kernels/base/parse_whole.h"

namespace bragg::nn {
namespace {

using Schedule = LearningRate::Schedule;

void at_least(const char* key, std::int64_t value, std::int64_t least) {
  if (value < least) throw UsageError(fmt::format("[train] {} {} < {}", key, value, least));
}
void not_negative(const char* key, double value) {
  if (!(value >= 0) || !std::isfinite(value))
    throw UsageError(fmt::format("[train] {} {} is not a number from 0 on", key, value));
}
void share(const char* key, double value) {
  if (!(value >= 0 && value < 1)) throw UsageError(fmt::format("[train] {} {} outside [0, 1)", key, value));
}
void positive(const char* key, double value) {
  if (!(value > 0) || !std::isfinite(value))
    throw UsageError(fmt::format("[train] {} {} is not a positive number", key, value));
}

void check_schedule(const TrainOptions& o) {
  at_least("warmup_steps", o.warmup_steps, 0);
  if (!(o.final_fraction >= 0 && o.final_fraction <= 1))
    throw UsageError(fmt::format("[train] final_fraction {} outside [0, 1]", o.final_fraction));
  if (o.schedule == Schedule::cosine && o.steps > 0 && o.warmup_steps >= o.steps)
    throw UsageError(
        fmt::format("[train] warmup_steps {} >= steps {}: no step for the cosine", o.warmup_steps, o.steps));
  if (!o.decay_begin) return;
  if (o.schedule != Schedule::linear_decay)
    throw UsageError(fmt::format("[train] decay_begin {} is of the schedule linear_decay, not of {}",
                                 *o.decay_begin, schedule_names().at(static_cast<std::size_t>(o.schedule))));
  at_least("decay_begin", *o.decay_begin, o.warmup_steps);
  if (*o.decay_begin >= o.steps)
    throw UsageError(
        fmt::format("[train] decay_begin {} >= steps {}: no step for the decay", *o.decay_begin, o.steps));
}

std::string decay_begin_text(const TrainOptions& o) {
  return o.decay_begin ? std::to_string(*o.decay_begin) : "none";
}

/// Those that a resumed run keeps.
std::vector<std::pair<std::string, std::string>> fixed_settings(const TrainOptions& o) {
  const auto exact = [](double value) { return fmt::format("{}", value); };
  return {{"seed", std::to_string(o.seed)},
          {"batch", std::to_string(o.batch)},
          {"learning_rate", exact(o.learning_rate)},
          {"warmup_steps", std::to_string(o.warmup_steps)},
          {"schedule", schedule_names().at(static_cast<std::size_t>(o.schedule))},
          {"final_fraction", exact(o.final_fraction)},
          {"betas", fmt::format("[{}, {}]", o.beta1, o.beta2)},
          {"weight_decay", exact(o.weight_decay)},
          {"clip_norm", exact(o.clip_norm)},
          {"ema_decay", exact(o.ema_decay)},
          {"label_smoothing", exact(o.label_smoothing)},
          {"class_weights", fmt::format("[{}]", fmt::join(o.class_weights, ", "))},
          {"init", o.init}};
}

/// The rate that the metadata of a checkpoint says, with what stays taken from `o`.
LearningRate rate_of(const Metadata& found, const TrainOptions& o, const std::string& path) {
  TrainOptions was = o;
  const auto read = [&](const char* key) -> std::optional<std::int64_t> {
    const auto at = found.find(key);
    if (at == found.end() || at->second == "none") return std::nullopt;
    const auto number = parse_whole<std::int64_t>(at->second);
    if (!number) throw Error(fmt::format("{}: metadata '{}' is '{}'", path, key, at->second));
    return number;
  };
  was.steps = read("steps").value_or(o.steps);
  was.decay_begin = read("decay_begin");
  return optimizer_of(was).learning_rate;
}

}  // namespace

const std::vector<std::string>& schedule_names() {
  static const std::vector<std::string> names = {"constant", "cosine", "linear_decay"};
  return names;
}

void check(const TrainOptions& o, const Model& model) {
  at_least("batch", o.batch, 1);
  at_least("steps", o.steps, 0);
  at_least("log_every", o.log_every, 1);
  at_least("evaluate_every", o.evaluate_every, 0);
  at_least("patience", o.patience, 0);
  if (o.patience > 0 && o.evaluate_every == 0)
    throw UsageError(
        fmt::format("[train] patience {} with evaluate_every 0: no evaluation to wait for", o.patience));
  at_least("save_every", o.save_every, 0);
  if (!(o.save_minutes >= 0) || !std::isfinite(o.save_minutes))
    throw UsageError(fmt::format("[train] save_minutes {} is not a time", o.save_minutes));
  positive("learning_rate", o.learning_rate);
  check_schedule(o);
  share("beta1", o.beta1);
  share("beta2", o.beta2);
  not_negative("weight_decay", o.weight_decay);
  not_negative("clip_norm", o.clip_norm);
  share("ema_decay", o.ema_decay);
  share("label_smoothing", o.label_smoothing);
  for (const double weight : o.class_weights)
    positive("class_weights", weight);
  const auto& heads = model.graph.heads();
  const std::int64_t classes = heads.empty() ? 0 : heads.front().classes;
  const auto weights = static_cast<std::int64_t>(o.class_weights.size());
  if (weights > 0 && weights != classes)
    throw UsageError(
        fmt::format("[train] class_weights has {} values, the model {} classes", weights, classes));
}

Optimizer optimizer_of(const TrainOptions& o) {
  Optimizer optimizer;
  LearningRate& rate = optimizer.learning_rate;
  rate.base = o.learning_rate;
  rate.schedule = o.schedule;
  rate.warmup_steps = static_cast<std::uint64_t>(o.warmup_steps);
  rate.end = static_cast<std::uint64_t>(o.steps);
  if (o.decay_begin) rate.decay_begin = static_cast<std::uint64_t>(*o.decay_begin);
  rate.final_fraction = o.final_fraction;
  optimizer.beta1 = o.beta1;
  optimizer.beta2 = o.beta2;
  optimizer.weight_decay = o.weight_decay;
  optimizer.clip_norm = o.clip_norm;
  optimizer.ema_decay = o.ema_decay;
  return optimizer;
}

LossOptions loss_of(const TrainOptions& o) {
  return {o.label_smoothing, o.class_weights};
}

Metadata settings(const TrainOptions& o) {
  Metadata all;
  for (const auto& [key, value] : fixed_settings(o))
    all[key] = value;
  all["steps"] = std::to_string(o.steps);
  all["decay_begin"] = decay_begin_text(o);
  return all;
}

void check_resumed(const TrainOptions& o, const Metadata& found, std::uint64_t done,
                   const std::string& path) {
  const auto defaults = fixed_settings({});
  const auto wanted = fixed_settings(o);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const auto& [key, value] = wanted[i];
    const auto at = found.find(key);
    const bool always_there = key == "seed" || key == "batch" || key == "learning_rate";
    const std::string was = at != found.end() ? at->second : always_there ? "none" : defaults[i].second;
    if (was != value)
      throw UsageError(fmt::format("{} was trained with {} {}, the config says {}", path, key, was, value));
  }
  if (done > static_cast<std::uint64_t>(o.steps))
    throw UsageError(fmt::format("{} has done {} steps, the config asks for {}", path, done, o.steps));
  const LearningRate was = rate_of(found, o, path), is = optimizer_of(o).learning_rate;
  const std::uint64_t undiminished = std::min(was.last_undiminished(), is.last_undiminished());
  const bool is_same = was.end == is.end && was.decay_begin == is.decay_begin;
  if (!is_same && done > 0 && done - 1 > undiminished)
    throw UsageError(fmt::format(
        "{} was trained with steps {} and decay_begin {}, the config says {} and {}: of the {} steps that "
        "are done those after {} would have had another learning rate",
        path, was.end, was.decay_begin == LearningRate::never ? "none" : std::to_string(was.decay_begin),
        o.steps, decay_begin_text(o), done, undiminished + 1));
}

std::uint64_t load_initial_weights(const std::string& init, const Model& model, Parameters& parameters) {
  const LoadedModel loaded = read_model(init);
  ModelConfig was = loaded.model.config;
  const ModelConfig& is = model.config;
  const auto refuse = [&](const char* key, const auto& there, const auto& here) {
    if (there != here)
      throw UsageError(
          fmt::format("[train] init {}: a model of {} {}, the config says {}", init, key, there, here));
  };
  refuse("name", was.name, is.name);
  refuse("classes", was.classes, is.classes);
  refuse("points", was.points, is.points);
  load_weights(init, parameters);
  // What no tensor's shape tells; dropout and what a head's loss counts may be others.
  was.conv_dropout = is.conv_dropout;
  was.dense_dropout = is.dense_dropout;
  for (std::size_t head = 0; head < std::min(was.more_heads.size(), is.more_heads.size()); ++head)
    was.more_heads[head].weight = is.more_heads[head].weight;
  refuse("config", to_json(was), to_json(is));
  const auto seen = loaded.metadata.find("first_index");
  if (seen == loaded.metadata.end()) return 0;
  const auto first_index = parse_whole<std::uint64_t>(seen->second);
  if (!first_index) throw Error(fmt::format("{}: first_index '{}' is not a count", init, seen->second));
  return *first_index;
}

}  // namespace bragg::nn
