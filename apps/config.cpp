#include "apps/config.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <toml++/toml.h>

#include "kernels/error.h"
#include "kernels/nearest_name.h"
#include "xrd/recipe.h"
#include "xrd/toml_text.h"

namespace bragg::apps {
namespace {

const std::vector<std::string> known_keys = {"model.name",
                                             "model.classes",
                                             "model.channels",
                                             "model.kernels",
                                             "model.strides",
                                             "model.pool_strides",
                                             "model.dense",
                                             "model.dropout",
                                             "data.crystals",
                                             "data.patterns",
                                             "data.recipe",
                                             "data.shares",
                                             "data.group_exponent",
                                             "data.measured",
                                             "data.holdout",
                                             "data.synthetic",
                                             "data.synthetic_group_exponent",
                                             "data.split_seed",
                                             "train.batch",
                                             "train.steps",
                                             "train.learning_rate",
                                             "train.seed",
                                             "train.precision",
                                             "train.log_every",
                                             "train.evaluate_every"};

/// A config file or one --set: what comes later overrides.
struct Layer {
  std::string source;
  bool is_file;
  toml::table table;

  std::string at(const toml::node& node) const {
    return is_file ? fmt::format("{}:{}", source, node.source().begin.line) : source;
  }
};

Layer parse_layer(std::string_view toml, const std::string& source, bool is_file) {
  const auto refuse = [&](int line, std::string_view what) {
    return UsageError(is_file ? fmt::format("{}:{}: {}", source, line, what)
                              : fmt::format("{}: {}", source, what));
  };
  if (const auto fault = xrd::toml_fault(toml)) throw refuse(fault->line, fault->what);
  try {
    return {source, is_file, toml::parse(toml, source)};
  } catch (const toml::parse_error& error) {
    throw refuse(static_cast<int>(error.source().begin.line), error.description());
  }
}

/// "train.batch=32"; a value that is no TOML but a plain word or path is taken as a string.
Layer parse_assignment(const std::string& assignment) {
  const std::string source = "--set " + assignment;
  const std::size_t equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0)
    throw UsageError(fmt::format("{}: not of the form key=value", source));
  const std::string key = assignment.substr(0, equals), value = assignment.substr(equals + 1);
  constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+./~";
  try {
    return parse_layer(key + " = " + value, source, false);
  } catch (const UsageError&) {
    if (value.empty() || value.find_first_not_of(plain) != std::string::npos) throw;
    return parse_layer(fmt::format("{} = '{}'", key, value), source, false);
  }
}

void check_known(const Layer& layer) {
  const auto refuse = [&](const std::string& key, const toml::node& node) {
    throw UsageError(fmt::format("{}: unknown key '{}'{}", layer.at(node), key, suggestion(key, known_keys)));
  };
  for (const auto& entry : layer.table) {
    const toml::key& section = entry.first;
    const toml::node& node = entry.second;
    const toml::table* table = node.as_table();
    if (table == nullptr) refuse(std::string(section.str()), node);
    for (const auto& [name, value] : *table) {
      const std::string key = fmt::format("{}.{}", section.str(), name.str());
      if (std::find(known_keys.begin(), known_keys.end(), key) == known_keys.end()) refuse(key, value);
    }
    const bool is_section = std::any_of(known_keys.begin(), known_keys.end(), [&](const std::string& key) {
      return key.starts_with(fmt::format("{}.", section.str()));
    });
    if (!is_section) refuse(std::string(section.str()), node);
  }
}

/// The value of a key in the last layer that gives it.
class Reader {
 public:
  explicit Reader(const std::vector<Layer>& layers) : layers_(layers) {}

