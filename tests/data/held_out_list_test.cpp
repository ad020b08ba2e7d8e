// What is held out for good: which side a crystal is on follows from the list and the crystal alone.
#include "data/held_out_list.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "tests/data/test_crystals.h"
#include "tests/support/shared_data.h"
#include "xrd/cif/cif.h"

namespace bragg::tests {
namespace {

using data::HeldOutList;
using data::HeldOutRule;
using data::HeldOutRules;
using data::mineral_words;
using Words = std::vector<std::string>;

xrd::Crystal library(const std::string& name) {
  std::vector<xrd::Crystal> crystals;
  xrd::read_cif(project_file("data/crystals/" + name + ".cif"),
                {.crystal = [&](xrd::Crystal&& c) { crystals.push_back(std::move(c)); },
                 .rejected = {},
                 .warning = {}});
  if (crystals.size() != 1) throw Error(name + ": expected one crystal");
  return crystals.front();
}

xrd::Crystal scaled(xrd::Crystal crystal, double factor) {
  crystal.cell.a *= factor;
  crystal.cell.b *= factor;
  crystal.cell.c *= factor;
  return crystal;
}

xrd::Crystal named(xrd::Crystal crystal, const std::string& mineral, const std::string& common = "") {
  crystal.names = {};
  crystal.names.mineral = mineral;
  crystal.names.common = common;
  return crystal;
}

TEST(MineralWords, AreWhatIsLeftOfSpellings) {
  EXPECT_EQ(mineral_words("Quartz"), Words{"quartz"});
  EXPECT_EQ(mineral_words("QUARTZ low"), Words{"quartz"});
  EXPECT_EQ(mineral_words("TridymiteLow"), Words{"tridymite"});
  EXPECT_EQ(mineral_words("Bastnasite-(Ce)"), Words{"bastnasite"});
  EXPECT_EQ(mineral_words("Beta - fergusonite-(Y)"), Words{"fergusonite"});
  EXPECT_EQ(mineral_words("Gersdorffite-Pca21"), Words{"gersdorffite"});
  EXPECT_EQ(mineral_words("Carbonate-fluorapatite"), (Words{"carbonate", "fluorapatite"}));
  EXPECT_EQ(mineral_words("PLAGIOCLASE_ANORTHITE"), (Words{"anorthite", "plagioclase"}));
  EXPECT_EQ(mineral_words("CaTiO3(Perovskite)"), Words{"perovskite"});
  EXPECT_EQ(mineral_words("Ice VII"), Words{"ice"});
  EXPECT_EQ(mineral_words("Tin-alpha"), Words{"tin"});
  EXPECT_EQ(mineral_words("CdF2"), Words{"cdf"});
  EXPECT_EQ(mineral_words("Högbomite"), Words{"högbomite"});
  EXPECT_EQ(mineral_words("<missing>"), Words{});
  EXPECT_EQ(mineral_words("2 + 2"), Words{});
}

TEST(MineralWords, ACrystalHasThemInAnyOfItsNames) {
  const xrd::Crystal halite = library("halite");
  EXPECT_TRUE(data::is_of_mineral(named(halite, "Anorthite"), {"anorthite"}));
  EXPECT_TRUE(data::is_of_mineral(named(halite, "", "Plagioclase_Anorthite"), {"anorthite"}));
  EXPECT_TRUE(data::is_of_mineral(named(halite, "Something", "anorthite"), {"anorthite"}));
  EXPECT_FALSE(data::is_of_mineral(named(halite, "Anorthite"), {"anorthite", "plagioclase"}));
  EXPECT_FALSE(data::is_of_mineral(named(halite, "Anorthoclase"), {"anorthite"}));
  EXPECT_FALSE(data::is_of_mineral(named(halite, ""), {"anorthite"}));
  EXPECT_FALSE(data::is_of_mineral(named(halite, "Anorthite"), {}));
}

TEST(StructureKey, IsCompositionGroupAndSize) {
  const data::StructureKey halite = data::structure_key(library("halite"));
  EXPECT_EQ(data::composition_text(halite), "Na500 Cl500");
  EXPECT_EQ(halite.space_group, 225);
  EXPECT_NEAR(halite.volume, std::pow(5.64, 3) / 8, 0.1);
  // Hydrogen is left out, whether a file has it or not.
  const xrd::Crystal gypsum = library("gypsum");
  xrd::Crystal dry = gypsum;
  std::erase_if(dry.sites, [](const xrd::Site& site) { return site.species.atomic_number == 1; });
  ASSERT_LT(dry.sites.size(), gypsum.sites.size());
  EXPECT_EQ(data::structure_key(dry), data::structure_key(gypsum));
  // The mirror image is the same.
  const xrd::Crystal quartz = three_crystals()[1];
  EXPECT_EQ(quartz.group.number, 154);
  EXPECT_EQ(data::structure_key(quartz).space_group, 152);
}

TEST(StructureKey, SameWithinFivePercentOfTheCell) {
  const xrd::Crystal halite = library("halite");
  const data::StructureKey key = data::structure_key(halite);
  for (const double factor : {0.953, 0.99, 1.0, 1.03, 1.049})
    EXPECT_TRUE(is_same_structure(key, data::structure_key(scaled(halite, factor)))) << factor;
  for (const double factor : {0.94, 1.051})
    EXPECT_FALSE(is_same_structure(key, data::structure_key(scaled(halite, factor)))) << factor;
  xrd::Crystal other = halite;
  other.sites[0].species.atomic_number = 19;
  EXPECT_FALSE(is_same_structure(key, data::structure_key(other)));
  other = halite;
  other.group.number = 216;
  EXPECT_FALSE(is_same_structure(key, data::structure_key(other)));
  other = halite;  // rounded occupancies are the same, a tenth less is not
  other.sites[0].occupancy = 0.99;
  EXPECT_TRUE(is_same_structure(key, data::structure_key(other)));
  other.sites[0].occupancy = 0.9;
  EXPECT_FALSE(is_same_structure(key, data::structure_key(other)));
}

HeldOutList small_list() {
  HeldOutList list;
  list.names = {{"anorthite"}};
  list.structures = {data::structure_key(library("calcite"))};
  list.structures[0].volume = std::round(list.structures[0].volume * 1000) / 1000;
  list.types = {"AB2 /136 2(mmm):A 4(mm2):B"};
  return list;
}

TEST(HeldOutList, HoldsOutByEachRule) {
  HeldOutRules rules(small_list());
  EXPECT_EQ(rules.rule_of(library("anorthite")), HeldOutRule::name);
  EXPECT_EQ(rules.rule_of(named(library("halite"), "Anorthite")), HeldOutRule::name);
  EXPECT_EQ(rules.rule_of(library("calcite")), HeldOutRule::structure);
  EXPECT_EQ(rules.rule_of(scaled(named(library("calcite"), ""), 1.03)), HeldOutRule::structure);
  EXPECT_EQ(rules.rule_of(scaled(library("calcite"), 1.1)), HeldOutRule::none);
  EXPECT_EQ(rules.rule_of(library("aragonite")), HeldOutRule::none);  // its polymorph
  EXPECT_EQ(rules.rule_of(library("magnesite")), HeldOutRule::none);  // its type
  EXPECT_EQ(rules.rule_of(library("rutile")), HeldOutRule::type);
  EXPECT_EQ(rules.rule_of(library("anatase")), HeldOutRule::none);
  EXPECT_EQ(rules.rule_of(library("halite")), HeldOutRule::none);
}

TEST(HeldOutList, IsReadBackAsItWasWritten) {
  const HeldOutList list = small_list();
  const std::string text = data::to_text(list, "two lines\nof a comment");
  EXPECT_TRUE(text.starts_with("# two lines\n# of a comment\nname\tanorthite\nstructure\t167\t")) << text;
  EXPECT_EQ(data::parse_held_out_list(text, "a"), list);
}

TEST(HeldOutList, RefusesWhatIsNone) {
  const auto message = [](const std::string& text) {
    try {
      data::parse_held_out_list(text, "list.tsv");
    } catch (const UsageError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_NE(message("# nothing\n").find("list.tsv: holds out nothing"), std::string::npos);
  for (const char* line :
       {"name", "name\t", "name\tb a", "names\tquartz", "structure\t167\tC200 O600 Ca200",
        "structure\t231\tC1000\t5", "structure\t1\tC1001\t5", "structure\t1\tC500 C500\t5",
        "structure\t1\tXx500\t5", "structure\t1\tC1000\t-5", "structure\t1\tC1000\tnan", "type\ta\tb"}) {
    const std::string said = message(fmt::format("name\tquartz\n{}\n", line));
    EXPECT_NE(said.find("list.tsv:2: "), std::string::npos) << line << ": " << said;
  }
}

/// Minerals A0 .. A99, each with two entries, and 60 other crystals of as many types.
struct Drawn {
  std::vector<xrd::Crystal> minerals, others;
  HeldOutList list;

  explicit Drawn(const data::HeldOutShares& shares) {
    const xrd::Crystal halite = library("halite");
    for (int i = 0; i < 100; ++i) {
      const std::string name =
          fmt::format("{}{}ite", static_cast<char>('A' + i / 10), static_cast<char>('a' + i % 10));
      for (const double factor : {1.0, 1.01}) {
        minerals.push_back(scaled(named(halite, name), factor));
        minerals.back().sites[0].species.atomic_number =
            static_cast<std::uint8_t>(1 + i % 97 + (i % 97 > 15));
      }
    }
    for (int i = 0; i < 60; ++i) {
      others.push_back(named(library("quartz_alpha"), ""));
      // Another space group, another type; the atoms stay where they are.
      others.back().group.number = 3 + i;
      others.back().sites[0].species.atomic_number = 32;
    }
    list = data::make_held_out_list(data::crystals_of(minerals), data::crystals_of(others), shares);
  }
};

TEST(HeldOutList, DrawsTheSharesAndNothingIsOnBothSides) {
  const Drawn drawn({.minerals = 0.05, .types = 0.1, .seed = 3});
  EXPECT_EQ(drawn.list.names.size(), 5u);
  EXPECT_EQ(drawn.list.types.size(), 6u);
  EXPECT_GE(drawn.list.structures.size(), 5u);
  HeldOutRules rules(drawn.list);
  int held_minerals = 0, held_others = 0;
  for (const xrd::Crystal& crystal : drawn.minerals)
    held_minerals += rules.rule_of(crystal) != HeldOutRule::none;
  for (const xrd::Crystal& crystal : drawn.others)
    held_others += rules.rule_of(crystal) == HeldOutRule::type;
  EXPECT_GE(held_minerals, 10);  // both entries of each name
  EXPECT_LE(held_minerals, 14);  // and of other names what has the same composition
  EXPECT_EQ(held_others, 6);
  // The same again, whatever the order of the crystals; another seed draws others.
  std::vector<xrd::Crystal> minerals = drawn.minerals, others = drawn.others;
  std::reverse(minerals.begin(), minerals.end());
  std::reverse(others.begin(), others.end());
  EXPECT_EQ(data::make_held_out_list(data::crystals_of(minerals), data::crystals_of(others),
                                     {.minerals = 0.05, .types = 0.1, .seed = 3}),
            drawn.list);
  EXPECT_NE(Drawn({.minerals = 0.05, .types = 0.1, .seed = 4}).list, drawn.list);
}

TEST(HeldOutList, TypesOfMineralsAreNotDrawn) {
  Drawn drawn({.minerals = 0.05, .types = 0.1, .seed = 3});
  std::vector<xrd::Crystal> minerals = drawn.others;  // all types of the others
  for (std::size_t i = 0; i < minerals.size(); ++i) {
    minerals[i].names.mineral = fmt::format("Only{}ite", static_cast<char>('a' + i % 26));
    minerals[i].sites[0].species.atomic_number = 22;
  }
  const HeldOutList list =
      data::make_held_out_list(data::crystals_of(minerals), data::crystals_of(drawn.others),
                               {.minerals = 0.05, .types = 0.1, .seed = 3});
  EXPECT_TRUE(list.types.empty());
  EXPECT_FALSE(list.names.empty());
}

TEST(HeldOutList, MineralsWithoutANameAreDrawnByCompositionAndGroup) {
  std::vector<xrd::Crystal> minerals;
  for (int i = 0; i < 40; ++i) {
    minerals.push_back(named(library("halite"), ""));
    minerals.back().sites[0].species.atomic_number = static_cast<std::uint8_t>(20 + i);
  }
  const std::vector<xrd::Crystal> none;
  const HeldOutList list = data::make_held_out_list(data::crystals_of(minerals), data::crystals_of(none),
                                                    {.minerals = 0.05, .types = 0.02, .seed = 1});
  EXPECT_TRUE(list.names.empty());
  EXPECT_EQ(list.structures.size(), 2u);
}

}  // namespace
}  // namespace bragg::tests
