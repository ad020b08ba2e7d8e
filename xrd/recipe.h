// A recipe says how patterns are drawn from crystals: profile widths, noise, scaling. TOML on disk; the paper's by name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kernels/problems.h"

namespace bragg::xrd {

struct Recipe {
  std::string name;
  std::vector<PatternVariant> variants;
  bool operator==(const Recipe&) const = default;
};

/// "set1".."set7", "baseline" (= set1), "mixed" (sets 1-4), "large" (all seven): Salgado et al. 2023, table 1.
const std::vector<std::string>& recipe_names();
/// A name, or the path of a TOML file. Throws UsageError naming the nearest known name, or file, line and key.
Recipe load_recipe(std::string_view name_or_path);
/// From TOML text; `source` names it in errors.
Recipe parse_recipe(std::string_view toml, std::string_view source);
/// The TOML that parse_recipe reads back to an equal recipe; stored with every set and model.
std::string to_toml(const Recipe&);

}  // namespace bragg::xrd
