#include "xrd/recipe.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <numbers>
#include <sstream>

#include <fmt/format.h>

#define TOML_EXCEPTIONS 1
#include <toml++/toml.h>

#include "kernels/crystal_math.h"
#include "kernels/error.h"
#include "kernels/nearest_name.h"
#include "xrd/wavelength.h"

namespace bragg::xrd {
namespace {

// "Between 0.2 and 2 % of its original intensity" (the paper) is read as a level drawn once per pattern, see
// PatternProblem.
constexpr double noise_low = 0.002, noise_high = 0.02;

// Table 1 of Salgado et al. 2023.
PatternVariant paper_set(int number) {
  PatternVariant v;
  switch (number) {
    case 1:
    case 3:
      v = {.U = 0.05, .V = -0.06, .W_min = 0.07, .W_max = 0.07};
      break;
    case 2:
    case 4:
      v = {.U = 0.05, .V = -0.01, .W_min = 0.01, .W_max = 0.01};
      break;
    case 5:
      v = {.U = 0, .V = 0, .W_min = 0.01, .W_max = 0.01};
      break;
    default:
      v = {.U = 0, .V = 0, .W_min = 0.001, .W_max = 0.1};
      break;
  }
  if (number == 3 || number == 4 || number == 7) {
    v.noise_min = noise_low;
    v.noise_max = noise_high;
  }
  return v;
}

Recipe paper_recipe(std::string name, std::initializer_list<int> sets) {
  Recipe recipe{std::move(name), {}};
  for (const int set : sets)
    recipe.variants.push_back(paper_set(set));
  return recipe;
}

const std::vector<Recipe>& paper_recipes() {
  static const std::vector<Recipe> recipes{
      paper_recipe("set1", {1}),           paper_recipe("set2", {2}),
      paper_recipe("set3", {3}),           paper_recipe("set4", {4}),
      paper_recipe("set5", {5}),           paper_recipe("set6", {6}),
      paper_recipe("set7", {7}),           paper_recipe("baseline", {1}),
      paper_recipe("mixed", {1, 2, 3, 4}), paper_recipe("large", {1, 2, 3, 4, 5, 6, 7}),
  };
  return recipes;
}

[[noreturn]] void fail(std::string_view source, const toml::node& where, const std::string& what) {
  throw UsageError(fmt::format("{}:{}: {}", source, where.source().begin.line, what));
}

void check_keys(const toml::table& table, const std::vector<std::string>& known, std::string_view source) {
  for (const auto& [key, value] : table) {
    if (std::find(known.begin(), known.end(), key.str()) != known.end()) continue;
    throw UsageError(fmt::format("{}:{}: unknown key '{}'; did you mean '{}'?", source,
                                 key.source().begin.line, key.str(), nearest_name(key.str(), known)));
  }
}

double number(const toml::node& node, const std::string& key, std::string_view source) {
  const auto value = node.value<double>();
  if (!node.is_number() || !std::isfinite(*value))
    fail(source, node, fmt::format("{} is not a finite number", key));
  return *value;
}

void read_number(const toml::table& table, const char* key, std::string_view source, double& value) {
  if (const toml::node* node = table.get(key)) value = number(*node, key, source);
}

// A number, or [low, high].
void read_range(const toml::table& table, const char* key, std::string_view source, double& low,
                double& high) {
  const toml::node* node = table.get(key);
  if (!node) return;
  if (const toml::array* pair = node->as_array()) {
    if (pair->size() != 2)
      fail(source, *node, fmt::format("{} has {} numbers, a range has 2", key, pair->size()));
    low = number(*pair->get(0), key, source);
    high = number(*pair->get(1), key, source);
    if (low > high) fail(source, *node, fmt::format("{}: {} > {}", key, low, high));
    return;
  }
  low = high = number(*node, key, source);
}

PatternVariant read_variant(const toml::table& table, std::string_view source) {
  static const std::vector<std::string> keys{"U", "V", "W", "noise", "weight"};
  check_keys(table, keys, source);
  PatternVariant v;
  if (!table.contains("W")) fail(source, table, "a variant needs W");
  read_number(table, "U", source, v.U);
  read_number(table, "V", source, v.V);
  read_range(table, "W", source, v.W_min, v.W_max);
  read_range(table, "noise", source, v.noise_min, v.noise_max);
  read_number(table, "weight", source, v.weight);
  if (v.noise_min < 0) fail(source, *table.get("noise"), fmt::format("noise {} < 0", v.noise_min));
  if (v.weight < 0) fail(source, *table.get("weight"), fmt::format("weight {} < 0", v.weight));
  return v;
}

std::string range_text(double low, double high) {
  return low == high ? fmt::format("{}", low) : fmt::format("[{}, {}]", low, high);
}

}  // namespace

const std::vector<std::string>& recipe_names() {
  static const auto names = [] {
    std::vector<std::string> list;
    for (const Recipe& recipe : paper_recipes())
      list.push_back(recipe.name);
    return list;
  }();
  return names;
}

Recipe load_recipe(std::string_view name_or_path) {
  for (const Recipe& recipe : paper_recipes()) {
    if (recipe.name == name_or_path) return recipe;
  }
  const std::filesystem::path path(name_or_path);
  std::error_code none;
  if (!std::filesystem::is_regular_file(path, none)) {
    if (path.extension() == ".toml") throw UsageError(fmt::format("{}: no such file", name_or_path));
    throw UsageError(fmt::format("unknown recipe '{}'; did you mean {}? (or the path of a TOML file)",
                                 name_or_path, nearest_name(name_or_path, recipe_names())));
  }
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file) throw UsageError(fmt::format("{}: cannot be read", name_or_path));
  return parse_recipe(text, name_or_path);
}

