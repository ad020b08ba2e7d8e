// Several recipes in one stream of patterns.
#pragma once

#include <span>
#include <vector>

#include "data/recipes/recipe.h"

namespace bragg::data {

/// A recipe that draws patterns by each of `recipes` in proportion to its share: their variants, weighted.
/// One recipe is returned as it is. Named "a+b". Throws UsageError where the shares are not as many as the
/// recipes or add up to 0, and, naming two recipes and what they have, where these differ in what all
/// patterns of a stream have in common: processing, anomalous dispersion, scaled cells, the share of measured
/// patterns.
Recipe mixed_recipe(std::vector<Recipe> recipes, std::span<const double> shares);

}  // namespace bragg::data
