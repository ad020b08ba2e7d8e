#include "apps/training/config_layers.h"

#include <optional>
#include <sstream>
#include <utility>

#include <fmt/format.h>

#include "data/recipes/toml_text.h"
#include "kernels/base/error.h"
#include "kernels/base/file_signature.h"

namespace bragg::apps {
namespace {

namespace fs = std::filesystem;

UsageError refusal(const std::string& source, bool is_file, int line, std::string_view what) {
  return UsageError(is_file ? fmt::format("{}:{}: {}", source, line, what)
                            : fmt::format("{}: {}", source, what));
}

ConfigLayer parse(std::string_view toml, const std::string& source, bool is_file, const fs::path& folder) {
  if (const auto fault = data::toml_fault(toml)) throw refusal(source, is_file, fault->line, fault->what);
  try {
    return {source, is_file, folder, std::make_shared<const toml::table>(toml::parse(toml, source))};
  } catch (const toml::parse_error& error) {
    throw refusal(source, is_file, static_cast<int>(error.source().begin.line), error.description());
  }
}

std::string read_text_file(const std::string& path) {
  std::error_code none;
  if (fs::is_directory(path, none)) {
    const fs::path inside = fs::path(path) / "config.toml";
    throw UsageError(fmt::format(
        "{}: a config (a TOML file) is needed, this is a folder{}", path,
        fs::is_regular_file(inside, none) ? fmt::format("; it holds {}", inside.string()) : std::string()));
  }
  return data::read_toml_text(path);
}

/// What a file is that is no config at all, with what to do with it.
std::optional<std::string> other_kind(std::string_view text) {
  constexpr std::size_t length_bytes = 8;  // before the JSON header of a safetensors file
  if (text.size() > length_bytes && text[length_bytes] == '{' &&
      text.substr(0, length_bytes).find('\0') != text.npos)
    return "a safetensors file: name it in a config's [data] as crystals or patterns";
  if (looks_like_cif(text))
    return "a CIF: import it with `bragg crystals import`, and name the set in a config's [data]";
  if (text.starts_with("\x1f\x8b")) return "compressed (gzip)";
  return std::nullopt;
}

std::string show(const toml::node& node) {
  std::string text;
  node.visit([&](const auto& value) {
    std::ostringstream out;
    out << value;
    text = out.str();
  });
  return text;
}

}  // namespace

std::string ConfigLayer::at(const toml::node& node) const {
  return is_file ? fmt::format("{}:{}", source, node.source().begin.line) : source;
}

ConfigLayer parse_layer(std::string_view toml, const std::string& source, const fs::path& folder) {
  return parse(toml, source, true, folder);
}

ConfigLayer load_layer(const std::string& path) {
  const std::string text = read_text_file(path);
  if (const auto kind = other_kind(text))
    throw UsageError(fmt::format("{}: a config (a TOML file) is needed, this is {}", path, *kind));
  std::error_code none;
  return parse(text, path, true, fs::is_regular_file(path, none) ? fs::path(path).parent_path() : fs::path());
}

ConfigLayer parse_assignment(const std::string& assignment) {
  const std::string source = "--set " + assignment;
  const std::size_t equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0)
    throw UsageError(fmt::format("{}: not of the form key=value", source));
  const std::string key = assignment.substr(0, equals), value = assignment.substr(equals + 1);
  try {
    return parse(key + " = " + value, source, false, {});
  } catch (const UsageError&) {
    const bool quoted = value.find_first_of("\"'[{\n\r") != std::string::npos;
    if (quoted || value.find_first_not_of(" \t") == std::string::npos) throw;
    return parse(fmt::format("{} = '{}'", key, value), source, false, {});
  }
}

std::vector<ConfigLayer> with_assignments(std::vector<ConfigLayer> layers,
                                          const std::vector<std::string>& assignments) {
  for (const std::string& assignment : assignments)
    layers.push_back(parse_assignment(assignment));
  return layers;
}

std::vector<ConfigLayer> load_layers(const std::string& path, const std::vector<std::string>& assignments) {
  std::vector<ConfigLayer> layers;
  if (!path.empty()) layers.push_back(load_layer(path));
  return with_assignments(std::move(layers), assignments);
}

ConfigReader::Found ConfigReader::find(const std::string& key) const {
  Found found{.key = key};
  for (const ConfigLayer& layer : layers_) {
    if (const toml::node* node = layer.table->at_path(key).node()) {
      found.layer = &layer;
      found.node = node;
    }
  }
  return found;
}

