#include "data/recipes/recipe.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <numbers>
#include <sstream>

#include <fmt/format.h>

#define TOML_EXCEPTIONS 1
#include <toml++/toml.h>

#include "data/recipes/named_recipes.h"
#include "data/recipes/toml_text.h"
#include "kernels/base/error.h"
#include "kernels/base/nearest_name.h"
#include "kernels/base/utf8.h"
#include "kernels/crystal/effects.h"
#include "kernels/crystal/pattern_sampling.h"
#include "xrd/scattering/wavelength.h"

namespace bragg::data {
namespace {

struct LawName {
  const char* name;
  Distribution::Law law;
};
constexpr LawName laws[] = {{"uniform", Distribution::Law::uniform},
                            {"log_uniform", Distribution::Law::log_uniform},
                            {"normal", Distribution::Law::normal},
                            {"log_normal", Distribution::Law::log_normal},
                            {"mixed_normal", Distribution::Law::mixed_normal}};

[[noreturn]] void fail(std::string_view source, const toml::node& where, const std::string& what) {
  throw UsageError(fmt::format("{}:{}: {}", source, where.source().begin.line, what));
}

void check_keys(const toml::table& table, const std::vector<std::string>& known, std::string_view source) {
  for (const auto& [key, value] : table) {
    if (std::find(known.begin(), known.end(), key.str()) != known.end()) continue;
    throw UsageError(fmt::format("{}:{}: unknown key '{}'{}", source, key.source().begin.line, key.str(),
                                 suggestion(key.str(), known)));
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

void read_bool(const toml::table& table, const char* key, std::string_view source, bool& value) {
  const toml::node* node = table.get(key);
  if (!node) return;
  if (!node->is_boolean()) fail(source, *node, fmt::format("{} is not true or false", key));
  value = node->value<bool>().value();
}

void read_pair(const toml::node& node, const std::string& key, std::string_view source, double& a,
               double& b) {
  const toml::array* pair = node.as_array();
  if (!pair) {
    a = b = number(node, key, source);
    return;
  }
  if (pair->size() != 2)
    fail(source, node, fmt::format("{} has {} numbers, a range has 2", key, pair->size()));
  a = number(*pair->get(0), key, source);
  b = number(*pair->get(1), key, source);
}

Distribution read_distribution(const toml::node& node, const std::string& key, std::string_view source) {
  Distribution d;
  const toml::table* table = node.as_table();
  if (!table) {
    read_pair(node, key, source, d.a, d.b);
    if (d.a > d.b) fail(source, node, fmt::format("{}: {} > {}", key, d.a, d.b));
    return d;
  }
  std::vector<std::string> keys{"probability"};
  for (const LawName& law : laws)
    keys.push_back(law.name);
  check_keys(*table, keys, source);
  int found = 0;
  for (const LawName& law : laws) {
    const toml::node* numbers = table->get(law.name);
    if (!numbers) continue;
    ++found;
    d.law = law.law;
    const bool is_range = law.law == Distribution::Law::uniform || law.law == Distribution::Law::log_uniform;
    if (!is_range && !numbers->is_array())
      fail(source, *numbers, fmt::format("{}: {} has two numbers", key, law.name));
    read_pair(*numbers, key, source, d.a, d.b);
  }
  if (found != 1) fail(source, node, fmt::format("{} has {} laws, not 1", key, found));
  read_number(*table, "probability", source, d.probability);
  return d;
}

PatternVariant read_variant(const toml::table& table, std::string_view source) {
  std::vector<std::string> keys{"U", "V", "weight"};
  for (const EffectInfo& info : effect_table)
    keys.emplace_back(info.name);
  check_keys(table, keys, source);
  PatternVariant v;
  if (!table.contains("W")) fail(source, table, "a variant needs W");
  read_number(table, "U", source, v.U);
  read_number(table, "V", source, v.V);
  read_number(table, "weight", source, v.weight);
  for (int e = 0; e < effect_count; ++e) {
    const EffectInfo& info = effect_table[e];
    const toml::node* node = table.get(info.name);
    if (!node) continue;
    v.effects[e] = read_distribution(*node, std::string(info.name), source);
    // What the ops would refuse is refused here, with the line.
    if (const auto fault = fault_of(info, v.effects[e])) fail(source, *node, *fault);
  }
  if (v.weight < 0) fail(source, *table.get("weight"), fmt::format("weight {} < 0", v.weight));
  return v;
}

CellScales read_cells(const toml::table& table, std::string_view source) {
  check_keys(table, {"scale", "step", "cubic_only"}, source);
  CellScales cells;
  if (const toml::node* scale = table.get("scale")) read_pair(*scale, "scale", source, cells.from, cells.to);
  read_number(table, "step", source, cells.step);
  read_bool(table, "cubic_only", source, cells.cubic_only);
  constexpr double most = 1000;
  if (!(cells.from > 0.1 && cells.from <= cells.to && cells.to < 10)) {
    fail(source, table, fmt::format("scale [{}, {}] is no range in 0.1..10", cells.from, cells.to));
  }
  if (!(cells.step > 0 && (cells.to - cells.from) / cells.step < most))
    fail(source, table, fmt::format("step {}: more than {} scales", cells.step, most));
  return cells;
}

std::string text_of(const Distribution& d) {
  const bool is_uniform = d.law == Distribution::Law::uniform;
  if (is_uniform && d.probability == 1)
    return d.a == d.b ? fmt::format("{}", d.a) : fmt::format("[{}, {}]", d.a, d.b);
  std::string text;
  for (const LawName& law : laws) {
    if (law.law != d.law) continue;
    text = is_uniform && d.a == d.b ? fmt::format("{{ {} = {}", law.name, d.a)
                                    : fmt::format("{{ {} = [{}, {}]", law.name, d.a, d.b);
  }
  if (d.probability != 1) text += fmt::format(", probability = {}", d.probability);
  return text + " }";
}

}  // namespace

const std::vector<std::string>& recipe_names() {
  static const auto names = [] {
    std::vector<std::string> list;
    for (const Recipe& recipe : named_recipes())
      list.push_back(recipe.name);
    return list;
  }();
  return names;
}

bool is_recipe_name(std::string_view name) {
  const auto& names = recipe_names();
  return std::find(names.begin(), names.end(), name) != names.end();
}

Recipe load_recipe(std::string_view name_or_path) {
  for (const Recipe& recipe : named_recipes()) {
    if (recipe.name == name_or_path) return recipe;
  }
  const std::filesystem::path path(name_or_path);
  std::error_code none;
  if (!std::filesystem::is_regular_file(path, none)) {
    if (std::filesystem::is_directory(path, none))
      throw UsageError(
          fmt::format("{}: a folder, not a recipe (a name or the path of a TOML file)", name_or_path));
    if (path.extension() == ".toml") throw UsageError(fmt::format("{}: no such file", name_or_path));
    throw UsageError(fmt::format("unknown recipe '{}'{} (or the path of a TOML file)", name_or_path,
                                 suggestion(name_or_path, recipe_names())));
  }
  return parse_recipe(read_toml_text(path.string()), name_or_path);
}

Recipe parse_recipe(std::string_view text, std::string_view source) {
  if (const auto fault = toml_fault(text))
    throw UsageError(fmt::format("{}:{}: {}", source, fault->line, fault->what));
  toml::table table;
  try {
    table = toml::parse(text, source);
  } catch (const toml::parse_error& error) {
    throw UsageError(fmt::format("{}:{}: {}", source, error.source().begin.line, error.description()));
  }
  check_keys(table, {"name", "anomalous", "processing", "cells", "measured", "variant"}, source);
  Recipe recipe;
  recipe.name = as_utf8(std::filesystem::path(source).stem().string());
  if (const toml::node* name = table.get("name")) {
    if (!name->is_string()) fail(source, *name, "name is not a string");
    recipe.name = name->value<std::string>().value();
  }
  read_bool(table, "anomalous", source, recipe.anomalous);
  const auto section = [&](const char* name) -> const toml::table* {
    const toml::node* node = table.get(name);
    if (node && !node->is_table()) fail(source, *node, fmt::format("{} is not a table, [{}]", name, name));
    return node ? node->as_table() : nullptr;
  };
  if (const toml::table* processing = section("processing")) {
    check_keys(*processing, {"background_window", "square_root"}, source);
    read_number(*processing, "background_window", source, recipe.processing.background_window);
    read_bool(*processing, "square_root", source, recipe.processing.square_root);
    const double window = recipe.processing.background_window;
    if (!(window >= 0 && window <= 180))
      fail(source, *processing, fmt::format("background_window {} is not in 0..180 degrees", window));
  }
  if (const toml::table* cells = section("cells")) recipe.cells = read_cells(*cells, source);
  if (const toml::table* measured = section("measured")) {
    check_keys(*measured, {"share"}, source);
    read_number(*measured, "share", source, recipe.measured_share);
    if (!(recipe.measured_share >= 0 && recipe.measured_share <= 1))
      fail(source, *measured, fmt::format("share {} is not in 0..1", recipe.measured_share));
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

std::string to_toml(const Recipe& recipe, bool explain) {
  std::ostringstream name;  // quoted and escaped
  name << toml::table{{"name", recipe.name}};
  std::string text = name.str() + "\n";
  const Recipe defaults;
  if (explain || recipe.anomalous)
    text += fmt::format("anomalous = {}{}\n", recipe.anomalous,
                        explain ? "  # |F|^2 with f' and f'' at the wavelength (Cromer & Liberman)" : "");
  if (explain || recipe.processing != defaults.processing) {
    text += fmt::format("\n[processing]\nbackground_window = {}{}\nsquare_root = {}\n",
                        recipe.processing.background_window, explain ? "  # degrees; 0: none" : "",
                        recipe.processing.square_root);
  }
  if (explain || recipe.cells != defaults.cells) {
    text += fmt::format("\n[cells]\nscale = [{}, {}]\nstep = {}\ncubic_only = {}\n", recipe.cells.from,
                        recipe.cells.to, recipe.cells.step, recipe.cells.cubic_only);
  }
  if (explain || recipe.measured_share != 0)
    text += fmt::format("\n[measured]\nshare = {}\n", recipe.measured_share);
  for (const PatternVariant& v : recipe.variants) {
    text += fmt::format("\n[[variant]]\nweight = {}\nU = {}\nV = {}\n", v.weight, v.U, v.V);
    for (int e = 0; e < effect_count; ++e) {
      const Distribution& d = v.effects[e];
      const EffectInfo& info = effect_table[e];
      if (!explain && d == Distribution{}) continue;
      const std::string line = fmt::format("{} = {}", info.name, text_of(d));
      text += explain ? fmt::format("{:60}  # {}; {}\n", line, info.unit, info.meaning) : line + "\n";
    }
  }
  return text;
}

std::vector<double> CellScales::values() const {
  std::vector<double> all;
  const auto last = static_cast<int>((to - from) / step + 1e-6);
  for (int i = 0; i <= last; ++i)
    all.push_back(from + i * step);
  return all;
}

StolRange stol_range(const Instrument& instrument, const Recipe& recipe) {
  const TwoThetaGrid& grid = instrument.grid;
  const double wavelength = instrument.wavelength;
  // Of all variants: how far a line stands from where the unstrained cell has it, and how far its profile
  // reaches from there (a Lorentzian's to profile_cut, as a Gaussian's: its tails from beyond are not worth
  // the reflections).
  double shift = 0, farther = 1, nearer = 1, longest = wavelength;
  for (const PatternVariant& v : recipe.variants) {
    if (v.weight == 0) continue;
    const auto largest = [&](Effect e) {
      return std::max(std::abs(v[e].lowest()), std::abs(v[e].highest()));
    };
    shift = std::max(shift, largest(Effect::zero_shift) + 2 * largest(Effect::displacement) /
                                                              instrument.radius * 180 / std::numbers::pi);
    const double strain = largest(Effect::strain), distortion = largest(Effect::distortion);
    farther = std::max(farther, (1 + strain) / std::sqrt(1 - 4 * distortion));
    nearer = std::min(nearer, (1 - strain) / std::sqrt(1 + 4 * distortion));
    if (!v[Effect::k_alpha2].is_absent()) longest = std::max(longest, instrument.k_alpha()[1]);
  }
  const auto reach = [&](double two_theta) {
    const double theta = two_theta * std::numbers::pi / 360, t = std::tan(theta), c = std::cos(theta);
    double widest = 0;
    for (const PatternVariant& v : recipe.variants) {
      if (v.weight == 0) continue;
      const double G = std::sqrt(std::max(0.0, (v.U * t + v.V) * t + v[Effect::W].highest()));
      const Distribution& size = v[Effect::size];
      // The smallest crystallites are the widest; an absent size is 0.
      const double smallest =
          size.probability < 1 ? Distribution{size.law, size.a, size.b, 1}.lowest() : size.lowest();
      const double L = 180 / std::numbers::pi *
                       ((smallest > 0 ? 0.9 * wavelength / (10 * smallest * c) : 0) +
                        4 * v[Effect::microstrain].highest() * t);
      widest = std::max(widest, (G + L) * (1 + (v[Effect::asymmetry].is_absent() ? 0 : 0.8)));
    }
    return profile_cut * widest;
  };
  // Outward in small steps until no profile reaches back; where tan(theta) diverges, at 180 degrees, there is
  // no line.
  constexpr double step = 0.01, last = 179.99;
  double low = grid.start, high = grid.end();
  while (low > 0 && low + reach(low) + shift >= grid.start)
    low = std::max(0.0, low - step);
  while (high < last && high - reach(high) - shift <= grid.end())
    high = std::min(last, high + step);
  return {xrd::stol_from_two_theta(low, longest) * nearer,
          xrd::stol_from_two_theta(high, 2 * wavelength - longest) * farther};
}

}  // namespace bragg::data
