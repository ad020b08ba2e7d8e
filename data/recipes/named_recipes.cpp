#include "data/recipes/named_recipes.h"

#include <initializer_list>
#include <string>

namespace bragg::data {
namespace {

using Law = Distribution::Law;

// "Between 0.2 and 2 % of its original intensity" (the paper) is read as a level drawn once per pattern, see
// PatternProblem.
constexpr Distribution paper_noise = Distribution::uniform(0.002, 0.02);

// Table 1 of Salgado et al. 2023.
PatternVariant paper_set(int number) {
  PatternVariant v;
  if (number == 1 || number == 3) {
    v.U = 0.05;
    v.V = -0.06;
    v[Effect::W] = Distribution::constant(0.07);
  } else if (number == 2 || number == 4) {
    v.U = 0.05;
    v.V = -0.01;
    v[Effect::W] = Distribution::constant(0.01);
  } else {
    v[Effect::W] = number == 5 ? Distribution::constant(0.01) : Distribution::uniform(0.001, 0.1);
  }
  if (number == 3 || number == 4 || number == 7) v[Effect::noise] = paper_noise;
  return v;
}

Recipe paper_recipe(std::string name, std::initializer_list<int> sets) {
  Recipe recipe;
  recipe.name = std::move(name);
  for (const int set : sets)
    recipe.variants.push_back(paper_set(set));
  return recipe;
}

Recipe lattice() {
  Recipe recipe = paper_recipe("lattice", {1});
  recipe.cells = {.from = 0.8, .to = 1.2, .step = 0.02, .cubic_only = true};
  return recipe;
}

Recipe souping() {
  Recipe recipe = paper_recipe("souping", {1, 2, 3, 4, 5, 6, 7});
  recipe.measured_share = 0.1;  // the paper does not say how often a measured pattern is seen
  return recipe;
}

// What laboratory patterns look like, and what has been done to them before they are published. Widths, noise
// and the share of K-alpha doublets were set so that the distributions of `bragg patterns describe` are near
// those of 453 measured patterns (RRUFF, as published by Salgado et al. 2023), in the median: noise 0.0067,
// line width 0.085 degrees, 0.37 of a line's height where its K-alpha2 would be.
Recipe realistic() {
  PatternVariant v;
  v[Effect::W] = {Law::log_uniform, 0.0004, 0.0036, 1};  // a Gaussian of 0.02 .. 0.06 degrees
  v[Effect::size] = {Law::log_uniform, 70, 2000, 1};
  v[Effect::microstrain] = {Law::log_uniform, 2e-5, 1e-3, 1};
  v[Effect::asymmetry] = {Law::uniform, 0, 0.06, 0.3};
  v[Effect::k_alpha2] = {Law::uniform, 0.5, 0.5, 0.85};
  v[Effect::zero_shift] = {Law::normal, 0, 0.03, 1};
  v[Effect::displacement] = {Law::normal, 0, 0.05, 1};
  v[Effect::strain] = {Law::mixed_normal, 0, 0.01, 1};
  v[Effect::distortion] = {Law::mixed_normal, 0, 0.005, 1};
  v[Effect::texture] = {Law::log_normal, 1, 0.5, 0.7};
  v[Effect::b_overall] = {Law::uniform, 0, 1, 0.2};
  v[Effect::impurity] = {Law::uniform, 0.005, 0.15, 0.1};
  v[Effect::air_scatter] = {Law::uniform, 0, 0.05, 0.2};
  v[Effect::chebyshev] = {Law::uniform, 0, 0.05, 0.2};
  v[Effect::hump] = {Law::uniform, 0, 0.1, 0.1};
  v[Effect::hump_centre] = Distribution::uniform(15, 35);
  v[Effect::hump_width] = Distribution::uniform(5, 15);
  v[Effect::floor] = {Law::log_uniform, 1e-4, 1e-2, 0.5};
  v[Effect::poisson] = {Law::log_uniform, 0.002, 0.04, 1};
  v[Effect::gaussian] = {Law::log_normal, 0.006, 0.95, 1};
  v[Effect::cut_low] = {Law::uniform, 0, 10, 0.1};
  v[Effect::cut_high] = {Law::uniform, 0, 20, 0.1};
  Recipe recipe;
  recipe.name = "realistic";
  recipe.variants = {v};
  recipe.processing = {.background_window = 4, .square_root = true};
  recipe.anomalous = true;
  return recipe;
}

}  // namespace

const std::vector<Recipe>& named_recipes() {
  static const std::vector<Recipe> recipes{
      paper_recipe("set1", {1}),
      paper_recipe("set2", {2}),
      paper_recipe("set3", {3}),
      paper_recipe("set4", {4}),
      paper_recipe("set5", {5}),
      paper_recipe("set6", {6}),
      paper_recipe("set7", {7}),
      paper_recipe("baseline", {1}),
      paper_recipe("mixed", {1, 2, 3, 4}),
      paper_recipe("large", {1, 2, 3, 4, 5, 6, 7}),
      lattice(),
      souping(),
      realistic(),
  };
  return recipes;
}

}  // namespace bragg::data