  void integer(const std::string& key, auto& value, std::int64_t low, std::int64_t high) const {
    if (const Found found = find(key)) {
      value =
          static_cast<std::remove_reference_t<decltype(value)>>(integer_in(found, *found.node, low, high));
    }
  }
  void number(const std::string& key, double& value, double low, double high) const {
    if (const Found found = find(key)) value = number_in(found, *found.node, low, high);
  }
  void text(const std::string& key, std::string& value) const {
    if (const Found found = find(key)) value = text_in(found, *found.node);
  }
  void integers(const std::string& key, std::vector<int>& values) const {
    if (const Found found = find(key)) {
      values.clear();
      for (const toml::node& node : list(found)) {
        values.push_back(static_cast<int>(integer_in(found, node, 1, 1'000'000)));
      }
    }
  }
  /// One or a list.
  void texts(const std::string& key, std::vector<std::string>& values) const {
    if (const Found found = find(key)) {
      values.clear();
      if (!found.node->is_array()) {
        values.push_back(text_in(found, *found.node));
      } else {
        for (const toml::node& node : list(found))
          values.push_back(text_in(found, node));
      }
    }
  }
  /// One or a list; says which.
  void numbers(const std::string& key, std::vector<double>& values, bool& one, double low,
               double high) const {
    if (const Found found = find(key)) {
      values.clear();
      one = !found.node->is_array();
      if (one) {
        values.push_back(number_in(found, *found.node, low, high));
      } else {
        for (const toml::node& node : list(found))
          values.push_back(number_in(found, node, low, high));
      }
    }
  }
  bool has(const std::string& key) const { return static_cast<bool>(find(key)); }
  /// A sentence about a key, with the place that gave it.
  [[noreturn]] void fail(const std::string& key, const std::string& what) const { fail(find(key), what); }

 private:
  struct Found {
    std::string key;
    const Layer* layer = nullptr;
    const toml::node* node = nullptr;
    explicit operator bool() const { return node != nullptr; }
  };

  Found find(const std::string& key) const {
    Found found{.key = key};
    for (const Layer& layer : layers_) {
      if (const toml::node* node = layer.table.at_path(key).node()) {
        found.layer = &layer;
        found.node = node;
      }
    }
    return found;
  }
  [[noreturn]] static void fail(const Found& found, const std::string& what) {
    throw UsageError(
        fmt::format("{}: {} {}", found.layer ? found.layer->at(*found.node) : "config", found.key, what));
  }
  static std::string show(const toml::node& node) {
    std::string text;
    node.visit([&](const auto& value) {
      std::ostringstream out;
      out << value;
      text = out.str();
    });
    return text;
  }
  static std::int64_t integer_in(const Found& found, const toml::node& node, std::int64_t low,
                                 std::int64_t high) {
    const auto value = node.value_exact<std::int64_t>();
    if (!value) fail(found, fmt::format("is {}, not an integer", show(node)));
    if (*value < low || *value > high) fail(found, fmt::format("is {}, not in {}..{}", *value, low, high));
    return *value;
  }
  static double number_in(const Found& found, const toml::node& node, double low, double high) {
    const auto value = node.value<double>();
    if (!value || !node.is_number()) fail(found, fmt::format("is {}, not a number", show(node)));
    if (!(*value >= low && *value <= high))
      fail(found, fmt::format("is {}, not in {}..{}", *value, low, high));
    return *value;
  }
  static std::string text_in(const Found& found, const toml::node& node) {
    const auto value = node.value_exact<std::string>();
    if (!value) fail(found, fmt::format("is {}, not a string", show(node)));
    if (value->empty()) fail(found, "is empty");
    return *value;
  }
  static const toml::array& list(const Found& found) {
    const toml::array* array = found.node->as_array();
    if (array == nullptr) fail(found, fmt::format("is {}, not a list", show(*found.node)));
    if (array->empty()) fail(found, "is an empty list");
    return *array;
  }

