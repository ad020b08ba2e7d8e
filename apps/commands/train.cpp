// bragg train: a config in, a run folder out.
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "apps/command.h"
#include "apps/evaluation/model_metadata.h"
#include "apps/training/config.h"
#include "apps/training/config_layers.h"
#include "apps/training/resume.h"
#include "apps/training/run_folder.h"
#include "apps/training/stop_signal.h"
#include "apps/training/training_data.h"
#include "data/recipes/recipe.h"
#include "kernels/base/error.h"
#include "kernels/base/utf8.h"
#include "nn/model.h"
#include "nn/parameters.h"
#include "nn/trainer.h"

namespace bragg::apps {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string config, out;
  std::vector<std::string> assignments;
  bool resume = false, show_config = false;
};

/// Of patterns that are drawn, on the grid that these have. Throws for a recipe that is none.
std::int64_t points_read(const TrainConfig& config) {
  const TwoThetaGrid grid;
  return with_grid_step(recipe_of(config), config, grid).processing.read_grid(grid).points;
}

/// What a run with these options would use, or without a config the defaults.
int show_config(const Options& options) {
  std::string path = options.config;
  if (path.empty() && options.resume && !options.out.empty())
    path = (fs::path(options.out) / "config.toml").string();
  const auto layers = load_layers(path, options.assignments);
  TrainConfig config = path.empty() ? read_incomplete_config(layers) : read_config(layers);
  std::int64_t points = 0;
  if (!config.patterns.empty())
    points = TrainingFiles(config).points();
  else
    points = points_read(config);
  resolve(config, points);
  fmt::print("# The keys of a training config ({}).\n# A path is relative to the folder of the config.\n{}",
             path.empty() ? "their defaults" : fmt::format("the values of {}", as_utf8(path)),
             explained_toml(config));
  return exit_success;
}

void report(const nn::TrainResult& result, const TrainConfig& config, const fs::path& out) {
  fmt::print(stderr, "{} of {} steps done, {} patterns seen", result.state.step, config.train.steps,
             result.state.first_index);
  if (result.best_accuracy == result.best_accuracy) {
    fmt::print(stderr, ", best accuracy on the held-out structures {:.2f} %", 100 * result.best_accuracy);
  }
  fmt::print(stderr, "; saved in {}\n", out.string());
}

/// What a run is made of, read and checked; nothing is written.
struct Setup {
  TrainConfig config;
  TrainingFiles files;
  ModelFacts facts;
};

Setup set_up(TrainConfig config, std::optional<data::Recipe> recipe) {
  TrainingFiles files(config, std::move(recipe));
  resolve(config, files.points());
  ModelFacts facts = files.facts();
  facts.classes = class_kind(config.model.classes);
  facts.seed = config.train.seed;
  facts.config = to_toml(config);
  return {std::move(config), std::move(files), std::move(facts)};
}

Setup set_up_new_run(const Options& options, const RunFolder& folder) {
  folder.refuse_if_taken();
  std::string path = options.config;
  if (path.empty() && folder.has_config()) path = folder.config().string();
  if (path.empty()) {
    throw UsageError(
        fmt::format("--out {}: holds neither a checkpoint nor config.toml to resume from: CONFIG "
                    "is required",
                    options.out));
  }
  return set_up(read_config(load_layers(path, options.assignments)), std::nullopt);
}

