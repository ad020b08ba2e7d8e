#include "apps/training/config_keys.h"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <sstream>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "apps/training/config_layers.h"
#include "data/recipes/recipe.h"
#include "kernels/base/nearest_name.h"

namespace bragg::apps {
namespace {

constexpr double below_one = 1 - 1e-9;
constexpr std::int64_t any_seed = std::numeric_limits<std::uint32_t>::max();
constexpr std::int64_t any_count = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t largest_extent = 1'000'000;

/// A string of TOML, of one line whatever it holds.
std::string quoted(const std::string& text) {
  std::ostringstream out;
  // A literal string holds no escapes, and so no control characters.
  using toml::format_flags;
  auto flags = toml::toml_formatter::default_flags & ~format_flags::allow_multi_line_strings;
  if (std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
    flags = flags & ~format_flags::allow_literal_strings;
  const toml::value<std::string> value(text);
  out << toml::toml_formatter(value, flags);
  return out.str();
}

std::string decimal(double value) {
  std::string text = fmt::format("{}", value);
  return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;
}

template <typename Values, typename Text>
std::string list_of(const Values& values, const Text& text) {
  std::vector<std::string> texts;
  for (const auto& value : values)
    texts.push_back(text(value));
  return texts.empty() ? "" : fmt::format("[{}]", fmt::join(texts, ", "));
}

std::string range(std::int64_t low, std::int64_t high) {
  return high == any_count ? fmt::format("{} or more", low) : fmt::format("{} to {}", low, high);
}

std::string range(double low, double high) {
  return high == below_one ? fmt::format("from {} to below 1", low) : fmt::format("{} to {}", low, high);
}

// Makers of rows. `member` gives the member of a TrainConfig, const or not.

template <typename Member>
ConfigKey integer(const char* name, const std::string& meaning, Member member, std::int64_t low,
                  std::int64_t high) {
  return {.name = name,
          .meaning = fmt::format("{}; {}", meaning, range(low, high)),
          .example = {},
          .read = [=](const ConfigReader& reader, const std::string& key,
                      TrainConfig& config) { reader.integer(key, member(config), low, high); },
          .value = [=](const TrainConfig& config) { return fmt::format("{}", member(config)); }};
}

template <typename Member>
ConfigKey number(const char* name, const std::string& meaning, Member member, double low, double high) {
  return {.name = name,
          .meaning = fmt::format("{}; {}", meaning, range(low, high)),
          .example = {},
          .read = [=](const ConfigReader& reader, const std::string& key,
                      TrainConfig& config) { reader.number(key, member(config), low, high); },
          .value = [=](const TrainConfig& config) { return decimal(member(config)); }};
}

template <typename Member>
ConfigKey integers(const char* name, const char* meaning, Member member, const char* example) {
  return {.name = name,
          .meaning = meaning,
          .example = example,
          .read = [=](const ConfigReader& reader, const std::string& key,
                      TrainConfig& config) { reader.integers(key, member(config), 1, largest_extent); },
          .value =
              [=](const TrainConfig& config) {
                return list_of(member(config), [](int value) { return std::to_string(value); });
              }};
}

/// Where the model has a number of its own, `own` stands for it.
template <typename Member>
ConfigKey integer_or_own(const char* name, const std::string& meaning, Member member, std::int64_t own,
                         std::int64_t low, std::int64_t high, const char* example) {
  ConfigKey key = integer(name, meaning, member, low, high);
  key.example = example;
  key.value = [=](const TrainConfig& config) {
    return member(config) == own ? "" : fmt::format("{}", member(config));
  };
  return key;
}

template <typename Member>
ConfigKey choice(const char* name, const std::string& meaning, Member member,
                 const std::vector<std::string>& of) {
  return {.name = name,
          .meaning = fmt::format("{}; {}", meaning, fmt::join(of, ", ")),
          .example = {},
          .read =
              [=](const ConfigReader& reader, const std::string& key, TrainConfig& config) {
                std::string& text = member(config);
                reader.text(key, text);
                if (std::find(of.begin(), of.end(), text) == of.end()) {
                  reader.fail(key, fmt::format("is '{}'{}", text, suggestion(text, of)));
                }
              },
          .value = [=](const TrainConfig& config) { return quoted(member(config)); }};
}

/// The path of one file.
template <typename Member>
ConfigKey file(const char* name, const char* meaning, Member member, const char* example) {
  return {
      .name = name,
      .meaning = meaning,
      .example = example,
      .on_resume = OnResume::same_content,
      .read = [=](const ConfigReader& reader, const std::string& key,
                  TrainConfig& config) { reader.path(key, member(config)); },
      .value =
          [=](const TrainConfig& config) { return member(config).empty() ? "" : quoted(member(config)); }};
}

ConfigKey with_crystals(ConfigKey key) {
  key.applies = Applies::with_crystals;
  return key;
}

ConfigKey free_on_resume(ConfigKey key) {
  key.on_resume = OnResume::free;
  return key;
}

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
      "model.narrow",
      "channels of the last convolution, of kernel 1, before the dense layers, 0: none; resnet only",
      [](auto& c) -> auto& { return c.model.narrow; }, -1, 0, largest_extent, "48"));
  keys.push_back(
      {.name = "model.crystal_system_weight",
       .meaning = "weight of the loss of a second head, the crystal system, beside that of space groups "
                  "(resnet: 0.5), "
                  "0: none; " +
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

/// A recipe's name, or a file: what is no name of bragg's own and looks like a path or is there.
void read_recipe(const ConfigReader& reader, const std::string& key, TrainConfig& config) {
  namespace fs = std::filesystem;
  std::string named = config.recipe, path = config.recipe;
  reader.text(key, named);
  if (data::is_recipe_name(named) || !reader.has(key)) {
    config.recipe = named;
    return;
  }
  reader.path(key, path);
  std::error_code none;
  const bool like_a_path = named.find('/') != std::string::npos || fs::path(named).extension() == ".toml";
  config.recipe = like_a_path || fs::is_regular_file(path, none) ? path : named;
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
  keys.push_back(
      with_crystals({.name = "data.recipe",
                     .meaning = "how patterns are drawn: a name (`bragg recipe list`) or a TOML file",
                     .example = {},
                     .on_resume = OnResume::same_content,
                     .read = read_recipe,
                     .value = [](const TrainConfig& config) { return quoted(config.recipe); }}));
  keys.push_back(with_crystals(
      {.name = "data.shares",
       .meaning = "with several sets of crystals: how often each is drawn, relative; without: by their size",
       .example = "[1.0, 1.0]",
       .read =
           [](const ConfigReader& reader, const std::string& key, TrainConfig& config) {
             bool one = false;
             reader.numbers(key, config.shares, one, 0, 1e9);
           },
       .value = [](const TrainConfig& config) { return list_of(config.shares, decimal); }}));
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

void add_train_keys(std::vector<ConfigKey>& keys) {
  keys.push_back(integer(
      "train.batch", "patterns in a step", [](auto& c) -> auto& { return c.train.batch; }, 1, 1 << 20));
  keys.push_back(free_on_resume(integer(
      "train.steps", "steps of the whole run", [](auto& c) -> auto& { return c.train.steps; }, 1,
      any_count)));
  keys.push_back(number(
      "train.learning_rate", "of Adam", [](auto& c) -> auto& { return c.train.learning_rate; }, 1e-12, 1e3));
  keys.push_back(integer(
      "train.seed", "decides weights, patterns and dropout", [](auto& c) -> auto& { return c.train.seed; }, 0,
      any_seed));
  keys.push_back(choice("train.precision", "of a GPU; a CPU computes in fp32",
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

}  // namespace

bool ConfigKey::applies_to(const TrainConfig& config) const {
  switch (applies) {
    case Applies::always:
      return true;
    case Applies::with_crystals:
      return config.patterns.empty();
    case Applies::with_synthetic:
      return config.patterns.empty() && config.synthetic > 0;
  }
  return true;
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
