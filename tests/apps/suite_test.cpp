// `bragg evaluate --suite` as a program, on crystals that bragg comes with, and what it is made of.
#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "apps/suite/adaptation.h"
#include "apps/suite/suite_part.h"
#include "apps/suite/suite_text.h"
#include "data/patterns/pattern_set.h"
#include "kernels/base/atomic_file.h"
#include "kernels/base/safetensors.h"
#include "tests/apps/run_bragg.h"
#include "tests/apps/tiny_model.h"
#include "tests/apps/well_formed.h"
#include "tests/support/shared_data.h"
#include "tests/support/temporary_folder.h"

namespace bragg::apps::tests {
namespace {

namespace fs = std::filesystem;
using bragg::tests::project_file;
using bragg::tests::read_text;
using bragg::tests::run_bragg;
using bragg::tests::RunResult;
using Json = nlohmann::json;

/// A folder of sets, made once.
class Suite : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new bragg::tests::TemporaryFolder;
    import({"halite", "quartz_alpha", "calcite", "rutile"}, "minerals_held.safetensors");
    import({"magnetite", "fluorite"}, "others_held.safetensors");
    import({"corundum", "zircon", "pyrite"}, "minerals_rest.safetensors");
    import({"halite", "quartz_alpha", "calcite", "rutile", "magnetite"}, "known.safetensors");
    ASSERT_EQ(run_bragg({"library", "build", path("known.safetensors"), "-o", path("known.bragg")}).code, 0);
    ASSERT_EQ(run_bragg({"simulate", path("minerals_held.safetensors"), "--recipe", "realistic", "--seed",
                         "2", "--count", "3", "-o", path("rruff_dev.safetensors")})
                  .code,
              0);
    fs::create_directory(path("other_instruments"));
    const std::string crystal = path("other_instruments/quartz.xy");
    ASSERT_EQ(run_bragg({"simulate", project_file("data/crystals/quartz_alpha.cif").string(), "--recipe",
                         "large", "-o", crystal})
                  .code,
              0);
    std::string flat;
    for (int i = 0; i < 4000; ++i)
      flat += std::to_string(10 + 0.02 * i) + " " + std::to_string(100 + i * 7919 % 13) + "\n";
    write_file(path("other_instruments/flat.xy"), flat);
    write_file(path("other_instruments/labels.tsv"),
               "file\tphase\tspace_group\tkind\nquartz.xy\tquartz\t154\tcrystal\nflat.xy\t\t0\tamorphous\n");
    write_tiny_model_of_two_heads(path("model.safetensors"));
  }
  static void TearDownTestSuite() {
    delete folder_;
    folder_ = nullptr;
  }
  static std::string path(const std::string& name) { return (folder_->path() / name).string(); }
  static void import(const std::vector<std::string>& names, const std::string& set) {
    std::vector<std::string> arguments{"crystals", "import"};
    for (const std::string& name : names)
      arguments.push_back(project_file("data/crystals/" + name + ".cif").string());
    arguments.insert(arguments.end(), {"-o", path(set)});
    ASSERT_EQ(run_bragg(arguments).code, 0) << set;
  }
  static RunResult suite(const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"evaluate", "--library", path("known.bragg"), "--no-builtin-library",
                                       "--no-cache"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_bragg(arguments);
  }
  static const Json& part(const Json& json, const std::string& name) {
    const auto found = std::find_if(json.at("parts").begin(), json.at("parts").end(),
                                    [&](const Json& one) { return one.at("name") == name; });
    EXPECT_NE(found, json.at("parts").end()) << name;
    return *found;
  }

  inline static bragg::tests::TemporaryFolder* folder_ = nullptr;
};

