// The contract of `bragg predict`: what scripts read.
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "data/patterns/pattern_set.h"
#include "kernels/base/atomic_file.h"
#include "kernels/base/random.h"
#include "tests/apps/run_bragg.h"
#include "tests/apps/tiny_model.h"
#include "tests/data/pattern_set_in_memory.h"
#include "tests/data/test_crystals.h"
#include "xrd/symmetry/space_groups.h"

namespace bragg::apps::tests {
namespace {

using bragg::tests::run_bragg;
using bragg::tests::RunResult;

using nlohmann::json;

std::vector<json> lines_of(const std::string& text) {
  std::vector<json> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);)
    lines.push_back(json::parse(line));
  return lines;
}

class Predict : public ::testing::Test {
 protected:
  void SetUp() override {
    write_tiny_model(folder_.path() / "m230.safetensors", 230);
    write_tiny_model(folder_.path() / "m7.safetensors", 7);
    write_file(folder_.path() / "a.xy", text_pattern(0));
    write_file(folder_.path() / "b.csv", "# wavelength = 0.71073\n" + text_pattern(1, 2, 45, 0.02));
    write_file(folder_.path() / "part.xy", text_pattern(2, 10, 20));
    write_file(folder_.path() / "broken.txt", "1 2\n3 nan\n");
  }
  std::string path(const char* name) const { return (folder_.path() / name).string(); }

  bragg::tests::TemporaryFolder folder_;
};

TEST_F(Predict, AWavelengthOnTheCommandLineWinsOverTheFilesAndThatOverTheModels) {
  const auto assumed = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "predict");
    arguments.insert(arguments.end(), {"--model", path("m7.safetensors"), "--json"});
    const RunResult run = run_bragg(arguments);
    EXPECT_EQ(run.code, 0) << run.err;
    const json line = lines_of(run.out).at(0).at("assumed");
    return std::pair(line.at("wavelength").get<double>(), line.at("wavelength_from").get<std::string>());
  };
  EXPECT_EQ(assumed({path("a.xy")}), std::pair(1.54184, std::string("model")));
  EXPECT_EQ(assumed({path("b.csv")}), std::pair(0.71073, std::string("file")));
  EXPECT_EQ(assumed({path("b.csv"), "--wavelength", "0.7"}), std::pair(0.7, std::string("flag")));
}

