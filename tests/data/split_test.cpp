#include "data/split.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string_view>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "data/hash.h"
#include "tests/data/test_crystals.h"
#include "xrd/symmetry/space_groups.h"

namespace bragg::tests {
namespace {

using data::split_key;
using data::split_position;

TEST(Hash, Fnv1aKnownAnswers) {  // draft-eastlake-fnv, test vectors
  const auto hash = [](std::string_view text) { return data::fnv1a(std::as_bytes(std::span(text))); };
  EXPECT_EQ(hash(""), 0xcbf29ce484222325u);
  EXPECT_EQ(hash("a"), 0xaf63dc4c8601ec8cu);
  EXPECT_EQ(hash("foobar"), 0x85944171f73967e8u);
}

TEST(Split, KeyIsCompositionAndGroup) {
  const auto crystals = three_crystals();
  EXPECT_EQ(split_key(crystals[0]), "Cl500 Na500 /225");
  EXPECT_EQ(split_key(crystals[1]), "O667 Si333 /152");  // 154, as its enantiomorph 152
  EXPECT_EQ(split_key(crystals[2]), "Cl667 Cs333 /221");
}

TEST(Split, KeyLeavesOutWhatDoesNotMakeAStructure) {
  const auto crystals = three_crystals();
  for (const xrd::Crystal& original : crystals) {
    const std::string key = split_key(original);
    xrd::Crystal other = original;
    other.name = "other";
    std::reverse(other.sites.begin(), other.sites.end());
    for (xrd::Site& site : other.sites)
      site.species.charge = 0;
    EXPECT_EQ(split_key(other), key);
    for (const double scale : {0.96, 0.9999, 1.0001, 1.04, 1.3}) {  // near-equal volumes are never parted
      xrd::Crystal strained = other;
      strained.cell.a *= scale;
      strained.cell.b *= scale;
      strained.cell.c *= scale;
      EXPECT_EQ(split_key(strained), key);
    }
    xrd::Crystal doubled = other;  // another choice of cell
    for (xrd::Site& site : doubled.sites)
      site.multiplicity *= 2;
    EXPECT_EQ(split_key(doubled), key);
    xrd::Crystal substituted = other;
    substituted.sites[0].species.atomic_number += 1;
    EXPECT_NE(split_key(substituted), key);
  }
  xrd::Crystal left = crystals[1], right = crystals[1], other = crystals[1];
  left.group.number = 152;
  right.group.number = 154;
  other.group.number = 155;
  EXPECT_EQ(split_key(left), split_key(right));
  EXPECT_NE(split_key(left), split_key(other));
}

TEST(Split, PositionNeverChanges) {
  // The split of every model ever trained hangs on these numbers. Computed by a second implementation
  // (FNV-1a and Philox4x32-10 in Python).
  EXPECT_EQ(split_position("Cl500 Na500 /225", 1), 0x1.2d25000000000p-6);
  EXPECT_EQ(split_position("Cl500 Na500 /225", 2), 0x1.dcdc400000000p-1);
  EXPECT_EQ(split_position("O667 Si333 /152", 1), 0x1.f3376c0000000p-1);
}

TEST(Split, PositionsAreUniform) {
  constexpr int keys = 100'000, bins = 10;
  int count[bins] = {};
  for (int i = 0; i < keys; ++i) {
    const double position = split_position(fmt::format("key {}", i), 7);
    ASSERT_TRUE(position >= 0 && position < 1);
    ++count[static_cast<int>(position * bins)];
  }
  const double expected = double{keys} / bins, sigma = std::sqrt(expected * (1 - 1.0 / bins));
  for (const int n : count)
    EXPECT_LE(std::abs(n - expected), 5 * sigma) << n;
}

}  // namespace
}  // namespace bragg::tests
