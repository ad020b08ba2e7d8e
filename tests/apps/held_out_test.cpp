// What is held out for good, from outside: the list is made once, and every set is split by it. Sets to
// evaluate on.
#include <filesystem>
#include <map>
#include <span>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "data/crystals/crystal_set.h"
#include "data/hash.h"
#include "data/held_out_list.h"
#include "data/patterns/pattern_set.h"
#include "tests/apps/run_bragg.h"
#include "tests/apps/tiny_model.h"
#include "tests/data/test_crystals.h"
#include "tests/support/shared_data.h"
#include "tests/support/temporary_folder.h"
#include "xrd/symmetry/space_groups.h"

namespace bragg::tests {
namespace {

namespace fs = std::filesystem;

class HeldOut : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string others;
    for (int i = 0; i < 30; ++i) {
      std::string cif = rock_salt_cif(fmt::format("k{}", i), 5 + 0.1 * i);
      if (i % 2 == 0) cif = caesium_chloride_cif(fmt::format("k{}", i), "P m -3 m");
      others += cif;
    }
    write_text(folder / "others.cif", others);
    ASSERT_EQ(run_bragg({"crystals", "import", project_file("data/crystals").string(), "-o", minerals}).code,
              0);
    ASSERT_EQ(run_bragg({"crystals", "import", folder / "others.cif", "-o", others_set}).code, 0);
  }
  RunResult make(const std::string& seed) const {
    return run_bragg({"crystals", "hold-out", "--minerals", minerals, "--others", others_set, "--names",
                      "0.1", "--seed", seed, "--note", "sources: the literature", "-o", list});
  }

  const TemporaryFolder folder;
  const std::string minerals = (folder / "minerals.safetensors").string(),
                    others_set = (folder / "others.safetensors").string(),
                    list = (folder / "list.tsv").string();
};

TEST_F(HeldOut, EverySetIsSplitByOneList) {
  const RunResult made = make("5");
  ASSERT_EQ(made.code, 0) << made.err;
  const std::string text = read_text(folder / "list.tsv");
  for (const char* part : {"--names 0.1", "--seed 5", "minerals minerals.safetensors: 173 crystals",
                           "others others.safetensors: 30 crystals", "# sources: the literature\nname\t"})
    EXPECT_NE(text.find(part), std::string::npos) << part << " in\n" << text.substr(0, 1000);

  const auto part = [&](const char* name) {
    return (folder / (std::string(name) + ".safetensors")).string();
  };
  for (const std::string& set : {minerals, others_set}) {
    const RunResult run = run_bragg(
        {"crystals", "split", set, "--list", list, "--held-out", part("held"), "--rest", part("rest")});
    ASSERT_EQ(run.code, 0) << run.err;
    const data::CrystalSet held(part("held")), rest(part("rest")), whole(set);
    EXPECT_EQ(held.size() + rest.size(), whole.size());
    data::HeldOutRules rules(data::load_held_out_list(list));
    for (std::int64_t i = 0; i < held.size(); ++i)
      EXPECT_NE(rules.rule_of(held.crystal(i)), data::HeldOutRule::none) << held.name(i);
    for (std::int64_t i = 0; i < rest.size(); ++i)
      EXPECT_EQ(rules.rule_of(rest.crystal(i)), data::HeldOutRule::none) << rest.name(i);
    EXPECT_GT(held.size(), set == minerals ? 5 : -1);
    EXPECT_NE(run.err.find(" held out by name\n"), std::string::npos) << run.err;
  }
}

TEST_F(HeldOut, ImportLeavesOutWhatTablesName) {
  const std::string table = (folder / "table.tsv").string(), set = (folder / "some.safetensors").string();
  write_text(table, "block\tknown\nk1\tyes\nk2\t\nk3\t\n");
  const auto import = [&](const std::vector<std::string>& flags) {
    std::vector<std::string> all{"crystals", "import", (folder / "others.cif").string(), "-o", set};
    all.insert(all.end(), flags.begin(), flags.end());
    return run_bragg(all);
  };
  const RunResult left = import({"--leave-out", table});
  ASSERT_EQ(left.code, 0) << left.err;
  EXPECT_EQ(data::CrystalSet(set).size(), 27);
  EXPECT_NE(left.err.find("3 blocks left out"), std::string::npos) << left.err;
  ASSERT_EQ(import({"--require", table + ":known"}).code, 0);
  EXPECT_EQ(data::CrystalSet(set).size(), 28);
  EXPECT_EQ(import({"--require", table}).code, 2);
  EXPECT_EQ(import({"--require", table + ":unknown"}).code, 2);
  EXPECT_EQ(import({"--leave-out", "/nowhere.tsv"}).code, 1);
}

TEST_F(HeldOut, AListIsNeverReplaced) {
  ASSERT_EQ(make("5").code, 0);
  const std::string before = read_text(folder / "list.tsv");
  const RunResult again = make("6");
  EXPECT_EQ(again.code, 2);
  EXPECT_NE(again.err.find("never changes"), std::string::npos) << again.err;
  EXPECT_EQ(read_text(folder / "list.tsv"), before);
  const std::string a = (folder / "a.safetensors").string(), b = (folder / "b.safetensors").string();
  EXPECT_EQ(run_bragg({"crystals", "split", minerals, "--list", list, "--holdout", "0.2", "--held-out", a,
                       "--rest", b})
                .code,
            2);
  EXPECT_EQ(
      run_bragg({"crystals", "split", minerals, "--list", folder / "none.tsv", "--held-out", a, "--rest", b})
          .code,
      1);
  write_text(folder / "wrong.tsv", "name\tquartz\nwhat\tis this\n");
  const RunResult wrong = run_bragg(
      {"crystals", "split", minerals, "--list", folder / "wrong.tsv", "--held-out", a, "--rest", b});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_NE(wrong.err.find("wrong.tsv:2"), std::string::npos) << wrong.err;
  EXPECT_FALSE(fs::exists(a));
}

