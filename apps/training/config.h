// The config of a training run: TOML, every key with a default, unknown ones refused.
// The keys are rows of config_keys.cpp, with their meaning; `bragg train --show-config` prints them.
// Paths in a file are relative to its folder, those of an assignment to the working directory.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "data/recipes/recipe.h"
#include "nn/model.h"
#include "nn/trainer.h"

namespace bragg::apps {

struct TrainConfig {
  nn::ModelConfig model;              ///< `points` comes from the data, see resolve()
  std::vector<double> dropout;        ///< as given; empty: the paper's
  bool one_dropout = false;           ///< it was one number
  double crystal_system_weight = -1;  ///< of the head beside space groups; < 0: the model's own, 0: none
  std::vector<std::string> crystals;
  std::string patterns;
  std::vector<std::string> recipes{"baseline"};
  std::vector<double> recipe_shares;  ///< empty: all alike
  double grid_step = 0;               ///< degrees, Processing::step
  std::vector<double> shares;
  std::vector<double> system_weights;  ///< by xrd::CrystalSystem; empty: all 1
  double group_exponent = 1;
  std::string measured;
  double synthetic = 0;
  double synthetic_group_exponent = 1;
  double holdout = 0.1;
  std::uint32_t split_seed = 1;
  nn::TrainOptions train;
  std::string optimizer = "adam";
  std::string precision = "fp32";
};

/// The recipes as one name: "realistic+other_instrument".
std::string recipe_text(const TrainConfig&);
/// What patterns are drawn by: the recipe, or the recipes by their shares. Throws as data::load_recipe and
/// data::mixed_recipe.
data::Recipe recipe_of(const TrainConfig&);

struct ConfigLayer;

/// Reads a config file, then `key=value` assignments: dotted keys, TOML values (a bare word is a string).
/// Throws UsageError with file and line, or the assignment, for
///   - grammar,
///   - an unknown key (naming the nearest),
///   - a wrong type or a value out of range,
///   - a path that is not there but would be if it were relative to the working directory.
TrainConfig load_config(const std::string& path, const std::vector<std::string>& assignments = {});
/// Paths as they stand.
TrainConfig parse_config(std::string_view toml, const std::string& source,
                         const std::vector<std::string>& assignments = {});
/// Layers as load_layer and parse_assignment give them; what comes later overrides.
TrainConfig read_config(const std::vector<ConfigLayer>&);
/// One that may lack data.
TrainConfig read_incomplete_config(const std::vector<ConfigLayer>&);

/// So that a run finds its files from another working directory, and a resumed one names the same. Throws UsageError for
/// a path that is not UTF-8.
void make_paths_absolute(TrainConfig&);

/// Makes the config complete for data of `points` points: the model's defaults filled in and checked, paths
/// absolute. Throws UsageError for a path that is not UTF-8.
void resolve(TrainConfig&, std::int64_t points);

/// Every key with its value in TOML, in the order of config_keys(); of a resolved config.
std::vector<std::pair<std::string, std::string>> entries(const TrainConfig&);
/// A file that load_config() reads back to the same config.
std::string to_toml(const TrainConfig&);
/// The same with every key and its meaning as comments; keys without a value stand there as comments, too.
std::string explained_toml(const TrainConfig&);

}  // namespace bragg::apps
