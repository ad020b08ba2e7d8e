// The model that the program carries: that it is the file's, that commands ask it unnamed, and that it is as good as its own
// metadata and models/README.md say.
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "apps/evaluation/model_metadata.h"
#include "apps/open_model.h"
#include "kernels/base/error.h"
#include "kernels/base/safetensors.h"
#include "tests/apps/run_bragg.h"
#include "tests/support/shared_data.h"
#include "tests/support/temporary_folder.h"

namespace bragg::apps::tests {
namespace {

using bragg::tests::lines;
using bragg::tests::project_file;
using bragg::tests::read_text;
using bragg::tests::run_bragg;
using bragg::tests::RunResult;
using Json = nlohmann::json;

const std::string no_model = "built without a model: name one";

std::filesystem::path file_of_the_model() {
  return project_file(BRAGG_MODEL);
}

class BuiltInModel : public ::testing::Test {
 protected:
  void SetUp() override {
    if (built_in_model_name().empty()) GTEST_SKIP() << "built without a model (BRAGG_MODEL=OFF)";
    const RunResult drawn = run_bragg({"simulate", project_file("data/crystals/halite.cif").string(),
                                       "--recipe", "realistic", "-o", path("halite.xy")});
    ASSERT_EQ(drawn.code, 0) << drawn.err;
  }
  std::string path(const std::string& name) const { return (folder_.path() / name).string(); }
  /// What a command prints; its last arguments are `more`.
  static std::string printed(std::vector<std::string> arguments, const std::vector<std::string>& more = {}) {
    arguments.insert(arguments.end(), more.begin(), more.end());
    const RunResult result = run_bragg(arguments);
    EXPECT_EQ(result.code, 0) << result.err;
    return result.out;
  }