void expect_sound(const Json& part) {
  SCOPED_TRACE(part.at("name").get<std::string>());
  const auto asked = part.at("asked").get<std::int64_t>();
  for (const Json& answer : part.at("answers")) {
    const auto patterns = answer.at("patterns").get<std::int64_t>();
    EXPECT_LE(patterns + std::ssize(part.at("refused")), asked);
    const Json& levels = answer.at("levels");
    const auto right = [&](const char* level) {
      return levels.at(level).at("right").at("value").get<double>();
    };
    EXPECT_LE(right("space_group"), right("modulo_pairs"));
    for (const auto& [name, level] : levels.items()) {
      const double value = level.at("right").at("value").get<double>();
      EXPECT_LE(level.at("right").at("interval").at(0).get<double>(), value) << name;
      EXPECT_GE(level.at("right").at("interval").at(1).get<double>(), value) << name;
      EXPECT_GE(level.at("top5").at("value").get<double>(), value) << name;
      EXPECT_LE(level.at("macro_f1").get<double>(), 1) << name;
    }
    EXPECT_EQ(answer.at("coverage").back().at("patterns"), patterns);
    EXPECT_DOUBLE_EQ(answer.at("coverage").back().at("right").get<double>(), right("modulo_pairs"));
    std::int64_t of_kinds = 0;
    for (const Json& kind : answer.at("kinds"))
      of_kinds += kind.at("patterns").get<std::int64_t>();
    EXPECT_TRUE(of_kinds == 0 || of_kinds == patterns);
  }
}

TEST_F(Suite, AsksEverythingThatIsThereAndListsTheRest) {
  const RunResult run = suite({"--suite", folder_->path().string(), "--model", path("model.safetensors"),
                               "--json", path("s.json"), "--report", path("s.html")});
  ASSERT_EQ(run.code, 0) << run.err;
  const Json json = Json::parse(read_text(path("s.json")));
  ASSERT_EQ(json.at("parts").size(), suite_parts().size());
  for (const Json& one : json.at("parts"))
    expect_sound(one);
  EXPECT_EQ(json.at("library").at("structures"), 5);
  EXPECT_EQ(json.at("references").at("patterns"), 3);
  EXPECT_EQ(json.at("references").at("absent"), Json({"others_rest.safetensors"}));

  EXPECT_EQ(part(json, "mixtures").at("absent"), Json({"mixtures/labels.tsv"}));
  EXPECT_EQ(part(json, "rruff_more").at("absent"), Json({"rruff_more.safetensors"}));
  EXPECT_NE(run.out.find("absent: no folder has mixtures/labels.tsv"), std::string::npos) << run.out;
  EXPECT_NE(run.out.find("10 of 12 parts"), std::string::npos) << run.out;

  const Json& minerals = part(json, "held_out_minerals");
  EXPECT_EQ(minerals.at("asked"), 4);
  ASSERT_EQ(minerals.at("answers").size(),
            5u);  // network, look-up, both; look-up and both without what resembles it
  EXPECT_EQ(minerals.at("answers")[0].at("who"), "network");
  // The library knows them.
  EXPECT_DOUBLE_EQ(
      minerals.at("answers")[1].at("levels").at("modulo_pairs").at("right").at("value").get<double>(), 1);
  EXPECT_TRUE(minerals.at("answers")[4].at("without_resembling").get<bool>());
  EXPECT_EQ(minerals.at("baselines").size(), 2u);

  // Cubic are halite, magnetite and fluorite, at 21 scales each; of their groups the most frequent are Fm-3m's 2 of 3.
  const Json& lattice = part(json, "lattice");
  EXPECT_EQ(lattice.at("asked"), 63);
  EXPECT_TRUE(lattice.at("refused").empty());  // they have no noise to tell lines from
  EXPECT_EQ(lattice.at("answers").size(), 1u);
  EXPECT_EQ(lattice.at("answers")[0].at("groups"), 3);
  EXPECT_EQ(lattice.at("answers")[0].at("kinds").size(), 21u);
  EXPECT_DOUBLE_EQ(
      lattice.at("baselines")[0].at("levels").at("space_group").at("right").at("value").get<double>(),
      2.0 / 3);
  EXPECT_EQ(part(json, "magnetic").at("asked"), 1);

  EXPECT_EQ(part(json, "rruff_dev").at("asked"), 12);
  const Json& adapted = part(json, "rruff_dev_adapted");
  ASSERT_EQ(adapted.at("answers").size(), 2u);
  EXPECT_EQ(adapted.at("answers")[1].at("who"), "network, adapted");
  EXPECT_EQ(adapted.at("answers")[1].at("patterns"), adapted.at("answers")[0].at("patterns"));
  EXPECT_EQ(part(json, "other_instruments").at("asked"), 1);

  const Json& noise = part(json, "noise");
  EXPECT_EQ(noise.at("refusals").size(), 6u);
  for (const Json& kind : noise.at("refusals")) {
    EXPECT_EQ(kind.at("patterns"), 100);
    EXPECT_DOUBLE_EQ(kind.at("share").at("value").get<double>(), kind.at("refused").get<double>() / 100);
    EXPECT_GE(kind.at("refused"), 95) << kind;
  }
  EXPECT_EQ(part(json, "amorphous").at("refusals")[0].at("refused"), 1);
  for (const Json& counts : part(json, "crystals_in_glass").at("refusals"))
    EXPECT_EQ(counts.at("refused"), 0) << counts;

  const std::string page = read_text(path("s.html"));
  EXPECT_EQ(why_not_well_formed(page), "");
  EXPECT_EQ(external_reference(page), "");
  for (const char* text : {"mixtures/labels.tsv", "The library holds most of the structures",
                           "were fitted to rruff_dev", "Scaled lattices", "prefers-color-scheme: dark"})
    EXPECT_NE(page.find(text), std::string::npos) << text;
}

