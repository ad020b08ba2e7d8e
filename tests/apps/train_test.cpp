// bragg train from outside: runs, resumed and interrupted ones, and what it refuses.
#include <chrono>
#include <csignal>
#include <cstring>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "apps/evaluation/model_metadata.h"
#include "data/recipes/recipe.h"
#include "kernels/base/safetensors.h"
#include "tests/apps/train_fixture.h"

namespace bragg::tests {
namespace {

namespace fs = std::filesystem;

using Train = TrainFixture;

TEST_F(Train, ModelSaysWhatItIs) {
  ASSERT_EQ(train("out", {"--set", "train.steps=2", "--set", "train.seed=77"}).code, 0);
  const SafetensorsFile model(folder / "out/model.safetensors");
  const apps::ModelFacts facts = apps::parse_model_facts(model.metadata(), "model");
  EXPECT_EQ(facts.classes, apps::ClassKind::crystal_system);
  EXPECT_EQ(facts.instrument, (Instrument{.grid = {}, .wavelength = 1.54184}));
  EXPECT_EQ(facts.seed, 77u);
  EXPECT_NE(facts.recipe.find("0.05"), std::string::npos);
  EXPECT_EQ(facts.config, read_text(folder / "out/config.toml"));
  ASSERT_EQ(facts.training_sets.size(), 1u);
  EXPECT_EQ(facts.training_sets[0].size, 17);
  EXPECT_EQ(facts.training_sets[0].content_hash.size(), 16u);
  EXPECT_EQ(model.metadata("format_version"), "1");
  EXPECT_FALSE(model.metadata("commit").empty());
}

TEST_F(Train, ModelKeepsTheRecipesProcessing) {
  ASSERT_EQ(train("out", {"--set", "train.steps=2", "--set", "data.recipe=realistic"}).code, 0);
  const SafetensorsFile model(folder / "out/model.safetensors");
  const apps::ModelFacts facts = apps::parse_model_facts(model.metadata(), "model");
  EXPECT_EQ(facts.processing, (Processing{.background_window = 4, .square_root = true}));
  EXPECT_NE(facts.recipe.find("texture"), std::string::npos);
}

TEST_F(Train, AGridStepIsPartOfTheModel) {
  const std::vector<std::string> coarse{"--set", "train.steps=4",      "--set", "data.recipe=realistic",
                                        "--set", "data.grid_step=0.05"};
  ASSERT_EQ(train("out", coarse).code, 0);
  const SafetensorsFile model(folder / "out/model.safetensors");
  const apps::ModelFacts facts = apps::parse_model_facts(model.metadata(), "model");
  EXPECT_EQ(facts.processing, (Processing{.background_window = 4, .square_root = true, .step = 0.05}));
  EXPECT_EQ(facts.instrument.grid, TwoThetaGrid{});  // of the patterns that it is asked about
  EXPECT_EQ(facts.points(), 1700);
  EXPECT_NE(facts.config.find("grid_step = 0.05"), std::string::npos) << facts.config;
  EXPECT_NE(model.metadata("model").find("1700"), std::string::npos);
  // Resuming, evaluating and predicting go on from there.
  EXPECT_EQ(resume("out", {"--set", "train.steps=6"}).code, 0);
  const RunResult other = resume("out", {"--set", "train.steps=8", "--set", "data.grid_step=0.1"});
  EXPECT_EQ(other.code, 2);
  EXPECT_NE(other.err.find("data.grid_step is 0.1"), std::string::npos) << other.err;
  ASSERT_EQ(run_bragg({"simulate", folder / "salts.safetensors", "--recipe", "realistic", "-o",
                       folder / "p.safetensors"})
                .code,
            0);
  for (const char* command : {"evaluate", "predict"}) {
    const std::string path = (folder / "out/model.safetensors").string(),
                      patterns = (folder / "p.safetensors").string();
    const RunResult run = command == std::string("evaluate")
                              ? run_bragg({"evaluate", path, patterns, "--neighbours", patterns})
                              : run_bragg({"predict", patterns, "--model", path, "--neighbours", patterns});
    EXPECT_EQ(run.code, 0) << run.err;
  }
  const RunResult wrong = train("wrong", {"--set", "data.grid_step=0.03"});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_NE(wrong.err.find("data.grid_step: step 0.03"), std::string::npos) << wrong.err;
}

TEST_F(Train, SeveralRecipesInOneStream) {
  const std::vector<std::string> both{"--set", "train.steps=4",
                                      "--set", "data.recipe=['realistic', 'other_instrument']",
                                      "--set", "data.recipe_shares=[0.8, 0.2]"};
  ASSERT_EQ(train("out", both).code, 0);
  const SafetensorsFile model(folder / "out/model.safetensors");
  const apps::ModelFacts facts = apps::parse_model_facts(model.metadata(), "model");
  const data::Recipe recipe = data::parse_recipe(facts.recipe, "model");
  ASSERT_EQ(recipe.variants.size(), 2u);
  EXPECT_EQ(recipe.variants[0].weight, 0.8);
  EXPECT_EQ(recipe.variants[1].weight, 0.2);
  EXPECT_NE(facts.config.find("recipe_shares = [0.8, 0.2]"), std::string::npos) << facts.config;
  // A run of them is resumed to the bits of one that was never left.
  std::vector<std::string> longer = both;
  longer[1] = "train.steps=8";
  ASSERT_EQ(train("whole", longer).code, 0);
  ASSERT_EQ(resume("out", {"--set", "train.steps=8"}).code, 0);
  EXPECT_EQ(weights("out"), weights("whole"));
  EXPECT_EQ(resume("out", {"--set", "train.steps=9", "--set", "data.recipe_shares=[0.5, 0.5]"}).code, 2);
  EXPECT_EQ(
      resume("out", {"--set", "train.steps=9", "--set", "data.recipe=['other_instrument', 'realistic']"})
          .code,
      2);
  const RunResult wrong = train("wrong", {"--set", "data.recipe_shares=[0.8, 0.2]"});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_NE(wrong.err.find("2 values for 1 recipes"), std::string::npos) << wrong.err;
  EXPECT_EQ(train("wrong", {"--set", "data.recipe=['realistic', 'set1']"}).code, 2);
}

TEST_F(Train, CrystalSystemsAreDrawnAsOftenAsTheirWeights) {
  // All are cubic: the same weight for all of them changes nothing, none at all leaves nothing.
  ASSERT_EQ(train("plain").code, 0);
  ASSERT_EQ(train("same", {"--set", "data.system_weights=[1, 1, 1, 1, 1, 1, 3]"}).code, 0);
  EXPECT_EQ(weights("same"), weights("plain"));
  const RunResult none = train("none", {"--set", "data.system_weights=[1, 1, 1, 1, 1, 1, 0]"});
  EXPECT_EQ(none.code, 2);
  EXPECT_NE(none.err.find("data.system_weights [1, 1, 1, 1, 1, 1, 0]"), std::string::npos) << none.err;
  const RunResult wrong = train("wrong", {"--set", "data.system_weights=[1, 1, 1]"});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_NE(wrong.err.find("has 3 values, not 7"), std::string::npos) << wrong.err;
}

TEST_F(Train, SoupingMixesMeasuredPatternsIn) {
  ASSERT_EQ(run_bragg({"simulate", folder / "salts.safetensors", "-o", folder / "m.safetensors"}).code, 0);
  const std::string measured = "data.measured=" + (folder / "m.safetensors").string();
  ASSERT_EQ(train("out", {"--set", "train.steps=2", "--set", "data.recipe=souping", "--set", measured}).code,
            0);
  const SafetensorsFile model(folder / "out/model.safetensors");
  const apps::ModelFacts facts = apps::parse_model_facts(model.metadata(), "model");
  EXPECT_EQ(facts.training_sets.size(), 2u);
  EXPECT_EQ(train("no_share", {"--set", "data.recipe=large", "--set", measured}).code, 2);
  EXPECT_EQ(train("no_set", {"--set", "data.recipe=souping"}).code, 2);
  EXPECT_EQ(train("lattice", {"--set", "data.recipe=lattice"}).code, 2);
}

TEST_F(Train, DrawsGroupsAndSetsAsOftenAsItIsTold) {
  const std::string set = (folder / "salts.safetensors").string();
  EXPECT_EQ(train("out", {"--set", "train.steps=2", "--set", "data.group_exponent=0", "--set",
                          "data.shares=[0.9, 0.1]", "--set", "data.crystals=['" + set + "', '" + set + "']"})
                .code,
            0);
  const RunResult run = train("wrong", {"--set", "data.shares=[0.9, 0.1]"});
  EXPECT_EQ(run.code, 2);
  EXPECT_NE(run.err.find("2 values for 1 sets"), std::string::npos) << run.err;
}

TEST_F(Train, WrongConfigIsExitCode2AndLeavesNothing) {
  write_text(folder / "wrong.toml", "[data]\ncrystals = \"x\"\n[train]\nstesp = 3\n");
  const RunResult run = run_bragg({"train", folder / "wrong.toml", "--out", folder / "out"});
  EXPECT_EQ(run.code, 2);
  EXPECT_NE(run.err.find("wrong.toml:4"), std::string::npos) << run.err;
  EXPECT_NE(run.err.find("train.steps"), std::string::npos) << run.err;
  EXPECT_EQ(train("out", {"--set", "train.precision=bf61"}).code, 2);
  EXPECT_EQ(train("out", {"--set", "data.crystals=/nowhere.safetensors"}).code, 1);
  EXPECT_FALSE(fs::exists(folder / "out"));
}

// A share asked for that comes to nothing: a set of a few, or the rest of a split by the same seed.
TEST_F(Train, AHoldoutThatHoldsOutNothingIsRefused) {
  const RunResult few = train("out", {"--set", "data.holdout=1e-6"});
  EXPECT_EQ(few.code, 2) << few.err;
  for (const char* part : {"data.holdout is 1e-06", "none of 17 structures", "data.split_seed 1"})
    EXPECT_NE(few.err.find(part), std::string::npos) << part << " in " << few.err;

  const fs::path rest = folder / "rest.safetensors", a = folder / "a.safetensors";
  ASSERT_EQ(run_bragg({"crystals", "split", folder / "salts.safetensors", "--holdout", "0.3", "--split-seed",
                       "1", "--held-out", a, "--rest", rest})
                .code,
            0);
  const std::string data = "data.crystals=" + rest.string();
  const RunResult split = train("out", {"--set", data});
  EXPECT_EQ(split.code, 2) << split.err;
  EXPECT_NE(split.err.find("data.holdout is 0.3"), std::string::npos) << split.err;
  EXPECT_FALSE(fs::exists(folder / "out"));
  EXPECT_EQ(train("out", {"--set", data, "--set", "data.holdout=0", "--set", "train.steps=1"}).code, 0);

  ASSERT_EQ(run_bragg({"simulate", rest, "--step", "0.05", "-o", folder / "p.safetensors"}).code, 0);
  write_text(
      folder / "run.toml",
      "[model]\nname = 'mlp'\nclasses = 7\ndense = [8]\ndropout = 0\n[data]\npatterns = 'p.safetensors'\n"
      "holdout = 1e-9\n[train]\nbatch = 4\nsteps = 1\n");
  const RunResult stored = train("stored");
  EXPECT_EQ(stored.code, 2) << stored.err;
  EXPECT_NE(stored.err.find("patterns is held out"), std::string::npos) << stored.err;
}

// One config for every machine.
TEST_F(Train, APrecisionThatTheDeviceLacksIsItsOwn) {
  const RunResult run = train("out", {"--set", "train.precision=tf32", "--device", "cpu"});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_NE(run.err.find("precision tf32 is a GPU's, the device is cpu; it computes in its own"),
            std::string::npos)
      << run.err;
  ASSERT_EQ(train("fp32", {"--device", "cpu"}).code, 0);
  EXPECT_EQ(weights("out"), weights("fp32"));
}

TEST_F(Train, InBf16WhereTheCpuHasIt) {
  const RunResult run = train("out", {"--set", "train.precision=bf16", "--device", "cpu"});
  ASSERT_EQ(run.code, 0) << run.err;
  const std::string arithmetic = SafetensorsFile(folder / "out/model.safetensors").metadata("arithmetic");
  DeviceOptions wanted;
  wanted.device = "cpu";
  wanted.precision = "bf16";
  const std::string lacks = precision_lacks(wanted);
  EXPECT_EQ(arithmetic.ends_with(", bf16"), lacks.empty()) << arithmetic;
  EXPECT_EQ(run.err.find("it computes in its own") == std::string::npos, lacks.empty()) << run.err;
  EXPECT_EQ(run.err.find(", bf16, ") != std::string::npos, lacks.empty()) << run.err;
  // Learned in fp32: a run goes on in either, which it says.
  const RunResult more = train("out", {"--resume", "--set", "train.steps=32", "--device", "cpu"});
  EXPECT_EQ(more.code, 0) << more.err;
}

TEST_F(Train, StoredPatterns) {
  ASSERT_EQ(run_bragg({"simulate", folder / "salts.safetensors", "--count", "2", "--range", "20", "60",
                       "--step", "0.05", "-o", folder / "patterns.safetensors"})
                .code,
            0);
  write_text(folder / "run.toml",
             fmt::format("[model]\nname = 'mlp'\nclasses = 7\ndense = [8]\ndropout = 0\n[data]\n"
                         "patterns = '{}'\nholdout = 0.3\n[train]\nbatch = 4\nsteps = 5\n",
                         (folder / "patterns.safetensors").string()));
  const RunResult run = train("out");
  ASSERT_EQ(run.code, 0) << run.err;
  const SafetensorsFile model(folder / "out/model.safetensors");
  const apps::ModelFacts facts = apps::parse_model_facts(model.metadata(), "model");
  EXPECT_EQ(facts.instrument.grid.points, 800);
  EXPECT_EQ(facts.recipe, "");
}

TEST_F(Train, SignalSavesAndLeaves) {
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU}) {
    SCOPED_TRACE(strsignal(signal));
    const TemporaryFolder logs;
    const std::string out = fmt::format("out{}", signal);
    std::signal(signal, SIG_DFL);  // a shell starts what runs in the background with SIGINT ignored
    RunningBragg run(arguments(out, {"--set", "train.steps=1000000", "--set", "train.log_every=1"}),
                     logs.path());
    wait_for_a_step(run, folder / out / "metrics.jsonl");
    run.signal(signal);
    const RunResult stopped = run.result();
    EXPECT_EQ(stopped.code, 128 + signal) << stopped.err;
    EXPECT_GE(step(out), 1);
  }
  const std::int64_t at = step(fmt::format("out{}", SIGTERM));
  const std::string steps = fmt::format("train.steps={}", at + 3), out = fmt::format("out{}", SIGTERM);
  ASSERT_EQ(train(out, {"--resume", "--set", steps}).code, 0);
  ASSERT_EQ(train("whole", {"--set", steps}).code, 0);
  EXPECT_EQ(weights(out), weights("whole"));
}