  bragg::tests::TemporaryFolder folder_;
};

TEST(OpenModel, WithoutOneEveryCommandThatNeedsItSaysSo) {
  if (!built_in_model_name().empty()) {
    EXPECT_NO_THROW(open_model({}));
    return;
  }
  EXPECT_THROW(open_model({}), UsageError);
  const std::string cif = project_file("data/crystals/halite.cif").string();
  for (const char* command : {"predict", "evaluate"}) {
    const RunResult result = run_bragg({command, cif});
    EXPECT_EQ(result.code, 2);
    EXPECT_NE(result.err.find(no_model), std::string::npos) << result.err;
  }
  EXPECT_NE(run_bragg({"info"}).out.find("model none\n"), std::string::npos);
}

TEST_F(BuiltInModel, IsTheFileByteForByte) {
  EXPECT_EQ(built_in_model_name(), file_of_the_model().stem().string());
  const SafetensorsFile built_in = open_model({}), file(file_of_the_model());
  EXPECT_EQ(built_in.metadata(), file.metadata());
  ASSERT_EQ(built_in.tensors().size(), file.tensors().size());
  for (const auto& [name, info] : file.tensors()) {
    const TensorInfo& other = built_in.tensors().at(name);
    EXPECT_EQ(other.dtype, info.dtype) << name;
    EXPECT_EQ(other.shape, info.shape) << name;
    EXPECT_TRUE(std::equal(info.bytes.begin(), info.bytes.end(), other.bytes.begin(), other.bytes.end()))
        << name;
  }
}

TEST_F(BuiltInModel, IsAskedWhereNoneIsNamed) {
  const std::vector<std::string> named{"--model", file_of_the_model().string()};
  const std::vector<std::string> predict{"predict", path("halite.xy"), "--json"};
  EXPECT_EQ(printed(predict), printed(predict, named));
  // A library of its own: what is asked beside a search, not what is searched.
  const std::string set = path("set.safetensors"), library = path("library.bragg");
  printed({"crystals", "import", project_file("data/crystals/halite.cif").string(),
           project_file("data/crystals/rutile.cif").string(), "-o", set});
  printed({"library", "build", set, "-o", library});
  const std::vector<std::string> identify{"identify", path("halite.xy"),      "--library",
                                          library,    "--no-builtin-library", "--no-cache",
                                          "--json",   "--wavelength",         "1.54184"};
  const std::string both = printed(identify);
  EXPECT_EQ(both, printed(identify, named));
  EXPECT_NE(Json::parse(both)["confidence"], Json::parse(printed(identify, {"--no-model"}))["confidence"]);
}

TEST_F(BuiltInModel, IsEvaluatedWhereNoneIsNamed) {
  const std::string table = path("labels.tsv"), json = path("answers.json");
  std::ofstream(table) << "file\tspace_group\nhalite.xy\t225\n";
  const std::string text = printed({"evaluate", table, "--json", json});
  const Json all = Json::parse(read_text(json));
  const std::string name = "built-in model " + built_in_model_name();
  EXPECT_EQ(all["model"], name);
  EXPECT_EQ(all["patterns"], 1);
  EXPECT_TRUE(all["command"].get<std::string>().starts_with("bragg evaluate " + table));
  EXPECT_NE(text.find(name), std::string::npos) << text;
  // A model alone is taken for the patterns.
  const RunResult alone = run_bragg({"evaluate", file_of_the_model().string()});
  EXPECT_EQ(alone.code, 1);
  EXPECT_NE(alone.err.find("not a pattern set"), std::string::npos) << alone.err;
}

TEST_F(BuiltInModel, InfoSaysWhichItIs) {
  const std::string text = printed({"info"});
  const SafetensorsFile file(file_of_the_model());
  for (const std::string& part : {"model " + built_in_model_name() + "\n", file.metadata("first_index"),
                                  "seed " + file.metadata("seed")})
    EXPECT_NE(text.find(part), std::string::npos) << part << " in:\n" << text;
  EXPECT_NE(text.find("rruff_dev: "), std::string::npos) << text;
}

/// SET.RATE -> the share, of the model's metadata.
std::map<std::string, double> figures() {
  std::map<std::string, double> all;
  const SafetensorsFile model = open_model({});
  for (const auto& [key, value] : model.metadata()) {
    if (key.starts_with(figure_key)) all[key.substr(figure_key.size())] = std::stod(value);
  }
  return all;
}

/// Figures are written with four decimals, and one pattern in the set may fall otherwise on another instruction set, whose sums are
/// in another order.
void expect_figure(const std::map<std::string, double>& told, const std::string& name, double measured,
                   double patterns) {
  ASSERT_TRUE(told.contains(name)) << name;
  EXPECT_LE(std::abs(told.at(name) - measured), 1 / patterns + 5e-5)
      << name << ": told " << told.at(name) << ", measured " << measured;
}

class FiguresOfTheModel : public BuiltInModel {
 protected:
  /// `evaluate` with `arguments`, its JSON.
  Json evaluated(std::vector<std::string> arguments, bool refused = false) const {
    arguments.insert(arguments.begin(), "evaluate");
    arguments.insert(arguments.end(), {"--json", path("all.json")});
    const RunResult result = run_bragg(arguments);
    EXPECT_EQ(result.code, refused ? 1 : 0) << result.err;
    return Json::parse(read_text(path("all.json")));
  }
  void expect_as_told(const std::string& set, const std::filesystem::path& patterns) const {
    const auto told = figures();
    const Json all = evaluated({patterns.string()});
    const double count = all["patterns"];
    EXPECT_EQ(told.at(set + ".patterns"), count);
    const Json& groups = all["space_group"];
    expect_figure(told, set + ".crystal_system", all["crystal_system"]["accuracy"], count);
    expect_figure(told, set + ".space_group", groups["accuracy"], count);
    expect_figure(told, set + ".modulo_pairs", groups["accuracy_modulo_pairs"], count);
    expect_figure(told, set + ".top5", groups["top5"], count);
  }
  /// `refused`: whether a pattern of the set is.
  void expect_with_the_search_as_told(const std::string& set, const std::filesystem::path& patterns,
                                      bool refused = false) const {
    const auto told = figures();
    const Json all = evaluated({"--lookup", patterns.string()}, refused);
    EXPECT_EQ(told.at(set + ".identify_patterns"), all["patterns"]);
    const Json& both = all["scores"].back();
    ASSERT_EQ(both["name"], "both");
    for (const char* rate : {"crystal_system", "space_group", "top5"})
      expect_figure(told, fmt::format("{}.identify_{}", set, rate), both[rate], all["patterns"]);
  }
};

TEST_F(FiguresOfTheModel, AreThoseOfRruffDev) {
  BRAGG_SHARED_DATA_OR_SKIP(patterns, "rruff_dev.safetensors");
  expect_as_told("rruff_dev", patterns);
}

TEST_F(FiguresOfTheModel, AreThoseOfRruffMore) {
  BRAGG_SHARED_DATA_OR_SKIP(patterns, "rruff_more.safetensors");
  expect_as_told("rruff_more", patterns);
}

TEST_F(FiguresOfTheModel, AreThoseOfOtherInstruments) {
  BRAGG_SHARED_DATA_OR_SKIP(labels, "other_instruments/labels.tsv");
  printed({"patterns", "join", labels.string(), "-o", path("other.safetensors")});
  expect_as_told("other_instruments", path("other.safetensors"));
}

TEST_F(FiguresOfTheModel, AreThoseOfIdentify) {
  BRAGG_SHARED_DATA_OR_SKIP(dev, "rruff_dev.safetensors");
  expect_with_the_search_as_told("rruff_dev", dev, true);
  BRAGG_SHARED_DATA_OR_SKIP(more, "rruff_more.safetensors");
  expect_with_the_search_as_told("rruff_more", more);
  BRAGG_SHARED_DATA_OR_SKIP(labels, "other_instruments/labels.tsv");
  printed({"patterns", "join", labels.string(), "-o", path("other.safetensors")});
  expect_with_the_search_as_told("other_instruments", path("other.safetensors"));
}

/// Rows of a set in the card: | rruff_dev | 453 | 83.7 (78..88) | ... |
TEST_F(BuiltInModel, TheCardSaysWhatTheModelSays) {
  const auto told = figures();
  const std::map<std::string, std::vector<std::string>> columns{
      {"network", {"crystal_system", "space_group", "modulo_pairs", "top5"}},
      {"identify", {"identify_crystal_system", "identify_space_group", "identify_top5"}}};
  const auto cell = [&](const std::string& name) {
    const auto bound = [&](const char* end) { return 100 * told.at(name + end); };
    return fmt::format("{:.1f} ({:.0f}..{:.0f})", 100 * told.at(name), bound("_low"), bound("_high"));
  };
  std::istringstream card(read_text(project_file("models/README.md")));
  std::map<std::string, int> rows;
  for (std::string line; std::getline(card, line);) {
    std::istringstream fields(line);
    std::string set, asked, count;
    char bar = 0;
    if (!(fields >> bar >> set >> asked >> bar >> count) || bar != '|' || !columns.contains(asked)) continue;
    SCOPED_TRACE(line);
    const std::string patterns =
        fmt::format("{}.{}", set, asked == "identify" ? "identify_patterns" : "patterns");
    ASSERT_TRUE(told.contains(patterns));
    std::string expected = fmt::format("| {} {} | {:.0f} |", set, asked, told.at(patterns));
    for (const std::string& rate : columns.at(asked))
      expected += fmt::format(" {} |", cell(fmt::format("{}.{}", set, rate)));
    EXPECT_EQ(line.substr(0, expected.size()), expected);
    ++rows[asked];
  }
  EXPECT_EQ(rows["network"], 5);
  EXPECT_EQ(rows["identify"], 3);
}

}  // namespace
}  // namespace bragg::apps::tests
