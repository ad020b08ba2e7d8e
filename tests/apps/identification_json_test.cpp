// The fields of `bragg identify --json`, by name and order: scripts read them.
#include "apps/identify/identification_json.h"

#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "kernels/base/utf8.h"
#include "tests/apps/identification_samples.h"

namespace bragg::apps::tests {
namespace {

using Json = nlohmann::ordered_json;

std::vector<std::string> keys_of(const Json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items())
    keys.push_back(key);
  return keys;
}

const std::vector<std::string> fields{"file",     "index",          "assumed",     "warnings",
                                      "refused",  "crystal_system", "space_group", "confidence",
                                      "no_match", "phases",         "candidates",  "hypotheses"};

TEST(GroupProbabilities, APairIsOneEntryBeforeTheBestIsChosen) {
  std::vector<float> of_groups(230, 0);
  of_groups[225 - 1] = 0.375f;
  of_groups[152 - 1] = 0.25f;
  of_groups[154 - 1] = 0.3125f;
  of_groups[213 - 1] = 0.0625f;
  const std::vector<GroupProbability> merged = merged_enantiomorphs(of_groups);
  ASSERT_EQ(merged.size(), 219u);
  EXPECT_EQ(merged[0].space_group, 152);
  EXPECT_EQ(merged[0].probability, 0.5625);
  EXPECT_EQ(merged[1].space_group, 225);
  EXPECT_EQ(merged[2].space_group, 212);
  EXPECT_EQ(merged[2].probability, 0.0625);
  EXPECT_EQ(merged[3].space_group, 1) << "equal ones by number";
  double sum = 0;
  for (const GroupProbability& group : merged) {
    sum += group.probability;
    EXPECT_EQ(xrd::modulo_enantiomorph(group.space_group), group.space_group);
  }
  EXPECT_EQ(sum, 1);
  const Json json = space_groups_json(merged, 2);
  ASSERT_EQ(json.size(), 2u);
  EXPECT_EQ(json[0].dump(),
            R"({"number":152,"hm":"P3121","probability":0.5625,"indistinguishable_from":154})");
  EXPECT_TRUE(json[1].at("indistinguishable_from").is_null());
  const auto lines = space_groups_text(merged, 2);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0], "152  P3121      56.2 %  or its mirror image 154 (P3221): powder patterns can't tell");
  EXPECT_EQ(lines[1], "225  Fm-3m      37.5 %  cubic");
  EXPECT_THROW(merged_enantiomorphs(std::vector<float>(7, 0.1f)), Error);
}

TEST(GroupProbabilities, CrystalSystemsAreSortedAndThoseThatDoNotShowAreLeftOut) {
  const std::array<double, 7> systems{0.0004, 0.25, 0, 0.05, 0.6996, 0, 0};
  EXPECT_EQ(crystal_systems_text(systems), "trigonal 70.0 %, monoclinic 25.0 %, tetragonal 5.0 %");
  const Json json = crystal_systems_json(systems);
  ASSERT_EQ(json.size(), 7u);
  EXPECT_EQ(json[0].dump(), R"({"name":"trigonal","probability":0.6996})");
}

TEST(IdentificationJson, HasTheFieldsOfPredictAndThenItsOwn) {
  const Json json = to_json(quartz(), 2);
  EXPECT_EQ(keys_of(json), fields);
  EXPECT_EQ(json.at("file"), "scans/quartz.xy");
  EXPECT_EQ(json.at("index"), 0);
  EXPECT_EQ(json.at("assumed").at("wavelength"), 1.5406);
  EXPECT_EQ(json.at("warnings").size(), 2u);
  EXPECT_TRUE(json.at("refused").is_null());
  ASSERT_EQ(json.at("crystal_system").size(), 7u);
  EXPECT_EQ(json.at("crystal_system")[0].at("name"), "trigonal");
  ASSERT_EQ(json.at("space_group").size(), 2u) << "--top cuts it";
  EXPECT_EQ(json.at("space_group")[0].dump(),
            R"({"number":152,"hm":"P3121","probability":0.94,"indistinguishable_from":154})");
  EXPECT_EQ(json.at("confidence"), json.at("space_group")[0].at("probability"));
  EXPECT_TRUE(json.at("no_match").is_null());
  ASSERT_EQ(json.at("phases").size(), 1u);
  EXPECT_EQ(json.at("phases")[0], json.at("candidates")[0]);
  ASSERT_EQ(json.at("candidates").size(), 2u) << "--top does not cut them";
  double sum = 0;
  const Json whole = to_json(quartz(), 230).at("space_group");
  EXPECT_EQ(whole.size(), 3u);
  for (const Json& group : whole)
    sum += group.at("probability").get<double>();
  EXPECT_NEAR(sum, 1, 1e-12);
}

