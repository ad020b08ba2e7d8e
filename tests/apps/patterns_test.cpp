// `bragg patterns show | convert | join | describe` on measured files, and evaluate by a table: what scripts read.
#include <cmath>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "data/patterns/pattern_set.h"
#include "kernels/base/atomic_file.h"
#include "tests/apps/run_bragg.h"
#include "tests/apps/tiny_model.h"
#include "tests/apps/well_formed.h"
#include "tests/data/test_crystals.h"
#include "tests/support/temporary_folder.h"

namespace bragg::apps::tests {
namespace {

using bragg::tests::read_text;
using bragg::tests::run_bragg;
using bragg::tests::RunResult;
using nlohmann::ordered_json;

class Patterns : public ::testing::Test {
 protected:
  void SetUp() override {
    write_file(folder_.path() / "a.xy",
               "# K-Alpha1 wavelength = 1.5406 A\n# K-Alpha2 wavelength = 1.54443 A\n" + text_pattern(0));
    write_file(folder_.path() / "b.csv", text_pattern(1, 4, 70));
    write_file(folder_.path() / "c.png", "\x89PNG\r\n\x1A\n" + std::string(100, '\0'));
    std::string xye;
    for (int i = 0; i < 40; ++i)
      xye += fmt::format("{:.2f} {} {}\n", 10 + 0.02 * i, 50 + i, 3 + i);
    write_file(folder_.path() / "short.xye", xye);
    write_tiny_model(folder_.path() / "m230.safetensors", 230);
  }
  std::string path(const char* name) const { return (folder_.path() / name).string(); }
  std::string text(const char* name) const { return read_text(folder_.path() / name); }

