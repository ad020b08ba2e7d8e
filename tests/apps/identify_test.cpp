// bragg identify and bragg evaluate --lookup as scripts use them, with a library of five structures.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "apps/evaluation/measured_item.h"
#include "apps/identify/identifier.h"
#include "data/library/built_in_library.h"
#include "data/patterns/pattern_set.h"
#include "kernels/base/atomic_file.h"
#include "tests/apps/run_bragg.h"
#include "tests/apps/tiny_model.h"
#include "tests/support/shared_data.h"
#include "tests/support/temporary_folder.h"
#include "xrd/scattering/wavelength.h"

namespace bragg::apps::tests {
namespace {

using bragg::tests::lines;
using bragg::tests::project_file;
using bragg::tests::read_text;
using bragg::tests::run_bragg;
using bragg::tests::RunResult;
using Json = nlohmann::json;

/// What is made once for all tests: the library, and a drawn pattern of each of its structures.
class Identify : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new bragg::tests::TemporaryFolder;
    std::vector<std::string> import{"crystals", "import"};
    for (const char* name : structures)
      import.push_back(project_file(std::string("data/crystals/") + name + ".cif").string());
    import.insert(import.end(), {"-o", path("five.safetensors")});
    ASSERT_EQ(run_bragg(import).code, 0);
    ASSERT_EQ(run_bragg({"library", "build", path("five.safetensors"), "-o", path("five.bragg")}).code, 0);
    const RunResult drawn = run_bragg({"simulate", path("five.safetensors"), "--recipe", "large", "--seed",
                                       "3", "-o", path("patterns.safetensors")});
    ASSERT_EQ(drawn.code, 0) << drawn.err;
  }
  static void TearDownTestSuite() {
    delete folder_;
    folder_ = nullptr;
  }
  static std::string path(const std::string& name) { return (folder_->path() / name).string(); }
  static RunResult identify(std::vector<std::string> more) {
    std::vector<std::string> arguments{"identify", "--library", path("five.bragg"), "--no-builtin-library",
                                       "--no-cache"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    if (std::find(more.begin(), more.end(), "--model") == more.end()) arguments.push_back("--no-model");
    return run_bragg(arguments);
  }
  static std::vector<Json> answers(const std::vector<std::string>& more, int code = 0) {
    std::vector<std::string> arguments = more;
    arguments.push_back("--json");
    const RunResult result = identify(arguments);
    EXPECT_EQ(result.code, code) << result.err;
    std::vector<Json> all;
    for (const std::string& line : lines(result.out))
      all.push_back(Json::parse(line));
    return all;
  }
  /// Pattern i as a text on 2 theta of `wavelength`.
  static std::string text_of(std::int64_t i, double wavelength, const char* name) {
    const data::PatternSet set{std::filesystem::path(path("patterns.safetensors"))};
    const auto values = set.pattern(i);
    std::ofstream out(path(name));
    for (std::int64_t k = 0; k < set.instrument().grid.points; k += 2) {
      const double half = set.instrument().grid.at(k) * M_PI / 360;
      const double sine = std::sin(half) * wavelength / set.instrument().wavelength;
      if (sine < 1)
        out << 2 * std::asin(sine) * 180 / M_PI << " " << values[static_cast<std::size_t>(k)] << "\n";
    }
    return path(name);
  }

  /// Patterns i and j as a text, their heights in these shares.
  static std::string mixed_text(std::size_t i, float share, std::size_t j, float other, const char* name) {
    const data::PatternSet set{std::filesystem::path(path("patterns.safetensors"))};
    const auto first = set.pattern(static_cast<std::int64_t>(i)),
               second = set.pattern(static_cast<std::int64_t>(j));
    std::ofstream out(path(name));
    for (std::int64_t k = 0; k < set.instrument().grid.points; k += 2) {
      const auto at = static_cast<std::size_t>(k);
      out << set.instrument().grid.at(k) << " " << share * first[at] + other * second[at] << "\n";
    }
    return path(name);
  }

  static constexpr const char* structures[] = {"quartz_alpha", "halite", "calcite", "rutile", "corundum"};
  static constexpr int groups[] = {152, 225, 167, 136, 167};  ///< of pairs the lower
  static constexpr const char* names[] = {"Quartz", "Halite", "Calcite", "Rutile", "Corundum"};
  static bragg::tests::TemporaryFolder* folder_;
};
bragg::tests::TemporaryFolder* Identify::folder_ = nullptr;

TEST_F(Identify, FindsEveryStructureOfItsLibrary) {
  const auto all = answers({path("patterns.safetensors")});
  ASSERT_EQ(all.size(), 5u);
  for (std::size_t i = 0; i < 5; ++i) {
    const Json& answer = all[i];
    EXPECT_EQ(answer["index"], i);
    EXPECT_TRUE(answer["refused"].is_null());
    ASSERT_FALSE(answer["candidates"].empty());
    EXPECT_EQ(answer["candidates"][0]["name"], names[i]);
    EXPECT_GT(answer["candidates"][0]["similarity"], 0.8);
    EXPECT_EQ(answer["space_group"][0]["number"], groups[i]);
    EXPECT_EQ(answer["confidence"], answer["space_group"][0]["probability"]);
  }
  EXPECT_EQ(all[0]["space_group"][0]["indistinguishable_from"], 154);
}

TEST_F(Identify, TheLinesOfTwoPhasesAreTwoPhases) {
  const std::string mixture = mixed_text(0, 0.6f, 3, 0.4f, "mixture.xy");
  const Json answer = answers({mixture}).front();
  EXPECT_TRUE(answer["no_match"].is_null()) << answer["no_match"];
  std::vector<std::string> found;
  double fractions = 0;
  for (const Json& phase : answer["phases"]) {
    found.push_back(phase["name"]);
    fractions += phase["weight_fraction"].get<double>();
    EXPECT_GT(phase["weight_fraction"], 0.05);
    EXPECT_LT(phase["residual"], 0.4);
    for (const Json& change : phase["cell_change"])
      EXPECT_NEAR(change.get<double>(), 0, 3e-3);
  }
  std::sort(found.begin(), found.end());
  EXPECT_EQ(found, (std::vector<std::string>{"Quartz", "Rutile"}));
  EXPECT_NEAR(fractions, 1, 1e-6);
  const std::string text = identify({mixture}).out;
  EXPECT_NE(text.find(" wt %; "), std::string::npos) << text;
}

TEST_F(Identify, AMinorPhaseStandsBesideTheOneThatExplainsTheRest) {
  const std::string little = mixed_text(2, 1, 3, 0.08f, "minor.xy"),
                    none = mixed_text(2, 1, 3, 0, "alone.xy");
  const auto all = answers({little, none});
  ASSERT_EQ(all.size(), 2u);
  for (const Json& answer : all) {
    EXPECT_TRUE(answer["no_match"].is_null());
    EXPECT_EQ(answer["space_group"][0]["number"], 167);
    ASSERT_FALSE(answer["phases"].empty());
    EXPECT_EQ(answer["phases"][0]["name"], "Calcite");
  }
  ASSERT_EQ(all[0]["phases"].size(), 2u) << all[0]["phases"];
  EXPECT_EQ(all[0]["phases"][1]["name"], "Rutile");
  EXPECT_GT(all[0]["phases"][0]["weight_fraction"], 0.7);
  EXPECT_NEAR(all[0]["phases"][0]["weight_fraction"].get<double>() +
                  all[0]["phases"][1]["weight_fraction"].get<double>(),
              1, 1e-6);
  EXPECT_EQ(all[1]["phases"].size(), 1u) << all[1]["phases"];
  EXPECT_TRUE(all[1]["phases"][0]["weight_fraction"].is_null());
}

TEST_F(Identify, HasTheFieldsThatScriptsRead) {
  const Json answer = answers({path("patterns.safetensors"), "--top", "3"}).front();
  for (const char* key : {"file", "index", "assumed", "warnings", "refused", "crystal_system", "space_group",
                          "confidence", "no_match", "phases", "candidates"})
    EXPECT_TRUE(answer.contains(key)) << key;
  EXPECT_EQ(answer["space_group"].size(), 3u);
  double systems = 0;
  for (const Json& system : answer["crystal_system"])
    systems += system["probability"].get<double>();
  EXPECT_NEAR(systems, 1, 1e-9);
  const Json& candidate = answer["candidates"][0];
  for (const char* key : {"name", "formula", "space_group", "hm", "cell", "weight_fraction", "similarity",
                          "residual", "explained", "cell_change", "source", "entry"})
    EXPECT_TRUE(candidate.contains(key)) << key;
  EXPECT_EQ(candidate["cell"].size(), 6u);
  EXPECT_TRUE(candidate["weight_fraction"].is_null());
  EXPECT_LT(candidate["residual"], 0.3);
  EXPECT_GT(candidate["explained"], 0.9);
  for (const Json& change : candidate["cell_change"])
    EXPECT_NEAR(change.get<double>(), 0, 2e-3);
  // All groups add up to 1 before --top cuts.
  double all = 0;
  const Json whole = answers({path("patterns.safetensors"), "--top", "230"}).front();
  for (const Json& group : whole["space_group"])
    all += group["probability"].get<double>();
  EXPECT_NEAR(all, 1, 1e-9);
}

TEST_F(Identify, AnotherRadiationIsAskedForOrFound) {
  const std::string file = text_of(1, 1.79026, "cobalt.xy");
  const Json told = answers({file, "--wavelength", "CoKa"}).front();
  EXPECT_EQ(told["candidates"][0]["name"], "Halite");
  EXPECT_EQ(told["assumed"]["wavelength_from"], "flag");
  const Json found = answers({file}).front();
  EXPECT_EQ(found["candidates"][0]["name"], "Halite");
  EXPECT_EQ(found["assumed"]["wavelength_from"], "search");
  EXPECT_NEAR(found["assumed"]["wavelength"].get<double>(), 1.7903, 1e-3);
  ASSERT_EQ(found["warnings"].size(), 1u);
  EXPECT_NE(found["warnings"][0].get<std::string>().find("Co K-alpha"), std::string::npos);
  // Copper is not doubted where it fits.
  EXPECT_EQ(answers({text_of(1, 1.54184, "copper.xy")}).front()["assumed"]["wavelength_from"], "default");
}

TEST_F(Identify, ElementsRestrictWhatIsSearched) {
  const auto named = [&](std::vector<std::string> flags) {
    flags.push_back(path("patterns.safetensors"));
    std::vector<std::string> found;
    const Json answer = answers(flags).front();
    for (const Json& candidate : answer["candidates"])
      found.push_back(candidate["name"]);
    return found;
  };
  EXPECT_EQ(named({"--elements", "Na,Cl"}), std::vector<std::string>{"Halite"});
  const auto without = named({"--exclude", "Si"});
  EXPECT_EQ(without.size(), 4u);
  EXPECT_EQ(std::count(without.begin(), without.end(), "Quartz"), 0);
}

TEST_F(Identify, NoiseIsRefusedAndTheRestAnswered) {
  std::ofstream noise(path("noise.xy"));
  unsigned state = 1;
  for (int i = 0; i < 4000; ++i)
    noise << 5 + 0.02 * i << " " << 100 + (state = state * 1664525u + 1013904223u) / 4294967296.0 * 20
          << "\n";
  noise.close();
  const auto all = answers({path("noise.xy"), text_of(3, 1.54184, "rutile.xy")}, 1);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_TRUE(all[0]["refused"].is_string());
  EXPECT_TRUE(all[0]["phases"].empty());
  EXPECT_TRUE(all[0]["candidates"].empty());
  EXPECT_EQ(all[1]["candidates"][0]["name"], "Rutile");
}

TEST_F(Identify, AnswersDependNeitherOnTheOthersNorOnThreads) {
  // Other radiations and ranges, a mixture, too little, what is too little only by the radiation that is found, and more than are
  // searched at a time.
  std::vector<std::string> files{text_of(1, 1.79026, "one_cobalt.xy"), text_of(3, 1.54184, "one_rutile.xy"),
                                 mixed_text(0, 0.6f, 3, 0.4f, "one_mixture.xy")};
  const auto part = [&](const std::string& of, double first, double end, const char* name) {
    std::ofstream out(path(name));
    for (const std::string& line : lines(read_text(of)))
      if (const double x = std::stod(line); x >= first && x < end) out << line << "\n";
    return path(name);
  };
  files.push_back(part(files[1], 20, 60, "one_part.xy"));
  files.push_back(part(files[1], 41, 43, "one_little.xy"));
  files.push_back(text_of(2, 0.71073, "one_molybdenum.xy"));
  files.push_back(part(text_of(0, 1.79026, "one_quartz.xy"), 5, 45, "one_short.xy"));
  std::vector<std::string> expected;
  for (const std::string& file : files) {
    expected.push_back(identify({file, "--json", "--threads", "1"}).out);
    ASSERT_FALSE(expected.back().empty()) << file;
  }
  const auto answer = [&](std::size_t i) { return Json::parse(expected[i]); };
  EXPECT_EQ(answer(0)["assumed"]["wavelength_from"], "search");
  EXPECT_EQ(answer(1)["candidates"][0]["name"], "Rutile");
  EXPECT_TRUE(answer(4)["refused"].is_string());
  // The search refuses it, not the reading: its radiation is known by then.
  EXPECT_TRUE(answer(6)["refused"].is_string());
  EXPECT_EQ(answer(6)["assumed"]["wavelength_from"], "search");
  std::vector<std::string> many;
  std::string all;
  for (int copies = 0; copies < 7; ++copies)
    for (std::size_t i = 0; i < files.size(); ++i) {
      many.push_back(files[i]);
      all += expected[i];
    }
  for (const char* const threads : {"1", "3"}) {
    std::vector<std::string> arguments = many;
    arguments.insert(arguments.end(), {"--json", "--threads", threads});
    EXPECT_EQ(identify(arguments).out, all) << threads;
  }
}

/// Patterns of the library's structures on 2 theta of copper, and among them what is refused only as it is looked up.
class LookedUpTogether : public Identify {
 protected:
  static constexpr std::size_t flat = 1, beyond = 3, only_by_radiation = 5, kinds = 7;

