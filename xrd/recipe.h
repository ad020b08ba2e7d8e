// A recipe says how patterns are drawn from crystals: profile widths, noise, scaling. TOML on disk; the
// paper's by name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kernels/problems.h"

namespace bragg::xrd {

/// TOML: `name`, and a [[variant]] for each way to draw, with U, V, W (degrees^2 of 2 theta), noise, weight.
/// W and noise are a number or a range [low, high] drawn from uniformly, once per pattern; noise is a share
/// of the maximum.
struct Recipe {
  std::string name;
  std::vector<PatternVariant> variants;
  bool operator==(const Recipe&) const = default;
};

/// "set1".."set7", "baseline" (= set1), "mixed" (sets 1-4), "large" (all seven): Salgado et al. 2023,
/// table 1.
const std::vector<std::string>& recipe_names();
/// A name, or the path of a TOML file. Throws UsageError naming the nearest known name, or file, line and
/// key.
Recipe load_recipe(std::string_view name_or_path);
/// From TOML text; `source` names it in errors.
Recipe parse_recipe(std::string_view toml, std::string_view source);
/// The TOML that parse_recipe reads back to an equal recipe; stored with every set and model.
std::string to_toml(const Recipe&);

/// Which reflections can be seen on the grid: sin(theta)/lambda in 1/A, from the first to the last line whose
/// profile, as wide as the recipe can draw it, reaches in.
struct StolRange {
  double min, max;
};
StolRange stol_range(const TwoThetaGrid&, double wavelength, const Recipe&);

}  // namespace bragg::xrd
