// The keys of [train].
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "apps/training/config_key_makers.h"
#include "kernels/base/nearest_name.h"

namespace bragg::apps {
namespace {

/// How the learning rate goes.
void add_schedule_keys(std::vector<ConfigKey>& keys) {
  keys.push_back(integer(
      "train.warmup_steps", "steps in which the learning rate rises linearly from 0",
      [](auto& c) -> auto& { return c.train.warmup_steps; }, 0, any_count));
  keys.push_back(
      {.name = "train.schedule",
       .meaning = fmt::format(
           "of the learning rate after them: as it is, half a cosine to the last step, or as it is until "
           "decay_begin and then linearly to 0 at the last step; {}",
           fmt::join(nn::schedule_names(), ", ")),
       .example = {},
       .read =
           [](const ConfigReader& reader, const std::string& key, TrainConfig& config) {
             const std::vector<std::string>& names = nn::schedule_names();
             std::string text = names.front();
             reader.text(key, text);
             const auto found = std::find(names.begin(), names.end(), text);
             if (found == names.end())
               reader.fail(key, fmt::format("is '{}'{}", text, suggestion(text, names)));
             config.train.schedule = static_cast<LearningRate::Schedule>(found - names.begin());
           },
       .value =
           [](const TrainConfig& config) {
             return quoted(nn::schedule_names().at(static_cast<std::size_t>(config.train.schedule)));
           }});
  keys.push_back(number(
      "train.final_fraction", "of the learning rate that the cosine leaves at the last step",
      [](auto& c) -> auto& { return c.train.final_fraction; }, 0, 1));
  keys.back().applies = Applies::with_cosine;
  keys.push_back({.name = "train.decay_begin",
                  .meaning = fmt::format(
                      "steps before the linear decay; without it the rate stays until a resume names it; {}",
                      range(0, any_count)),
                  .example = "400000",
                  .applies = Applies::with_linear_decay,
                  .on_resume = OnResume::free,
                  .read =
                      [](const ConfigReader& reader, const std::string& key, TrainConfig& config) {
                        if (!reader.has(key)) return;
                        std::int64_t step = 0;
                        reader.integer(key, step, 0, any_count);
                        config.train.decay_begin = step;
                      },
                  .value =
                      [](const TrainConfig& config) {
                        return config.train.decay_begin ? std::to_string(*config.train.decay_begin) : "";
                      }});
}

/// What updates the weights.
void add_optimizer_keys(std::vector<ConfigKey>& keys) {
  add_schedule_keys(keys);
  keys.push_back(choice("train.optimizer", "Adam, or AdamW, whose weights decay",
                        [](auto& c) -> auto& { return c.optimizer; }, {"adam", "adamw"}));
  keys.push_back(number(
      "train.weight_decay",
      "of AdamW: a matrix loses this times the learning rate in a step, biases nothing (0.01)",
      [](auto& c) -> auto& { return c.train.weight_decay; }, 0, 1e3));
  keys.back().applies = Applies::with_adamw;
  keys.back().read = [](const ConfigReader& reader, const std::string& key, TrainConfig& config) {
    constexpr double of_pytorch = 0.01;
    if (config.optimizer == "adamw") config.train.weight_decay = of_pytorch;
    reader.number(key, config.train.weight_decay, 0, 1e3);
  };
  keys.push_back({.name = "train.betas",
                  .meaning = "how much of the moments of the gradient and of its square a step keeps; two, " +
                             range(0.0, below_one),
                  .example = {},
                  .read =
                      [](const ConfigReader& reader, const std::string& key, TrainConfig& config) {
                        std::vector<double> betas{config.train.beta1, config.train.beta2};
                        bool one = false;
                        reader.numbers(key, betas, one, 0, below_one);
                        if (one || betas.size() != 2)
                          reader.fail(key, fmt::format("has {} values, not 2", betas.size()));
                        config.train.beta1 = betas[0];
                        config.train.beta2 = betas[1];
                      },
                  .value =
                      [](const TrainConfig& config) {
                        return list_of(std::vector{config.train.beta1, config.train.beta2}, decimal);
                      }});
  keys.push_back(number(
      "train.clip_norm", "the norm that all gradients together are scaled down to, 0: as they are",
      [](auto& c) -> auto& { return c.train.clip_norm; }, 0, 1e9));
  keys.push_back(number(
      "train.ema_decay",
      "of an average of the weights over the steps, which is evaluated and answers in their place; it begins "
      "as the first weights, which count ema_decay^n after n steps; 0: none",
      [](auto& c) -> auto& { return c.train.ema_decay; }, 0, below_one));
  keys.push_back(number(
      "train.label_smoothing", "share of a pattern's target that all classes get alike",
      [](auto& c) -> auto& { return c.train.label_smoothing; }, 0, below_one));
  keys.push_back(
      {.name = "train.class_weights",
       .meaning = "how much the patterns of a class count, one per class, relative; without: alike",
       .example = "[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0]",
       .read =
           [](const ConfigReader& reader, const std::string& key, TrainConfig& config) {
             bool one = false;
             reader.numbers(key, config.train.class_weights, one, 1e-9, 1e9);
             const auto given = static_cast<std::int64_t>(config.train.class_weights.size());
             if (reader.has(key) && given != config.model.classes)
               reader.fail(key, fmt::format("has {} values for {} classes", given, config.model.classes));
           },
       .value = [](const TrainConfig& config) { return list_of(config.train.class_weights, decimal); }});
  keys.push_back(file(
      "train.init",
      "a model file of the same shape, whose weights a new run begins with, and with the pattern behind the "
      "last that they have seen",
      [](auto& c) -> auto& { return c.train.init; }, "\"MODEL.safetensors\""));
  keys.back().on_resume = OnResume::fixed;
}

}  // namespace

void add_train_keys(std::vector<ConfigKey>& keys) {
  keys.push_back(integer(
      "train.batch", "patterns in a step", [](auto& c) -> auto& { return c.train.batch; }, 1, 1 << 20));
  keys.push_back(free_on_resume(integer(
      "train.steps", "steps of the whole run", [](auto& c) -> auto& { return c.train.steps; }, 1,
      any_count)));
  keys.push_back(number(
      "train.learning_rate", "of Adam", [](auto& c) -> auto& { return c.train.learning_rate; }, 1e-12, 1e3));
  add_optimizer_keys(keys);
  keys.push_back(integer(
      "train.seed", "decides weights, patterns and dropout", [](auto& c) -> auto& { return c.train.seed; }, 0,
      any_seed));
  keys.push_back(choice(
      "train.precision",
      "bf16 on a GPU or a CPU with AVX512-BF16, tf32 on a GPU; what a device lacks it computes in its own",
      [](auto& c) -> auto& { return c.precision; }, {"fp32", "bf16", "tf32"}));
  keys.push_back(free_on_resume(integer(
      "train.log_every", "steps between lines of metrics.jsonl",
      [](auto& c) -> auto& { return c.train.log_every; }, 1, any_count)));
  keys.push_back(free_on_resume(integer(
      "train.evaluate_every", "steps between evaluations on what is held out, 0: at the end only",
      [](auto& c) -> auto& { return c.train.evaluate_every; }, 0, any_count)));
  keys.push_back(free_on_resume(integer(
      "train.patience",
      "evaluations without a better held-out accuracy after which the run ends, 0: it takes its steps",
      [](auto& c) -> auto& { return c.train.patience; }, 0, any_count)));
  keys.push_back(free_on_resume(number(
      "train.save_minutes",
      "minutes between checkpoints beside those of evaluations and every 1000 steps, 0: none",
      [](auto& c) -> auto& { return c.train.save_minutes; }, 0, 1e6)));
}

}  // namespace bragg::apps