  static MeasuredItem item(std::int64_t structure, double wavelength, double first, double end) {
    const data::PatternSet set{std::filesystem::path(path("patterns.safetensors"))};
    const auto values = set.pattern(structure);
    MeasuredItem made{.file = names[structure], .wavelength = copper_k_alpha};
    made.assumed.wavelength = Assumed::Wavelength{copper_k_alpha, WavelengthFrom::file, {}, {}};
    for (std::size_t k = 0; k < values.size(); ++k) {
      const double d = xrd::d_from_two_theta(set.instrument().grid.at(static_cast<std::int64_t>(k)),
                                             set.instrument().wavelength);
      if (wavelength >= 2 * d) break;
      const double x = xrd::two_theta_from_d(d, wavelength);
      if (x < first || x >= end) continue;
      made.measured.x.push_back(x);
      made.measured.intensity.push_back(double{values[k]});
    }
    return made;
  }
  static std::vector<MeasuredItem> one_of_each_kind() {
    std::vector<MeasuredItem> items;
    for (const std::int64_t structure : {0, 3, 1, 3, 2, 0, 4})
      items.push_back(item(structure, copper_k_alpha, 5, 90));
    std::fill(items[flat].measured.intensity.begin(), items[flat].measured.intensity.end(), 7.0);
    items[beyond] = item(3, 2.29, 95, 140);  // lines, but none where structures are searched
    // By the radiation that is found it covers too little of what a network reads.
    items[only_by_radiation] = item(0, 1.79026, 5, 45);
    items[only_by_radiation].assumed.wavelength->from = WavelengthFrom::default_value;
    return items;
  }
  static bool is_refused_kind(std::size_t kind) {
    return kind == flat || kind == beyond || kind == only_by_radiation;
  }
  static void expect_same(const Findings& got, const Findings& expected) {
    ASSERT_EQ(got.matches.size(), expected.matches.size());
    ASSERT_EQ(got.refined.size(), expected.refined.size());
    for (std::size_t i = 0; i < got.matches.size(); ++i) {
      EXPECT_EQ(got.matches[i].structure, expected.matches[i].structure);
      EXPECT_EQ(got.matches[i].similarity, expected.matches[i].similarity);
      EXPECT_EQ(got.refined[i].parameters, expected.refined[i].parameters);
      EXPECT_EQ(got.candidates[i].misfit, expected.candidates[i].misfit);
    }
    EXPECT_EQ(got.lines.lines.size(), expected.lines.lines.size());
  }

