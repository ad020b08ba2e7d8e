// `bragg evaluate` as a program.
#include <algorithm>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/apps/run_bragg.h"
#include "tests/apps/tiny_model.h"
#include "tests/apps/well_formed.h"
#include "tests/data/test_crystals.h"
#include "tests/support/shared_data.h"

namespace bragg::apps::tests {
namespace {

using bragg::tests::read_text;
using bragg::tests::run_bragg;
using bragg::tests::RunResult;

using nlohmann::json;

class Evaluate : public ::testing::Test {
 protected:
  void SetUp() override {
    write_tiny_model(folder_.path() / "m230.safetensors", 230);
    write_tiny_model(folder_.path() / "m7.safetensors", 7);
    write_pattern_set(folder_.path() / "set.safetensors", 12, {225, 152, 14});
    write_pattern_set(folder_.path() / "near.safetensors", 3, {225, 154, 62});
  }
  std::string path(const char* name) const { return (folder_.path() / name).string(); }

  bragg::tests::TemporaryFolder folder_;
};

TEST_F(Evaluate, WritesTableJsonAndPage) {
  const RunResult run =
      run_bragg({"evaluate", path("m230.safetensors"), path("set.safetensors"), "--neighbours",
                 path("near.safetensors"), "--json", path("e.json"), "--report", path("e.html")});
  ASSERT_EQ(run.code, 0) << run.err;
  for (const char* part : {"12 patterns in 6 groups", "crystal system", "nearest neighbour", "always"}) {
    EXPECT_NE(run.out.find(part), std::string::npos) << part << "\n" << run.out;
  }
  const json j = json::parse(read_text(folder_.path() / "e.json"));
  EXPECT_EQ(j.at("patterns"), 12);
  EXPECT_EQ(j.at("groups"), 6);
  // Each pattern is one of the neighbours, whose labels are right, right modulo the pair, and wrong.
  EXPECT_DOUBLE_EQ(j.at("baselines").at("nearest_neighbour").at("space_group").get<double>(), 4 / 12.0);
  EXPECT_DOUBLE_EQ(j.at("baselines").at("nearest_neighbour").at("space_group_modulo_pairs").get<double>(),
                   8 / 12.0);
  EXPECT_DOUBLE_EQ(j.at("baselines").at("majority").at("space_group").get<double>(), 4 / 12.0);
  const std::string page = read_text(folder_.path() / "e.html");
  EXPECT_EQ(why_not_well_formed(page), "");
  EXPECT_EQ(external_reference(page), "");
  EXPECT_NE(page.find("&lt;0&amp;&gt;"), std::string::npos) << "names of patterns";
}

TEST_F(Evaluate, PatternsOfTheSameGroupAreNoNeighboursInTheSetItself) {
  const RunResult run = run_bragg({"evaluate", path("m7.safetensors"), path("set.safetensors"),
                                   "--neighbours", path("set.safetensors"), "--json", path("e.json")});
  ASSERT_EQ(run.code, 0) << run.err;
  const json j = json::parse(read_text(folder_.path() / "e.json"));
  EXPECT_TRUE(j.at("space_group").is_null());
  EXPECT_EQ(j.at("per_class").size(), 7u);
  // Groups hold i and i + 1; the same kind comes again three later, in another group.
  EXPECT_EQ(j.at("baselines").at("nearest_neighbour").at("space_group"), 1);
  // Two patterns of one group: neither has a neighbour, least of all itself.
  write_pattern_set(folder_.path() / "two.safetensors", 2, {225, 152});
  ASSERT_EQ(run_bragg({"evaluate", path("m7.safetensors"), path("two.safetensors"), "--neighbours",
                       path("two.safetensors"), "--json", path("e.json")})
                .code,
            0);
  const json two = json::parse(read_text(folder_.path() / "e.json"));
  EXPECT_EQ(two.at("baselines").at("nearest_neighbour").at("space_group"), 0);
}

TEST_F(Evaluate, ExitCodes) {
  EXPECT_EQ(run_bragg({"evaluate"}).code, 2);
  EXPECT_EQ(run_bragg({"evaluate", path("m7.safetensors"), path("set.safetensors"), "--repport", "x"}).code,
            2);
  EXPECT_EQ(run_bragg({"evaluate", path("m7.safetensors"), path("absent.safetensors")}).code, 1);
  EXPECT_EQ(run_bragg({"evaluate", path("set.safetensors"), path("set.safetensors")}).code, 1);
  const RunResult run = run_bragg(
      {"evaluate", path("m7.safetensors"), path("set.safetensors"), "--json", "/no/such/folder/e.json"});
  EXPECT_EQ(run.code, 1);
  EXPECT_EQ(std::count(run.err.begin(), run.err.end(), '\n'), 1) << run.err;
}

TEST_F(Evaluate, TakesTheMeasuredPatternsOfRruffAsTheyAre) {
  BRAGG_SHARED_DATA_OR_SKIP(rruff, "rruff_dev.safetensors");
  const RunResult run =
      run_bragg({"evaluate", path("m230.safetensors"), rruff.string(), "--json", path("e.json")});
  ASSERT_EQ(run.code, 0) << run.err;
  const json j = json::parse(read_text(folder_.path() / "e.json"));
  EXPECT_EQ(j.at("patterns"), 453);
  EXPECT_TRUE(j.at("refused").empty());
  EXPECT_TRUE(j.at("baselines").at("nearest_neighbour").is_null());
}

}  // namespace
}  // namespace bragg::apps::tests
