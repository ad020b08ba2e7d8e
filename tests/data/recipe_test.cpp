// The paper's sets, recipes on disk, and how far reflections are needed.
#include "data/recipes/recipe.h"

#include <cmath>
#include <set>

#include <gtest/gtest.h>

#include "data/recipes/mixed_recipe.h"
#include "data/recipes/toml_text.h"
#include "kernels/base/error.h"
#include "xrd/scattering/wavelength.h"

namespace bragg::data {
namespace {

std::string message_of(std::string_view toml) {
  try {
    parse_recipe(toml, "my.toml");
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

PatternVariant caglioti(double U, double V, Distribution W) {
  PatternVariant v;
  v.U = U;
  v.V = V;
  v[Effect::W] = W;
  return v;
}

TEST(Recipe, ThePapersHaveNoAnomalousDispersion) {
  const std::set<std::string> ours{"realistic", "other_instrument", "calculated"};
  for (const std::string& name : recipe_names())
    EXPECT_EQ(load_recipe(name).anomalous, ours.contains(name)) << name;
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
    PatternVariant expected = caglioti(row.U, row.V, Distribution::uniform(row.W_min, row.W_max));
    if (row.noise) expected[Effect::noise] = Distribution::uniform(0.002, 0.02);
    EXPECT_EQ(recipe.variants[0], expected) << row.name;
    all.push_back(expected);
  }
  EXPECT_EQ(load_recipe("baseline").variants, std::vector(all.begin(), all.begin() + 1));
  EXPECT_EQ(load_recipe("mixed").variants, std::vector(all.begin(), all.begin() + 4));
  EXPECT_EQ(load_recipe("large").variants, all);
  EXPECT_EQ(load_recipe("souping").variants, all);
  EXPECT_GT(load_recipe("souping").measured_share, 0);
  const std::vector<double> scales = load_recipe("lattice").cells.values();
  ASSERT_EQ(scales.size(), 21u);
  for (int i = 0; i <= 20; ++i)
    EXPECT_NEAR(scales[i], 0.8 + 0.02 * i, 1e-12);
  EXPECT_EQ(recipe_names().size(), 15u);
}

TEST(Recipe, AnotherInstrumentEndsEarlyAndKeepsItsBackground) {
  const Recipe realistic = load_recipe("realistic"), other = load_recipe("other_instrument");
  EXPECT_EQ(other.processing, realistic.processing);
  ASSERT_EQ(other.variants.size(), 1u);
  const PatternVariant &v = other.variants[0], &before = realistic.variants[0];
  EXPECT_EQ(v[Effect::cut_high].lowest(), 10);  // 90 - 10, 90 - 30
  EXPECT_EQ(v[Effect::cut_high].highest(), 30);
  EXPECT_GT(v[Effect::texture].b, before[Effect::texture].b);
  EXPECT_GT(v[Effect::floor].lowest(), before[Effect::floor].lowest());
  EXPECT_EQ(v[Effect::W], before[Effect::W]);
}

TEST(Recipe, CalculatedPatternsAreBroadOftenQuietAndOfAnyCell) {
  const Recipe realistic = load_recipe("realistic"), calculated = load_recipe("calculated");
  EXPECT_EQ(calculated.processing, realistic.processing);
  ASSERT_EQ(calculated.variants.size(), 1u);
  const PatternVariant &v = calculated.variants[0], &before = realistic.variants[0];
  EXPECT_EQ(v[Effect::strain], Distribution::uniform(-0.2, 0.2, 0.5));  // `lattice`: 80 to 120 %
  EXPECT_GE(v[Effect::W].highest(), 0.07);                              // the paper's widest
  EXPECT_LT(v[Effect::size].lowest(), before[Effect::size].lowest());
  for (const Effect effect : {Effect::poisson, Effect::gaussian, Effect::k_alpha2, Effect::texture})
    EXPECT_LT(v[effect].probability, before[effect].probability);
  for (const Effect effect : {Effect::air_scatter, Effect::chebyshev, Effect::hump, Effect::floor})
    EXPECT_TRUE(v[effect].is_absent());
  const std::vector<double> shares{0.8, 0.2};
  EXPECT_EQ(mixed_recipe({realistic, calculated}, shares).variants.size(), 2u);
}

TEST(MixedRecipe, DrawsByTheShares) {
  Recipe a = load_recipe("mixed"), b = load_recipe("set7");
  a.variants[1].weight = 3;
  const std::vector<double> shares{4, 1};
  const Recipe mixed = mixed_recipe({a, b}, shares);
  EXPECT_EQ(mixed.name, "mixed+set7");
  ASSERT_EQ(mixed.variants.size(), 5u);
  double of_a = 0;
  for (std::size_t i = 0; i < 4; ++i)
    of_a += mixed.variants[i].weight;
  EXPECT_NEAR(of_a, 4 * mixed.variants[4].weight, 1e-12);
  EXPECT_NEAR(mixed.variants[1].weight, 3 * mixed.variants[0].weight, 1e-12);
  PatternVariant same = mixed.variants[4];
  same.weight = 1;
  EXPECT_EQ(same, b.variants[0]);
  EXPECT_EQ(parse_recipe(to_toml(mixed), "mixed"), mixed);  // as a model keeps it
  const std::vector<double> one{0.3};
  EXPECT_EQ(mixed_recipe({a}, one), a);
}

TEST(MixedRecipe, RefusesWhatHasNothingInCommon) {
  const auto message = [](const char* first, const char* second, std::vector<double> shares) {
    try {
      mixed_recipe({load_recipe(first), load_recipe(second)}, shares);
    } catch (const UsageError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(message("realistic", "other_instrument", {0.8, 0.2}), "");
  const std::string said = message("set1", "realistic", {1, 1});
  for (const char* part : {"recipes set1 and realistic", "background_window 0", "background_window 4"})
    EXPECT_NE(said.find(part), std::string::npos) << said;
  EXPECT_NE(message("set1", "souping", {1, 1}).find("0.1"), std::string::npos);
  EXPECT_NE(message("set1", "lattice", {1, 1}).find("scaled by 0.8..1.2"), std::string::npos);
  EXPECT_NE(message("set1", "set2", {1}).find("1 shares of 2 recipes"), std::string::npos);
  EXPECT_NE(message("set1", "set2", {0, 0}).find("add up to 0"), std::string::npos);
}

TEST(Recipe, AnomalousDispersionIsSaidOrFalse) {
  const std::string variant = "[[variant]]\nW = 0.01\n";
  EXPECT_FALSE(parse_recipe(variant, "my.toml").anomalous);
  EXPECT_FALSE(parse_recipe("anomalous = false\n" + variant, "my.toml").anomalous);
  const Recipe with = parse_recipe("anomalous = true\n" + variant, "my.toml");
  EXPECT_TRUE(with.anomalous);
  EXPECT_NE(with, parse_recipe(variant, "my.toml"));
  EXPECT_NE(to_toml(with).find("\nanomalous = true\n"), std::string::npos);
  // What a recipe without it was stored as stays as it was.
  EXPECT_EQ(to_toml(parse_recipe(variant, "my.toml")).find("anomalous"), std::string::npos);
  EXPECT_NE(to_toml(parse_recipe(variant, "my.toml"), true).find("\nanomalous = false  #"),
            std::string::npos);
  EXPECT_EQ(message_of("anomalous = 1\n" + variant), "my.toml:1: anomalous is not true or false");
  EXPECT_NE(message_of("anomalus = true\n" + variant).find("the nearest is anomalous"), std::string::npos);
}

TEST(Recipe, EveryOneSurvivesToml) {
  for (const std::string& name : recipe_names()) {
    const Recipe recipe = load_recipe(name);
    for (const bool explain : {false, true})
      EXPECT_EQ(parse_recipe(to_toml(recipe, explain), "text"), recipe) << name << to_toml(recipe, explain);
    PatternSampling sampling;
    sampling.variants = recipe.variants;
    EXPECT_NO_THROW(sampling.validate()) << name;
    PatternProblem problem;
    problem.processing = recipe.processing;
    EXPECT_NO_THROW(problem.validate()) << name;
  }
  Recipe odd;
  odd.name = "a \"quoted\" \\ name";
  odd.variants = {caglioti(0.1, -1e-7, {Distribution::Law::log_uniform, 1.0 / 3, 0.5, 1})};
  odd.variants[0].weight = 0.25;
  odd.variants[0][Effect::texture] = {Distribution::Law::log_normal, 1, 0.5, 0.7};
  odd.variants[0][Effect::size] = {Distribution::Law::uniform, 20, 20, 0.5};
  odd.variants[0][Effect::strain] = {Distribution::Law::mixed_normal, 0, 0.01, 1};
  odd.variants[0][Effect::zero_shift] = {Distribution::Law::normal, 0.01, 0.04, 1};
  EXPECT_EQ(parse_recipe(to_toml(odd), "text"), odd);
}

TEST(Recipe, ReadsNumbersRangesAndLaws) {
  const Recipe recipe = parse_recipe(
      "[[variant]]\nU = 1\nW = [0.25, 0.5]\nnoise = 0.01\nweight = 3\n"
      "size = {log_uniform = [10, 100], probability = 0.5}\n",
      "dir/mine.toml");
  EXPECT_EQ(recipe.name, "mine");
  PatternVariant expected = caglioti(1, 0, Distribution::uniform(0.25, 0.5));
  expected[Effect::noise] = Distribution::constant(0.01);
  expected[Effect::size] = {Distribution::Law::log_uniform, 10, 100, 0.5};
  expected.weight = 3;
  EXPECT_EQ(recipe.variants, std::vector{expected});
}

TEST(Recipe, MistakesAreNamed) {
  EXPECT_EQ(message_of("[[variant]]\nW = 0.1\nnoize = 1\n"),
            "my.toml:3: unknown key 'noize'; the nearest is noise");
  EXPECT_EQ(message_of("nmae = 'x'\n"), "my.toml:1: unknown key 'nmae'; the nearest is name");
  EXPECT_EQ(message_of("name = 'x'\n"), "my.toml: no [[variant]]");
  EXPECT_EQ(message_of("[[variant]]\nU = 0.1\n"), "my.toml:1: a variant needs W");
  EXPECT_EQ(message_of("[[variant]]\nW = 'wide'\n"), "my.toml:2: W is not a finite number");
  EXPECT_EQ(message_of("[[variant]]\nW = nan\n"), "my.toml:2: W is not a finite number");
  EXPECT_EQ(message_of("[[variant]]\nW = [0.2, 0.1]\n"), "my.toml:2: W: 0.2 > 0.1");
  EXPECT_EQ(message_of("[[variant]]\nW = [0.2]\n"), "my.toml:2: W has 1 numbers, a range has 2");
  EXPECT_EQ(message_of("[[variant]]\nW = 1\nnoise = -0.1\n"), "my.toml:3: noise -0.1 < 0");
  EXPECT_EQ(message_of("[[variant]]\nW = 1\nsize = {normal = [50, 20]}\n"), "my.toml:3: size -10 < 0");
  EXPECT_EQ(message_of("[[variant]]\nW = 1\nsize = {normal = 5}\n"),
            "my.toml:3: size: normal has two numbers");
  EXPECT_EQ(message_of("[[variant]]\nW = 1\nsize = {probability = 0.5}\n"),
            "my.toml:3: size has 0 laws, not 1");
  EXPECT_EQ(message_of("[[variant]]\nW = 1\nsize = {uniform = [5, 6], probability = 1.5}\n"),
            "my.toml:3: size: probability 1.5 is not in 0..1");
  EXPECT_EQ(message_of("[[variant]]\nW = 1\nsize = {log_uniform = [0, 6]}\n"),
            "my.toml:3: size: log_uniform from 0, not above 0");
  EXPECT_EQ(message_of("[processing]\nbackground_window = -1\n[[variant]]\nW = 1\n"),
            "my.toml:1: background_window -1 is not in 0..180 degrees");
  EXPECT_EQ(message_of("[cells]\nscale = [1.2, 0.8]\n[[variant]]\nW = 1\n"),
            "my.toml:1: scale [1.2, 0.8] is no range in 0.1..10");
  EXPECT_EQ(message_of("[measured]\nshare = 2\n[[variant]]\nW = 1\n"), "my.toml:1: share 2 is not in 0..1");
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
  EXPECT_NE(load_message("set8").find("the nearest is set1"), std::string::npos);
  EXPECT_NE(load_message("bseline").find("the nearest is baseline"), std::string::npos);
  EXPECT_EQ(load_message("/nowhere/x.toml"), "/nowhere/x.toml: no such file");
}

TEST(Recipe, TextsThatAParserMustNotSee) {
  const auto contains = [](const std::string& text, const std::string& what) {
    const std::string message = message_of(text);
    EXPECT_NE(message.find(what), std::string::npos) << message;
  };
  std::string deep = "a";
  for (int i = 0; i < 100'000; ++i)
    deep += ".a";
  contains(deep + " = 1\n", "my.toml:1: a key of more than 32 parts");
  contains("\n[" + deep + "]\n", "my.toml:2: a key of more than 32 parts");
  contains("x = { " + deep + " = 1 }\n", "a key of more than 32 parts");
  contains("x = " + std::string(100'000, '['), "nested deeper than 32 brackets");
  std::string tables = "x = ";
  for (int i = 0; i < 100'000; ++i)
    tables += "{a=";
  contains(tables, "nested deeper than 32 brackets");
  contains("#" + std::string(maximum_toml_bytes, 'x'), "more than 1048576");
  // Found by fuzzing: what the parser's behaviour is not defined for.
  contains("x = +\"\"'=\"\xce\xbd\"\n", "my.toml:1: '\"' where the line should end");
  contains("x = 2{'\xce\xbd'", "my.toml:1: '{' where the line should end");
  contains("x = [\n2{'\xce\xbd'", "my.toml:2: '{' where ',' should stand, between the items of an array");
  contains("x = '''\n\xce\xbd'''", "my.toml:1: a string of several lines");
  contains("[[?ariant]]\nU = 0.02\n", "my.toml:1: '?' where a key should stand, in a table header");
  contains(
      "[\xef\xbb\xbf"
      "agg10U2]\n",
      "my.toml:1: byte 0xef where a key should stand");
  contains("[a\xef\xbb\xbf]\n", "my.toml:1: byte 0xef where ']' should stand");
  contains("na\x01me = 1\n", "byte 0x01 where '=' should stand");
  contains("name = 'a\x01'\n", "byte 0x01 in a string");
  contains("name = \"\\\xce\xbd\"\n", "byte 0xce behind a \\ in a string");
  contains("name = \"a\n", "my.toml:1: a string that does not end");
  contains("name\n", "the end of the line where '=' should stand, behind a key");
  contains("name =\n", "the end of the line where a value should stand");
  contains("x = {a = 1", "the end of the text where '}' should stand");
}

TEST(Recipe, TextsThatAParserReads) {
  for (const std::string text : {
           "",
           "\n\n",
           "# nothing",
           "name = 'x' # \xce\xb1 [[[[[[\r\n",
           "\xef\xbb\xbfname = '\xce\xb1 [[[[ \"'",
           "name = \"\\u03b1 \\\" \\\\\"\n",
           "\"name\" = ''",
           "  [[ variant ]] #\n\t W=[0.01 , # one\n\n0.02,\n]\n",
           "variant = [ { W = [ 1e-2, -.inf ] } , { } ]",
       })
    EXPECT_FALSE(toml_fault(text).has_value()) << text;
}

TEST(Recipe, StolRangeCoversTheTails) {
  const TwoThetaGrid grid;
  const double wavelength = 1.54184;
  for (const char* name : {"set1", "set5", "large"}) {
    const Recipe recipe = load_recipe(name);
    const StolRange range = stol_range({grid, wavelength}, recipe);
    const double low = xrd::two_theta_from_d(1 / (2 * range.min), wavelength);
    const double high = xrd::two_theta_from_d(1 / (2 * range.max), wavelength);
    // The widest H at both ends, and so the last line that is seen: its cut is at the grid's end, within a
    // step of 0.01.
    for (const auto& [at, edge] : {std::pair{low, grid.start}, {high, grid.end()}}) {
      const double t = std::tan(at * M_PI / 360);
      double widest = 0;
      for (const auto& v : recipe.variants)
        widest = std::max(widest, std::sqrt(v.U * t * t + v.V * t + v[Effect::W].highest()));
      EXPECT_GT(std::abs(at - edge), profile_cut * widest) << name;
      EXPECT_LT(std::abs(at - edge), profile_cut * widest + 0.02) << name;
    }
  }
  const StolRange from_zero = stol_range({{0.1, 0.01, 100}, wavelength}, load_recipe("set1"));
  EXPECT_EQ(from_zero.min, 0);

  // What moves lines brings in more of them.
  const StolRange plain = stol_range({grid, wavelength}, load_recipe("set5"));
  Recipe moved = load_recipe("set5");
  moved.variants[0][Effect::strain] = {Distribution::Law::normal, 0, 0.01, 1};
  EXPECT_NEAR(stol_range({grid, wavelength}, moved).max, 1.03 * plain.max, 1e-12);
  moved.variants[0][Effect::strain] = Distribution::uniform(-0.2, 0.2);
  EXPECT_NEAR(stol_range({grid, wavelength}, moved).max, 1.2 * plain.max, 1e-12);
  moved = load_recipe("set5");
  moved.variants[0][Effect::zero_shift] = Distribution::uniform(-0.3, 0.1);
  EXPECT_NEAR(xrd::two_theta_from_d(1 / (2 * stol_range({grid, wavelength}, moved).max), wavelength),
              xrd::two_theta_from_d(1 / (2 * plain.max), wavelength) + 0.3, 0.011);
}

}  // namespace
}  // namespace bragg::data
