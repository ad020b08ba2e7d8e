// A recipe says how patterns are drawn from crystals and what is done to them before a network reads them.
// TOML on disk; the paper's and `realistic` by name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kernels/crystal/pattern_problem.h"
#include "kernels/crystal/pattern_sampling.h"

namespace bragg::data {

/// Every crystal of these systems is drawn with its cell edges at from, from + step ... to times their
/// length; |F|^2 is computed for each. Other systems are left out.
struct CellScales {
  double from = 1, to = 1, step = 1;
  bool cubic_only = false;

  std::vector<double> values() const;
  bool operator==(const CellScales&) const = default;
};

/// TOML:
///   name = "mine"
///   anomalous = true       # |F|^2 with f' and f'' at the wavelength of the patterns; not there: false
///   [processing]           # of simulated and measured patterns alike
///   background_window = 4  # degrees
///   square_root = true
///   [cells]
///   scale = [0.8, 1.2]     # with step; cubic_only = true
///   [measured]
///   share = 0.1            # of the training patterns are measured ones, where the config gives any
///   [[variant]]            # one for each way to draw, by weight
///   U, V                   # degrees^2 of 2 theta
/// and the effects of kernels/crystal/pattern_problem.h by name, each a number, a range [low, high] or a
/// table with one law and, where it is not always there, its probability:
///   texture = { log_normal = [1, 0.5], probability = 0.7 }
/// Laws: uniform, log_uniform [low, high]; normal, mixed_normal [mean, sigma]; log_normal [median, sigma of
/// the logarithm].
struct Recipe {
  std::string name;
  std::vector<PatternVariant> variants;
  Processing processing;
  CellScales cells;
  double measured_share = 0;
  bool anomalous = false;
  bool operator==(const Recipe&) const = default;
};

/// Those of named_recipes.h.
const std::vector<std::string>& recipe_names();
/// Whether bragg brings a recipe of this name; otherwise it is a file's.
bool is_recipe_name(std::string_view);
/// A name, or the path of a TOML file. Throws UsageError naming the nearest known name, or file, line and
/// key.
Recipe load_recipe(std::string_view name_or_path);
/// From TOML text; `source` names it in errors.
Recipe parse_recipe(std::string_view toml, std::string_view source);
/// The TOML that parse_recipe reads back to an equal recipe; stored with every set and model. With `explain`,
/// every effect stands there, with its unit and meaning.
std::string to_toml(const Recipe&, bool explain = false);

/// Which reflections can be seen on the instrument's grid: sin(theta)/lambda in 1/A, from the first to the last line whose
/// profile, as wide as the recipe can draw it, reaches in, however the recipe shifts it or strains the cell.
struct StolRange {
  double min, max;
};
StolRange stol_range(const Instrument&, const Recipe&);

}  // namespace bragg::data