TEST(IdentificationJson, ACandidateHasTheNamedKeysInTheirOrder) {
  const Json candidate = to_json(quartz(), 5).at("candidates")[0];
  const Json expected = {{"name", "quartz"},
                         {"formula", "SiO2"},
                         {"space_group", 154},
                         {"hm", "P3221"},
                         {"cell", {4.9137, 4.9137, 5.4047, 90.0, 90.0, 120.0}},
                         {"weight_fraction", nullptr},
                         {"similarity", 0.953},
                         {"residual", 0.125},
                         {"explained", 0.75},
                         {"cell_change", {0.001, 0.001, -0.002}},
                         {"source", "AMCSD"},
                         {"entry", "0000789"},
                         {"probability", 0.91},
                         {"variants", Json::array({"quartz low (152)", "berlinite (152)"})}};
  EXPECT_EQ(candidate.dump(), expected.dump());
  Identification refined = quartz();
  refined.candidates[0].weight_fraction = 0.5;
  const Json after = to_json(refined, 5).at("candidates")[0];
  EXPECT_EQ(after.at("weight_fraction"), 0.5);
  EXPECT_EQ(keys_of(after), keys_of(candidate));
}

TEST(IdentificationJson, WithoutAMatchEverythingButPhasesIsFilled) {
  Identification answer = unknown_phase();
  Json json = to_json(answer, 5);
  EXPECT_EQ(keys_of(json), fields);
  EXPECT_EQ(json.at("index"), 3);
  EXPECT_EQ(json.at("no_match"), "unknown_phase");
  EXPECT_TRUE(json.at("phases").is_array());
  EXPECT_TRUE(json.at("phases").empty());
  EXPECT_EQ(json.at("candidates").size(), 2u);
  EXPECT_EQ(json.at("space_group").size(), 3u);
  EXPECT_EQ(json.at("confidence"), 0.4);
  answer.no_match = NoMatch::amorphous;
  EXPECT_EQ(to_json(answer, 5).at("no_match"), "amorphous");
  answer.no_match = NoMatch::several_phases;
  EXPECT_EQ(to_json(answer, 5).at("no_match"), "several_phases");
}

TEST(IdentificationJson, OtherPhasesThatExplainItAsWellAreNamed) {
  EXPECT_EQ(to_json(quartz(), 5).at("hypotheses"), Json::array());
  const Json json = to_json(quartz_and_calcite(), 5).at("hypotheses");
  ASSERT_EQ(json.size(), 1u);
  EXPECT_EQ(json[0].at("residual"), 0.131);
  ASSERT_EQ(json[0].at("phases").size(), 2u);
  EXPECT_EQ(json[0].at("phases")[1].dump(),
            R"({"name":"aragonite","formula":"CaCO3","space_group":62,"source":"AMCSD","entry":"0000098"})");
}

TEST(IdentificationJson, ARefusedPatternHasWhatPredictGivesItAndNothingElse) {
  const Json json = to_json(refused_file(), 5);
  EXPECT_EQ(keys_of(json), fields);
  EXPECT_EQ(json.at("refused"), "broken.txt:2: intensity nan");
  EXPECT_EQ(json.at("crystal_system"), Json::array());
  EXPECT_TRUE(json.at("space_group").is_null());
  EXPECT_TRUE(json.at("confidence").is_null());
  EXPECT_TRUE(json.at("no_match").is_null());
  EXPECT_EQ(json.at("phases"), Json::array());
  EXPECT_EQ(json.at("candidates"), Json::array());
}

TEST(IdentificationJson, ALineIsUtf8WhateverNamesAre) {
  Identification answer = quartz();
  answer.file = "l\xe4uft.xy";
  const std::string line = json_line(answer, 5);
  EXPECT_TRUE(is_utf8(line));
  EXPECT_EQ(line.find('\n'), std::string::npos);
  EXPECT_EQ(Json::parse(line).at("file"), "l\xEF\xBF\xBDuft.xy");
}

}  // namespace
}  // namespace bragg::apps::tests
