// bragg train: a config in, a run folder out.
#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "apps/command.h"
#include "apps/config.h"
#include "apps/model_metadata.h"
#include "apps/stop_signal.h"
#include "apps/training_data.h"
#include "kernels/atomic_file.h"
#include "kernels/error.h"
#include "kernels/safetensors.h"
#include "nn/model.h"
#include "nn/parameters.h"
#include "nn/trainer.h"
#include "xrd/recipe.h"

namespace bragg::apps {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string config, out;
  std::vector<std::string> assignments;
  bool resume = false;
};

/// Keys that do not touch the bits of a step, so that a run may be continued with others. Data files may have
/// moved: their content is compared instead.
bool may_change(const std::string& key) {
  return key == "train.steps" || key == "train.log_every" || key == "train.evaluate_every" ||
         key == "data.crystals" || key == "data.patterns";
}

/// The recipe that the run in `out` began with, where the config names one that bragg brings, or a file that
/// is gone: bragg's own may have changed since. A file that is there is compared instead (check_same_run).
std::optional<xrd::Recipe> recipe_of_run(const fs::path& out, const std::string& named) {
  const fs::path checkpoint = out / "last.safetensors";
  const auto& names = xrd::recipe_names();
  const bool own = std::find(names.begin(), names.end(), named) != names.end();
  if (!own && fs::is_regular_file(named)) return std::nullopt;
  const ModelFacts run = parse_model_facts(SafetensorsFile(checkpoint).metadata(), checkpoint.string());
  if (run.recipe.empty()) return std::nullopt;
  xrd::Recipe recipe = xrd::parse_recipe(run.recipe, fmt::format("{}: recipe", checkpoint.string()));
  if (!own || recipe != xrd::load_recipe(named)) {
    fmt::print(stderr, "--resume: recipe {} as the run in {} began with it{}\n", named, out.string(),
               own ? fmt::format(", not as bragg has it now (anomalous = {} in the run)", recipe.anomalous)
                   : ": the file is gone");
  }
  return recipe;
}

/// Throws UsageError naming the first thing in which `config` and the run in `out` differ.
void check_same_run(const fs::path& out, const TrainConfig& config, const ModelFacts& facts) {
  const fs::path checkpoint = out / "last.safetensors", old_path = out / "config.toml";
  TrainConfig old = load_config(old_path.string());
  resolve(old, facts.grid.points);
  const auto was_entries = entries(old);
  std::map<std::string, std::string> was(was_entries.begin(), was_entries.end());
  for (const auto& [key, value] : entries(config)) {
    const auto found = was.find(key);
    const std::string before = found == was.end() ? "not given" : found->second;
    if (before != value && !may_change(key)) {
      throw UsageError(
          fmt::format("--resume: {} is {}, but the run in {} has {}", key, value, out.string(), before));
    }
  }
  const ModelFacts run = parse_model_facts(SafetensorsFile(checkpoint).metadata(), checkpoint.string());
  if (run.recipe != facts.recipe) {
    throw UsageError(fmt::format("--resume: data.recipe {} is not what the run in {} began with:\n{}",
                                 config.recipe, out.string(), run.recipe));
  }
  const auto hashes = [](const ModelFacts& of) {
    std::string text;
    for (const TrainingSet& set : of.training_sets)
      text += (text.empty() ? "" : ", ") + set.content_hash;
    return text;
  };
  if (hashes(run) != hashes(facts)) {
    throw UsageError(fmt::format("--resume: the data has content {}, but the run in {} has {}", hashes(facts),
                                 out.string(), hashes(run)));
  }
}

void report(const nn::TrainResult& result, const TrainConfig& config, const fs::path& out) {
  fmt::print(stderr, "{} of {} steps done, {} patterns seen", result.state.step, config.train.steps,
             result.state.first_index);
  if (result.best_accuracy == result.best_accuracy) {
    fmt::print(stderr, ", best accuracy on the held-out structures {:.2f} %", 100 * result.best_accuracy);
  }
  fmt::print(stderr, "; saved in {}\n", out.string());
}

int train(const Options& options, const CommonOptions& common) {
  TrainConfig config = load_config(options.config, options.assignments);
  const fs::path out = options.out;
  const bool has_run = fs::exists(out / "last.safetensors") || fs::exists(out / "metrics.jsonl");
  if (has_run && !options.resume) {
    throw UsageError(fmt::format(
        "--out {}: already holds a run; continue it with --resume or choose another folder", options.out));
  }
  const bool resume = options.resume && fs::exists(out / "last.safetensors");
  TrainingFiles files(config, resume ? recipe_of_run(out, config.recipe) : std::nullopt);
  resolve(config, files.grid().points);
  const nn::Model model = nn::make_model(config.model);

  ModelFacts facts = files.facts();
  facts.classes = class_kind(config.model.classes);
  facts.seed = config.train.seed;
  facts.config = to_toml(config);
  if (resume) check_same_run(out, config, facts);
  if (options.resume && !resume)
    fmt::print(stderr, "{} holds no checkpoint yet: starting anew\n", options.out);

  const StopSignal stop;
  const auto backend = make_backend(common, config.precision);
  const TrainingData data = make_training_data(*backend, files, config, common.threads);
  files.release_crystals();
  fmt::print(stderr, "{}: {} parameters, {} to train on, {} held out, {}\n", config.model.name,
             nn::parameter_count(model), data.training_size, data.held_out_size,
             describe_device(common, *backend));
  fs::create_directories(out);
  write_file(out / "config.toml", facts.config);

  nn::Trainer trainer(*backend, model, config.train, *data.training, data.held_out.get(), to_metadata(facts),
                      out);
  const nn::TrainResult result = trainer.run(resume, [] { return StopSignal::received() != 0; });
  report(result, config, out);
  if (result.outcome == nn::TrainOutcome::diverged) {
    throw Error(
        fmt::format("the loss is not finite after step {}: stopped, with the last good state kept in {}",
                    result.state.step, out.string()));
  }
  constexpr int by_signal = 128;  // as a shell reports it
  return result.outcome == nn::TrainOutcome::interrupted ? by_signal + StopSignal::received() : exit_success;
}

}  // namespace

void add_train(CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App* app = line.add("train", "Train a network on patterns drawn from crystals, or on stored ones",
                           [options](const CommonOptions& common) { return train(*options, common); });
  app->add_option("CONFIG", options->config, "what to train on what (TOML)")->required();
  app->add_option("--set", options->assignments, "overrides a key of the config: train.steps=2000")
      ->allow_extra_args(false);
  app->add_option("--out", options->out, "folder of the run: config.toml, metrics.jsonl, models, checkpoint")
      ->required();
  app->add_flag("--resume", options->resume, "continue the run in --out where it was left");
  app->footer(
      "SIGINT, SIGTERM, SIGHUP (unless under nohup), SIGUSR1, SIGUSR2 and SIGXCPU finish the step, save, and "
      "exit "
      "with 128 + signal; --resume goes on from there.");
}

}  // namespace bragg::apps