  const std::vector<Layer>& layers_;
};

constexpr double below_one = 1 - 1e-9;
constexpr std::int64_t any_seed = std::numeric_limits<std::uint32_t>::max();
constexpr std::int64_t any_count = std::numeric_limits<std::int64_t>::max();

TrainConfig read(const std::vector<Layer>& layers) {
  for (const Layer& layer : layers)
    check_known(layer);
  const Reader reader(layers);
  TrainConfig config;
  reader.text("model.name", config.model.name);
  const auto& models = nn::model_names();
  if (std::find(models.begin(), models.end(), config.model.name) == models.end()) {
    reader.fail("model.name",
                fmt::format("is '{}'{}", config.model.name, suggestion(config.model.name, models)));
  }
  reader.integer("model.classes", config.model.classes, 1, 1'000'000);
  if (config.model.classes != 7 && config.model.classes != 230) {
    reader.fail("model.classes",
                fmt::format("is {}, not 7 (crystal systems) or 230 (space groups)", config.model.classes));
  }
  reader.integers("model.channels", config.model.channels);
  reader.integers("model.kernels", config.model.kernels);
  reader.integers("model.strides", config.model.strides);
  reader.integers("model.pool_strides", config.model.pool_strides);
  reader.integers("model.dense", config.model.dense);
  reader.numbers("model.dropout", config.dropout, config.one_dropout, 0, below_one);

  reader.texts("data.crystals", config.crystals);
  reader.text("data.patterns", config.patterns);
  if (config.crystals.empty() == config.patterns.empty()) {
    throw UsageError(fmt::format("{}: [data] needs either crystals or patterns", layers.front().source));
  }
  reader.text("data.recipe", config.recipe);
  for (const char* key : {"data.recipe", "data.shares", "data.group_exponent", "data.measured",
                          "data.synthetic", "data.synthetic_group_exponent"}) {
    if (!config.patterns.empty() && reader.has(key))
      reader.fail(key, "has no meaning with data.patterns, which are drawn already");
  }
  bool one_share = false;
  reader.numbers("data.shares", config.shares, one_share, 0, 1e9);
  if (!config.shares.empty() && config.shares.size() != config.crystals.size()) {
    reader.fail("data.shares", fmt::format("has {} values for {} sets of crystals", config.shares.size(),
                                           config.crystals.size()));
  }
  reader.number("data.group_exponent", config.group_exponent, 0, 10);
  reader.text("data.measured", config.measured);
  reader.number("data.synthetic", config.synthetic, 0, 1);
  if (config.synthetic == 0 && reader.has("data.synthetic_group_exponent"))
    reader.fail("data.synthetic_group_exponent", "has no meaning without data.synthetic");
  reader.number("data.synthetic_group_exponent", config.synthetic_group_exponent, 0, 1);
  reader.number("data.holdout", config.holdout, 0, below_one);
  reader.integer("data.split_seed", config.split_seed, 0, any_seed);

  reader.integer("train.batch", config.train.batch, 1, 1 << 20);
  reader.integer("train.steps", config.train.steps, 1, any_count);
  reader.number("train.learning_rate", config.train.learning_rate, 1e-12, 1e3);
  reader.integer("train.seed", config.train.seed, 0, any_seed);
  reader.integer("train.log_every", config.train.log_every, 1, any_count);
  reader.integer("train.evaluate_every", config.train.evaluate_every, 0, any_count);
  reader.text("train.precision", config.precision);
  const std::vector<std::string> precisions = {"fp32", "bf16", "tf32"};
  if (std::find(precisions.begin(), precisions.end(), config.precision) == precisions.end()) {
    reader.fail("train.precision",
                fmt::format("is '{}'{}", config.precision, suggestion(config.precision, precisions)));
  }
  return config;
}

std::string read_text_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(xrd::maximum_toml_bytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (!file.is_open() || file.bad())
    throw UsageError(fmt::format("{}: cannot be read: {}", path, std::strerror(errno)));
  return text;
}

std::string absolute(const std::string& path) {
  return std::filesystem::absolute(path).lexically_normal().string();
}

/// A basic string of TOML.
std::string quoted(const std::string& text) {
  std::ostringstream out;
  out << toml::value<std::string>(text);
  return out.str();
}

std::string bracketed(const auto& values) {
  return fmt::format("[{}]", fmt::join(values, ", "));
}

std::string decimal(double value) {
  std::string text = fmt::format("{}", value);
  return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;
}

}  // namespace

