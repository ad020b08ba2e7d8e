// `bragg evaluate` as a program.
#include <algorithm>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/apps/tiny_model.h"
#include "tests/apps/well_formed.h"
#include "tests/support/shared_data.h"

namespace bragg::apps::tests {
namespace {

using nlohmann::json;

class Evaluate : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fresh_folder("evaluate");
    write_tiny_model(folder_ / "m230.safetensors", 230);
    write_tiny_model(folder_ / "m7.safetensors", 7);
    write_pattern_set(folder_ / "set.safetensors", 12, {225, 152, 14});
    write_pattern_set(folder_ / "near.safetensors", 3, {225, 154, 62});
  }
  std::string path(const char* name) const { return "'" + (folder_ / name).string() + "'"; }

  std::filesystem::path folder_;
};

TEST_F(Evaluate, WritesTableJsonAndPage) {
  const ProgramRun run = run_bragg(fmt::format("evaluate {} {} --neighbours {} --json {} --report {}",
                                               path("m230.safetensors"), path("set.safetensors"),
                                               path("near.safetensors"), path("e.json"), path("e.html")));
  ASSERT_EQ(run.exit_code, 0) << run.err;
  for (const char* part : {"12 patterns in 6 groups", "crystal system", "nearest neighbour", "always"}) {
    EXPECT_NE(run.out.find(part), std::string::npos) << part << "\n" << run.out;
  }
  const json j = json::parse(read_file(folder_ / "e.json"));
  EXPECT_EQ(j.at("patterns"), 12);
  EXPECT_EQ(j.at("groups"), 6);
  // Each pattern is one of the neighbours, whose labels are right, right modulo the pair, and wrong.
  EXPECT_DOUBLE_EQ(j.at("baselines").at("nearest_neighbour").at("space_group").get<double>(), 4 / 12.0);
  EXPECT_DOUBLE_EQ(j.at("baselines").at("nearest_neighbour").at("space_group_modulo_pairs").get<double>(),
                   8 / 12.0);
  EXPECT_DOUBLE_EQ(j.at("baselines").at("majority").at("space_group").get<double>(), 4 / 12.0);
  const std::string page = read_file(folder_ / "e.html");
  EXPECT_EQ(why_not_well_formed(page), "");
  EXPECT_EQ(external_reference(page), "");
  EXPECT_NE(page.find("&lt;0&amp;&gt;"), std::string::npos) << "names of patterns";
}

TEST_F(Evaluate, PatternsOfTheSameGroupAreNoNeighboursInTheSetItself) {
  const ProgramRun run =
      run_bragg(fmt::format("evaluate {} {} --neighbours {} --json {}", path("m7.safetensors"),
                            path("set.safetensors"), path("set.safetensors"), path("e.json")));
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const json j = json::parse(read_file(folder_ / "e.json"));
  EXPECT_TRUE(j.at("space_group").is_null());
  EXPECT_EQ(j.at("per_class").size(), 7u);
  // Groups hold i and i + 1; the same kind comes again three later, in another group.
  EXPECT_EQ(j.at("baselines").at("nearest_neighbour").at("space_group"), 1);
}

TEST_F(Evaluate, ExitCodes) {
  EXPECT_EQ(run_bragg(fmt::format("evaluate {}", path("m7.safetensors"))).exit_code, 2);
  EXPECT_EQ(
      run_bragg(fmt::format("evaluate {} {} --repport x", path("m7.safetensors"), path("set.safetensors")))
          .exit_code,
      2);
  EXPECT_EQ(
      run_bragg(fmt::format("evaluate {} {}", path("m7.safetensors"), path("absent.safetensors"))).exit_code,
      1);
  EXPECT_EQ(
      run_bragg(fmt::format("evaluate {} {}", path("set.safetensors"), path("set.safetensors"))).exit_code,
      1);
  const ProgramRun run = run_bragg(fmt::format("evaluate {} {} --json /no/such/folder/e.json",
                                               path("m7.safetensors"), path("set.safetensors")));
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_EQ(std::count(run.err.begin(), run.err.end(), '\n'), 1) << run.err;
}

TEST_F(Evaluate, TakesTheMeasuredPatternsOfRruffAsTheyAre) {
  BRAGG_SHARED_DATA_OR_SKIP(rruff, "rruff_dev.safetensors");
  const ProgramRun run = run_bragg(
      fmt::format("evaluate {} '{}' --json {}", path("m230.safetensors"), rruff.string(), path("e.json")));
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const json j = json::parse(read_file(folder_ / "e.json"));
  EXPECT_EQ(j.at("patterns"), 453);
  EXPECT_TRUE(j.at("refused").empty());
  EXPECT_TRUE(j.at("baselines").at("nearest_neighbour").is_null());
}

}  // namespace
}  // namespace bragg::apps::tests