  bragg::tests::TemporaryFolder folder_;
};

std::vector<std::string> keys_of(const ordered_json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items())
    keys.push_back(key);
  return keys;
}

TEST_F(Patterns, ShowGivesALineOfJsonForEveryFileInOrder) {
  const RunResult run =
      run_bragg({"patterns", "show", path("a.xy"), path("c.png"), path("b.csv"), path("none.xy"), "--json"});
  EXPECT_EQ(run.code, 1);
  EXPECT_NE(run.err.find("2 of 4 refused"), std::string::npos) << run.err;
  std::vector<ordered_json> lines;
  for (const std::string& line : bragg::tests::lines(run.out))
    lines.push_back(ordered_json::parse(line));
  ASSERT_EQ(lines.size(), 4u);
  for (const ordered_json& line : lines)
    EXPECT_EQ(keys_of(line), (std::vector<std::string>{"file", "format", "refused", "scans"}));
  EXPECT_EQ(lines[0].at("file"), path("a.xy"));
  EXPECT_EQ(lines[0].at("format"), "text in columns");
  EXPECT_TRUE(lines[0].at("refused").is_null());
  ASSERT_EQ(lines[0].at("scans").size(), 1u);
  const ordered_json& scan = lines[0].at("scans")[0];
  EXPECT_EQ(keys_of(scan), (std::vector<std::string>{"axis", "unit", "points", "first", "last", "wavelength",
                                                     "wavelength_alpha2", "anode", "counting_time", "sum"}));
  EXPECT_EQ(scan.at("axis"), "two_theta");
  EXPECT_EQ(scan.at("unit"), "deg");
  EXPECT_EQ(scan.at("points"), 1701);
  EXPECT_EQ(scan.at("first"), 5.0);
  EXPECT_NEAR(scan.at("last").get<double>(), 90, 1e-9);
  EXPECT_EQ(scan.at("wavelength"), 1.5406);
  EXPECT_EQ(scan.at("wavelength_alpha2"), 1.54443);
  EXPECT_TRUE(scan.at("anode").is_null());
  EXPECT_TRUE(scan.at("counting_time").is_null());
  EXPECT_GT(scan.at("sum").get<double>(), 0);
  EXPECT_NE(lines[1].at("refused").get<std::string>().find("a PNG image"), std::string::npos);
  EXPECT_TRUE(lines[1].at("scans").empty());
  EXPECT_TRUE(lines[2].at("scans")[0].at("wavelength").is_null());
  EXPECT_NE(lines[3].at("refused").get<std::string>().find("no such file"), std::string::npos);
}

TEST_F(Patterns, ShowsAsTextAndAsAPlot) {
  const RunResult text = run_bragg({"patterns", "show", path("a.xy"), "--plot", "terminal"});
  ASSERT_EQ(text.code, 0) << text.err;
  for (const char* part : {"text in columns, 1 scan", "scan 1: two_theta 5..90, 1701 points",
                           "1.5406 A with K alpha 2 1.54443 A", "│", "└"})
    EXPECT_NE(text.out.find(part), std::string::npos) << part << " in\n" << text.out;
  const RunResult svg = run_bragg({"patterns", "show", path("a.xy"), "--plot", path("a.svg")});
  ASSERT_EQ(svg.code, 0) << svg.err;
  EXPECT_EQ(why_not_well_formed(this->text("a.svg")), "");
  EXPECT_NE(this->text("a.svg").find("xmlns=\"http://www.w3.org/2000/svg\""), std::string::npos);
  EXPECT_EQ(run_bragg({"patterns", "show", path("a.xy"), path("b.csv"), "--plot", path("x.svg")}).code, 2);
  EXPECT_EQ(run_bragg({"patterns", "show", path("a.xy"), "--plot", path("x.png")}).code, 2);
  EXPECT_EQ(run_bragg({"patterns", "show", path("a.xy"), "--plot", "terminal", "--json"}).code, 2);
  const RunResult second = run_bragg({"patterns", "show", path("a.xy"), "--scan", "2"});
  EXPECT_EQ(second.code, 1);
  EXPECT_NE(second.out.find("--scan 2: the file has 1 scan"), std::string::npos) << second.out;
}

TEST_F(Patterns, ConvertKeepsUncertaintiesAndTheWavelength) {
  ASSERT_EQ(run_bragg({"patterns", "convert", path("a.xy"), "-o", path("back.csv")}).code, 0);
  EXPECT_TRUE(text("back.csv").starts_with("# K-Alpha1 wavelength = 1.5406 A\n")) << text("back.csv");
  const auto scans = [&](const char* name) {
    return ordered_json::parse(run_bragg({"patterns", "show", path(name), "--json"}).out).at("scans");
  };
  EXPECT_EQ(scans("a.xy"), scans("back.csv"));
  ASSERT_EQ(run_bragg({"patterns", "convert", path("short.xye"), "-o", path("out.xye")}).code, 0);
  EXPECT_NE(text("out.xye").find("\n10.02 51 4\n"), std::string::npos) << text("out.xye");
  const RunResult given =
      run_bragg({"patterns", "convert", path("short.xye"), "-o", path("out.xy"), "--wavelength", "0.5"});
  ASSERT_EQ(given.code, 0) << given.err;
  EXPECT_TRUE(text("out.xy").starts_with("# wavelength = 0.5 A\n# 2theta_deg intensity\n10 50\n"));
  const RunResult none = run_bragg({"patterns", "convert", path("b.csv"), "-o", path("b.xye")});
  EXPECT_EQ(none.code, 1);
  EXPECT_NE(none.err.find("neither uncertainties nor counts"), std::string::npos) << none.err;
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "b.xye"));
  ASSERT_EQ(run_bragg({"patterns", "convert", path("a.xy"), "-o", path("a.cif")}).code, 0);
  // The file has no ratio, and none is made up.
  EXPECT_NE(text("a.cif").find("_diffrn_radiation_wavelength\n1 1.5406\n2 1.54443\n"), std::string::npos);
  EXPECT_EQ(run_bragg({"patterns", "convert", path("a.xy"), "-o", path("a.doc")}).code, 2);
  EXPECT_EQ(run_bragg({"patterns", "convert", path("a.xy"), "-o", path("a.xy")}).code, 2);
  EXPECT_EQ(run_bragg({"patterns", "convert", path("a.xy"), path("b.csv"), "-o", path("ab.xy")}).code, 2);
  EXPECT_EQ(run_bragg({"patterns", "convert", path("c.png"), "-o", path("c.xy")}).code, 1);
}