  LookedUpTogether()
      : backend_(make_backend({"cpu", 2, ""})),
        identifier_(*backend_, {.libraries = {path("five.bragg")},
                                .built_in = false,
                                .with_network = false,
                                .cache = {.enabled = false},
                                .threads = 2}) {}
  std::unique_ptr<Backend> backend_;
  Identifier identifier_;
};

TEST_F(LookedUpTogether, WhatIsRefusedIsLeftOutAndTheOthersAreAsAlone) {
  constexpr float most_similar = 0.5f;
  std::vector<Findings> alone, unlike_alone;
  for (const MeasuredItem& one : one_of_each_kind()) {
    std::vector<MeasuredItem> items{one};
    alone.push_back(identifier_.find(items).front());
    unlike_alone.push_back(identifier_.find_unlike(items, most_similar).front());
  }
  std::vector<MeasuredItem> items;
  for (int copies = 0; copies < 6; ++copies)
    for (MeasuredItem& one : one_of_each_kind())
      items.push_back(std::move(one));
  std::vector<MeasuredItem> not_found_before = items;  // the search for others is the first that refuses some
  const std::vector<Findings> found = identifier_.find(items),
                              unlike = identifier_.find_unlike(items, most_similar);
  const std::vector<Findings> first_unlike = identifier_.find_unlike(not_found_before, most_similar);
  ASSERT_EQ(found.size(), items.size());
  ASSERT_EQ(unlike.size(), items.size());
  for (std::size_t n = 0; n < items.size(); ++n) {
    SCOPED_TRACE(n);
    const std::size_t kind = n % kinds;
    ASSERT_EQ(items[n].refused.has_value(), is_refused_kind(kind));
    ASSERT_EQ(not_found_before[n].refused.has_value(), kind == flat || kind == beyond);
    if (not_found_before[n].refused) EXPECT_TRUE(first_unlike[n].lines.lines.empty());
    if (is_refused_kind(kind)) {
      for (const Findings* const none : {&found[n], &unlike[n]}) {
        EXPECT_TRUE(none->matches.empty());
        EXPECT_TRUE(none->candidates.empty());
        EXPECT_TRUE(none->lines.lines.empty());
      }
      continue;
    }
    EXPECT_FALSE(found[n].candidates.empty());
    EXPECT_GT(found[n].best_similarity(), most_similar);
    EXPECT_LE(unlike[n].best_similarity(), most_similar);
    expect_same(found[n], alone[kind]);
    expect_same(unlike[n], unlike_alone[kind]);
  }
}

TEST_F(LookedUpTogether, SoManyPatternsOrSoManyPoints) {
  EXPECT_FALSE(identifier_.is_full(0, 0));
  EXPECT_FALSE(identifier_.is_full(31, 1'999'999));
  EXPECT_TRUE(identifier_.is_full(32, 32));
  EXPECT_TRUE(identifier_.is_full(1, 2'000'000));
}

TEST_F(Identify, AStructureThatTheLibraryLacksIsAnUnknownPhase) {
  // Quartz, looked up among what holds no silicon.
  const Json answer =
      answers({text_of(0, 1.54184, "quartz.xy"), "--exclude", "Si", "--wavelength", "CuKa"}).front();
  EXPECT_TRUE(answer["refused"].is_null());
  EXPECT_EQ(answer["no_match"], "unknown_phase");
  EXPECT_TRUE(answer["phases"].empty());
  EXPECT_FALSE(answer["candidates"].empty());
  EXPECT_FALSE(answer["space_group"].empty());
}

TEST_F(Identify, OneCandidateThatIsUnlikeIsNoMatch) {
  const Json answer =
      answers({text_of(0, 1.54184, "alone.xy"), "--elements", "Na,Cl", "--wavelength", "CuKa"}).front();
  ASSERT_EQ(answer["candidates"].size(), 1u);
  EXPECT_EQ(answer["no_match"], "unknown_phase");
  EXPECT_LT(answer["confidence"].get<double>(), 0.9);
  // No structure at all.
  const Json none =
      answers({text_of(0, 1.54184, "none.xy"), "--elements", "Xe", "--wavelength", "CuKa"}).front();
  EXPECT_TRUE(none["candidates"].empty());
  EXPECT_EQ(none["no_match"], "unknown_phase");
  EXPECT_FALSE(none["space_group"].empty());
}

TEST_F(Identify, RequiredElementsAreInTheStructure) {
  const Json answer = answers({path("patterns.safetensors"), "--elements", "Ti!,O,Al"}).front();
  ASSERT_EQ(answer["candidates"].size(), 1u);
  EXPECT_EQ(answer["candidates"][0]["name"], "Rutile");
}

TEST_F(Identify, WhatOnePhaseHoldsIsTakenApartAllTheSame) {
  const std::string mixture = mixed_text(0, 0.6f, 3, 0.4f, "both.xy");
  for (const char* elements : {"Si!,O,Ti", "Si!,O,Ti!", "Si,O!,Ti"}) {
    const Json answer = answers({mixture, "--elements", elements, "--wavelength", "CuKa"}).front();
    std::vector<std::string> found;
    for (const Json& phase : answer["phases"])
      found.push_back(phase["name"]);
    std::sort(found.begin(), found.end());
    EXPECT_EQ(found, (std::vector<std::string>{"Quartz", "Rutile"})) << elements;
  }
}

TEST_F(Identify, PhasesHoldTogetherWhatIsRequired) {
  // So little rutile that noise hides it.
  const std::string trace = mixed_text(2, 1, 3, 0.012f, "trace.xy");
  const auto phases = [&](const char* elements) {
    std::vector<std::string> found;
    const Json answer = answers({trace, "--elements", elements, "--wavelength", "CuKa"}).front();
    EXPECT_EQ(answer["space_group"][0]["number"], 167) << elements;
    for (const Json& phase : answer["phases"])
      found.push_back(phase["name"]);
    EXPECT_EQ(answer["warnings"].size(), found.size() - 1) << answer["warnings"];
    return found;
  };
  EXPECT_EQ(phases("C,Ca,O,Ti"), std::vector<std::string>{"Calcite"});
  EXPECT_EQ(phases("C,Ca,O,Ti!"), (std::vector<std::string>{"Calcite", "Rutile"}));
  EXPECT_EQ(phases("C,Ca!,O,Ti!"), (std::vector<std::string>{"Calcite", "Rutile"}));
  // What may be a phase tells the radiation, not what has to be one.
  const Json open = answers({trace, "--elements", "C,Ca,O,Ti!"}).front();
  EXPECT_EQ(open["assumed"]["wavelength_from"], "default");
  EXPECT_EQ(open["phases"].size(), 2u);
  // Nothing holds xenon.
  const Json none = answers({trace, "--elements", "C,Ca,O,Xe!", "--wavelength", "CuKa"}).front();
  EXPECT_TRUE(none["phases"].empty());
  EXPECT_EQ(none["no_match"], "unknown_phase");
}

TEST_F(Identify, APagesAnswerIsTheSame) {
  const std::vector<std::string> plain{path("patterns.safetensors"), "--exclude", "Si", "--json"};
  std::vector<std::string> paged = plain;
  paged.insert(paged.end(), {"--report", path("same.html")});
  EXPECT_EQ(identify(plain).out, identify(paged).out);
  EXPECT_EQ(read_text(path("same.html")).find("data-wavelength=\"0\""), std::string::npos);
}

TEST_F(Identify, WritesATableAndAPage) {
  const RunResult result = identify(
      {path("patterns.safetensors"), "--csv", path("answers.csv"), "--report", path("answers.html")});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(lines(read_text(path("answers.csv"))).size(), 6u);
  const std::string page = read_text(path("answers.html"));
  for (const char* name : names)
    EXPECT_NE(page.find(name), std::string::npos) << name;
}

TEST_F(Identify, WrongUseIsExitCodeTwo) {
  const std::string set = path("patterns.safetensors");
  EXPECT_EQ(run_bragg({"identify", "--no-builtin-library", set}).code, 2);
  EXPECT_EQ(identify({set, "--elements", "Qx"}).code, 2);
  EXPECT_EQ(identify({set, "--elements", "Si", "--exclude", "Si"}).code, 2);
  EXPECT_EQ(identify({set, "--csv", set}).code, 2);
  EXPECT_EQ(identify({set, "--model", "m.safetensors", "--no-model"}).code, 2);
  EXPECT_EQ(identify({set, "--top", "0"}).code, 2);
  EXPECT_EQ(identify({set, "--library", path("nothing.bragg")}).code, 1);
  EXPECT_EQ(identify({set, "--library", set}).code, 1);
  EXPECT_EQ(identify({path("nothing.xy")}).code, 1);
}

TEST_F(Identify, TheCacheIsUsedAndADamagedOneMadeAnew) {
  const std::string set = path("patterns.safetensors");
  ::setenv("XDG_CACHE_HOME", path("cache").c_str(), 1);
  const auto run = [&] {
    return run_bragg({"identify", "--library", path("five.bragg"), "--no-builtin-library", "--json", set});
  };
  const RunResult cold = run();
  ASSERT_EQ(cold.code, 0) << cold.err;
  std::vector<std::filesystem::path> kept;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path("cache"))) {
    if (entry.is_regular_file()) kept.push_back(entry.path());
  }
  ASSERT_EQ(kept.size(), 1u);
  const std::string content = read_text(kept[0]);
  EXPECT_EQ(run().out, cold.out);
  EXPECT_EQ(read_text(kept[0]), content);
  std::filesystem::resize_file(kept[0], content.size() / 2);
  EXPECT_EQ(run().out, cold.out);
  EXPECT_EQ(read_text(kept[0]), content);
  // A cache folder that is a file is no failure.
  write_file(path("file"), "no folder");
  ::setenv("XDG_CACHE_HOME", path("file").c_str(), 1);
  EXPECT_EQ(run().out, cold.out);
  ::unsetenv("XDG_CACHE_HOME");
}

