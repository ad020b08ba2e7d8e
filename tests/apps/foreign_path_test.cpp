// Paths that are not UTF-8: every command works with them, or says so before it works.
#include <filesystem>

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "kernels/base/safetensors.h"
#include "kernels/base/utf8.h"
#include "tests/apps/train_fixture.h"
#include "tests/data/test_crystals.h"

namespace bragg::tests {
namespace {

namespace fs = std::filesystem;

class ForeignPaths : public TrainFixture {
 protected:
  void SetUp() override {
    TrainFixture::SetUp();
    fs::create_directories(there);
  }

  const fs::path there = folder / "m\xfcller";  // Latin-1
};

TEST_F(ForeignPaths, EveryCommandWorks) {
  const fs::path cif = there / "s\xe4lze.cif", set = there / "s\xe4lze.safetensors",
                 patterns = there / "p\xff.safetensors", recipe = there / "r\xe9zept.toml",
                 run = there / "l\xe4uft", json = there / "j\xff.json", page = there / "p\xff.html",
                 text = there / "x\xff.xy";
  write_text(cif, read_text(folder / "salts.cif"));
  std::string unnamed = run_bragg({"recipe", "show", "large"}).out;  // named by its file, then
  unnamed.erase(unnamed.find("name = "),
                unnamed.find('\n', unnamed.find("name = ")) - unnamed.find("name = "));
  write_text(recipe, unnamed);
  const auto works = [](const std::vector<std::string>& arguments) {
    const RunResult result = run_bragg(arguments);
    EXPECT_EQ(result.code, 0) << arguments[0] << ": " << result.err;
    return result;
  };
  works({"crystals", "import", cif, "-o", set});
  works({"crystals", "info", set, "--json"});
  works({"simulate", set, "--recipe", recipe, "-o", patterns});
  EXPECT_TRUE(is_utf8(SafetensorsFile(patterns).metadata("crystals")));
  EXPECT_NE(SafetensorsFile(patterns).metadata("recipe").find("'r\\xe9zept'"), std::string::npos)
      << SafetensorsFile(patterns).metadata("recipe");
  works({"train", folder / "run.toml", "--out", run, "--set", "train.steps=2"});
  works({"train", "--resume", "--out", run, "--set", "train.steps=3"});
  const fs::path model = run / "model.safetensors";
  works({"evaluate", model, patterns, "--json", json, "--report", page});
  EXPECT_FALSE(nlohmann::json::parse(read_text(json), nullptr, false).is_discarded());
  EXPECT_TRUE(is_utf8(read_text(page)));
  write_text(folder / "one.cif", rock_salt_cif("x"));
  works({"simulate", folder / "one.cif", "-o", text});
  const RunResult answer = works({"predict", text, "--model", model, "--json"});
  EXPECT_FALSE(nlohmann::json::parse(answer.out, nullptr, false).is_discarded()) << answer.out;
}

// The config of a run is TOML, and that is UTF-8.
TEST_F(ForeignPaths, DataOfATrainingIsRefusedBeforeIt) {
  fs::copy_file(folder / "salts.safetensors", there / "salts.safetensors");
  std::string config = read_text(folder / "run.toml");
  const std::string path = (folder / "salts.safetensors").string();
  config.replace(config.find(path), path.size(), "salts.safetensors");
  write_text(there / "run.toml", config);
  const RunResult run = run_bragg({"train", there / "run.toml", "--out", folder / "out"});
  EXPECT_EQ(run.code, 2);
  EXPECT_NE(run.err.find("data.crystals"), std::string::npos) << run.err;
  EXPECT_NE(run.err.find("m\\xfcller"), std::string::npos) << run.err;
  EXPECT_NE(run.err.find("not UTF-8"), std::string::npos) << run.err;
  EXPECT_EQ(run_bragg({"train", folder / "run.toml", "--out", folder / "out", "--set",
                       "data.recipe=" + (there / "r.toml").string()})
                .code,
            2);
  EXPECT_FALSE(fs::exists(folder / "out"));
  // One in UTF-8 needs no quotes.
  const fs::path umlaut = folder / "m\xc3\xbcller sen";
  fs::create_directories(umlaut);
  fs::copy_file(folder / "salts.safetensors", umlaut / "salts.safetensors");
  const RunResult good =
      run_bragg({"train", folder / "run.toml", "--out", folder / "out", "--set", "train.steps=1", "--set",
                 "data.crystals=" + (umlaut / "salts.safetensors").string()});
  EXPECT_EQ(good.code, 0) << good.err;
}

}  // namespace
}  // namespace bragg::tests