TEST_F(Patterns, ConvertMakesASetOfMany) {
  const RunResult run =
      run_bragg({"patterns", "convert", path("a.xy"), path("b.csv"), "-o", path("set.safetensors")});
  ASSERT_EQ(run.code, 0) << run.err;
  const data::PatternSet set(path("set.safetensors"));
  ASSERT_EQ(set.size(), 2);
  EXPECT_FALSE(set.has_labels());
  EXPECT_EQ(set.name(1), "b.csv");
  const RunResult answer =
      run_bragg({"predict", path("set.safetensors"), "--model", path("m230.safetensors"), "--json"});
  EXPECT_EQ(answer.code, 0) << answer.err;
  EXPECT_EQ(run_bragg({"patterns", "describe", path("set.safetensors"), path("a.xy")}).code, 0);
  const RunResult part =
      run_bragg({"patterns", "convert", path("a.xy"), path("c.png"), "-o", path("set.safetensors")});
  EXPECT_EQ(part.code, 1);
  EXPECT_NE(part.err.find("a PNG image"), std::string::npos) << part.err;
  EXPECT_EQ(data::PatternSet(path("set.safetensors")).size(), 1);
}

/// A range over phi and, where it is asked for, one over 2 theta.
std::string uxd(bool has_powder) {
  std::string text = "_FILEVERSION=2\n_WL1=1.5406\n_ANODE='Cu'\n";
  const auto add = [&](const char* drive, double start, double step, int points) {
    text += fmt::format("; (Data for Range number 1)\n_DRIVE='{}'\n_STEPSIZE={}\n_START={}\n_COUNTS\n", drive,
                        step, start);
    for (int i = 0; i < points; ++i) {
      const double x = start + step * i;
      text += fmt::format("{:.0f}\n", 50 + 1000 * std::exp(-200 * std::pow(std::remainder(x, 7.3), 2)));
    }
  };
  add("PHI", -180, 5, 73);
  add("CHI", 0, 1, 30);
  if (has_powder) add("COUPLED", 5, 0.02, 4001);
  return text;
}

TEST_F(Patterns, ScansOverOtherAxesAreShownAndConvertedAndNoPatterns) {
  write_file(folder_.path() / "rocking.uxd", uxd(false));
  write_file(folder_.path() / "both.uxd", uxd(true));
  const RunResult show = run_bragg({"patterns", "show", path("both.uxd"), "--json"});
  ASSERT_EQ(show.code, 0) << show.err;
  const ordered_json scans = ordered_json::parse(show.out).at("scans");
  ASSERT_EQ(scans.size(), 3u);
  EXPECT_EQ(scans[0].at("axis"), "phi");
  EXPECT_EQ(scans[0].at("unit"), "deg");
  EXPECT_EQ(scans[0].at("last"), 180);
  EXPECT_EQ(scans[1].at("axis"), "chi");
  EXPECT_EQ(scans[2].at("axis"), "two_theta");
  const RunResult plot =
      run_bragg({"patterns", "show", path("rocking.uxd"), "--scan", "1", "--plot", "terminal"});
  EXPECT_EQ(plot.code, 0) << plot.err;
  EXPECT_NE(plot.out.find("phi, degrees"), std::string::npos) << plot.out;

  ASSERT_EQ(run_bragg({"patterns", "convert", path("both.uxd"), "-o", path("phi.csv"), "--scan", "1"}).code,
            0);
  EXPECT_NE(text("phi.csv").find("\nphi_deg,intensity\n-180,"), std::string::npos) << text("phi.csv");
  const RunResult powder = run_bragg({"patterns", "convert", path("both.uxd"), "-o", path("both.xy")});
  ASSERT_EQ(powder.code, 0) << powder.err;
  EXPECT_NE(powder.err.find("left out: scan 1 over phi, 2 over chi"), std::string::npos) << powder.err;
  EXPECT_NE(text("both.xy").find("# 2theta_deg intensity\n5 "), std::string::npos);
  EXPECT_EQ(run_bragg({"patterns", "convert", path("both.uxd"), "-o", path("a.cif"), "--scan", "1"}).code, 1);

  const std::string model = path("m230.safetensors");
  const RunResult good = run_bragg({"predict", path("both.uxd"), "--model", model});
  EXPECT_EQ(good.code, 0) << good.err;
  for (const RunResult& refused :
       {run_bragg({"predict", path("rocking.uxd"), "--model", model}),
        run_bragg({"predict", path("both.uxd"), "--model", model, "--scan", "1"}),
        run_bragg({"patterns", "convert", path("rocking.uxd"), "-o", path("r.safetensors")})}) {
    EXPECT_EQ(refused.code, 1);
    EXPECT_NE((refused.out + refused.err).find("over phi"), std::string::npos) << refused.out << refused.err;
  }
  write_file(folder_.path() / "list.csv", "file,space_group\nrocking.uxd,152\n");
  for (const RunResult& refused :
       {run_bragg({"evaluate", model, path("list.csv")}),
        run_bragg({"patterns", "join", path("list.csv"), "-o", path("set.safetensors")})}) {
    EXPECT_EQ(refused.code, 1);
    EXPECT_NE(refused.err.find("over phi: no powder pattern"), std::string::npos) << refused.err;
  }
}

