// What every command that takes measured files does alike: remarks, exit codes, names of scans, nothing that a terminal obeys.
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "data/patterns/pattern_set.h"
#include "kernels/base/atomic_file.h"
#include "tests/apps/run_bragg.h"
#include "tests/apps/tiny_model.h"
#include "tests/support/temporary_folder.h"

namespace bragg::apps::tests {
namespace {

using bragg::tests::read_text;
using bragg::tests::run_bragg;
using bragg::tests::RunResult;
using nlohmann::ordered_json;

/// Lines on a background, steps of 0.02.
double intensity(double x) {
  return std::round(150 + 1000 * std::exp(-200 * std::pow(std::remainder(x, 7.3), 2)));
}

/// Three columns without names, and an end within a number.
std::string cut_text() {
  std::string text;
  for (int i = 0; i <= 4000; ++i)
    text += fmt::format("{:.2f} {} 12\n", 5 + 0.02 * i, intensity(5 + 0.02 * i));
  return text + "85.02 150 1";
}

/// Ranges of 2 theta, 40 degrees each.
std::string two_ranges() {
  std::string text = "_FILEVERSION=2\n_WL1=1.5406\n_ANODE='Cu'\n";
  for (const int start : {5, 46}) {
    text += fmt::format(
        "; (Data for Range number "
        "1)\n_DRIVE='COUPLED'\n_STEPSIZE=0.02\n_START={}\n_STEPCOUNT=2001\n_COUNTS\n",
        start);
    for (int i = 0; i <= 2000; ++i)
      text += fmt::format("{}\n", intensity(start + 0.02 * i));
  }
  return text;
}

class MeasuredFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    write_file(folder_.path() / "a.xy", text_pattern(0));
    write_file(folder_.path() / "cut.xye", cut_text());
    write_file(folder_.path() / "two.uxd", two_ranges());
    write_tiny_model(folder_.path() / "m230.safetensors", 230);
  }
  std::string path(const std::string& name) const { return (folder_.path() / name).string(); }
  std::string model() const { return path("m230.safetensors"); }
  /// A table of these files, each of space group 14.
  std::string table(const std::vector<std::string>& files) const {
    std::string text = "file,space_group\n";
    for (const std::string& file : files)
      text += file + ",14\n";
    write_file(folder_.path() / "list.csv", text);
    return path("list.csv");
  }
  /// All commands on this file, by its name in the folder.
  std::vector<RunResult> every_command(const std::string& name) const {
    const std::string list = table({name});
    return {run_bragg({"predict", path(name), "--model", model()}),
            run_bragg({"patterns", "show", path(name)}),
            run_bragg({"patterns", "convert", path(name), "-o", path("out.xy")}),
            run_bragg({"patterns", "convert", path(name), "-o", path("out.safetensors")}),
            run_bragg({"patterns", "describe", path(name)}),
            run_bragg({"patterns", "join", list, "-o", path("joined.safetensors")}),
            run_bragg({"evaluate", model(), list})};
  }

  bragg::tests::TemporaryFolder folder_;
};

TEST_F(MeasuredFiles, EveryCommandTellsWhatWasAssumedAndWarnedOf) {
  for (const RunResult& run : every_command("cut.xye")) {
    EXPECT_EQ(run.code, 0) << run.err;
    const std::string said = run.out + run.err;
    EXPECT_NE(said.find("the file may be cut off"), std::string::npos) << said;
    EXPECT_NE(said.find("is taken for the standard uncertainty"), std::string::npos) << said;
  }
}

TEST_F(MeasuredFiles, NothingThatAFileOrItsNameHoldsCommandsATerminal) {
  const std::string hostile = "\x1b[2J\xC2\x9B";
  write_file(folder_.path() / (hostile + ".xy"), text_pattern(0));
  write_file(folder_.path() / (hostile + "bad.xy"), "1 2\n" + hostile + "\n");
  write_file(folder_.path() / "words.xy",
             "# Anode: Cu" + hostile + "\n# wavelength = " + hostile + "\n" + text_pattern(0));
  for (const std::string& name : {hostile + ".xy", hostile + "bad.xy", std::string("words.xy")}) {
    for (const RunResult& run : every_command(name)) {
      const std::string said = run.out + run.err;
      EXPECT_EQ(said.find('\x1b'), std::string::npos) << said;
      EXPECT_EQ(said.find("\xC2\x9B"), std::string::npos) << said;
    }
  }
}

TEST_F(MeasuredFiles, WhatIsRefusedMakesTheCommandFail) {
  write_file(folder_.path() / "bad.png", "\x89PNG\r\n\x1A\n" + std::string(100, '\0'));
  const std::string list = table({"a.xy", "bad.png"});
  const RunResult joined = run_bragg({"patterns", "join", list, "-o", path("set.safetensors")});
  EXPECT_EQ(data::PatternSet(path("set.safetensors")).size(), 1) << "the rest is there";
  for (const RunResult& run :
       {joined, run_bragg({"evaluate", model(), list}),
        run_bragg({"predict", path("a.xy"), path("bad.png"), "--model", model()}),
        run_bragg({"patterns", "show", path("a.xy"), path("bad.png")}),
        run_bragg({"patterns", "convert", path("a.xy"), path("bad.png"), "-o", path("c.safetensors")})}) {
    EXPECT_EQ(run.code, 1);
    EXPECT_NE(run.err.find("1 of 2 refused\n"), std::string::npos) << run.err;
    EXPECT_NE((run.out + run.err).find("a PNG image"), std::string::npos) << run.err;
  }
  std::filesystem::create_directories(folder_.path() / "folder");
  for (const char* name : {"folder/a.xy", "folder/b.xy"})
    write_file(folder_.path() / name, name[7] == 'a' ? text_pattern(0) : "1 2\n3 nan\n");
  const RunResult described = run_bragg({"patterns", "describe", path("folder")});
  EXPECT_EQ(described.code, 1);
  EXPECT_NE(described.err.find("1 of 2 refused\n"), std::string::npos) << described.err;
}

