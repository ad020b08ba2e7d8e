// bragg train --resume: the run's own config, what may differ from it, and the bits.
#include <filesystem>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "apps/evaluation/model_metadata.h"
#include "kernels/base/safetensors.h"
#include "tests/apps/train_fixture.h"
#include "tests/data/test_crystals.h"

namespace bragg::tests {
namespace {

namespace fs = std::filesystem;

using Resume = TrainFixture;

TEST_F(Resume, ResumedRunEqualsUninterrupted) {
  const RunResult whole = train("whole");
  ASSERT_EQ(whole.code, 0) << whole.err;
  const auto expected = weights("whole");
  ASSERT_GT(expected.size(), 4u);

  ASSERT_EQ(train("parts", {"--set", "train.steps=13", "--threads", "1"}).code, 0);
  EXPECT_EQ(step("parts"), 13);
  EXPECT_NE(weights("parts"), expected);
  const RunResult rest = train("parts", {"--resume", "--threads", "3"});
  ASSERT_EQ(rest.code, 0) << rest.err;
  EXPECT_EQ(step("parts"), 30);
  EXPECT_EQ(weights("parts"), expected);
  EXPECT_EQ(weights("parts", "last.safetensors"), weights("whole", "last.safetensors"));

  // The resolved copy runs again, from anywhere.
  const RunResult again = run_bragg({"train", folder / "whole/config.toml", "--out", folder / "again"});
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(weights("again"), expected);
  EXPECT_EQ(read_text(folder / "again/config.toml"), read_text(folder / "whole/config.toml"));

  EXPECT_EQ(train("reseeded", {"--set", "train.seed=2"}).code, 0);
  EXPECT_NE(weights("reseeded"), expected);
}

// A run of the recipe `realistic` from before it knew anomalous dispersion: its checkpoint has the recipe as
// it was, and goes on with that to the same bits.
TEST_F(Resume, ResumeTakesTheRecipeOfTheRun) {
  std::string old = run_bragg({"recipe", "show", "realistic"}).out;
  const std::size_t key = old.find("anomalous = true");
  ASSERT_NE(key, std::string::npos);
  old.erase(key, old.find('\n', key) + 1 - key);
  write_text(folder / "old.toml", old);
  const std::string file = "data.recipe=" + (folder / "old.toml").string();
  ASSERT_EQ(train("whole", {"--set", "train.steps=9", "--set", file}).code, 0);
  ASSERT_EQ(train("parts", {"--set", "train.steps=4", "--set", file}).code, 0);
  ASSERT_EQ(train("now", {"--set", "train.steps=9", "--set", "data.recipe=realistic"}).code, 0);
  EXPECT_NE(weights("now"), weights("whole"));

  std::string config = read_text(folder / "parts/config.toml");
  const std::string path = (folder / "old.toml").string();
  config.replace(config.find(path), path.size(), "realistic");
  write_text(folder / "parts/config.toml", config);
  const std::vector<std::string> rest{"--resume", "--set", "train.steps=9", "--set", "data.recipe=realistic"};
  const RunResult resumed = train("parts", rest);
  ASSERT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_NE(resumed.err.find("not as bragg has it now (anomalous = false in the run)"), std::string::npos)
      << resumed.err;
  EXPECT_EQ(weights("parts"), weights("whole"));
  const auto recipe_of = [&](const char* run) {
    return apps::parse_model_facts(
               SafetensorsFile(folder / (std::string(run) + "/model.safetensors")).metadata(), run)
        .recipe;
  };
  EXPECT_EQ(recipe_of("parts").find("anomalous"), std::string::npos);
  EXPECT_NE(recipe_of("now").find("anomalous = true"), std::string::npos);

  // Its own file, gone: the run has what it said. There, but another: refused.
  ASSERT_EQ(train("own", {"--set", "train.steps=4", "--set", file}).code, 0);
  std::string other = old;
  const std::string window = "background_window = 4";
  other.replace(other.find(window), window.size(), "background_window = 5");
  write_text(folder / "old.toml", other);
  const RunResult changed = train("own", {"--resume", "--set", "train.steps=9", "--set", file});
  EXPECT_EQ(changed.code, 2) << changed.err;
  EXPECT_NE(changed.err.find("data.recipe"), std::string::npos) << changed.err;
  fs::remove(folder / "old.toml");
  const RunResult gone = train("own", {"--resume", "--set", "train.steps=9", "--set", file});
  ASSERT_EQ(gone.code, 0) << gone.err;
  EXPECT_NE(gone.err.find("the file is gone"), std::string::npos) << gone.err;
  EXPECT_EQ(weights("own"), weights("whole"));
}

TEST_F(Resume, SyntheticCrystalsAreTheSameAfterAResume) {
  const std::vector<std::string> half{"--set", "data.synthetic=0.5", "--set",
                                      "data.synthetic_group_exponent=0"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.end(), half.begin(), half.end());
    return more;
  };
  ASSERT_EQ(train("whole", with({"--set", "train.steps=9"})).code, 0);
  ASSERT_EQ(train("parts", with({"--set", "train.steps=4"})).code, 0);
  ASSERT_EQ(train("parts", with({"--set", "train.steps=9", "--resume"})).code, 0);
  EXPECT_EQ(weights("parts"), weights("whole"));
  ASSERT_EQ(train("none", {"--set", "train.steps=9"}).code, 0);
  EXPECT_NE(weights("none"), weights("whole"));
  const RunResult other =
      train("parts", {"--set", "train.steps=10", "--set", "data.synthetic=0.4", "--resume"});
  EXPECT_EQ(other.code, 2);
  EXPECT_NE(other.err.find("data.synthetic is 0.4, but the run"), std::string::npos) << other.err;
  EXPECT_EQ(train("wrong", {"--set", "data.synthetic=1.5"}).code, 2);
  EXPECT_EQ(train("wrong", {"--set", "data.synthetic_group_exponent=0"}).code, 2);
}

TEST_F(Resume, RefusesAnotherRunsFolderAndAChangedConfig) {
  ASSERT_EQ(train("out", {"--set", "train.steps=3"}).code, 0);
  const auto before = weights("out");
  const RunResult second = train("out");
  EXPECT_EQ(second.code, 2);
  EXPECT_NE(second.err.find("--resume"), std::string::npos) << second.err;
  const struct {
    const char* assignment;
    const char* names;
  } cases[] = {
      {"train.learning_rate=1e-4", "train.learning_rate"},
      {"train.seed=5", "train.seed"},
      {"train.batch=8", "train.batch"},
      {"model.dropout=0", "model.dropout"},
      {"data.recipe=set1", "data.recipe"},
      {"data.holdout=0.4", "data.holdout"},
      {"model.classes=230", "model.classes"},
      {"data.split_seed=9", "data.split_seed"},
  };
  for (const auto& c : cases) {
    const RunResult run = train("out", {"--resume", "--set", c.assignment});
    EXPECT_EQ(run.code, 2) << c.assignment;
    EXPECT_NE(run.err.find(c.names), std::string::npos) << run.err;
  }
  write_text(folder / "other.cif", rock_salt_cif("x") + rock_salt_cif("y"));
  ASSERT_EQ(run_bragg({"crystals", "import", folder / "other.cif", "-o", folder / "other.safetensors"}).code,
            0);
  const RunResult other =
      train("out", {"--resume", "--set", "data.crystals=" + (folder / "other.safetensors").string()});
  EXPECT_EQ(other.code, 2) << other.err;
  EXPECT_NE(other.err.find("content"), std::string::npos) << other.err;
  EXPECT_EQ(weights("out"), before);
}

TEST_F(Resume, TakesTheRunsOwnConfigWithWhatWasSet) {
  const std::vector<std::string> settings{"--set", "train.batch=3",    "--set", "train.learning_rate=2e-3",
                                          "--set", "data.holdout=0.4", "--set", "train.steps=9"};
  ASSERT_EQ(train("whole", settings).code, 0);
  std::vector<std::string> shorter = settings;
  shorter.back() = "train.steps=4";
  ASSERT_EQ(train("parts", shorter).code, 0);
  const RunResult rest = resume("parts", {"--set", "train.steps=9"});
  ASSERT_EQ(rest.code, 0) << rest.err;
  EXPECT_NE(rest.err.find("train.steps is 9 from now on, 4 so far"), std::string::npos) << rest.err;
  EXPECT_EQ(weights("parts"), weights("whole"));
  EXPECT_EQ(read_text(folder / "parts/config.toml"), read_text(folder / "whole/config.toml"));
}

// What CONFIG does not say is the run's; what it says and the run did otherwise is refused with both values.
TEST_F(Resume, AConfigGivenToItTakesTheKeysThatItNames) {
  ASSERT_EQ(train("out", {"--set", "train.steps=4", "--set", "train.seed=5"}).code, 0);
  write_text(folder / "more.toml", "[train]\nsteps = 6\nlog_every = 2\n");
  const RunResult more = run_bragg({"train", folder / "more.toml", "--resume", "--out", folder / "out"});
  ASSERT_EQ(more.code, 0) << more.err;
  EXPECT_NE(more.err.find("train.log_every is 2 from now on, 5 so far"), std::string::npos) << more.err;
  ASSERT_EQ(train("whole", {"--set", "train.steps=6", "--set", "train.seed=5"}).code, 0);
  EXPECT_EQ(weights("out"), weights("whole"));

  const auto before = contents("out");
  write_text(folder / "other.toml",
             "[model]\nname = 'scnn'\nchannels = [4, 4, 4]\n[train]\nsteps = 9\nseed = 6\n");
  const RunResult other = run_bragg({"train", folder / "other.toml", "--resume", "--out", folder / "out"});
  EXPECT_EQ(other.code, 2);
  for (const char* part : {"model.name is 'scnn'", "has 'npcnn'", "model.channels is [4, 4, 4]", "has [4, 4]",
                           "train.seed is 6", "has 5"})
    EXPECT_NE(other.err.find(part), std::string::npos) << part << " in " << other.err;
  EXPECT_EQ(contents("out"), before);
}

TEST_F(Resume, FewerStepsThanDoneAreRefusedAndEqualOnesAreDone) {
  ASSERT_EQ(train("out", {"--set", "train.steps=6"}).code, 0);
  const auto before = contents("out");
  const RunResult fewer = resume("out", {"--set", "train.steps=5"});
  EXPECT_EQ(fewer.code, 2);
  EXPECT_NE(fewer.err.find("train.steps is 5"), std::string::npos) << fewer.err;
  EXPECT_NE(fewer.err.find("has done 6"), std::string::npos) << fewer.err;
  const RunResult equal = resume("out");
  EXPECT_EQ(equal.code, 0) << equal.err;
  EXPECT_NE(equal.err.find("all 6 steps are done already"), std::string::npos) << equal.err;
  EXPECT_EQ(contents("out"), before);
}

// Killed between the last checkpoint and the model, or the model damaged.
TEST_F(Resume, WritesTheModelThatALastStepOwes) {
  ASSERT_EQ(train("out", {"--set", "train.steps=6"}).code, 0);
  const auto expected = weights("out");
  const std::string metrics = read_text(folder / "out/metrics.jsonl");
  fs::remove(folder / "out/model.safetensors");
  ASSERT_EQ(resume("out").code, 0);
  EXPECT_EQ(weights("out"), expected);
  write_text(folder / "out/model.safetensors", "torn");
  ASSERT_EQ(resume("out").code, 0);
  EXPECT_EQ(weights("out"), expected);
  EXPECT_EQ(read_text(folder / "out/metrics.jsonl"), metrics);
}

TEST_F(Resume, ConfigAndRecipeMayMoveTogether) {
  const std::string recipe = run_bragg({"recipe", "show", "large"}).out;
  fs::create_directories(folder / "a");
  write_text(folder / "a/mine.toml", recipe);
  std::string config = read_text(folder / "run.toml");
  config.replace(config.find("\"large\""), 7, "\"mine.toml\"");
  write_text(folder / "a/run.toml", config);
  ASSERT_EQ(
      run_bragg({"train", folder / "a/run.toml", "--set", "train.steps=4", "--out", folder / "parts"}).code,
      0);
  ASSERT_EQ(
      run_bragg({"train", folder / "a/run.toml", "--set", "train.steps=9", "--out", folder / "whole"}).code,
      0);
  fs::rename(folder / "a", folder / "b");
  const RunResult moved = run_bragg(
      {"train", folder / "b/run.toml", "--set", "train.steps=9", "--out", folder / "parts", "--resume"});
  ASSERT_EQ(moved.code, 0) << moved.err;
  EXPECT_EQ(weights("parts"), weights("whole"));
  EXPECT_NE(read_text(folder / "parts/config.toml").find("/b/mine.toml"), std::string::npos);

  // Under another name it is the same recipe; a change of it is another.
  fs::rename(folder / "b/mine.toml", folder / "b/renamed.toml");
  const std::string renamed = "data.recipe=" + (folder / "b/renamed.toml").string();
  EXPECT_EQ(resume("parts", {"--set", renamed, "--set", "train.steps=10"}).code, 0);
  std::string another = recipe;
  const std::string window = "background_window = 0";
  ASSERT_NE(another.find(window), std::string::npos);
  another.replace(another.find(window), window.size(), "background_window = 6");
  write_text(folder / "b/renamed.toml", another);
  const auto before = contents("parts");
  const RunResult changed = resume("parts", {"--set", renamed, "--set", "train.steps=11"});
  EXPECT_EQ(changed.code, 2) << changed.err;
  EXPECT_NE(changed.err.find("data.recipe"), std::string::npos) << changed.err;
  EXPECT_EQ(contents("parts"), before);
  // Where nobody names it the run has its own.
  const RunResult own = resume("parts", {"--set", "train.steps=11"});
  EXPECT_EQ(own.code, 0) << own.err;
  EXPECT_NE(own.err.find("the file has changed since"), std::string::npos) << own.err;
  // One that is not there, and is not the run's, is a slip.
  const RunResult slip = resume("parts", {"--set", "data.recipe=nowhere.toml", "--set", "train.steps=12"});
  EXPECT_EQ(slip.code, 2) << slip.err;
  EXPECT_NE(slip.err.find("nowhere.toml"), std::string::npos) << slip.err;
}

TEST_F(Resume, DataThatMovedIsNamedAnew) {
  ASSERT_EQ(train("out", {"--set", "train.steps=3"}).code, 0);
  fs::create_directories(folder / "elsewhere");
  fs::rename(folder / "salts.safetensors", folder / "elsewhere/s.safetensors");
  const auto before = contents("out");
  const RunResult lost = resume("out", {"--set", "train.steps=5"});
  EXPECT_EQ(lost.code, 2);
  EXPECT_NE(lost.err.find("salts.safetensors is not there"), std::string::npos) << lost.err;
  EXPECT_NE(lost.err.find("--set data.crystals=PATH"), std::string::npos) << lost.err;
  EXPECT_EQ(contents("out"), before);
  const std::string named = "data.crystals=" + (folder / "elsewhere/s.safetensors").string();
  const RunResult found = resume("out", {"--set", "train.steps=5", "--set", named});
  EXPECT_EQ(found.code, 0) << found.err;
  EXPECT_NE(found.err.find("from now on"), std::string::npos) << found.err;
  EXPECT_EQ(step("out"), 5);
}

/// A model or checkpoint with one value of its metadata replaced, or taken out.
void set_metadata(const fs::path& path, const std::string& key, const std::string& value) {
  SafetensorsWriter writer;
  std::vector<std::vector<float>> kept;
  {
    const SafetensorsFile file(path);
    for (const auto& [name, text] : file.metadata())
      if (name != key) writer.metadata(name, text);
    if (!value.empty()) writer.metadata(key, value);
    for (const auto& [name, tensor] : file.tensors()) {
      kept.push_back(file.copy<float>(name, tensor.shape.size()));
      writer.add<float>(name, tensor.shape, kept.back());
    }
  }
  writer.write(path);
}

TEST_F(Resume, WarnsWhereTheInstructionSetDiffers) {
  ASSERT_EQ(train("out", {"--set", "train.steps=3", "--device", "cpu"}).code, 0);
  const fs::path checkpoint = folder / "out/last.safetensors";
  const std::string here = SafetensorsFile(checkpoint).metadata("arithmetic");
  EXPECT_TRUE(here.starts_with("cpu x86-64-v")) << here;
  EXPECT_EQ(SafetensorsFile(folder / "out/model.safetensors").metadata("arithmetic"), here);
  const RunResult same = resume("out", {"--set", "train.steps=4", "--device", "cpu"});
  EXPECT_EQ(same.code, 0);
  EXPECT_EQ(same.err.find("bit-identical"), std::string::npos) << same.err;

  set_metadata(checkpoint, "arithmetic", "cpu x86-64-v9");
  const RunResult other = resume("out", {"--set", "train.steps=5", "--device", "cpu"});
  EXPECT_EQ(other.code, 0);
  EXPECT_NE(other.err.find("cpu x86-64-v9 so far"), std::string::npos) << other.err;
  EXPECT_NE(other.err.find(here + " from now on"), std::string::npos) << other.err;
  EXPECT_NE(other.err.find("no longer bit-identical"), std::string::npos) << other.err;

  const RunResult reference = resume("out", {"--set", "train.steps=6", "--device", "reference"});
  EXPECT_EQ(reference.code, 0);
  EXPECT_NE(reference.err.find("reference from now on"), std::string::npos) << reference.err;
}

// As the bragg of before left it: no note of the instruction set, no evaluated step, fewer keys.
TEST_F(Resume, RunsOfOlderVersionsGoOn) {
  ASSERT_EQ(train("whole", {"--set", "train.steps=9"}).code, 0);
  ASSERT_EQ(train("parts", {"--set", "train.steps=4"}).code, 0);
  std::string config = read_text(folder / "parts/config.toml");
  for (const char* key : {"save_minutes = ", "synthetic = ", "group_exponent = "}) {
    const std::size_t begin = config.find(key);
    ASSERT_NE(begin, std::string::npos);
    config.erase(begin, config.find('\n', begin) + 1 - begin);
  }
  write_text(folder / "parts/config.toml", config);
  const fs::path checkpoint = folder / "parts/last.safetensors";
  set_metadata(checkpoint, "arithmetic", "");
  set_metadata(checkpoint, "evaluated_step", "");
  set_metadata(checkpoint, "config", config);
  const RunResult rest = train("parts", {"--resume", "--set", "train.steps=9"});
  ASSERT_EQ(rest.code, 0) << rest.err;
  EXPECT_EQ(rest.err.find("bit-identical"), std::string::npos) << rest.err;
  EXPECT_EQ(weights("parts"), weights("whole"));
}

// config.toml is for its reader to change where a resume allows it, and nowhere else.
TEST_F(Resume, AnEditedConfigOfTheRunIsHeldAgainstItsCheckpoint) {
  ASSERT_EQ(train("out", {"--set", "train.steps=3"}).code, 0);
  const fs::path path = folder / "out/config.toml";
  std::string config = read_text(path);
  config.replace(config.find("steps = 3"), 9, "steps = 5");
  write_text(path, config);
  ASSERT_EQ(resume("out").code, 0);
  EXPECT_EQ(step("out"), 5);
  config = read_text(path);
  config.replace(config.find("holdout = 0.3"), 13, "holdout = 0.5");
  write_text(path, config);
  const RunResult edited = resume("out", {"--set", "train.steps=6"});
  EXPECT_EQ(edited.code, 2);
  EXPECT_NE(edited.err.find("data.holdout is 0.5, but the run"), std::string::npos) << edited.err;
  fs::remove(path);
  EXPECT_EQ(resume("out", {"--set", "train.steps=6"}).code, 0);
  config = read_text(path);
  const std::size_t recipe = config.find("recipe = ");
  config.replace(recipe, config.find('\n', recipe) - recipe, "recipe = 'realistic'");
  write_text(path, config);
  const RunResult other = resume("out", {"--set", "train.steps=7"});
  EXPECT_EQ(other.code, 2);
  EXPECT_NE(other.err.find("data.recipe realistic is not what the run"), std::string::npos) << other.err;
}

TEST_F(Resume, ADamagedCheckpointIsRefusedAndKept) {
  ASSERT_EQ(train("out", {"--set", "train.steps=3"}).code, 0);
  const fs::path checkpoint = folder / "out/last.safetensors";
  fs::resize_file(checkpoint, fs::file_size(checkpoint) / 2);
  const auto before = contents("out");
  const RunResult damaged = resume("out", {"--set", "train.steps=5"});
  EXPECT_EQ(damaged.code, 1);
  EXPECT_NE(damaged.err.find("last.safetensors"), std::string::npos) << damaged.err;
  EXPECT_EQ(contents("out"), before);
  fs::copy_file(folder / "out/model.safetensors", checkpoint, fs::copy_options::overwrite_existing);
  const auto with_model = contents("out");
  const RunResult no_checkpoint = resume("out", {"--set", "train.steps=5"});
  EXPECT_EQ(no_checkpoint.code, 1);
  EXPECT_NE(no_checkpoint.err.find("not a checkpoint"), std::string::npos) << no_checkpoint.err;
  EXPECT_EQ(contents("out"), with_model);
}

TEST_F(Resume, NothingToResumeFrom) {
  const RunResult none = resume("out");
  EXPECT_EQ(none.code, 2);
  EXPECT_NE(none.err.find("CONFIG is required"), std::string::npos) << none.err;
  EXPECT_FALSE(fs::exists(folder / "out"));
  // A batch script says --resume always.
  EXPECT_EQ(train("out", {"--resume", "--set", "train.steps=2"}).code, 0);
  EXPECT_EQ(step("out"), 2);
}

}  // namespace
}  // namespace bragg::tests