TEST_F(Train, UnderNohupASessionsEndIsNone) {
  const TemporaryFolder logs;
  const auto before = std::signal(SIGHUP, SIG_IGN);
  RunningBragg run(arguments("out", {"--set", "train.steps=1000000", "--set", "train.log_every=1"}),
                   logs.path());
  std::signal(SIGHUP, before);
  wait_for_a_step(run, folder / "out/metrics.jsonl");
  run.signal(SIGHUP);
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_TRUE(run.is_running());
  run.signal(SIGTERM);
  EXPECT_EQ(run.result().code, 128 + SIGTERM);
}

TEST_F(Train, AFileBeyondTheLimitIsAFailedWrite) {
  rlimit before = {};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small = {4096, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  const TemporaryFolder logs;
  RunningBragg run(arguments("out", {}), logs.path());
  setrlimit(RLIMIT_FSIZE, &before);
  const RunResult result = run.result();
  EXPECT_EQ(result.code, 1) << result.err;
  EXPECT_NE(result.err.find("cannot write: File too large"), std::string::npos) << result.err;
  for (const auto& entry : fs::directory_iterator(folder / "out"))
    EXPECT_NE(entry.path().extension(), ".tmp") << entry.path();
}

TEST_F(Train, PlanListsTheStep) {
  const RunResult run = run_bragg({"info", "--plan", folder / "run.toml"});
  ASSERT_EQ(run.code, 0) << run.err;
  for (const char* what : {"conv1: conv1d_forward N ", "conv1: conv1d_backward_weights N ",
                           "softmax_cross_entropy", "parameters", "activations"}) {
    EXPECT_NE(run.out.find(what), std::string::npos) << run.out;
  }
}

}  // namespace
}  // namespace bragg::tests