TEST_F(Predict, WritesALineOfJsonForEveryPatternInOrder) {
  write_pattern_set(folder_.path() / "set.safetensors", 3, {225, 152, 14});
  const RunResult run =
      run_bragg({"predict", path("a.xy"), path("broken.txt"), path("set.safetensors"), path("part.xy"),
                 "missing.xy", path("b.csv"), "--model", path("m230.safetensors"), "--json", "--top", "230"});
  EXPECT_EQ(run.code, 1) << run.err;
  EXPECT_NE(run.err.find("3 of 8 refused\n"), std::string::npos) << run.err;
  const auto lines = lines_of(run.out);
  ASSERT_EQ(lines.size(), 8u);
  const char* files[] = {
      "a.xy",       "broken.txt", "set.safetensors", "set.safetensors", "set.safetensors", "part.xy",
      "missing.xy", "b.csv"};
  const int index[] = {0, 0, 0, 1, 2, 0, 0, 0};
  const bool refused[] = {false, true, false, false, false, true, true, false};
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const json& line = lines[i];
    SCOPED_TRACE(line.dump());
    ASSERT_EQ(line.size(), 7u);
    EXPECT_TRUE(line.at("warnings").is_array());
    for (const char* key : {"axis", "intensity_column", "wavelength_from"})
      EXPECT_TRUE(line.at("assumed").contains(key)) << key;
    EXPECT_TRUE(line.at("file").get<std::string>().ends_with(files[i]));
    EXPECT_EQ(line.at("index"), index[i]);
    EXPECT_TRUE(line.at("assumed").is_object());
    EXPECT_EQ(line.at("refused").is_string(), refused[i]);
    if (refused[i]) {
      EXPECT_TRUE(line.at("crystal_system").empty());
      EXPECT_TRUE(line.at("space_group").is_null());
      continue;
    }
    EXPECT_TRUE(line.at("refused").is_null());
    std::map<std::string, double> by_group, by_system;
    double before = 1;
    ASSERT_EQ(line.at("space_group").size(), 219u) << "the 11 pairs are an entry each";
    for (const json& group : line.at("space_group")) {
      const int number = group.at("number");
      EXPECT_EQ(group.at("hm"), xrd::hm_short(number));
      const auto pair = xrd::enantiomorph(number);
      EXPECT_EQ(group.at("indistinguishable_from"), pair ? json(*pair) : json(nullptr));
      EXPECT_EQ(xrd::modulo_enantiomorph(number), number) << "of a pair the lower number";
      EXPECT_LE(group.at("probability"), before);
      before = group.at("probability");
      by_group[std::string(name_of(xrd::crystal_system(number)))] += before;
    }
    before = 1;
    for (const json& system : line.at("crystal_system")) {
      EXPECT_LE(system.at("probability"), before);
      before = system.at("probability");
      by_system[system.at("name")] = before;
    }
    ASSERT_EQ(by_system.size(), 7u);
    for (const auto& [name, probability] : by_system)
      EXPECT_NEAR(probability, by_group[name], 1e-6) << name;
    double sum = 0;
    for (const auto& [name, probability] : by_group)
      sum += probability;
    EXPECT_NEAR(sum, 1, 1e-6);
  }
  EXPECT_NE(lines[1].at("refused").get<std::string>().find("broken.txt:2: intensity nan"), std::string::npos);
  EXPECT_NE(lines[5].at("refused").get<std::string>().find("% is needed"), std::string::npos);
  EXPECT_EQ(lines[0].at("assumed").at("wavelength_from"), "model");
  EXPECT_EQ(lines[7].at("assumed").at("wavelength_from"), "file");
  EXPECT_EQ(lines[7].at("assumed").at("wavelength"), 0.71073);
  // 2 degrees of MoKa are 4.34 of CuKa.
  EXPECT_NEAR(lines[7].at("assumed").at("range").at(0), 4.34, 0.01);
}

TEST_F(Predict, TheSamePatternGivesTheSameAnswerHoweverItIsWritten) {
  write_pattern_set(folder_.path() / "set.safetensors", 1, {225});
  write_file(folder_.path() / "coarse.xy", text_pattern(0, 5, 89.95, 0.1));
  std::string descending;
  std::istringstream stream(text_pattern(0, 5, 89.95, 0.1));
  for (std::string line; std::getline(stream, line);)
    descending = line + "\n" + descending;
  write_file(folder_.path() / "down.xy", descending);
  const RunResult run = run_bragg({"predict", path("set.safetensors"), path("coarse.xy"), path("down.xy"),
                                   "--model", path("m230.safetensors"), "--json", "--wavelength", "CuKa"});
  const auto lines = lines_of(run.out);
  ASSERT_EQ(lines.size(), 3u) << run.err;
  for (std::size_t i = 0; i < 5; ++i) {
    const json& group = lines[0].at("space_group").at(i);
    for (const std::size_t other : {1u, 2u}) {
      EXPECT_EQ(group.at("number"), lines[other].at("space_group").at(i).at("number"));
      // The files print intensities with three decimals of 1000.
      EXPECT_NEAR(group.at("probability"), lines[other].at("space_group").at(i).at("probability"), 1e-5);
    }
  }
  EXPECT_EQ(lines[2].at("assumed").at("order"), "descending");
  EXPECT_EQ(lines[2].at("assumed").at("wavelength_from"), "flag");
  EXPECT_EQ(lines[1].at("space_group"), lines[2].at("space_group"));
}

