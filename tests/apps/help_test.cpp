// What the command line tells people: --help, suggestions, what a wrong file is instead.
#include <filesystem>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "tests/apps/run_bragg.h"
#include "tests/data/test_crystals.h"
#include "tests/support/temporary_folder.h"

namespace bragg::tests {
namespace {

namespace fs = std::filesystem;

/// Commands below `command`, whole paths of words, with the groups and "bragg" itself.
std::vector<std::vector<std::string>> all_commands(const std::vector<std::string>& command = {}) {
  std::vector<std::vector<std::string>> all{command};
  std::vector<std::string> asked = command;
  asked.push_back("--help");
  bool listing = false;
  for (const std::string& line : lines(run_bragg(asked).out)) {
    if (line.empty()) listing = false;
    if (listing && line.size() > 2 && line[2] != ' ') {
      std::vector<std::string> deeper = command;
      deeper.push_back(line.substr(2, line.find(' ', 2) - 2));
      for (auto& one : all_commands(deeper))
        all.push_back(std::move(one));
    }
    if (line == "Subcommands:") listing = true;
  }
  return all;
}

TEST(Command, HelpSaysUsageOnceAndEndsWithAnExample) {
  const auto commands = all_commands();
  EXPECT_EQ(commands.size(), 26u) << "fewer or more commands than the test knows";
  for (std::vector<std::string> command : commands) {
    const std::string name = fmt::format("{}", fmt::join(command, " "));
    const std::string whole = name.empty() ? "bragg" : "bragg " + name;
    command.push_back("--help");
    const RunResult run = run_bragg(command);
    EXPECT_EQ(run.code, 0) << name;
    EXPECT_NE(run.out.find("\nUsage: " + whole + " ["), std::string::npos) << run.out;
    EXPECT_EQ(run.out.find("Usage", run.out.find("Usage") + 1), std::string::npos) << run.out;
    const auto text = lines(run.out);
    ASSERT_GE(text.size(), 2u);
    EXPECT_EQ(text[text.size() - 2], "Example:") << run.out;
    EXPECT_TRUE(text.back().starts_with("  bragg ")) << run.out;
    for (const std::string& line : text) {
      EXPECT_LE(line.size(), 120u) << line;
      EXPECT_EQ(line.find("(default: )"), std::string::npos) << line;
    }
  }
}

TEST(Command, HelpSaysDefaultsAndUnits) {
  const auto has = [](const std::vector<std::string>& command, const std::string& what) {
    const std::string text = run_bragg(command).out;
    std::string one_line;
    for (const char c : text)
      if (c != '\n' && !(c == ' ' && one_line.ends_with(' ')))
        one_line += c;
      else if (!one_line.ends_with(' '))
        one_line += ' ';
    EXPECT_NE(one_line.find(what), std::string::npos) << what << " in\n" << text;
  };
  has({"simulate", "--help"}, "--range NUMBER NUMBER 2 theta from and to, degrees (default: 5 90)");
  has({"simulate", "--help"}, "degrees (default: 0.01)");
  has({"crystals", "generate", "--help"}, "A^3 (default: ");
  has({"crystals", "generate", "--help"}, "--seed N ");
  has({"crystals", "split", "--help"}, "(default: 0.1)");
  has({"predict", "--help"}, "(default: 5)");
  has({"compact", "--help"}, "file (required)");
  has({"predict", "--help"}, "--model TEXT a trained model (.safetensors) in place of the built-in one");
  has({"info", "--help"}, "(default: auto)");
  has({"simulate", "--help"}, " --peaks the same");
}

TEST(Command, SuggestsNearNamesOnly) {
  const auto error = [](const std::vector<std::string>& command) { return run_bragg(command).err; };
  EXPECT_EQ(error({"trian"}), "bragg: unknown subcommand trian; the nearest is train (see bragg --help)\n");
  EXPECT_EQ(
      error({"crystals", "foo"}),
      "bragg crystals: unknown subcommand foo; there are import, info, generate, split, hold-out (see bragg "
      "crystals --help)\n");
  EXPECT_EQ(error({"info", "--thraeds", "2"}),
            "bragg info: unknown flag --thraeds; the nearest is --threads (see bragg info --help)\n");
  EXPECT_EQ(error({"info", "--fullscreen"}),
            "bragg info: unknown flag --fullscreen (see bragg info --help)\n");
  EXPECT_NE(error({"recipe", "show", "set8"}).find("the nearest is set1"), std::string::npos);
  EXPECT_EQ(error({"recipe", "show", "foo"}).find("nearest"), std::string::npos);
}

TEST(Command, SaysWhatAFileIsInsteadOfWhatWasExpected) {
  const TemporaryFolder folder;
  write_text(folder / "salt.cif", rock_salt_cif("salt"));
  write_text(folder / "notes.txt", "a line of text, and another\n");
  write_text(folder / "model.pt", "PK\x03\x04 and more bytes");
  fs::create_directory(folder / "sub");
  const std::string cif = folder / "salt.cif", crystals = folder / "crystals.safetensors",
                    patterns = folder / "patterns.safetensors", sub = folder / "sub";
  ASSERT_EQ(run_bragg({"crystals", "import", cif, "-o", crystals}).code, 0);
  ASSERT_EQ(run_bragg({"simulate", crystals, "-o", patterns}).code, 0);
  const struct {
    std::vector<std::string> arguments;
    int code;
    std::string says;
  } cases[] = {
      {{"predict", cif, "--model", cif}, 1, "salt.cif: not a safetensors file: looks like a CIF\n"},
      {{"predict", cif, "--model", folder / "notes.txt"}, 1, "not a safetensors file: looks like text\n"},
      {{"predict", cif, "--model", folder / "model.pt"}, 1, "looks like a zip archive"},
      {{"predict", cif, "--model", sub}, 1, "sub: a folder, not a safetensors file\n"},
      {{"predict", cif, "--model", crystals}, 1, "crystals.safetensors: not a model: a crystal set\n"},
      {{"evaluate", patterns, patterns}, 1, "patterns.safetensors: not a model: a pattern set\n"},
      {{"crystals", "info", cif}, 1, "looks like a CIF"},
      {{"crystals", "info", patterns}, 1, "not a crystal set: a pattern set\n"},
      {{"crystals", "info", sub}, 1, "a folder, not a safetensors file\n"},
      {{"patterns", "describe", crystals}, 1, "not a pattern set: no tensor 'patterns': a crystal set\n"},
      {{"simulate", sub}, 2, "sub: a folder: bragg crystals import makes a set of it\n"},
      {{"simulate", cif, "--recipe", sub}, 2, "sub: a folder, not a recipe"},
      {{"recipe", "show", sub}, 2, "sub: a folder, not a recipe"},
      {{"simulate", cif, "--step", "1000"}, 2, "--step 1000: not smaller than --range 5 90, 85 degrees\n"},
      {{"simulate", cif, "--step", "85"}, 2, "--step 85"},
      {{"simulate", cif, "--peaks", "--range", "5", "6"},
       0,
       "salt: no reflection in 5..6 degrees at 1.54184 A\n"},
      {{"simulate", cif, "--peaks", "--wavelength", "154"}, 2, "154 A, outside 0.1..3 A"},
  };
  for (const auto& c : cases) {
    const RunResult run = run_bragg(c.arguments);
    EXPECT_EQ(run.code, c.code) << run.err;
    EXPECT_NE(run.err.find(c.says), std::string::npos) << "expected " << c.says << " in: " << run.err;
    EXPECT_EQ(lines(run.err).size(), 1u) << run.err;
  }
}

TEST(Generate, RefusesWhatFitsNeitherDiskNorMemory) {
  const TemporaryFolder folder;
  const std::string like = folder / "like.safetensors", out = folder / "out.safetensors";
  write_text(folder / "salt.cif", rock_salt_cif("salt"));
  ASSERT_EQ(run_bragg({"crystals", "import", folder / "salt.cif", "-o", like}).code, 0);
  const RunResult run = run_bragg({"crystals", "generate", "999999999999", "--like", like, "-o", out});
  EXPECT_EQ(run.code, 1);
  EXPECT_NE(run.err.find("out.safetensors: 999999999999 crystals would take "), std::string::npos) << run.err;
  EXPECT_NE(run.err.find(" are free\n"), std::string::npos) << run.err;
  EXPECT_FALSE(fs::exists(out));
}

}  // namespace
}  // namespace bragg::tests