TEST_F(Suite, WithoutANetworkAsksTheLookUpAlone) {
  // A file is taken from the first folder that has it.
  const bragg::tests::TemporaryFolder first;
  ASSERT_EQ(run_bragg({"simulate", path("others_held.safetensors"), "-o",
                       (first.path() / "rruff_dev.safetensors").string()})
                .code,
            0);
  const RunResult run = suite({"--suite", first.path().string(), "--suite", path("other_instruments"),
                               "--no-model", "--json", path("n.json")});
  ASSERT_EQ(run.code, 0) << run.err;
  const Json json = Json::parse(read_text(path("n.json")));
  EXPECT_TRUE(json.at("model").is_null());
  const Json& rruff = part(json, "rruff_dev");
  EXPECT_EQ(rruff.at("asked"), 2);
  for (const Json& answer : rruff.at("answers"))
    EXPECT_EQ(answer.at("who"), "look-up");
  EXPECT_EQ(rruff.at("baselines").size(), 1u);
  EXPECT_EQ(part(json, "rruff_dev_adapted").at("notes").size(), 1u);
  EXPECT_EQ(part(json, "lattice").at("absent").size(), 2u);
}

TEST_F(Suite, APartThatFailsIsToldAndTheOthersAreAsked) {
  const bragg::tests::TemporaryFolder bad;
  write_file((bad.path() / "rruff_more.safetensors").string(), "no set at all");
  const RunResult run =
      suite({"--suite", bad.path().string(), "--suite", path("other_instruments"), "--json", path("f.json")});
  EXPECT_EQ(run.code, 1);
  EXPECT_NE(run.err.find("rruff_more failed: "), std::string::npos) << run.err;
  EXPECT_EQ(std::count(run.err.begin(), run.err.end(), '\n'), 1) << run.err;
  const Json json = Json::parse(read_text(path("f.json")));
  EXPECT_NE(part(json, "rruff_more").at("failed").get<std::string>().find("rruff_more.safetensors"),
            std::string::npos);
  EXPECT_TRUE(part(json, "noise").at("failed").is_null());
  EXPECT_EQ(part(json, "noise").at("asked"), 600);
}