TEST_F(Identify, EvaluateMeasuresTheLookup) {
  const std::string set = path("patterns.safetensors"), json = path("lookup.json"),
                    figures = path("figures.jsonl");
  const RunResult result =
      run_bragg({"evaluate", "--lookup", set, "--library", path("five.bragg"), "--no-builtin-library",
                 "--no-model", "--no-cache", "--json", json, "--figures", figures});
  ASSERT_EQ(result.code, 0) << result.err;
  const Json all = Json::parse(read_text(json));
  EXPECT_TRUE(all["model"].is_null());
  EXPECT_EQ(all["patterns"], 5);
  ASSERT_EQ(all["scores"].size(), 1u);
  EXPECT_EQ(all["scores"][0]["name"], "look-up");
  EXPECT_EQ(all["scores"][0]["space_group"], 1.0);
  EXPECT_EQ(all["scores"][0]["crystal_system"], 1.0);
  EXPECT_EQ(all["without_resembling"].size(), 1u);
  // Without the structure itself the answer can be right for calcite and corundum alone, which have one group.
  EXPECT_LT(all["without_resembling"][0]["space_group"].get<double>(), 0.7);
  const auto rows = lines(read_text(figures));
  ASSERT_EQ(rows.size(), 6u);
  EXPECT_EQ(Json::parse(rows[0])["prior"].size(), 230u);
  EXPECT_EQ(Json::parse(rows[1])["space_group"], 154);
  EXPECT_EQ(Json::parse(rows[1])["candidates"].size(), 5u);
}