TEST_F(Predict, AModelOfCrystalSystemsNamesNoSpaceGroup) {
  const RunResult run = run_bragg({"predict", path("a.xy"), "--model", path("m7.safetensors"), "--json"});
  EXPECT_EQ(run.code, 0) << run.err;
  const json line = json::parse(run.out);
  EXPECT_TRUE(line.at("space_group").is_null());
  double sum = 0;
  for (const json& system : line.at("crystal_system"))
    sum += system.at("probability").get<double>();
  EXPECT_EQ(line.at("crystal_system").size(), 7u);
  EXPECT_NEAR(sum, 1, 1e-6);
}

TEST_F(Predict, TextIsForPeopleAndSaysWhatWasAssumed) {
  const RunResult run = run_bragg(
      {"predict", path("a.xy"), path("part.xy"), "--model", path("m230.safetensors"), "--top", "3"});
  EXPECT_EQ(run.code, 1) << run.err;
  for (const char* part :
       {"a.xy\n", "wavelength 1.54184 A (by model)", "crystal system", "space group", "refused"}) {
    EXPECT_NE(run.out.find(part), std::string::npos) << part << "\n" << run.out;
  }
  for (const std::string& line : bragg::tests::lines(run.out))
    EXPECT_TRUE(line.size() <= 140 || line.find(folder_.path().string()) != std::string::npos) << line;
}

