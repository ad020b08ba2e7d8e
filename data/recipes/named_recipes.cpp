#include "data/recipes/named_recipes.h"

#include <initializer_list>
#include <string>

#include "kernels/crystal/effects.h"
#include "kernels/crystal/pattern_sampling.h"

namespace bragg::data {
namespace {

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

// What laboratory patterns look like, and what has been done to them before they are published: the laws of
// the table of effects.
Recipe realistic() {
  PatternVariant v;
  for (std::size_t e = 0; e < effect_table.size(); ++e)
    v.effects[e] = effect_table[e].realistic;
  Recipe recipe;
  recipe.name = "realistic";
  recipe.variants = {v};
  recipe.processing = {.background_window = 4, .square_root = true};
  recipe.anomalous = true;
  return recipe;
}

// What `realistic`, made after published RRUFF patterns, hardly has: scans that end at 60 to 80 degrees,
// whose background nobody has taken off, of samples that were pressed into a flat holder.
Recipe other_instrument() {
  Recipe recipe = realistic();
  recipe.name = "other_instrument";
  PatternVariant& v = recipe.variants.front();
  v[Effect::texture] = Distribution::log_normal(1, 0.75, 0.9);
  v[Effect::air_scatter] = Distribution::log_uniform(0.01, 0.5, 0.8);
  v[Effect::chebyshev] = Distribution::log_uniform(0.01, 0.3);
  v[Effect::hump] = Distribution::uniform(0, 0.3, 0.4);
  v[Effect::floor] = Distribution::log_uniform(0.003, 0.2);
  v[Effect::cut_high] = Distribution::uniform(10, 30);  // of 5 .. 90 degrees
  return recipe;
}

// Patterns as programs calculate them and fine powders give them, of cells that nobody has measured: lines of any width
// up to half a degree, edges up to a fifth longer or shorter, often without noise, texture and K-alpha2.
Recipe calculated() {
  Recipe recipe = realistic();
  recipe.name = "calculated";
  PatternVariant& v = recipe.variants.front();
  v[Effect::W] = Distribution::log_uniform(0.0004, 0.1);
  v[Effect::size] = Distribution::log_uniform(20, 2000, 0.5);
  v[Effect::k_alpha2] = Distribution::uniform(0.5, 0.5, 0.3);
  v[Effect::strain] = Distribution::uniform(-0.2, 0.2, 0.5);
  v[Effect::texture] = Distribution::log_normal(1, 0.5, 0.3);
  v[Effect::poisson] = Distribution::log_uniform(0.002, 0.04, 0.4);
  v[Effect::gaussian] = Distribution::log_normal(0.006, 0.95, 0.4);
  for (const Effect absent : {Effect::air_scatter, Effect::chebyshev, Effect::hump, Effect::floor})
    v[absent] = Distribution();
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
      other_instrument(),
      calculated(),
  };
  return recipes;
}

}  // namespace bragg::data
