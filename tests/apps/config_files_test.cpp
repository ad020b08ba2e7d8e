// Configs as files: what their paths are relative to, what is none, and what --show-config prints.
#include <filesystem>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "apps/training/config.h"
#include "kernels/base/error.h"
#include "tests/apps/train_fixture.h"
#include "tests/data/test_crystals.h"

namespace bragg::tests {
namespace {

namespace fs = std::filesystem;

using ConfigFiles = TrainFixture;

std::string complaint(const fs::path& path) {
  try {
    apps::load_config(path.string());
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

/// Goes to a folder, and back.
class WorkingFolder {
 public:
  explicit WorkingFolder(const fs::path& path) { fs::current_path(path); }
  ~WorkingFolder() { fs::current_path(before_); }

 private:
  const fs::path before_ = fs::current_path();
};

TEST_F(ConfigFiles, PathsAreRelativeToTheConfigThoseOfSetToTheShell) {
  fs::create_directories(folder / "configs/data");
  fs::create_directories(folder / "shell");
  const std::string recipe = run_bragg({"recipe", "show", "large"}).out;
  write_text(folder / "configs/mine.toml", recipe);
  write_text(folder / "configs/run.toml",
             "[data]\ncrystals = ['data/a.safetensors', '../salts.safetensors', '/c.safetensors']\n"
             "recipe = 'mine.toml'\nmeasured = 'm.safetensors'\n");
  const WorkingFolder here(folder / "shell");
  apps::TrainConfig config = apps::load_config("../configs/run.toml", {"data.measured=n.safetensors"});
  apps::resolve(config, 8500);
  const std::string root = fs::canonical(folder.path()).string();
  ASSERT_EQ(config.crystals.size(), 3u);
  EXPECT_EQ(fs::path(config.crystals[0]).lexically_relative(root), "configs/data/a.safetensors");
  EXPECT_EQ(fs::path(config.crystals[1]).lexically_relative(root), "salts.safetensors");
  EXPECT_EQ(config.crystals[2], "/c.safetensors");
  EXPECT_EQ(fs::path(config.recipes.at(0)).lexically_relative(root), "configs/mine.toml");
  EXPECT_EQ(fs::path(config.measured).lexically_relative(root), "shell/n.safetensors");
}

// A config written for a shell in another folder, as paths were relative to it once.
TEST_F(ConfigFiles, APathThatOnlyTheShellFindsIsToldWithBothPlaces) {
  fs::create_directories(folder / "configs");
  const std::string root = fs::canonical(folder.path()).string();
  const WorkingFolder here(folder.path());
  write_text(folder / "mine.toml", run_bragg({"recipe", "show", "large"}).out);
  for (const char* text :
       {"crystals = 'salts.safetensors'", "crystals = ['/c', 'salts.safetensors']",
        "patterns = 'salts.safetensors'", "crystals = '/c'\nmeasured = 'salts.safetensors'",
        "crystals = '/c'\nrecipe = 'mine.toml'"}) {
    write_text(folder / "configs/run.toml", fmt::format("[data]\n{}\n", text));
    const std::string name =
        std::string(text).find("mine") == std::string::npos ? "salts.safetensors" : "mine.toml";
    const std::string message = complaint("configs/run.toml");
    for (const std::string& part : {std::string("configs/run.toml:"), root + "/configs/" + name,
                                    root + "/" + name, std::string("relative to the config's folder")})
      EXPECT_NE(message.find(part), std::string::npos) << part << " in " << message;
  }
}

TEST_F(ConfigFiles, WhatIsNoConfigIsNamed) {
  write_text(folder / "rock_salt.cif", "# a comment\n\n" + rock_salt_cif("NaCl"));
  write_text(folder / "text", "batch: 8\n");
  fs::create_directories(folder / "run");
  write_text(folder / "run/config.toml", "");
  const struct {
    fs::path path;
    std::vector<std::string> parts;
  } cases[] = {
      {folder.path(), {"a folder", "config (a TOML file)"}},
      {folder / "run", {"a folder", "run/config.toml"}},
      {folder / "rock_salt.cif", {"a CIF", "bragg crystals import"}},
      {folder / "salts.safetensors", {"a safetensors file", "[data]"}},
      {folder / "text", {"text:1"}},
      {folder / "nowhere.toml", {"cannot be read"}},
  };
  for (const auto& c : cases) {
    const RunResult run = run_bragg({"train", c.path, "--out", folder / "out"});
    EXPECT_EQ(run.code, 2);
    for (const std::string& part : c.parts)
      EXPECT_NE(run.err.find(part), std::string::npos) << part << " in " << run.err;
    EXPECT_NE(run.err.find(c.path.string()), std::string::npos) << run.err;
    EXPECT_EQ(lines(run.err).size(), 1u) << run.err;
  }
  EXPECT_FALSE(fs::exists(folder / "out"));
}

TEST_F(ConfigFiles, ShowConfigPrintsWhatWouldBeUsed) {
  const RunResult defaults = run_bragg({"train", "--show-config"});
  ASSERT_EQ(defaults.code, 0) << defaults.err;
  for (const char* part : {"\nsteps = 500000\n", "\nchannels = [80, 80, 80]\n",
                           "\n# crystals = ", "\nsave_minutes = 5.0\n", "# share of structures"})
    EXPECT_NE(defaults.out.find(part), std::string::npos) << part << " in " << defaults.out;
  write_text(folder / "shown.toml", defaults.out);
  const RunResult again = run_bragg({"train", folder / "shown.toml", "--set",
                                     "data.crystals=" + (folder / "salts.safetensors").string(), "--set",
                                     "train.steps=7", "--show-config"});
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_NE(again.out.find("\nsteps = 7\n"), std::string::npos);
  EXPECT_NE(again.out.find("\ncrystals = ["), std::string::npos);

  const RunResult other = run_bragg({"train", "--show-config", "--set", "model.name=mlp"});
  EXPECT_EQ(other.code, 0);
  EXPECT_NE(other.out.find("\n# channels = "), std::string::npos) << other.out;
  EXPECT_EQ(run_bragg({"train", "--show-config", "--set", "model.nam=mlp"}).code, 2);

  // Of a config: what a run leaves as its own.
  ASSERT_EQ(train("out", {"--set", "train.steps=1"}).code, 0);
  const RunResult own = train("none", {"--set", "train.steps=1", "--show-config"});
  ASSERT_EQ(own.code, 0) << own.err;
  EXPECT_FALSE(fs::exists(folder / "none"));
  for (const std::string& line : lines(read_text(folder / "out/config.toml")))
    EXPECT_NE(own.out.find(line + "\n"), std::string::npos) << line;
}

}  // namespace
}  // namespace bragg::tests