TEST_F(Identify, ANetworkIsAskedBeside) {
  const std::string model = path("tiny.safetensors"), set = path("patterns.safetensors"),
                    json = path("both.json");
  write_tiny_model_of_two_heads(model);
  const Json alone = answers({set}).front(), both = answers({set, "--model", model}).front();
  EXPECT_EQ(both["candidates"][0]["name"], "Quartz");
  EXPECT_NE(both["confidence"], alone["confidence"]);
  const RunResult result = run_bragg({"evaluate", "--lookup", model, set, "--library", path("five.bragg"),
                                      "--no-builtin-library", "--no-cache", "--json", json});
  ASSERT_EQ(result.code, 0) << result.err;
  const Json all = Json::parse(read_text(json));
  ASSERT_EQ(all["scores"].size(), 3u);
  EXPECT_EQ(all["scores"][1]["name"], "network");
  EXPECT_LT(all["scores"][1]["space_group"].get<double>(), 1.0);
  EXPECT_EQ(all["scores"][2]["space_group"], 1.0);
  // A model of crystal systems has no say in space groups.
  write_tiny_model(path("systems.safetensors"), 7);
  EXPECT_EQ(identify({set, "--model", path("systems.safetensors")}).code, 1);
}

TEST_F(Identify, EvaluateTakesATableOfFiles) {
  text_of(0, 1.54184, "a.xy");
  text_of(1, 1.54184, "b.xy");
  write_file(path("labels.tsv"), "file\tspace_group\tphase\na.xy\t152\tQuartz\nb.xy\t225\tHalite\n");
  const RunResult result =
      run_bragg({"evaluate", "--lookup", path("labels.tsv"), "--library", path("five.bragg"),
                 "--no-builtin-library", "--no-model", "--no-cache", "--json", path("table.json")});
  ASSERT_EQ(result.code, 0) << result.err;
  const Json all = Json::parse(read_text(path("table.json")));
  EXPECT_EQ(all["patterns"], 2);
  EXPECT_EQ(all["groups"], 2);
  EXPECT_EQ(all["scores"][0]["space_group"], 1.0);
}