Recipe parse_recipe(std::string_view text, std::string_view source) {
  toml::table table;
  try {
    table = toml::parse(text, source);
  } catch (const toml::parse_error& error) {
    throw UsageError(fmt::format("{}:{}: {}", source, error.source().begin.line, error.description()));
  }
  check_keys(table, {"name", "variant"}, source);
  Recipe recipe{std::filesystem::path(source).stem().string(), {}};
  if (const toml::node* name = table.get("name")) {
    if (!name->is_string()) fail(source, *name, "name is not a string");
    recipe.name = name->value<std::string>().value();
  }
  const toml::node* variants = table.get("variant");
  if (!variants) throw UsageError(fmt::format("{}: no [[variant]]", source));
  if (!variants->is_array_of_tables())
    fail(source, *variants, "variant is not a list of tables, [[variant]]");
  double total = 0;
  for (const toml::node& node : *variants->as_array()) {
    recipe.variants.push_back(read_variant(*node.as_table(), source));
    total += recipe.variants.back().weight;
  }
  if (!(total > 0)) fail(source, *variants, "the variants' weights add up to 0");
  return recipe;
}

std::string to_toml(const Recipe& recipe) {
  std::ostringstream name;  // quoted and escaped
  name << toml::table{{"name", recipe.name}};
  std::string text = name.str() + "\n";
  for (const PatternVariant& v : recipe.variants) {
    text += fmt::format("\n[[variant]]\nU = {}\nV = {}\nW = {}\nnoise = {}\nweight = {}\n", v.U, v.V,
                        range_text(v.W_min, v.W_max), range_text(v.noise_min, v.noise_max), v.weight);
  }
  return text;
}

StolRange stol_range(const TwoThetaGrid& grid, double wavelength, const Recipe& recipe) {
  const auto reach = [&](double two_theta) {
    const double t = std::tan(two_theta * std::numbers::pi / 360);
    double widest = 0;
    for (const PatternVariant& v : recipe.variants) {
      if (v.weight > 0) widest = std::max(widest, (v.U * t + v.V) * t + v.W_max);
    }
    return profile_cut * std::sqrt(widest);
  };
  // Outward in small steps until no profile reaches back; where tan(theta) diverges, at 180 degrees, there is
  // no line.
  constexpr double step = 0.01, last = 179.99;
  double low = grid.start, high = grid.end();
  while (low > 0 && low + reach(low) >= grid.start)
    low = std::max(0.0, low - step);
  while (high < last && high - reach(high) <= grid.end())
    high = std::min(last, high + step);
  return {stol_from_two_theta(low, wavelength), stol_from_two_theta(high, wavelength)};
}

}  // namespace bragg::xrd
