// Patterns that are calculated, not measured: no noise, exact zeros between lines, tails that reach far.
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "data/patterns/bragg_lines.h"
#include "data/patterns/scaled_crystals.h"
#include "data/patterns/simulate.h"
#include "kernels/backend.h"
#include "tests/data/imported_crystals.h"
#include "tests/data/test_crystals.h"
#include "tests/support/shared_data.h"
#include "tests/support/temporary_folder.h"

namespace bragg::tests {
namespace {

struct Answered {
  int patterns = 0, refused = 0;
  std::string reason;  ///< of the first that is refused
};

Answered answered(const data::CrystalSource& crystals, const std::string& recipe) {
  const auto backend = make_backend({.device = "cpu", .threads = 1, .instruction_set = {}});
  data::SimulateOptions options;
  options.recipe = data::load_recipe(recipe);
  options.seed = 3;
  std::vector<double> x;
  for (std::int64_t i = 0; i < options.instrument.grid.points; ++i)
    x.push_back(options.instrument.grid.at(i));
  Answered result;
  data::simulate_patterns(
      *backend, crystals, options, [&](std::int64_t index, std::span<const float> pattern) {
        const std::string reason =
            data::nothing_there(data::bragg_lines(x, std::vector<double>(pattern.begin(), pattern.end())));
        ++result.patterns;
        if (!reason.empty() && ++result.refused == 1)
          result.reason = "pattern " + std::to_string(index) + ": " + reason;
      });
  return result;
}

class CalculatedPatterns : public ::testing::TestWithParam<const char*> {};

TEST_P(CalculatedPatterns, OfThreeStructuresInAllSizesHaveLines) {
  const auto crystals = three_crystals();
  data::CellScales sizes = data::load_recipe("lattice").cells;
  sizes.cubic_only = false;
  const Answered got = answered(data::scaled_crystals(data::crystals_of(crystals), sizes), GetParam());
  EXPECT_EQ(got.patterns, 63);
  EXPECT_EQ(got.refused, 0) << got.reason;
}

TEST_P(CalculatedPatterns, OfManyMineralsHaveLines) {
  BRAGG_SHARED_DATA_OR_SKIP(minerals, "more_minerals.cif.gz");
  const TemporaryFolder folder;
  const data::CrystalSet set = imported(minerals, folder);
  constexpr std::int64_t every = 4;
  const Answered got = answered(
      {.size = set.size() / every, .at = [&](std::int64_t i) { return set.crystal(i * every); }}, GetParam());
  EXPECT_GT(got.patterns, 150);
  EXPECT_LE(got.refused, got.patterns / 100) << got.reason;
}

INSTANTIATE_TEST_SUITE_P(BraggLines, CalculatedPatterns,
                         ::testing::Values("baseline", "mixed", "large", "lattice"),
                         [](const auto& recipe) { return std::string(recipe.param); });

}  // namespace
}  // namespace bragg::tests