TrainConfig parse_config(std::string_view toml, const std::string& source,
                         const std::vector<std::string>& assignments) {
  std::vector<Layer> layers;
  layers.push_back(parse_layer(toml, source, true));
  for (const std::string& assignment : assignments)
    layers.push_back(parse_assignment(assignment));
  return read(layers);
}

TrainConfig load_config(const std::string& path, const std::vector<std::string>& assignments) {
  return parse_config(read_text_file(path), path, assignments);
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
  model = nn::make_model(model).config;
  config.dropout = model.dense_dropout;
  if (!model.channels.empty()) config.dropout.insert(config.dropout.begin(), model.conv_dropout);
  config.one_dropout = false;

  for (std::string& path : config.crystals)
    path = absolute(path);
  if (!config.patterns.empty()) config.patterns = absolute(config.patterns);
  if (!config.measured.empty()) config.measured = absolute(config.measured);
  const auto& recipes = xrd::recipe_names();
  if (std::find(recipes.begin(), recipes.end(), config.recipe) == recipes.end()) {
    config.recipe = absolute(config.recipe);
  }
}

std::vector<std::pair<std::string, std::string>> entries(const TrainConfig& config) {
  std::vector<std::pair<std::string, std::string>> all;
  const auto add = [&](const char* key, std::string value) { all.emplace_back(key, std::move(value)); };
  const auto add_list = [&](const char* key, const std::vector<int>& values) {
    if (!values.empty()) add(key, bracketed(values));
  };
  add("model.name", quoted(config.model.name));
  add("model.classes", fmt::format("{}", config.model.classes));
  add_list("model.channels", config.model.channels);
  add_list("model.kernels", config.model.kernels);
  add_list("model.strides", config.model.strides);
  add_list("model.pool_strides", config.model.pool_strides);
  add_list("model.dense", config.model.dense);
  std::vector<std::string> dropout;
  for (const double p : config.dropout)
    dropout.push_back(decimal(p));
  if (!dropout.empty()) add("model.dropout", bracketed(dropout));

  if (!config.patterns.empty()) {
    add("data.patterns", quoted(config.patterns));
  } else {
    std::vector<std::string> crystals;
    for (const std::string& path : config.crystals)
      crystals.push_back(quoted(path));
    add("data.crystals", bracketed(crystals));
    add("data.recipe", quoted(config.recipe));
    if (!config.shares.empty()) {
      std::vector<std::string> shares;
      for (const double share : config.shares)
        shares.push_back(decimal(share));
      add("data.shares", bracketed(shares));
    }
    add("data.group_exponent", decimal(config.group_exponent));
    if (!config.measured.empty()) add("data.measured", quoted(config.measured));
    add("data.synthetic", decimal(config.synthetic));
    if (config.synthetic > 0) add("data.synthetic_group_exponent", decimal(config.synthetic_group_exponent));
  }
  add("data.holdout", decimal(config.holdout));
  add("data.split_seed", fmt::format("{}", config.split_seed));

  add("train.batch", fmt::format("{}", config.train.batch));
  add("train.steps", fmt::format("{}", config.train.steps));
  add("train.learning_rate", decimal(config.train.learning_rate));
  add("train.seed", fmt::format("{}", config.train.seed));
  add("train.precision", quoted(config.precision));
  add("train.log_every", fmt::format("{}", config.train.log_every));
  add("train.evaluate_every", fmt::format("{}", config.train.evaluate_every));
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

}  // namespace bragg::apps