TEST_F(Identify, EvaluateRefusesFlagsThatMeanNothing) {
  const std::string set = path("patterns.safetensors");
  EXPECT_EQ(run_bragg({"evaluate"}).code, 2);
  EXPECT_EQ(run_bragg({"evaluate", set, "--no-model"}).code, 2);
  EXPECT_EQ(run_bragg({"evaluate", "--lookup", "m.safetensors", set, "--no-model"}).code, 2);
  EXPECT_EQ(run_bragg({"evaluate", "m.safetensors", set, "--library", path("five.bragg")}).code, 2);
  EXPECT_EQ(run_bragg({"evaluate", "--lookup", set, "--report", path("page.html")}).code, 2);
}

TEST(IdentifyBuiltIn, MeasuredQuartzIsQuartz) {
  if (!data::built_in_library()) GTEST_SKIP() << "built without the library";
  BRAGG_SHARED_DATA_OR_SKIP(
      file,
      "patterns/text/Quartz__R040031-1__Powder__Xray_Data_XY_Processed__403071cbddfda8ff3a1189a86eb4.txt");
  const RunResult result = run_bragg({"identify", file.string(), "--json", "--no-cache"});
  ASSERT_EQ(result.code, 0) << result.err;
  const Json answer = Json::parse(lines(result.out).front());
  EXPECT_TRUE(answer["no_match"].is_null());
  ASSERT_EQ(answer["phases"].size(), 1u);
  EXPECT_EQ(answer["phases"][0]["name"], "Quartz");
  EXPECT_EQ(answer["phases"][0]["formula"], "O2 Si");
  EXPECT_EQ(answer["space_group"][0]["number"], 152);
}

}  // namespace
}  // namespace bragg::apps::tests