// The list of this project, which stays as it is: models that were trained with it are evaluated by it.
TEST(HeldOutOfTheProject, NeverChanges) {
  const data::HeldOutList list = data::load_held_out_list(project_file("data/held_out.tsv"));
  EXPECT_EQ(list.names.size(), 85u);
  EXPECT_EQ(list.structures.size(), 418u);
  EXPECT_EQ(list.types.size(), 397u);
  const std::string text = read_text(project_file("data/held_out.tsv"));
  EXPECT_EQ(data::fnv1a(std::as_bytes(std::span(text))), 0x3e124ef7c7a7be1cu);
}

TEST_F(HeldOut, SyntheticCrystalsOfASystemWithLargeCells) {
  const std::string set = (folder / "low.safetensors").string();
  const RunResult run =
      run_bragg({"crystals", "generate", "60", "--like", minerals, "--space-groups",
                 "triclinic:1,monoclinic:2,14:1", "--min-volume", "400", "--max-volume", "3000", "-o", set});
  ASSERT_EQ(run.code, 0) << run.err;
  const data::CrystalSet crystals(set);
  std::map<xrd::CrystalSystem, int> systems;
  for (std::int64_t i = 0; i < crystals.size(); ++i) {
    const xrd::Crystal crystal = crystals.crystal(i);
    ++systems[xrd::crystal_system(crystal.group.number)];
    EXPECT_GE(crystal.cell.volume(), 399.9);
    EXPECT_LE(crystal.cell.volume(), 3000.1);
  }
  EXPECT_EQ(systems.size(), 2u);
  EXPECT_GT(systems[xrd::CrystalSystem::triclinic], 4);
  EXPECT_GT(systems[xrd::CrystalSystem::monoclinic], 25);
  for (const char* wrong : {"triclinic", "triclinic:0", "triclinic:x", "hexagon:1"}) {
    EXPECT_EQ(
        run_bragg({"crystals", "generate", "5", "--like", minerals, "--space-groups", wrong, "-o", set}).code,
        2)
        << wrong;
  }
}

TEST(JoinedPatterns, AreASetToEvaluateOn) {
  const TemporaryFolder folder;
  write_text(folder / "a.xy", apps::tests::text_pattern(0, 5, 65, 0.02));
  write_text(folder / "deep/b.xy", apps::tests::text_pattern(1, 4, 70, 0.05));
  write_text(folder / "flat.xy", "10 1\n11 1\n");
  write_text(folder / "labels.tsv",
             "file\tphase\tspace_group\tkind\na.xy\tQuartz\t154\tcrystal\nflat.xy\tNothing\t1\tcrystal\n"
             "glass.xy\tGlass\t0\tamorphous\ndeep/b.xy\tAlbite\t2\tcrystal\na.xy\tQuartz\t154\tagain\n");
  const std::string set = (folder / "set.safetensors").string();
  const RunResult run = run_bragg({"patterns", "join", folder / "labels.tsv", "-o", set});
  ASSERT_EQ(run.code, 1) << "one is refused: " << run.err;
  EXPECT_NE(run.err.find("flat.xy refused"), std::string::npos) << run.err;
  const data::PatternSet patterns(set);
  ASSERT_EQ(patterns.size(), 3);
  EXPECT_EQ(patterns.space_group(0), 154);
  EXPECT_EQ(patterns.space_group(1), 2);
  EXPECT_EQ(patterns.group(0), patterns.group(2));
  EXPECT_NE(patterns.group(0), patterns.group(1));
  EXPECT_EQ(patterns.name(1), "Albite (deep/b.xy)");
  const std::vector<float> first = patterns.pattern(0);
  EXPECT_EQ(first.size(), 8500u);
  EXPECT_EQ(first[6100], 0);  // beyond 65 degrees
  write_text(folder / "wrong.tsv", "file\tphase\tspace_group\na.xy\tQuartz\t231\n");
  const RunResult wrong = run_bragg({"patterns", "join", folder / "wrong.tsv", "-o", set});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_NE(wrong.err.find("wrong.tsv:2: space_group '231'"), std::string::npos) << wrong.err;
  write_text(folder / "short.tsv", "file\tphase\na.xy\tQuartz\n");
  const RunResult lacking = run_bragg({"patterns", "join", folder / "short.tsv", "-o", set});
  EXPECT_EQ(lacking.code, 2);
  EXPECT_NE(lacking.err.find("short.tsv: no column 'space_group' in the first line, which has file, phase"),
            std::string::npos)
      << lacking.err;
  write_text(folder / "torn.tsv", "file\tphase\tspace_group\n\na.xy\tQuartz\n");
  const RunResult torn = run_bragg({"patterns", "join", folder / "torn.tsv", "-o", set});
  EXPECT_EQ(torn.code, 2);
  EXPECT_NE(torn.err.find("torn.tsv:3: 2 columns, the first line has 3"), std::string::npos) << torn.err;
}

}  // namespace
}  // namespace bragg::tests