bool ConfigReader::read_integer(const std::string& key, std::int64_t& value, std::int64_t low,
                                std::int64_t high) const {
  const Found found = find(key);
  if (found) value = integer_in(found, *found.node, low, high);
  return static_cast<bool>(found);
}

void ConfigReader::number(const std::string& key, double& value, double low, double high) const {
  if (const Found found = find(key)) value = number_in(found, *found.node, low, high);
}

void ConfigReader::text(const std::string& key, std::string& value) const {
  if (const Found found = find(key)) value = text_in(found, *found.node);
}

void ConfigReader::integers(const std::string& key, std::vector<int>& values, std::int64_t low,
                            std::int64_t high) const {
  const Found found = find(key);
  if (!found) return;
  values.clear();
  for (const toml::node& node : list(found))
    values.push_back(static_cast<int>(integer_in(found, node, low, high)));
}

void ConfigReader::numbers(const std::string& key, std::vector<double>& values, bool& one, double low,
                           double high) const {
  const Found found = find(key);
  if (!found) return;
  values.clear();
  one = !found.node->is_array();
  if (one) {
    values.push_back(number_in(found, *found.node, low, high));
  } else {
    for (const toml::node& node : list(found))
      values.push_back(number_in(found, node, low, high));
  }
}

void ConfigReader::path(const std::string& key, std::string& value) const {
  if (const Found found = find(key)) value = path_in(found, *found.node);
}

void ConfigReader::one_or_list(const std::string& key, std::vector<std::string>& values,
                               std::string (*read)(const Found&, const toml::node&)) const {
  const Found found = find(key);
  if (!found) return;
  values.clear();
  if (!found.node->is_array()) {
    values.push_back(read(found, *found.node));
  } else {
    for (const toml::node& node : list(found))
      values.push_back(read(found, node));
  }
}

void ConfigReader::texts(const std::string& key, std::vector<std::string>& values) const {
  one_or_list(key, values, text_in);
}

void ConfigReader::paths(const std::string& key, std::vector<std::string>& values) const {
  one_or_list(key, values, path_in);
}

void ConfigReader::fail(const std::string& key, const std::string& what) const {
  fail(find(key), what);
}

void ConfigReader::fail(const Found& found, const std::string& what) {
  throw UsageError(
      fmt::format("{}: {} {}", found.layer ? found.layer->at(*found.node) : "config", found.key, what));
}

std::int64_t ConfigReader::integer_in(const Found& found, const toml::node& node, std::int64_t low,
                                      std::int64_t high) {
  const auto value = node.value_exact<std::int64_t>();
  if (!value) fail(found, fmt::format("is {}, not an integer", show(node)));
  if (*value < low || *value > high) fail(found, fmt::format("is {}, not in {}..{}", *value, low, high));
  return *value;
}

double ConfigReader::number_in(const Found& found, const toml::node& node, double low, double high) {
  const auto value = node.value<double>();
  if (!value || !node.is_number()) fail(found, fmt::format("is {}, not a number", show(node)));
  if (!(*value >= low && *value <= high)) fail(found, fmt::format("is {}, not in {}..{}", *value, low, high));
  return *value;
}

std::string ConfigReader::text_in(const Found& found, const toml::node& node) {
  const auto value = node.value_exact<std::string>();
  if (!value) fail(found, fmt::format("is {}, not a string", show(node)));
  if (value->empty()) fail(found, "is empty");
  return *value;
}

std::string ConfigReader::path_in(const Found& found, const toml::node& node) {
  std::string text = text_in(found, node);
  if (text.find('\0') != std::string::npos) fail(found, "holds a zero byte, as no path does");
  const fs::path& folder = found.layer->folder;
  if (folder.empty() || fs::path(text).is_absolute()) return text;
  const fs::path there = folder / text;
  std::error_code none;
  if (!fs::exists(there, none) && fs::exists(text, none)) {
    fail(found, fmt::format("is '{}': paths in a config are relative to the config's folder, and {} does not "
                            "exist; {}, relative to the working directory, does",
                            text, fs::absolute(there).lexically_normal().string(),
                            fs::absolute(text).lexically_normal().string()));
  }
  return there.string();
}

const toml::array& ConfigReader::list(const Found& found) {
  const toml::array* array = found.node->as_array();
  if (array == nullptr) fail(found, fmt::format("is {}, not a list", show(*found.node)));
  if (array->empty()) fail(found, "is an empty list");
  return *array;
}

}  // namespace bragg::apps