TEST_F(MeasuredFiles, ScansAreNamedByTheirNumbers) {
  const RunResult predicted = run_bragg({"predict", path("two.uxd"), "--model", model()});
  ASSERT_EQ(predicted.code, 0) << predicted.out << predicted.err;
  for (const char* part : {"two.uxd, scan 1\n", "two.uxd, scan 2\n", "scan 2 of 2"})
    EXPECT_NE(predicted.out.find(part), std::string::npos) << part << " in\n" << predicted.out;
  EXPECT_EQ(predicted.out.find('['), std::string::npos) << predicted.out;
  const RunResult second = run_bragg({"predict", path("two.uxd"), "--model", model(), "--scan", "2"});
  EXPECT_NE(second.out.find("two.uxd, scan 2\n"), std::string::npos) << second.out;
  // A file's only scan needs no number.
  const RunResult only = run_bragg({"predict", path("a.xy"), "--model", model()});
  EXPECT_EQ(only.out.find("scan"), std::string::npos) << only.out;
  ASSERT_EQ(run_bragg({"patterns", "join", table({"two.uxd", "a.xy"}), "-o", path("set.safetensors")}).code,
            0);
  const data::PatternSet set(path("set.safetensors"));
  ASSERT_EQ(set.size(), 3);
  EXPECT_EQ(set.name(0), "two.uxd, scan 1");
  EXPECT_EQ(set.name(1), "two.uxd, scan 2");
  EXPECT_EQ(set.name(2), "a.xy");
  EXPECT_EQ(set.group(0), set.group(1));
}

TEST_F(MeasuredFiles, APictureIsOfOneFileAlsoOfAFolder) {
  for (const char* folder : {"one", "two"}) {
    std::filesystem::create_directories(folder_.path() / folder);
    write_file(folder_.path() / folder / "a.xy", text_pattern(0));
  }
  write_file(folder_.path() / "two/b.xy", text_pattern(1));
  const RunResult two = run_bragg({"patterns", "show", path("two"), "--plot", path("two.svg")});
  EXPECT_EQ(two.code, 2);
  EXPECT_NE(two.err.find("shows one file, not 2"), std::string::npos) << two.err;
  EXPECT_FALSE(std::filesystem::exists(path("two.svg")));
  EXPECT_EQ(run_bragg({"patterns", "show", path("one"), "--plot", path("one.svg")}).code, 0);
  EXPECT_TRUE(std::filesystem::exists(path("one.svg")));
}

TEST_F(MeasuredFiles, AWavelengthThatTheFileHasNoNumberOfIsNull) {
  const auto scan_of = [&](const std::string& header) {
    write_file(folder_.path() / "w.xy", header + text_pattern(0));
    return ordered_json::parse(run_bragg({"patterns", "show", path("w.xy"), "--json"}).out).at("scans").at(0);
  };
  const ordered_json by_name = scan_of("# Anode: Cu\n");
  EXPECT_TRUE(by_name.at("wavelength").is_null()) << by_name;
  EXPECT_TRUE(by_name.at("wavelength_alpha2").is_null()) << by_name;
  EXPECT_EQ(by_name.at("anode"), "Cu") << "whose lines they are";
  EXPECT_EQ(scan_of("# wavelength = 1.5406 A\n").at("wavelength"), 1.5406);
  EXPECT_EQ(scan_of("# Anode: Cu, wavelength = 1.5406 A\n").at("wavelength"), 1.5406);
  scan_of("# Anode: Cu\n");
  const RunResult text = run_bragg({"patterns", "show", path("w.xy")});
  EXPECT_NE(text.out.find("1.54056 A"), std::string::npos) << text.out;
  EXPECT_NE(text.out.find("by name"), std::string::npos) << text.out;
}

TEST_F(MeasuredFiles, EvaluateTellsASetByItsContentAndWritesNoneForATable) {
  const std::string list = table({"a.xy", "two.uxd"});
  // No folder for temporary files is needed.
  const std::string evaluated = "TMPDIR=/nonexistent " BRAGG_BINARY " evaluate " + model() + " " + list +
                                " --json " + path("table.json") + " > /dev/null 2>&1";
  ASSERT_EQ(std::system(evaluated.c_str()), 0) << evaluated;
  EXPECT_EQ(ordered_json::parse(read_text(path("table.json"))).at("patterns"), 3);
  ASSERT_EQ(run_bragg({"patterns", "join", list, "-o", path("set.safetensors")}).code, 0);
  std::filesystem::copy_file(path("set.safetensors"), path("set.bin"));
  const RunResult named = run_bragg({"evaluate", model(), path("set.safetensors")});
  const RunResult other = run_bragg({"evaluate", model(), path("set.bin")});
  EXPECT_EQ(named.code, 0) << named.err;
  EXPECT_EQ(other.code, 0) << other.err;
  EXPECT_EQ(run_bragg({"predict", path("set.bin"), "--model", model()}).code, 0);
  EXPECT_EQ(run_bragg({"patterns", "describe", path("set.bin")}).code, 0);
}

}  // namespace
}  // namespace bragg::apps::tests
