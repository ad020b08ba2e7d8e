// A tenth of the scattering from a crystal, the rest from glass: enough to be answered.
#include <span>

#include <gtest/gtest.h>

#include "data/patterns/bragg_lines.h"
#include "data/patterns/nothing_patterns.h"
#include "data/patterns/simulate.h"
#include "kernels/backend.h"
#include "tests/data/imported_crystals.h"
#include "tests/data/test_crystals.h"
#include "tests/support/shared_data.h"
#include "tests/support/temporary_folder.h"

namespace bragg::tests {
namespace {

const TwoThetaGrid grid{5, 0.01, 8500};

struct Answered {
  int patterns = 0, refused = 0;
};

Answered answered(const data::CrystalSource& crystals, std::int64_t patterns_per_crystal) {
  const auto backend = make_backend({.device = "cpu", .threads = 1, .instruction_set = {}});
  data::SimulateOptions options;
  options.recipe = data::parse_recipe(
      "name = \"pure\"\n[[variant]]\nW = { log_uniform = [0.0009, 0.01] }\nsize = { log_uniform = [150, "
      "2000] }\n"
      "k_alpha2 = 0.5\ntexture = { log_normal = [1, 0.3], probability = 0.5 }\n",
      "test");
  options.instrument.grid = grid;
  options.patterns_per_crystal = patterns_per_crystal;
  Answered result;
  data::simulate_patterns(*backend, crystals, options, [&](std::int64_t, std::span<const float> pattern) {
    for (const double counts : {1e3, 1e4, 1e5}) {
      data::NothingDraws draws(7, 99, static_cast<std::uint64_t>(result.patterns));
      const data::DrawnScan scan = data::draw_in_glass(draws, pattern, grid, counts);
      result.refused +=
          data::nothing_there(data::bragg_lines(scan.two_theta, scan.intensity)).empty() ? 0 : 1;
      ++result.patterns;
    }
  });
  return result;
}

TEST(CrystalsInGlass, OfThreeStructuresAreAnswered) {
  const auto crystals = three_crystals();
  const Answered got = answered(data::crystals_of(crystals), 10);
  EXPECT_EQ(got.patterns, 90);
  EXPECT_EQ(got.refused, 0);
}

TEST(CrystalsInGlass, OfManyMineralsAreAnswered) {
  BRAGG_SHARED_DATA_OR_SKIP(minerals, "more_minerals.cif.gz");
  const TemporaryFolder folder;
  const data::CrystalSet set = imported(minerals, folder);
  constexpr std::int64_t every = 8;
  const Answered got =
      answered({.size = set.size() / every, .at = [&](std::int64_t i) { return set.crystal(i * every); }}, 1);
  EXPECT_GT(got.patterns, 200);
  EXPECT_LE(got.refused, got.patterns / 100);
}

}  // namespace
}  // namespace bragg::tests