TEST_F(Suite, ExitCodes) {
  const std::string here = folder_->path().string();
  EXPECT_EQ(suite({"--suite", path("nowhere")}).code, 2);
  const bragg::tests::TemporaryFolder empty;
  const RunResult nothing = suite({"--suite", empty.path().string()});
  EXPECT_EQ(nothing.code, 2);
  EXPECT_NE(nothing.err.find("minerals_held.safetensors"), std::string::npos) << nothing.err;
  EXPECT_EQ(suite({"--suite", here, "--lookup"}).code, 2);
  EXPECT_EQ(suite({"--suite", here, path("model.safetensors")}).code, 2);
  EXPECT_EQ(suite({"--suite", here, "--json", path("rruff_dev.safetensors")}).code, 2);
  EXPECT_EQ(suite({"--suite", here, "--model", path("rruff_dev.safetensors")}).code, 1);
  EXPECT_EQ(run_bragg({"evaluate", "--model", path("model.safetensors"), path("rruff_dev.safetensors")}).code,
            2);
}

TEST(SuiteParts, AreOfDifferentNamesAndSampleByTheLeastStep) {
  std::vector<std::string_view> names;
  for (const SuitePart& part : suite_parts())
    names.push_back(part.name);
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end());
  EXPECT_EQ(step_of_sample(200, 200), 1);
  EXPECT_EQ(step_of_sample(201, 200), 2);
  EXPECT_EQ(step_of_sample(1445, 200), 8);
  EXPECT_EQ(step_of_sample(0, 200), 1);
  EXPECT_EQ(step_of_sample(5, 0), 1);
  EXPECT_TRUE(is_magnetic(26));
  EXPECT_TRUE(is_magnetic(58));
  EXPECT_FALSE(is_magnetic(22));
  EXPECT_FALSE(is_magnetic(30));
  EXPECT_FALSE(is_magnetic(57));
}

TEST(SuiteText, SaysHowASetWasSampled) {
  PartResult result{.part = &suite_parts().front(),
                    .size = 1445,
                    .asked = 181,
                    .looked_up = 91,
                    .step = 8,
                    .lookup_step = 2};
  EXPECT_EQ(sample_text(result), "181 patterns: every 8th of 1445, 91 looked up: every 2nd");
  result.step = 113;
  result.lookup_step = 1;
  EXPECT_EQ(sample_text(result), "181 patterns: every 113th of 1445, 91 looked up");
}

TEST(Adaptation, LearnsWhatItIsShownAndLeavesTheOriginalAlone) {
  const bragg::tests::TemporaryFolder folder;
  const fs::path model = folder.path() / "two.safetensors", set_path = folder.path() / "set.safetensors";
  write_tiny_model_of_two_heads(model);
  write_pattern_set(set_path, 12, {225, 152, 14});
  const auto backend = bragg::make_backend({.device = "cpu", .threads = 1, .instruction_set = {}});
  const SafetensorsFile file(model);
  Classifier original(*backend, file, 4);
  const data::PatternSet set(set_path);
  std::vector<std::vector<float>> patterns;
  std::vector<int> space_groups;
  for (std::int64_t i = 0; i < set.size(); ++i) {
    patterns.push_back(set.pattern(i));
    space_groups.push_back(set.space_group(i));
  }
  const auto right = [&](Classifier& classifier) {
    const std::vector<Probabilities> all = classifier.probabilities(patterns);
    int count = 0;
    for (std::size_t i = 0; i < all.size(); ++i)
      count += ranked(all[i].classes, 1).front() == space_groups[i] - 1;
    return count;
  };
  const std::vector<float> before = original.probabilities(patterns).front().classes;
  const int right_before = right(original);
  const AdaptationSettings settings{.batch = 5, .epochs = 60, .learning_rate = 1e-2};
  const auto learnt = adapted(*backend, original, file, patterns, space_groups, settings);
  EXPECT_EQ(right(*learnt), 12);
  EXPECT_LT(right_before, 12);
  EXPECT_EQ(original.probabilities(patterns).front().classes, before);
  // The same again, to the bit.
  const auto again = adapted(*backend, original, file, patterns, space_groups, settings);
  EXPECT_EQ(again->probabilities(patterns).front().classes, learnt->probabilities(patterns).front().classes);
  // Without steps it is the original.
  const auto same = adapted(*backend, original, file, patterns, space_groups, {.epochs = 0});
  EXPECT_EQ(same->probabilities(patterns).front().classes, before);
}

}  // namespace
}  // namespace bragg::apps::tests
