#include "apps/training/config.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "apps/evaluation/model_metadata.h"
#include "apps/training/config_keys.h"
#include "apps/training/config_layers.h"
#include "apps/wrapped_text.h"
#include "data/recipes/mixed_recipe.h"
#include "data/recipes/recipe.h"
#include "kernels/base/error.h"
#include "kernels/base/nearest_name.h"
#include "kernels/base/utf8.h"

namespace bragg::apps {
namespace {

void check_known(const ConfigLayer& layer) {
  const std::vector<std::string> known = config_key_names();
  const auto refuse = [&](const std::string& key, const toml::node& node) {
    throw UsageError(fmt::format("{}: unknown key '{}'{}", layer.at(node), key, suggestion(key, known)));
  };
  for (const auto& entry : *layer.table) {
    const toml::key& section = entry.first;
    const toml::node& node = entry.second;
    const toml::table* table = node.as_table();
    if (table == nullptr) refuse(std::string(section.str()), node);
    for (const auto& [name, value] : *table) {
      const std::string key = fmt::format("{}.{}", section.str(), name.str());
      if (std::find(known.begin(), known.end(), key) == known.end()) refuse(key, value);
    }
    const bool is_section = std::any_of(known.begin(), known.end(), [&](const std::string& key) {
      return key.starts_with(fmt::format("{}.", section.str()));
    });
    if (!is_section) refuse(std::string(section.str()), node);
  }
}

/// What several keys must be to each other.
void check_together(const ConfigReader& reader, const TrainConfig& config) {
  for (const ConfigKey& key : config_keys()) {
    if (!reader.has(key.name) || key.name == "data.crystals" || key.applies_to(config)) continue;
    reader.fail(key.name, fmt::format("has no meaning {}", key.has_no_meaning(config)));
  }
  if (!config.shares.empty() && config.shares.size() != config.crystals.size()) {
    reader.fail("data.shares", fmt::format("has {} values for {} sets of crystals", config.shares.size(),
                                           config.crystals.size()));
  }
  if (!config.recipe_shares.empty() && config.recipe_shares.size() != config.recipes.size()) {
    reader.fail("data.recipe_shares", fmt::format("has {} values for {} recipes", config.recipe_shares.size(),
                                                  config.recipes.size()));
  }
}

/// Throws UsageError for a path that a config, which is UTF-8, could not hold.
std::string absolute(const std::string& key, const std::string& path) {
  std::string text = std::filesystem::absolute(path).lexically_normal().string();
  if (!is_utf8(text)) {
    throw UsageError(
        fmt::format("{}: the path {} is not UTF-8, which the config of a run has to be", key, as_utf8(text)));
  }
  return text;
}

/// The second head, where there is one.
void add_crystal_system(TrainConfig& config) {
  nn::ModelConfig& model = config.model;
  double& weight = config.crystal_system_weight;
  const bool by_group = class_kind(model.classes) == ClassKind::space_group;
  if (weight > 0 && !by_group)
    throw UsageError(
        fmt::format("model.crystal_system_weight is {}, but the {} classes are crystal systems "
                    "already",
                    weight, model.classes));
  constexpr double weight_of_resnet = 0.5;
  if (weight < 0 && model.name == "resnet" && by_group) weight = weight_of_resnet;
  model.more_heads.clear();
  if (weight > 0) model.more_heads.push_back(crystal_system_head(weight));
}

/// Lines "# ..." of whole words.
std::string comment(const std::string& text) {
  constexpr std::size_t width = 98;
  std::string lines;
  for (const std::string& line : wrapped(text, width))
    lines += "# " + line + "\n";
  return lines;
}

}  // namespace

std::string recipe_text(const TrainConfig& config) {
  return fmt::format("{}", fmt::join(config.recipes, "+"));
}

data::Recipe recipe_of(const TrainConfig& config) {
  std::vector<data::Recipe> recipes;
  for (const std::string& recipe : config.recipes)
    recipes.push_back(data::load_recipe(recipe));
  const std::vector<double> alike(recipes.size(), 1.0);
  return data::mixed_recipe(std::move(recipes), config.recipe_shares.empty() ? alike : config.recipe_shares);
}

TrainConfig read_incomplete_config(const std::vector<ConfigLayer>& layers) {
  for (const ConfigLayer& layer : layers)
    check_known(layer);
  const ConfigReader reader(layers);
  TrainConfig config;
  for (const ConfigKey& key : config_keys())
    key.read(reader, key.name, config);
  check_together(reader, config);
  return config;
}

TrainConfig read_config(const std::vector<ConfigLayer>& layers) {
  TrainConfig config = read_incomplete_config(layers);
  if (config.crystals.empty() == config.patterns.empty()) {
    throw UsageError(fmt::format("{}: [data] needs either crystals or patterns", layers.front().source));
  }
  return config;
}

TrainConfig parse_config(std::string_view toml, const std::string& source,
                         const std::vector<std::string>& assignments) {
  return read_config(with_assignments({parse_layer(toml, source)}, assignments));
}

TrainConfig load_config(const std::string& path, const std::vector<std::string>& assignments) {
  return read_config(load_layers(path, assignments));
}

void make_paths_absolute(TrainConfig& config) {
  for (std::string& path : config.crystals)
    path = absolute("data.crystals", path);
  if (!config.patterns.empty()) config.patterns = absolute("data.patterns", config.patterns);
  if (!config.measured.empty()) config.measured = absolute("data.measured", config.measured);
  for (std::string& recipe : config.recipes)
    if (!data::is_recipe_name(recipe)) recipe = absolute("data.recipe", recipe);
  if (!config.train.init.empty()) config.train.init = absolute("train.init", config.train.init);
}

void resolve(TrainConfig& config, std::int64_t points) {
  nn::ModelConfig& model = config.model;
  model.points = points;
  constexpr int paper_pool_kernel = 3;
  if (model.name == "scnn" && !model.channels.empty()) {
    model.pool_kernels.assign(model.channels.size(), paper_pool_kernel);
  }
  if (!config.dropout.empty()) {
    const bool convolutions = model.name != "mlp";
    // How many hidden dense layers there are is the model's to say; any dropout of the right length will do
    // to ask it.
    nn::ModelConfig ask = model;
    if (!ask.dense.empty()) ask.dense_dropout.assign(ask.dense.size(), 0.0);
    const std::size_t hidden = nn::make_model(ask).config.dense.size();
    std::vector<double> all = config.dropout;
    if (config.one_dropout) all.assign(hidden + convolutions, config.dropout.front());
    if (all.size() != hidden + convolutions) {
      throw UsageError(fmt::format("model.dropout has {} values; {} with {} hidden dense layers has {}",
                                   all.size(), model.name, hidden, hidden + convolutions));
    }
    if (convolutions) model.conv_dropout = all.front();
    model.dense_dropout.assign(all.begin() + convolutions, all.end());
  }
  add_crystal_system(config);
  model = nn::make_model(model).config;
  config.dropout = model.dense_dropout;
  if (!model.channels.empty()) config.dropout.insert(config.dropout.begin(), model.conv_dropout);
  config.one_dropout = false;
  make_paths_absolute(config);
}

std::vector<std::pair<std::string, std::string>> entries(const TrainConfig& config) {
  std::vector<std::pair<std::string, std::string>> all;
  for (const ConfigKey& key : config_keys()) {
    std::string value = key.applies_to(config) ? key.value(config) : "";
    if (!value.empty()) all.emplace_back(key.name, std::move(value));
  }
  return all;
}

std::string to_toml(const TrainConfig& config) {
  std::string toml, section;
  for (const auto& [key, value] : entries(config)) {
    const std::size_t dot = key.find('.');
    if (key.substr(0, dot) != section) {
      toml += fmt::format("{}[{}]\n", section.empty() ? "" : "\n", key.substr(0, dot));
      section = key.substr(0, dot);
    }
    toml += fmt::format("{} = {}\n", key.substr(dot + 1), value);
  }
  return toml;
}

std::string explained_toml(const TrainConfig& config) {
  std::string toml, section;
  for (const ConfigKey& key : config_keys()) {
    const std::size_t dot = key.name.find('.');
    if (key.name.substr(0, dot) != section) {
      section = key.name.substr(0, dot);
      toml += fmt::format("\n[{}]\n", section);
    }
    const std::string value = key.value(config);
    const bool given = key.applies_to(config) && !value.empty();
    toml += comment(key.meaning);
    toml += fmt::format("{}{} = {}\n", given ? "" : "# ", key.name.substr(dot + 1),
                        value.empty() ? key.example : value);
  }
  return toml;
}

}  // namespace bragg::apps
