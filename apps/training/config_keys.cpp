#include "apps/training/config_keys.h"

#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "apps/training/config_key_makers.h"
#include "data/recipes/recipe.h"
#include "kernels/base/nearest_name.h"
#include "xrd/symmetry/space_groups.h"

namespace bragg::apps {
namespace {

void add_model_keys(std::vector<ConfigKey>& keys) {
  keys.push_back(choice(
      "model.name", "network", [](auto& c) -> auto& { return c.model.name; }, nn::model_names()));
  ConfigKey classes = integer(
      "model.classes", "", [](auto& c) -> auto& { return c.model.classes; }, 1, largest_extent);
  classes.meaning = "what is told apart: 230 space groups or 7 crystal systems";
  classes.read = [](const ConfigReader& reader, const std::string& key, TrainConfig& config) {
    int& count = config.model.classes;
    reader.integer(key, count, 1, largest_extent);
    if (count != 7 && count != 230)
      reader.fail(key, fmt::format("is {}, not 7 (crystal systems) or 230 (space groups)", count));
  };
  keys.push_back(std::move(classes));
  keys.push_back(integers(
      "model.channels", "output channels, one per convolution (scnn, npcnn) or stage (resnet)",
      [](auto& c) -> auto& { return c.model.channels; }, "[80, 80, 80]"));
  keys.push_back(integers(
      "model.kernels", "points of the kernel, one per convolution or at the beginning of each stage",
      [](auto& c) -> auto& { return c.model.kernels; }, "[100, 50, 25]"));
  keys.push_back(integers(
      "model.strides", "points from one output to the next, one per kernel",
      [](auto& c) -> auto& { return c.model.strides; }, "[5, 5, 2]"));
  keys.push_back(integers(
      "model.pool_strides", "steps of the average pooling, one per convolution; scnn only",
      [](auto& c) -> auto& { return c.model.pool_strides; }, "[2, 1, 1]"));
  keys.push_back(integers(
      "model.blocks", "residual blocks of each stage; resnet only",
      [](auto& c) -> auto& { return c.model.blocks; }, "[1, 1, 1]"));
  keys.push_back(integer_or_own(
      "model.block_kernel", "points of the kernels in residual blocks; resnet only",
      [](auto& c) -> auto& { return c.model.block_kernel; }, 0, 1, largest_extent, "5"));
  keys.push_back(integer_or_own(
      "model.bottleneck",
      "channels of the last convolution, of kernel 1, before the dense layers, 0: none; resnet only",
      [](auto& c) -> auto& { return c.model.bottleneck; }, -1, 0, largest_extent, "48"));
  keys.push_back(
      {.name = "model.crystal_system_weight",
       .meaning = "weight of the loss of a second head, the crystal system, beside that of space groups "
                  "(resnet: 0.5), 0: none; " +
                  range(0.0, 1e3),
       .example = "0.5",
       .read = [](const ConfigReader& reader, const std::string& key,
                  TrainConfig& config) { reader.number(key, config.crystal_system_weight, 0, 1e3); },
       .value =
           [](const TrainConfig& config) {
             return config.crystal_system_weight < 0 ? "" : decimal(config.crystal_system_weight);
           }});
  keys.push_back(integers(
      "model.dense", "widths of the hidden dense layers", [](auto& c) -> auto& { return c.model.dense; },
      "[2300, 1150]"));
  keys.push_back(
      {.name = "model.dropout",
       .meaning =
           "share that is dropped in training: one for all, or [after the convolutions, one per hidden "
           "dense layer] (mlp: the latter); " +
           range(0.0, below_one),
       .example = "0.3",
       .read =
           [](const ConfigReader& reader, const std::string& key, TrainConfig& config) {
             reader.numbers(key, config.dropout, config.one_dropout, 0, below_one);
           },
       .value = [](const TrainConfig& config) { return list_of(config.dropout, decimal); }});
}

/// Names of recipes, or files: what is no name of bragg's own and looks like a path or is there.
void read_recipes(const ConfigReader& reader, const std::string& key, TrainConfig& config) {
  namespace fs = std::filesystem;
  if (!reader.has(key)) return;
  std::vector<std::string>& recipes = config.recipes;
  reader.texts(key, recipes);
  if (std::all_of(recipes.begin(), recipes.end(), data::is_recipe_name)) return;
  std::vector<std::string> paths;
  reader.paths(key, paths);
  for (std::size_t i = 0; i < recipes.size(); ++i) {
    std::error_code none;
    const bool like_a_path =
        recipes[i].find('/') != std::string::npos || fs::path(recipes[i]).extension() == ".toml";
    if (!data::is_recipe_name(recipes[i]) && (like_a_path || fs::is_regular_file(paths[i], none)))
      recipes[i] = paths[i];
  }
}

/// A list of numbers >= 0, `count` of them unless that is 0.
template <typename Member>
ConfigKey weights(const char* name, const char* meaning, Member member, std::size_t count,
                  const char* example) {
  return with_crystals(
      {.name = name,
       .meaning = meaning,
       .example = example,
       .read =
           [=](const ConfigReader& reader, const std::string& key, TrainConfig& config) {
             bool one = false;
             std::vector<double>& values = member(config);
             reader.numbers(key, values, one, 0, 1e9);
             if (count != 0 && !values.empty() && values.size() != count)
               reader.fail(key, fmt::format("has {} values, not {}", values.size(), count));
           },
       .value = [=](const TrainConfig& config) { return list_of(member(config), decimal); }});
}

void add_data_keys(std::vector<ConfigKey>& keys) {
  keys.push_back(with_crystals(
      {.name = "data.crystals",
       .meaning = "sets of crystals, one or a list, that patterns are drawn from; or else data.patterns",
       .example = "\"SET.safetensors\"",
       .on_resume = OnResume::same_content,
       .read = [](const ConfigReader& reader, const std::string& key,
                  TrainConfig& config) { reader.paths(key, config.crystals); },
       .value = [](const TrainConfig& config) { return list_of(config.crystals, quoted); }}));
  keys.push_back(file(
      "data.patterns", "a set of stored patterns, in place of crystals",
      [](auto& c) -> auto& { return c.patterns; }, "\"PATTERNS.safetensors\""));
  keys.push_back(with_crystals(
      {.name = "data.recipe",
       .meaning = "how patterns are drawn: names (`bragg recipe list`) or TOML files, one or a list",
       .example = {},
       .on_resume = OnResume::same_content,
       .read = read_recipes,
       .value = [](const TrainConfig& config) {
         return config.recipes.size() == 1 ? quoted(config.recipes.front()) : list_of(config.recipes, quoted);
       }}));
  keys.push_back(weights(
      "data.recipe_shares", "with several recipes: how often each is drawn by, relative; without: all alike",
      [](auto& c) -> auto& { return c.recipe_shares; }, 0, "[0.8, 0.2]"));
  keys.push_back(
      with_crystals({.name = "data.grid_step",
                     .meaning = "degrees of 2 theta from one number that the network reads to the next, the "
                                "mean of as many points of 0.01; without: these points",
                     .example = "0.05",
                     .read = [](const ConfigReader& reader, const std::string& key,
                                TrainConfig& config) { reader.number(key, config.grid_step, 0, 10); },
                     .value =
                         [](const TrainConfig& config) {
                           return config.grid_step == 0 ? "" : decimal(config.grid_step);
                         }}));
  keys.push_back(weights(
      "data.shares",
      "with several sets of crystals: how often each is drawn, relative; without: by their size",
      [](auto& c) -> auto& { return c.shares; }, 0, "[1.0, 1.0]"));
  keys.push_back(weights(
      "data.system_weights",
      "how often a structure is drawn by its crystal system, relative, within its set: triclinic, "
      "monoclinic, orthorhombic, tetragonal, trigonal, hexagonal, cubic; without: all alike",
      [](auto& c) -> auto& { return c.system_weights; }, xrd::crystal_system_count,
      "[3.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0]"));
  keys.push_back(with_crystals(number(
      "data.group_exponent",
      "a space group is drawn as often as it has structures to this power: 1 by structure, 0 every group "
      "alike",
      [](auto& c) -> auto& { return c.group_exponent; }, 0, 10)));
  keys.push_back(with_crystals(file(
      "data.measured", "measured patterns, for the share that the recipe says",
      [](auto& c) -> auto& { return c.measured; }, "\"MEASURED.safetensors\"")));
  keys.push_back(with_crystals(number(
      "data.synthetic",
      "share of the simulated patterns whose crystals never existed (pattern i is of what `bragg crystals "
      "generate` makes as number i from the same structures and seed)",
      [](auto& c) -> auto& { return c.synthetic; }, 0, 1)));
  keys.push_back(number(
      "data.synthetic_group_exponent", "as group_exponent, of the synthetic ones: 0 is all 230 groups alike",
      [](auto& c) -> auto& { return c.synthetic_group_exponent; }, 0, 1));
  keys.back().applies = Applies::with_synthetic;
  keys.push_back(number(
      "data.holdout", "share of structures (patterns: groups) that is kept for evaluation",
      [](auto& c) -> auto& { return c.holdout; }, 0, below_one));
  keys.push_back(integer(
      "data.split_seed", "decides which are kept; their patterns are drawn with it, too",
      [](auto& c) -> auto& { return c.split_seed; }, 0, any_seed));
}

}  // namespace

bool ConfigKey::applies_to(const TrainConfig& config) const {
  return has_no_meaning(config) == nullptr;
}

const char* ConfigKey::has_no_meaning(const TrainConfig& config) const {
  const auto unless = [](bool condition, const char* why) { return condition ? nullptr : why; };
  const char* const drawn = unless(config.patterns.empty(), "with data.patterns, which are drawn already");
  switch (applies) {
    case Applies::always:
      break;
    case Applies::with_crystals:
      return drawn;
    case Applies::with_synthetic:
      return drawn ? drawn : unless(config.synthetic > 0, "without data.synthetic");
    case Applies::with_adamw:
      return unless(config.optimizer == "adamw", "without train.optimizer = \"adamw\"");
    case Applies::with_cosine:
      return unless(config.train.schedule == LearningRate::Schedule::cosine,
                    "without train.schedule = \"cosine\"");
    case Applies::with_linear_decay:
      return unless(config.train.schedule == LearningRate::Schedule::linear_decay,
                    "without train.schedule = \"linear_decay\"");
  }
  return nullptr;
}

const std::vector<ConfigKey>& config_keys() {
  static const std::vector<ConfigKey> keys = [] {
    std::vector<ConfigKey> all;
    add_model_keys(all);
    add_data_keys(all);
    add_train_keys(all);
    return all;
  }();
  return keys;
}

std::vector<std::string> config_key_names() {
  std::vector<std::string> names;
  for (const ConfigKey& key : config_keys())
    names.push_back(key.name);
  return names;
}

}  // namespace bragg::apps
