// The recipes that bragg brings along.
#pragma once

#include <vector>

#include "data/recipes/recipe.h"

namespace bragg::data {

/// Of Salgado et al. 2023, table 1: "set1".."set7", "baseline" (= set1), "mixed" (sets 1-4), "large" (all
/// seven), "lattice" (set1 for cubic crystals at 80..120 % of their edges, in steps of 2 %), "souping"
/// (large, with measured patterns among them), all without anomalous dispersion, as the paper simulates.
/// Ours: "realistic", with it.
const std::vector<Recipe>& named_recipes();

}  // namespace bragg::data