TEST_F(Predict, SaysWhatTheHeaderDecidedAndWhatItDidNot) {
  const auto line_of = [&](const std::string& header, const std::vector<std::string>& more = {}) {
    write_file(folder_.path() / "h.xy", header + text_pattern(0));
    std::vector<std::string> arguments{"predict", path("h.xy"), "--model", path("m7.safetensors"), "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return lines_of(run_bragg(arguments).out).at(0);
  };
  const json theta = line_of("Theta (deg) I\n").at("assumed");
  EXPECT_EQ(theta.at("axis"), "theta");
  EXPECT_EQ(theta.at("intensity_column"), 2);
  const json cobalt = line_of("# Anode: Co\n").at("assumed");
  EXPECT_EQ(cobalt.at("wavelength"), 1.788996);
  EXPECT_EQ(cobalt.at("wavelength_alpha2"), 1.792835);
  EXPECT_EQ(cobalt.at("wavelength_from"), "file");
  const json unclear = line_of("# Anode: Unobtainium\n");
  EXPECT_EQ(unclear.at("assumed").at("wavelength_from"), "model");
  EXPECT_NE(unclear.at("warnings").at(0).get<std::string>().find("Unobtainium"), std::string::npos);
  const json outside = line_of("# wavelength: 154\n");
  EXPECT_NE(outside.at("refused").get<std::string>().find("154 A is outside"), std::string::npos);
  const json overridden = line_of("# wavelength: 154\n", {"--wavelength", "0.15406 nm"});
  EXPECT_TRUE(overridden.at("refused").is_null());
  EXPECT_EQ(overridden.at("assumed").at("wavelength_from"), "flag");
  EXPECT_NE(overridden.at("warnings").at(0).get<std::string>().find("wavelength"), std::string::npos);
}

TEST_F(Predict, ReadsFoldersCompressedFilesAndPipes) {
  const std::string model = path("m7.safetensors");
  std::filesystem::create_directories(folder_.path() / "scans" / "more");
  write_file(folder_.path() / "scans" / "2.xy", text_pattern(0));
  write_file(folder_.path() / "scans" / "more" / "1.dat", text_pattern(1));
  write_file(folder_.path() / "scans" / "picture.png", "x");
  const std::string pack = "gzip -c " + path("a.xy") + " > " + path("scans/3.xy.gz");
  ASSERT_EQ(std::system(pack.c_str()), 0);
  const RunResult folder = run_bragg({"predict", path("scans"), "--model", model, "--json"});
  EXPECT_EQ(folder.code, 0) << folder.err;
  const auto lines = lines_of(folder.out);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_TRUE(lines[1].at("file").get<std::string>().ends_with("3.xy.gz"));
  EXPECT_EQ(lines[0].at("crystal_system"), lines[1].at("crystal_system"));
  EXPECT_NE(folder.err.find("1 file of other kinds"), std::string::npos) << folder.err;
  const std::string pipe = "cat " + path("a.xy") + " | " BRAGG_BINARY " predict - --model " + model +
                           " --json > " + path("out.json");
  ASSERT_EQ(std::system(pipe.c_str()), 0);
  std::ifstream out(folder_.path() / "out.json");
  const json piped = json::parse(out);
  EXPECT_EQ(piped.at("crystal_system"), lines[0].at("crystal_system"));
  ASSERT_EQ(mkfifo(path("fifo.xy").c_str(), 0600), 0);
  const std::string named_pipe = "cat " + path("a.xy") + " > " + path("fifo.xy") +
                                 " & " BRAGG_BINARY " predict " + path("fifo.xy") + " --model " + model +
                                 " --json > " + path("named.json");
  ASSERT_EQ(std::system(named_pipe.c_str()), 0);
  std::ifstream named(folder_.path() / "named.json");
  EXPECT_EQ(json::parse(named).at("crystal_system"), lines[0].at("crystal_system"));
  // A pipe in a folder is passed over: nobody may ever write to it.
  std::filesystem::create_directories(folder_.path() / "empty");
  ASSERT_EQ(mkfifo(path("empty/scan.xy").c_str(), 0600), 0);
  EXPECT_EQ(run_bragg({"predict", path("empty"), "--model", model}).code, 1);
}

TEST_F(Predict, AnyFaultOfOneFileIsThatFilesRefusal) {
  write_file(folder_.path() / "feed.xy", "1\f1.0 L1\n1\f2.0 L2\n1\f3.0 L3\n");
  const RunResult run = run_bragg({"predict", path("feed.xy"), path("a.xy"), path("broken.txt"),
                                   path("part.xy"), "--model", path("m7.safetensors"), "--json"});
  EXPECT_EQ(run.code, 1);
  EXPECT_NE(run.err.find("3 of 4 refused\n"), std::string::npos) << run.err;
  const auto lines = lines_of(run.out);
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_TRUE(lines[1].at("refused").is_null());
}

// As text and in a set: counting noise, and the hump of a glass under it.
TEST_F(Predict, APatternWithoutBraggLinesIsRefusedWithTheFigures) {
  const TwoThetaGrid grid = tiny_facts(7).instrument.grid;
  bragg::tests::PatternSetInMemory set({.grid = grid});
  std::vector<std::string> arguments{"predict"};
  for (const int hump : {0, 800}) {
    std::string text;
    std::vector<float> values;
    for (std::int64_t i = 0; i < grid.points; ++i) {
      const Philox4 bits = random_call(1, RandomStream::test, static_cast<std::uint32_t>(i), 0, 0);
      const double mean = 100 + hump * std::exp(-std::pow((grid.at(i) - 22) / 5, 2));
      values.push_back(
          static_cast<float>(std::round(mean + 3 * std::sqrt(mean) * (uniform01(bits[0]) - 0.5))));
      text += fmt::format("{:.2f} {}\n", grid.at(i), values.back());
    }
    const std::string file = path(fmt::format("hump{}.xy", hump).c_str());
    write_file(file, text);
    arguments.push_back(file);
    set.add(values, 1, 0, "");
  }
  set.write(folder_.path() / "nothing.safetensors");
  arguments.insert(arguments.end(),
                   {path("nothing.safetensors"), path("a.xy"), "--json", "--model", path("m7.safetensors")});
  const RunResult run = run_bragg(arguments);
  const auto lines = lines_of(run.out);
  ASSERT_EQ(lines.size(), 5u) << run.err;
  for (std::size_t i = 0; i < 4; ++i) {
    ASSERT_TRUE(lines[i].at("refused").is_string()) << i;
    const std::string reason = lines[i].at("refused");
    EXPECT_NE(reason.find("no Bragg lines"), std::string::npos) << reason;
    EXPECT_NE(reason.find("0 lines above the noise"), std::string::npos) << reason;
    EXPECT_NE(reason.find("% of the intensity"), std::string::npos) << reason;
    EXPECT_TRUE(lines[i].at("crystal_system").empty());
  }
  EXPECT_TRUE(lines[4].at("refused").is_null());
}

TEST_F(Predict, NamesTheNearestStructuresOfASet) {
  // Rows of kinds 0, 1, 2, 0, 1, 2 in groups 0, 0, 1, 1, 2, 2: kind 1 is row 1 and, in another group, row 4.
  write_pattern_set(folder_.path() / "known.safetensors", 6, {225, 152, 14});
  write_file(folder_.path() / "c.xy", text_pattern(1));
  std::vector<std::string> command = {"predict",
                                      path("c.xy"),
                                      path("broken.txt"),
                                      "--model",
                                      path("m7.safetensors"),
                                      "--neighbours",
                                      path("known.safetensors")};
  const RunResult text = run_bragg(command);
  EXPECT_NE(text.out.find("  nearest        <1&>, space group 152 P3121, trigonal: similarity 0.999\n"),
            std::string::npos)
      << text.out;
  command.push_back("--json");
  const auto lines = lines_of(run_bragg(command).out);
  ASSERT_EQ(lines.size(), 2u);
  const json& nearest = lines[0].at("neighbours");
  ASSERT_EQ(nearest.size(), 2u) << nearest << ": the others have no line in common with it";
  EXPECT_EQ(nearest[0].at("name"), "<1&>");
  EXPECT_EQ(nearest[0].at("space_group"), 152);
  EXPECT_EQ(nearest[0].at("index"), 1);
  EXPECT_NEAR(nearest[0].at("similarity").get<double>(), 1, 0.01);
  EXPECT_EQ(nearest[1].at("index"), 4) << "row 0 is of the group of row 1";
  EXPECT_TRUE(lines[1].at("neighbours").is_null()) << "refused";
  bragg::tests::PatternSetInMemory narrow({.grid = {.start = 5, .step = 1, .points = 4}});
  narrow.add({0, 1, 0, 0}, 1, 0, "");
  narrow.write(folder_.path() / "narrow.safetensors");
  const RunResult none = run_bragg({"predict", path("c.xy"), "--model", path("m7.safetensors"),
                                    "--neighbours", path("narrow.safetensors")});
  EXPECT_EQ(none.code, 1);
  EXPECT_NE(none.err.find("none of its 1 patterns covers enough"), std::string::npos) << none.err;
  const RunResult without = run_bragg({"predict", path("c.xy"), "--model", path("m7.safetensors"), "--json"});
  EXPECT_FALSE(lines_of(without.out).at(0).contains("neighbours"));
  EXPECT_EQ(
      run_bragg({"predict", path("c.xy"), "--model", path("m7.safetensors"), "--neighbours", path("c.xy")})
          .code,
      1);
}

TEST_F(Predict, ExitCodes) {
  const std::string model = path("m230.safetensors");
  EXPECT_EQ(run_bragg({"predict", path("broken.txt"), path("part.xy"), "--model", model, "--json"}).code, 1);
  EXPECT_EQ(run_bragg({"predict", path("a.xy"), "--model", path("a.xy")}).code, 1);
  EXPECT_EQ(run_bragg({"predict", path("a.xy"), "--model", model, "--wavelength", "Unobtainium"}).code, 2);
  EXPECT_EQ(run_bragg({"predict", path("a.xy"), "--model", model, "--wavelength", "154"}).code, 2);
  EXPECT_EQ(run_bragg({"predict", path("a.xy"), "--model", model, "--topp", "3"}).code, 2);
  EXPECT_EQ(run_bragg({"predict", path("a.xy"), "--model", model, "--top", "0"}).code, 2);
}

}  // namespace
}  // namespace bragg::apps::tests
