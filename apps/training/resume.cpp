#include "apps/training/resume.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "apps/training/config_keys.h"
#include "apps/training/config_layers.h"
#include "kernels/base/error.h"
#include "kernels/base/safetensors.h"

namespace bragg::apps {
namespace {

namespace fs = std::filesystem;

using Entries = std::map<std::string, std::string>;

Entries entry_map(const TrainConfig& config) {
  const auto all = entries(config);
  return {all.begin(), all.end()};
}

std::string value_in(const Entries& all, const std::string& key) {
  const auto found = all.find(key);
  return found == all.end() ? "not given" : found->second;
}

bool is_finished(const fs::path& model, std::uint64_t steps) {
  if (!fs::is_regular_file(model)) return false;
  try {
    return SafetensorsFile(model).count("step") == steps;
  } catch (const Error&) {  // damaged: it is written anew
    return false;
  }
}

/// Keys in which `config` is not what the run had: those that may not be are refused, all in one sentence.
void refuse_changes(const SavedRun& run, const TrainConfig& config) {
  const Entries was = entry_map(run.trained), is = entry_map(config);
  std::vector<std::string> refused;
  for (const ConfigKey& key : config_keys()) {
    if (key.on_resume != OnResume::fixed) continue;
    if (key.name == "model.dropout" && config.one_dropout) continue;  // not resolved yet
    const std::string before = value_in(was, key.name), now = value_in(is, key.name);
    if (before != now)
      refused.push_back(fmt::format("{} is {}, but the run in {} has {}", key.name, now, run.folder, before));
  }
  if (!refused.empty()) {
    throw UsageError(fmt::format("--resume: {}", fmt::join(refused, "; ")));
  }
}

/// A line for each key that may be another and is, whether config.toml was edited or it is asked for now.
std::vector<std::string> changes(const SavedRun& run, const TrainConfig& config) {
  std::vector<std::string> lines;
  const Entries was = entry_map(run.trained), is = entry_map(config);
  for (const ConfigKey& key : config_keys()) {
    const std::string before = value_in(was, key.name), now = value_in(is, key.name);
    if (key.on_resume != OnResume::fixed && before != now)
      lines.push_back(fmt::format("--resume: {} is {} from now on, {} so far", key.name, now, before));
  }
  return lines;
}

void check_data_is_there(const TrainConfig& config) {
  const auto check = [](const char* key, const std::string& path) {
    std::error_code none;
    if (path.empty() || fs::exists(path, none)) return;
    throw UsageError(
        fmt::format("--resume: {} {} is not there: if it moved, name it with --set {}=PATH", key, path, key));
  };
  for (const std::string& path : config.crystals)
    check("data.crystals", path);
  check("data.patterns", config.patterns);
  check("data.measured", config.measured);
}

std::string hashes(const ModelFacts& facts) {
  std::vector<std::string> all;
  for (const TrainingSet& set : facts.training_sets)
    all.push_back(set.content_hash);
  return fmt::format("{}", fmt::join(all, ", "));
}

}  // namespace

SavedRun read_saved_run(const RunFolder& folder) {
  const SafetensorsFile file(folder.checkpoint());
  SavedRun run;
  run.folder = folder.path().string();
  run.facts = parse_model_facts(file.metadata(), file.path().string());
  run.steps = file.count("step");
  if (const auto found = file.metadata().find("arithmetic"); found != file.metadata().end())
    run.arithmetic = found->second;
  run.finished = is_finished(folder.path() / "model.safetensors", run.steps);
  std::vector<ConfigLayer> layers{
      parse_layer(run.facts.config, fmt::format("{}: config", folder.checkpoint().string()))};
  run.trained = read_config(layers);
  resolve(run.trained, run.facts.points());
  if (folder.has_config()) layers.push_back(load_layer(folder.config().string()));
  run.config = read_config(layers);
  return run;
}

ResumedConfig resumed_config(const SavedRun& run, const std::string& path,
                             const std::vector<std::string>& assignments) {
  const std::vector<ConfigLayer> given = load_layers(path, assignments);
  const ConfigReader asked(given);
  if (run.config.patterns.empty() ? asked.has("data.patterns") : asked.has("data.crystals")) {
    throw UsageError(fmt::format("--resume: data.{} is given, but the run in {} has data.{}",
                                 run.config.patterns.empty() ? "patterns" : "crystals", run.folder,
                                 run.config.patterns.empty() ? "crystals" : "patterns"));
  }
  std::vector<ConfigLayer> layers{parse_layer(to_toml(run.config), run.folder)};
  layers.insert(layers.end(), given.begin(), given.end());
  ResumedConfig resumed{read_config(layers), asked.has("data.recipe"), {}};
  make_paths_absolute(resumed.config);
  refuse_changes(run, resumed.config);
  resolve(resumed.config, run.facts.points());
  refuse_changes(run, resumed.config);
  const auto steps = static_cast<std::uint64_t>(resumed.config.train.steps);
  if (steps < run.steps) {
    throw UsageError(fmt::format("--resume: train.steps is {}, but the run in {} has done {}", steps,
                                 run.folder, run.steps));
  }
  resumed.changes = changes(run, resumed.config);
  if (steps > run.steps || !run.finished) check_data_is_there(resumed.config);
  return resumed;
}

std::optional<data::Recipe> resumed_recipe(const SavedRun& run, const ResumedConfig& resumed) {
  if (run.facts.recipe.empty()) return std::nullopt;  // stored patterns
  const std::string named = recipe_text(resumed.config);
  const std::vector<std::string>& names = resumed.config.recipes;
  data::Recipe recipe =
      data::parse_recipe(run.facts.recipe, fmt::format("the recipe of the run in {}", run.folder));
  // config.toml may have been edited since; what the checkpoint says is what was trained with.
  const bool own = std::all_of(names.begin(), names.end(), data::is_recipe_name),
             same_name = names == run.trained.recipes || (own && named == recipe.name);
  const bool is_asked_for = resumed.names_recipe || run.config.recipes != run.trained.recipes;
  const auto say = [&](const std::string& what) {
    fmt::print(stderr, "--resume: recipe {} as the run in {} began with it{}\n", named, run.folder, what);
  };
  if (same_name && own) {
    if (recipe != recipe_of(resumed.config)) {
      say(fmt::format(", not as bragg has it now (anomalous = {} in the run)", recipe.anomalous));
    }
    return recipe;
  }
  const auto is_gone = [](const std::string& one) {
    return !data::is_recipe_name(one) && !fs::is_regular_file(one);
  };
  if (same_name && std::any_of(names.begin(), names.end(), is_gone)) {
    say(": the file is gone");
    return recipe;
  }
  try {
    data::Recipe asked = recipe_of(resumed.config);
    asked.name = recipe.name;  // a file's name may be its recipe's
    if (asked == recipe) return recipe;
  } catch (const UsageError& error) {
    if (!same_name || is_asked_for) throw;
    say(fmt::format(": {}", error.what()));
    return recipe;
  }
  if (same_name && !is_asked_for) {
    say(": the file has changed since");
    return recipe;
  }
  throw UsageError(fmt::format("--resume: data.recipe {} {} what the run in {} began with{}:\n{}", named,
                               same_name ? "is no longer" : "is not", run.folder,
                               same_name ? "" : fmt::format(" ({})", recipe_text(run.trained)),
                               run.facts.recipe));
}

void check_same_data(const SavedRun& run, const ModelFacts& facts) {
  if (hashes(run.facts) != hashes(facts)) {
    throw UsageError(fmt::format("--resume: the data has content {}, but the run in {} has {}", hashes(facts),
                                 run.folder, hashes(run.facts)));
  }
}

}  // namespace bragg::apps
