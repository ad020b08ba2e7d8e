#include "data/recipes/mixed_recipe.h"

#include <string>
#include <utility>

#include <fmt/format.h>

#include "kernels/base/error.h"

namespace bragg::data {
namespace {

/// What all patterns of a stream have in common, as text.
std::string common_text(const Recipe& recipe) {
  const Processing& processing = recipe.processing;
  return fmt::format(
      "background_window {}, square_root {}, anomalous {}, {}, share of measured patterns {}",
      processing.background_window, processing.square_root, recipe.anomalous,
      recipe.cells == CellScales{}
          ? "cells as they are"
          : fmt::format("cells scaled by {}..{} in steps of {}{}", recipe.cells.from, recipe.cells.to,
                        recipe.cells.step, recipe.cells.cubic_only ? ", cubic only" : ""),
      recipe.measured_share);
}

}  // namespace

Recipe mixed_recipe(std::vector<Recipe> recipes, std::span<const double> shares) {
  if (recipes.empty()) throw UsageError("no recipe to draw patterns by");
  if (recipes.size() != shares.size())
    throw UsageError(fmt::format("{} shares of {} recipes", shares.size(), recipes.size()));
  double sum = 0;
  for (const double share : shares)
    sum += share;
  if (!(sum > 0)) throw UsageError(fmt::format("the shares of {} recipes add up to {}", recipes.size(), sum));
  if (recipes.size() == 1) return std::move(recipes.front());

  Recipe mixed = recipes.front();
  mixed.name.clear();
  mixed.variants.clear();
  for (std::size_t i = 0; i < recipes.size(); ++i) {
    const Recipe& recipe = recipes[i];
    const std::string first = common_text(recipes.front()), here = common_text(recipe);
    if (first != here) {
      throw UsageError(fmt::format("recipes {} and {} are for no common stream: {}; {}", recipes.front().name,
                                   recipe.name, first, here));
    }
    mixed.name += (i == 0 ? "" : "+") + recipe.name;
    double total = 0;
    for (const PatternVariant& variant : recipe.variants)
      total += variant.weight;
    for (PatternVariant variant : recipe.variants) {
      variant.weight *= shares[i] / total;
      mixed.variants.push_back(variant);
    }
  }
  return mixed;
}

}  // namespace bragg::data