TEST_F(Patterns, ATableLabelsFilesForEvaluate) {
  write_file(folder_.path() / "list.csv", "file,space_group,note\na.xy,152,\"x, y\"\nb.csv,14,\n");
  const RunResult table =
      run_bragg({"evaluate", path("m230.safetensors"), path("list.csv"), "--json", path("table.json")});
  ASSERT_EQ(table.code, 0) << table.err;
  // The set on the model's grid holds the same numbers as the files.
  const RunResult joined = run_bragg({"patterns", "join", path("list.csv"), "-o", path("set.safetensors")});
  ASSERT_EQ(joined.code, 0) << joined.err;
  const data::PatternSet set(path("set.safetensors"));
  ASSERT_EQ(set.size(), 2);
  EXPECT_EQ(set.space_group(0), 152);
  EXPECT_NE(set.group(0), set.group(1)) << "without phases every file is a group";
  EXPECT_EQ(set.name(0), "a.xy");
  const ordered_json json = ordered_json::parse(text("table.json"));
  EXPECT_EQ(json.at("patterns"), 2);
  EXPECT_EQ(json.at("set"), path("list.csv"));
  write_file(folder_.path() / "wrong.csv", "file,group\na.xy,152\n");
  const RunResult wrong = run_bragg({"evaluate", path("m230.safetensors"), path("wrong.csv")});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_NE(wrong.err.find("no column 'space_group'"), std::string::npos) << wrong.err;
}

TEST_F(Patterns, ManyFilesComeInOrderWhateverReadsThem) {
  std::vector<std::string> command{"patterns", "show", "--json", "--threads", "3"};
  for (int i = 0; i < 150; ++i) {
    const std::string name = fmt::format("many/{:03}.xy", i);
    std::filesystem::create_directories(folder_.path() / "many");
    std::string rows;
    for (int k = 0; k < 20 + i; ++k)
      rows += fmt::format("{} {}\n", 10 + k * 0.1, k);
    write_file(folder_.path() / name, rows);
  }
  command.push_back(path("many"));
  const auto lines = bragg::tests::lines(run_bragg(command).out);
  ASSERT_EQ(lines.size(), 150u);
  for (std::size_t i = 0; i < lines.size(); ++i)
    EXPECT_EQ(ordered_json::parse(lines[i]).at("scans")[0].at("points"), 20 + i);
}

}  // namespace
}  // namespace bragg::apps::tests
