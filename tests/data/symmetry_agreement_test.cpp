// The search for symmetry on many crystals: the minerals of a published collection against what spglib finds,
// and synthetic ones of all groups, written in P1 in skew cells.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <map>
#include <sstream>

#include <gtest/gtest.h>

#include "data/crystals/crystal_generator.h"
#include "data/text_source.h"
#include "tests/data/p1_crystals.h"
#include "tests/support/shared_data.h"
#include "xrd/cif/cif.h"
#include "xrd/symmetry/space_groups.h"
#include "xrd/symmetry/symmetry_search.h"

namespace bragg::tests {
namespace {

TEST(SymmetryAgreement, MineralsAgainstSpglib) {
  BRAGG_SHARED_DATA_OR_SKIP(cif, "minerals.cif.gz");
  BRAGG_SHARED_DATA_OR_SKIP(table, "minerals.tsv.gz");
  std::map<std::string, int> expected;  // by block, at 0.02 A
  std::istringstream rows(data::read_text_source(table, std::uintmax_t{1} << 26));
  std::size_t block = 0, group = 0;
  bool first = true;
  for (std::string row; std::getline(rows, row); first = false) {
    std::istringstream in(row);
    std::vector<std::string> fields;
    for (std::string field; std::getline(in, field, '\t');)
      fields.push_back(field);
    if (first) {
      const auto find = [&](const char* name) {
        return static_cast<std::size_t>(std::find(fields.begin(), fields.end(), name) - fields.begin());
      };
      block = find("block");
      group = find("space_group_spglib");
      ASSERT_LT(std::max(block, group), fields.size());
    } else {
      expected[fields.at(block)] = std::stoi(fields.at(group));
    }
  }
  ASSERT_GT(expected.size(), 8000u);
  int compared = 0, equal = 0, raised = 0;
  std::string differing;
  xrd::read_cif(cif, {.crystal =
                          [&](xrd::Crystal&& crystal) {
                            const auto row = expected.find(crystal.name);
                            if (row == expected.end()) return;
                            const auto found = xrd::with_symmetry_found(crystal);
                            const int number = found ? found->group.number : crystal.group.number;
                            ++compared;
                            raised += found.has_value();
                            if (number == row->second)
                              ++equal;
                            else if (differing.size() < 1500)
                              differing += fmt::format("{} declared {} found {} spglib {}; ", crystal.name,
                                                       crystal.group.number, number, row->second);
                          },
                      .rejected = {},
                      .warning = {}});
  std::printf("minerals: %d of %d as spglib has them, %d under a larger group than declared. %s\n", equal,
              compared, raised, differing.c_str());
  EXPECT_GT(compared, 8000);
  EXPECT_GE(equal, compared * 99 / 100);
  EXPECT_GT(raised, 100);
}

TEST(SymmetryAgreement, SyntheticCrystalsInP1) {
  const SyntheticCrystals synthetic;
  constexpr std::uint64_t count = 300;
  int equal = 0;
  std::string wrong;
  for (std::uint64_t i = 0; i < count; ++i) {
    const xrd::Crystal whole = synthetic.crystal(i), p1 = synthetic.in_p1(whole, i);
    const auto found = xrd::with_symmetry_found(p1);
    const int number = found ? found->group.number : 1;
    equal += number == whole.group.number;
    if (number != whole.group.number) {
      wrong += fmt::format("{} is {}; ", whole.group.number, number);
      continue;
    }
    if (!found) continue;
    EXPECT_EQ(found->sites.size(), whole.sites.size()) << i;
    EXPECT_NEAR(found->density(), whole.density(), 1e-6 * whole.density()) << i;
  }
  std::printf("synthetic crystals: %d of %d found. %s\n", equal, static_cast<int>(count), wrong.c_str());
  EXPECT_GE(equal, static_cast<int>(count) * 99 / 100);
}

}  // namespace
}  // namespace bragg::tests
