// The folder of a training run: whose it is, what a refused run leaves, what a dead one left.
#include "apps/training/run_folder.h"

#include <csignal>
#include <filesystem>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include "kernels/base/error.h"
#include "tests/apps/train_fixture.h"
#include "tests/data/test_crystals.h"

namespace bragg::tests {
namespace {

namespace fs = std::filesystem;

using RunFolder = TrainFixture;

std::string refusal(const fs::path& folder) {
  try {
    const apps::RunLock lock(folder);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(RunLock, NamesItsHolderAndEndsWithIt) {
  const TemporaryFolder folder;
  {
    const apps::RunLock lock(folder.path());
    const std::string text = refusal(folder.path());
    EXPECT_NE(text.find(fmt::format("process {} on ", ::getpid())), std::string::npos) << text;
    EXPECT_NE(text.find(" since 20"), std::string::npos) << text;
    EXPECT_THROW(apps::RunLock(folder.path()), UsageError);
  }
  EXPECT_TRUE(fs::is_empty(folder.path()));
  EXPECT_EQ(refusal(folder.path()), "");
}

TEST(RunLock, AStaleFileHindersNobody) {
  const TemporaryFolder folder;
  write_text(folder / "run.lock", "bragg train: process 1 on another since 2020-01-01 00:00:00 UTC\n");
  EXPECT_EQ(refusal(folder.path()), "");
  write_text(folder / "run.lock", "");
  EXPECT_EQ(refusal(folder.path()), "");
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(RunLock, LeavesLinksAndFilesOfOthersAlone) {
  const TemporaryFolder folder;
  write_text(folder / "victim", "mine");
  fs::create_symlink(folder / "victim", folder / "run.lock");
  EXPECT_NE(refusal(folder.path()).find("a link"), std::string::npos) << refusal(folder.path());
  EXPECT_EQ(read_text(folder / "victim"), "mine");
  fs::remove(folder / "run.lock");
  write_text(folder / "run.lock", "a lock of my own\n");
  EXPECT_NE(refusal(folder.path()).find("not a lock of bragg"), std::string::npos);
  EXPECT_EQ(read_text(folder / "run.lock"), "a lock of my own\n");
  fs::remove(folder / "run.lock");
  fs::create_directory(folder / "run.lock");
  EXPECT_NE(refusal(folder.path()), "");
}

TEST_F(RunFolder, ASecondTrainerIsRefusedWithTheHolderNamed) {
  const TemporaryFolder logs;
  const std::vector<std::string> long_run{"--set", "train.steps=1000000", "--set", "train.log_every=1"};
  auto run = std::make_unique<RunningBragg>(arguments("out", long_run), logs.path());
  wait_for_a_step(*run, folder / "out/metrics.jsonl");
  const std::string lock = read_text(folder / "out/run.lock");
  const std::string holder = lock.substr(lock.find("process "), lock.find(" since") - lock.find("process "));
  for (const RunResult& second : {resume("out"), train("out", {"--resume"}), train("out")}) {
    EXPECT_EQ(second.code, 2) << second.err;
    EXPECT_NE(second.err.find(holder), std::string::npos) << second.err;
  }
  EXPECT_TRUE(run->is_running());
  run->signal(SIGKILL);
  run->result();
  EXPECT_TRUE(fs::exists(folder / "out/run.lock"));
  const RunResult after = resume("out", {"--set", fmt::format("train.steps={}", step("out") + 2)});
  EXPECT_EQ(after.code, 0) << after.err;
  EXPECT_FALSE(fs::exists(folder / "out/run.lock"));
}

TEST_F(RunFolder, OfTwoThatBeginAtOnceOneTrains) {
  const TemporaryFolder logs_a, logs_b;
  RunningBragg a(arguments("out", {}), logs_a.path()), b(arguments("out", {}), logs_b.path());
  const RunResult first = a.result(), second = b.result();
  EXPECT_EQ(std::min(first.code, second.code), 0) << first.err << second.err;
  EXPECT_EQ(std::max(first.code, second.code), 2) << first.err << second.err;
  ASSERT_EQ(train("whole").code, 0);
  EXPECT_EQ(weights("out"), weights("whole"));
}

// Whatever is wrong, the folder stays as it was: absent, empty, or with what somebody had in it.
TEST_F(RunFolder, ARefusedRunWritesNothing) {
  write_text(folder / "broken.safetensors", "no set");
  write_text(folder / "broken.toml", "[train\n");
  fs::create_directories(folder / "empty");
  fs::create_directories(folder / "mine");
  write_text(folder / "mine/config.toml", "# mine\n");
  write_text(folder / "mine/metrics.jsonl", "mine\n");
  const auto before = contents("mine");
  const std::vector<std::vector<std::string>> wrong{
      {"--set", "train.batch=0"},
      {"--set", "train.bacth=1"},
      {"--set", "data.crystals=/nowhere.safetensors"},
      {"--set", "data.crystals=" + (folder / "broken.safetensors").string()},
      {"--set", "data.recipe=nowhere.toml"},
      {"--set", "data.recipe=souping"},
      {"--set", "model.kernels=[9000, 25]"},
      {"--set", "model.channels=[4]"},
      {"--set", "data.holdout=0.999"},
      {"--set", "data.holdout=1e-6"},
      {"--device", "cuda:99"},
      {"--device", "nonsense"},
  };
  for (const auto& more : wrong) {
    SCOPED_TRACE(fmt::format("{} {}", more[0], more[1]));
    for (const char* out : {"none/deeper", "empty", "mine"}) {
      const RunResult run = train(out, more);
      EXPECT_NE(run.code, 0) << run.err;
      EXPECT_FALSE(run.err.empty());
    }
    EXPECT_FALSE(fs::exists(folder / "none"));
    EXPECT_TRUE(fs::is_empty(folder / "empty"));
    EXPECT_EQ(contents("mine"), before);
  }
  EXPECT_EQ(run_bragg({"train", folder / "broken.toml", "--out", folder / "none"}).code, 2);
  EXPECT_FALSE(fs::exists(folder / "none"));
}

TEST_F(RunFolder, ARefusedResumeWritesNothing) {
  ASSERT_EQ(train("out", {"--set", "train.steps=3"}).code, 0);
  const auto before = contents("out");
  for (const std::vector<std::string>& more : {std::vector<std::string>{"--set", "train.seed=9"},
                                               {"--set", "train.steps=2"},
                                               {"--device", "nonsense"},
                                               {"--set", "data.crystals=/nowhere.safetensors"},
                                               {"--set", "model.name=mlp"},
                                               {"--set", "data.patterns=x"}}) {
    std::vector<std::string> all{"--set", "train.steps=5"};
    all.insert(all.end(), more.begin(), more.end());
    const RunResult run = resume("out", all);
    EXPECT_EQ(run.code, 2) << run.err;
    EXPECT_EQ(contents("out"), before) << more[1];
  }
}

TEST_F(RunFolder, OutMustBeAFolderOrBecomeOne) {
  write_text(folder / "file", "x");
  for (const char* out : {"file", "file/deeper", "file/"}) {
    const RunResult run = train(out);
    EXPECT_EQ(run.code, 2) << out << run.err;
    EXPECT_NE(run.err.find("not a folder"), std::string::npos) << run.err;
  }
  EXPECT_EQ(run_bragg({"train", folder / "run.toml", "--out", ""}).code, 2);
  EXPECT_EQ(run_bragg({"train", folder / "run.toml"}).code, 2);
  EXPECT_EQ(run_bragg({"train", "--out", folder / "out"}).code, 2);
  EXPECT_EQ(read_text(folder / "file"), "x");
}

// A run that was killed before its first checkpoint.
TEST_F(RunFolder, ADeadAttemptStartsAnew) {
  ASSERT_EQ(train("whole", {"--set", "train.steps=6"}).code, 0);
  for (const bool resumed : {false, true}) {
    const std::string out = resumed ? "resumed" : "anew";
    fs::create_directories(folder / out);
    fs::copy_file(folder / "whole/config.toml", folder / (out + "/config.toml"));
    write_text(folder / (out + "/metrics.jsonl"), "{\"step\":3,\"loss\":9}\n");
    write_text(folder / (out + "/notes.txt"), "mine");
    const RunResult run = resumed ? resume(out) : train(out, {"--set", "train.steps=6"});
    ASSERT_EQ(run.code, 0) << run.err;
    EXPECT_NE(run.err.find("starts anew"), std::string::npos) << run.err;
    EXPECT_EQ(weights(out), weights("whole"));
    EXPECT_EQ(read_text(folder / (out + "/metrics.jsonl")).find("\"loss\":9"), std::string::npos);
    EXPECT_EQ(read_text(folder / (out + "/metrics.before.jsonl")), "{\"step\":3,\"loss\":9}\n");
    EXPECT_EQ(read_text(folder / (out + "/notes.txt")), "mine");
    EXPECT_FALSE(fs::exists(folder / (out + "/config.before.toml")));  // it was the same
  }
}

TEST_F(RunFolder, FilesOfTheSameNamesAreKept) {
  fs::create_directories(folder / "out");
  const std::string mine = "# mine\n" + read_text(folder / "run.toml");
  write_text(folder / "out/config.toml", mine);
  write_text(folder / "out/config.before.toml", "older");
  const RunResult run =
      run_bragg({"train", folder / "out/config.toml", "--out", folder / "out", "--set", "train.steps=2"});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(read_text(folder / "out/config.before2.toml"), mine);
  EXPECT_EQ(read_text(folder / "out/config.before.toml"), "older");
  EXPECT_NE(run.err.find("kept as config.before2.toml"), std::string::npos) << run.err;
}

TEST_F(RunFolder, ModelsWithoutACheckpointAreNotReplaced) {
  ASSERT_EQ(train("out", {"--set", "train.steps=2"}).code, 0);
  fs::remove(folder / "out/last.safetensors");
  const auto before = contents("out");
  for (const RunResult& run : {train("out"), resume("out")}) {
    EXPECT_EQ(run.code, 2);
    EXPECT_NE(run.err.find("no checkpoint"), std::string::npos) << run.err;
  }
  EXPECT_EQ(contents("out"), before);
}

}  // namespace
}  // namespace bragg::tests