/// Trains in `folder`; `saved`: what is there already; `news`: lines for the person, once all is checked.
int run_training(Setup setup, RunFolder& folder, const SavedRun* saved, const std::vector<std::string>& news,
                 const CommonOptions& common) {
  const TrainConfig& config = setup.config;
  const nn::Model model = nn::make_model(config.model);
  const StopSignal stop;
  const auto backend = make_backend(common, config.precision);
  if (saved != nullptr && !saved->arithmetic.empty() && saved->arithmetic != backend->arithmetic()) {
    fmt::print(
        stderr,
        "--resume: computed by {} so far, by {} from now on: results are no longer bit-identical to those "
        "of a run on one of them\n",
        saved->arithmetic, backend->arithmetic());
  }
  const TrainingData data = make_training_data(*backend, setup.files, config, common.threads);
  setup.files.release_crystals();
  if (saved == nullptr) check_holdout(config, data);
  nn::Trainer trainer(*backend, model, config.train, *data.training, data.held_out.get(),
                      to_metadata(setup.facts), folder.path());
  const auto before_writing = [&] {
    for (const std::string& line : news)
      fmt::print(stderr, "{}\n", line);
    fmt::print(stderr, "{}: {} parameters, {} to train on, {} held out, {}\n", config.model.name,
               nn::parameter_count(model), data.training_size, data.held_out_size,
               describe_device(common, *backend));
    if (saved == nullptr && folder.has_dead_attempt()) {
      fmt::print(stderr, "{}: holds files of a run but no checkpoint: it starts anew\n",
                 folder.path().string());
    }
    folder.begin(saved == nullptr, setup.facts.config);
  };
  const nn::TrainResult result = trainer.run(
      saved != nullptr, [] { return StopSignal::received() != 0; }, before_writing);
  report(result, config, folder.path());
  if (result.outcome == nn::TrainOutcome::diverged) {
    throw Error(
        fmt::format("the loss is not finite after step {}: stopped, with the last good state kept in {}",
                    result.state.step, folder.path().string()));
  }
  constexpr int by_signal = 128;  // as a shell reports it
  return result.outcome == nn::TrainOutcome::interrupted ? by_signal + StopSignal::received() : exit_success;
}

int train(const Options& options, const CommonOptions& common) {
  if (options.show_config) return show_config(options);
  if (options.out.empty()) throw UsageError("--out is required");
  if (options.config.empty() && !options.resume) throw UsageError("CONFIG is required");
  RunFolder folder(options.out);
  if (!options.resume || !folder.has_checkpoint()) {
    std::vector<std::string> news;
    if (options.resume && !folder.has_dead_attempt())
      news.push_back(fmt::format("{}: no run to resume: a new one begins", options.out));
    return run_training(set_up_new_run(options, folder), folder, nullptr, news, common);
  }

  const SavedRun saved = read_saved_run(folder);
  ResumedConfig resumed = resumed_config(saved, options.config, options.assignments);
  if (saved.finished && static_cast<std::uint64_t>(resumed.config.train.steps) == saved.steps) {
    fmt::print(stderr, "{}: all {} steps are done already; train.steps beyond them goes on\n", options.out,
               saved.steps);
    return exit_success;
  }
  std::optional<data::Recipe> recipe = resumed_recipe(saved, resumed);
  Setup setup = set_up(std::move(resumed.config), std::move(recipe));
  check_same_data(saved, setup.facts);
  return run_training(std::move(setup), folder, &saved, resumed.changes, common);
}

}  // namespace

void add_train(CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App* app = line.add("train", "Train a network on patterns drawn from crystals, or on stored ones",
                           [options](const CommonOptions& common) { return train(*options, common); });
  app->add_option("CONFIG", options->config,
                  "what to train on what (TOML); with --resume the run's own will do");
  app->add_option("--set", options->assignments, "overrides a key of the config: train.steps=2000")
      ->allow_extra_args(false);
  app->add_option(
      "--out", options->out,
      "folder of the run: config.toml, metrics.jsonl, models, checkpoint (required, but for --show-config)");
  app->add_flag("--resume", options->resume, "continue the run in --out where it was left");
  app->add_flag(
      "--show-config", options->show_config,
      "print every key with its value and meaning as TOML, and leave: defaults, or those of CONFIG");
  app->footer(
      "SIGINT, SIGTERM, SIGHUP (unless under nohup), SIGUSR1, SIGUSR2 and SIGXCPU finish the step, save, and "
      "exit "
      "with 128 + signal; --resume goes on from there.");
}

}  // namespace bragg::apps
