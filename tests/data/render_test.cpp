// Patterns by given parameters: those of a simulation rendered anew are its patterns, and one by hand is what
// it says.
#include "data/patterns/render.h"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "data/patterns/simulate.h"
#include "kernels/base/error.h"
#include "kernels/crystal/sample_pattern.h"
#include "tests/data/test_crystals.h"
#include "tests/support/compare.h"

namespace bragg::data {
namespace {

using tests::identical;

const std::vector<xrd::Crystal> three = tests::three_crystals();
const CrystalSource crystals = crystals_of(three);

const TwoThetaGrid grid{10, 0.05, 1000};

std::string message_of(const auto& call) {
  try {
    call();
  } catch (const ProblemError& error) {
    return error.what();
  }
  return "";
}

TEST(RenderGiven, TheParametersOfASimulationGiveItsPatterns) {
  const auto backend = make_backend({.device = "cpu", .threads = 2, .instruction_set = ""});
  SimulateOptions options;
  options.recipe = load_recipe("realistic");
  options.instrument.grid = grid;
  options.patterns_per_crystal = 90;  // more than a batch
  options.seed = 3;
  std::vector<double> simulated;
  simulate_patterns(*backend, crystals, options, [&](std::int64_t, std::span<const float> pattern) {
    simulated.insert(simulated.end(), pattern.begin(), pattern.end());
  });

  const ReflectionStore store(*backend, crystals, reflections_on(options.instrument, options.recipe));
  const PatternSampling sampling{
      .N = 1, .seed = options.seed, .variants = options.recipe.variants, .grid = grid};
  std::vector<GivenPattern> given;
  for (std::uint64_t index = 0; index < 3 * 90; ++index) {
    const Philox4 words = data_call(options.seed, DataDraw::impurity, 0, index);
    given.push_back({.crystal = static_cast<std::int32_t>(index / 90),
                     .impurity = static_cast<std::int32_t>(uniform_below(words[0], 3)),
                     .parameters = sample_pattern(sampling, index)});
  }
  const auto rendered =
      render_patterns(*backend, store, given, {.instrument = {.grid = grid}, .processing = {}});
  EXPECT_TRUE(identical(std::vector<double>(rendered.begin(), rendered.end()), simulated));
}

TEST(RenderGiven, OneByHand) {
  const auto backend = make_backend({.device = "cpu", .threads = 1, .instruction_set = ""});
  PatternParameters sharp{};
  sharp[Effect::W] = 0.01;
  PatternParameters cut = sharp;
  cut[Effect::cut_low] = 20;  // 400 points
  const std::vector<PatternParameters> parameters{sharp, cut};
  const ReflectionStore store(*backend, crystals, reflections_on({.grid = grid}, recipe_of(parameters)));
  const auto y = render_patterns(
      *backend, store,
      std::vector<GivenPattern>{{.crystal = 1, .parameters = sharp}, {.crystal = 1, .parameters = cut}},
      {.instrument = {.grid = grid}, .maximum = 10, .processing = {}});
  ASSERT_EQ(y.size(), 2000U);
  EXPECT_GT(*std::max_element(y.begin(), y.begin() + 400), 0);
  EXPECT_EQ(*std::max_element(y.begin() + 1000, y.begin() + 1400), 0);
  EXPECT_NEAR(*std::max_element(y.begin(), y.begin() + 1000), 10, 1e-5);
  EXPECT_NEAR(*std::max_element(y.begin() + 1400, y.end()), 10, 1e-5);
  EXPECT_TRUE(render_patterns(*backend, store, {}, {.instrument = {.grid = grid}, .processing = {}}).empty());
}

TEST(RenderGiven, WhatMakesNoPatternIsRefusedByNumber) {
  const auto backend = make_backend({.device = "cpu", .threads = 1, .instruction_set = ""});
  const ReflectionStore store(*backend, crystals, reflections_on({.grid = grid}, load_recipe("baseline")));
  GivenPattern good;
  good.parameters[Effect::W] = 0.01;
  const auto refusal = [&](auto&& change) {
    GivenPattern bad = good;
    change(bad);
    return message_of([&] {
      render_patterns(*backend, store, std::vector<GivenPattern>{good, bad},
                      {.instrument = {.grid = grid}, .processing = {}});
    });
  };
  EXPECT_EQ(refusal([](GivenPattern& one) { one.crystal = 3; }), "pattern 1: crystal 3 outside a store of 3");
  EXPECT_EQ(refusal([](GivenPattern& one) { one.crystal = -1; }),
            "pattern 1: crystal -1 outside a store of 3");
  EXPECT_EQ(refusal([](GivenPattern& one) { one.impurity = 9; }), "");  // it has none
  EXPECT_EQ(refusal([](GivenPattern& one) {
              one.impurity = 9;
              one.parameters[Effect::impurity] = 0.5;
            }),
            "pattern 1: impurity 9 outside a store of 3");
  const std::string no_width = refusal([](GivenPattern& one) { one.parameters[Effect::W] = 0; });
  EXPECT_NE(no_width.find("pattern 1: "), std::string::npos);
  EXPECT_NE(no_width.find("H^2"), std::string::npos) << no_width;
}

}  // namespace
}  // namespace bragg::data
