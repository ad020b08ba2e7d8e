// The paper's sets, recipes on disk, and how far reflections are needed.
#include "xrd/recipe.h"

#include <cmath>

#include <gtest/gtest.h>

#include "kernels/crystal_math.h"
#include "kernels/error.h"
#include "xrd/wavelength.h"

namespace bragg::xrd {
namespace {

std::string message_of(std::string_view toml) {
  try {
    parse_recipe(toml, "my.toml");
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

TEST(Recipe, ThePapersSevenSets) {
  struct Row {
    const char* name;
    double U, V, W_min, W_max;
    bool noise;
  };
  const Row table[] = {{"set1", 0.05, -0.06, 0.07, 0.07, false}, {"set2", 0.05, -0.01, 0.01, 0.01, false},
                       {"set3", 0.05, -0.06, 0.07, 0.07, true},  {"set4", 0.05, -0.01, 0.01, 0.01, true},
                       {"set5", 0, 0, 0.01, 0.01, false},        {"set6", 0, 0, 0.001, 0.1, false},
                       {"set7", 0, 0, 0.001, 0.1, true}};
  std::vector<PatternVariant> all;
  for (const Row& row : table) {
    const Recipe recipe = load_recipe(row.name);
    EXPECT_EQ(recipe.name, row.name);
    ASSERT_EQ(recipe.variants.size(), 1u);
    const PatternVariant expected{
        row.U, row.V, row.W_min, row.W_max, row.noise ? 0.002 : 0, row.noise ? 0.02 : 0, 1};
    EXPECT_EQ(recipe.variants[0], expected) << row.name;
    all.push_back(expected);
  }
  EXPECT_EQ(load_recipe("baseline").variants, std::vector(all.begin(), all.begin() + 1));
  EXPECT_EQ(load_recipe("mixed").variants, std::vector(all.begin(), all.begin() + 4));
  EXPECT_EQ(load_recipe("large").variants, all);
  EXPECT_EQ(recipe_names().size(), 10u);
}

TEST(Recipe, EveryOneSurvivesToml) {
  for (const std::string& name : recipe_names()) {
    const Recipe recipe = load_recipe(name);
    EXPECT_EQ(parse_recipe(to_toml(recipe), "text"), recipe) << name;
    PatternProblem problem;
    problem.variants = recipe.variants;
    EXPECT_NO_THROW(problem.validate()) << name;
  }
  const Recipe odd{"a \"quoted\" \\ name", {{0.1, -1e-7, 1.0 / 3, 0.5, 0, 0.01, 0.25}}};
  EXPECT_EQ(parse_recipe(to_toml(odd), "text"), odd);
}

TEST(Recipe, ReadsNumbersAndRanges) {
  const Recipe recipe =
      parse_recipe("[[variant]]\nU = 1\nW = [0.25, 0.5]\nnoise = 0.01\nweight = 3\n", "dir/mine.toml");
  EXPECT_EQ(recipe.name, "mine");
  EXPECT_EQ(recipe.variants, (std::vector<PatternVariant>{{1, 0, 0.25, 0.5, 0.01, 0.01, 3}}));
}

TEST(Recipe, MistakesAreNamed) {
  EXPECT_EQ(message_of("[[variant]]\nW = 0.1\nnoize = 1\n"),
            "my.toml:3: unknown key 'noize'; did you mean 'noise'?");
  EXPECT_EQ(message_of("nmae = 'x'\n"), "my.toml:1: unknown key 'nmae'; did you mean 'name'?");
  EXPECT_EQ(message_of("name = 'x'\n"), "my.toml: no [[variant]]");
  EXPECT_EQ(message_of("[[variant]]\nU = 0.1\n"), "my.toml:1: a variant needs W");
  EXPECT_EQ(message_of("[[variant]]\nW = 'wide'\n"), "my.toml:2: W is not a finite number");
  EXPECT_EQ(message_of("[[variant]]\nW = nan\n"), "my.toml:2: W is not a finite number");
  EXPECT_EQ(message_of("[[variant]]\nW = [0.2, 0.1]\n"), "my.toml:2: W: 0.2 > 0.1");
  EXPECT_EQ(message_of("[[variant]]\nW = [0.2]\n"), "my.toml:2: W has 1 numbers, a range has 2");
  EXPECT_EQ(message_of("[[variant]]\nW = 1\nnoise = -0.1\n"), "my.toml:3: noise -0.1 < 0");
  EXPECT_EQ(message_of("[[variant]]\nW = 1\nweight = 0\n"), "my.toml:1: the variants' weights add up to 0");
  EXPECT_EQ(message_of("variant = 3\n"), "my.toml:1: variant is not a list of tables, [[variant]]");
  EXPECT_EQ(message_of("[[variant]\n").substr(0, 10), "my.toml:1:");
  const auto load_message = [](std::string_view name) -> std::string {
    try {
      load_recipe(name);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_NE(load_message("set8").find("did you mean set1?"), std::string::npos);
  EXPECT_NE(load_message("bseline").find("did you mean baseline?"), std::string::npos);
  EXPECT_EQ(load_message("/nowhere/x.toml"), "/nowhere/x.toml: no such file");
}

TEST(Recipe, StolRangeCoversTheTails) {
  const TwoThetaGrid grid;
  const double wavelength = 1.54184;
  for (const char* name : {"set1", "set5", "large"}) {
    const Recipe recipe = load_recipe(name);
    const StolRange range = stol_range(grid, wavelength, recipe);
    const double low = two_theta_from_d(1 / (2 * range.min), wavelength);
    const double high = two_theta_from_d(1 / (2 * range.max), wavelength);
    // The widest H at both ends, and so the last line that is seen: its cut is at the grid's end, within a
    // step of 0.01.
    for (const auto& [at, edge] : {std::pair{low, grid.start}, {high, grid.end()}}) {
      const double t = std::tan(at * M_PI / 360);
      double widest = 0;
      for (const auto& v : recipe.variants)
        widest = std::max(widest, std::sqrt(v.U * t * t + v.V * t + v.W_max));
      EXPECT_GT(std::abs(at - edge), profile_cut * widest) << name;
      EXPECT_LT(std::abs(at - edge), profile_cut * widest + 0.02) << name;
    }
  }
  const StolRange from_zero = stol_range({0.1, 0.01, 100}, wavelength, load_recipe("set1"));
  EXPECT_EQ(from_zero.min, 0);
}

TEST(Wavelength, NamesNumbersAndMistakes) {
  EXPECT_EQ(parse_wavelength("CuKa"), 1.54184);
  EXPECT_EQ(parse_wavelength("cuka1"), 1.54056);
  EXPECT_EQ(parse_wavelength("CuKa2"), 1.54439);
  EXPECT_EQ(parse_wavelength("1.5406"), 1.5406);
  // Weighted means as instruments' manuals list them, to 1e-4 A.
  EXPECT_NEAR(parse_wavelength("MoKa"), 0.7107, 1e-4);
  EXPECT_NEAR(parse_wavelength("CoKa"), 1.7903, 1e-4);
  EXPECT_NEAR(parse_wavelength("FeKa"), 1.9374, 1e-4);
  EXPECT_NEAR(parse_wavelength("CrKa"), 2.2910, 1e-4);
  EXPECT_NEAR(parse_wavelength("AgKa"), 0.5609, 1e-4);
  EXPECT_NEAR(parse_wavelength("CuKb1"), 1.3922, 1e-4);
  const auto message = [](std::string_view text) -> std::string {
    try {
      parse_wavelength(text);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_NE(message("CuK").find("did you mean CuKa?"), std::string::npos);
  EXPECT_NE(message("-1").find("'-1'"), std::string::npos);
  EXPECT_NE(message("0").find("above 0"), std::string::npos);
  EXPECT_NE(message("nan").find("above 0"), std::string::npos);
  EXPECT_NE(message("").find("unknown wavelength"), std::string::npos);
  EXPECT_NE(message("1.54x").find("1.54x"), std::string::npos);
}

TEST(Wavelength, BraggsLaw) {
  EXPECT_NEAR(two_theta_from_d(1.54184, 1.54184), 60, 1e-12);
  EXPECT_NEAR(d_from_two_theta(60, 1.54184), 1.54184, 1e-14);
  EXPECT_NEAR(stol_from_two_theta(60, 2), 0.25, 1e-15);
  EXPECT_TRUE(std::isnan(two_theta_from_d(0.5, 1.54184)));
}

}  // namespace
}  // namespace bragg::xrd
