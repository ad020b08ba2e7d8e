// bragg train from outside: runs, resumed and interrupted ones, and what it refuses.
#include <chrono>
#include <csignal>
#include <cstring>
#include <map>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "apps/model_metadata.h"
#include "kernels/safetensors.h"
#include "tests/apps/run_bragg.h"
#include "tests/data/test_crystals.h"

namespace bragg::tests {
namespace {

namespace fs = std::filesystem;

class Train : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string cif;
    for (int i = 0; i < 12; ++i)
      cif += rock_salt_cif(fmt::format("c{}", i), 4 + 0.2 * i);
    // Another composition each, so that the split has something to part.
    for (const char* element : {"K", "Rb", "Cs", "Li", "Ag"}) {
      std::string other = rock_salt_cif(element);
      for (std::size_t at; (at = other.find("Na")) != std::string::npos;)
        other.replace(at, 2, element);
      cif += other;
    }
    write_text(folder / "salts.cif", cif);
    ASSERT_EQ(
        run_bragg({"crystals", "import", folder / "salts.cif", "-o", folder / "salts.safetensors"}).code, 0);
    write_text(folder / "run.toml", fmt::format(R"([model]
classes = 7
channels = [4, 4]
kernels = [50, 25]
strides = [25, 5]
dense = [16]
dropout = 0.2
[data]
crystals = "{}"
recipe = "large"
holdout = 0.3
[train]
batch = 4
steps = 30
learning_rate = 1e-3
log_every = 5
evaluate_every = 10
)",
                                                (folder / "salts.safetensors").string()));
  }

  std::vector<std::string> arguments(const std::string& out, const std::vector<std::string>& more) const {
    std::vector<std::string> all{"train", folder / "run.toml", "--out", folder / out};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  RunResult train(const std::string& out, const std::vector<std::string>& more = {}) const {
    return run_bragg(arguments(out, more));
  }
  std::map<std::string, std::vector<std::byte>> weights(const std::string& out,
                                                        const std::string& file = "model.safetensors") const {
    const SafetensorsFile model(folder / (out + "/" + file));
    std::map<std::string, std::vector<std::byte>> all;
    for (const auto& [name, tensor] : model.tensors())
      all[name] = {tensor.bytes.begin(), tensor.bytes.end()};
    return all;
  }
  std::int64_t step(const std::string& out) const {
    return std::stoll(SafetensorsFile(folder / (out + "/last.safetensors")).metadata("step"));
  }

  const TemporaryFolder folder;
};

TEST_F(Train, ResumedRunEqualsUninterrupted) {
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

TEST_F(Train, ModelSaysWhatItIs) {
  ASSERT_EQ(train("out", {"--set", "train.steps=2", "--set", "train.seed=77"}).code, 0);
  const SafetensorsFile model(folder / "out/model.safetensors");
  const apps::ModelFacts facts = apps::parse_model_facts(model.metadata(), "model");
  EXPECT_EQ(facts.classes, apps::ClassKind::crystal_system);
  EXPECT_EQ(facts.grid, TwoThetaGrid{});
  EXPECT_EQ(facts.wavelength, 1.54184);
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

// A run of the recipe `realistic` from before it knew anomalous dispersion: its checkpoint has the recipe as
// it was, and goes on with that to the same bits.
TEST_F(Train, ResumeTakesTheRecipeOfTheRun) {
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

TEST_F(Train, SyntheticCrystalsAreTheSameAfterAResume) {
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

TEST_F(Train, RefusesAnotherRunsFolderAndAChangedConfig) {
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

// One config for every machine.
TEST_F(Train, AGpusPrecisionIsFp32OnTheCpu) {
  const RunResult run = train("out", {"--set", "train.precision=bf16", "--device", "cpu"});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_NE(run.err.find("precision bf16 is a GPU's: cpu computes in its own"), std::string::npos) << run.err;
  ASSERT_EQ(train("fp32", {"--device", "cpu"}).code, 0);
  EXPECT_EQ(weights("out"), weights("fp32"));
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
  EXPECT_EQ(facts.grid.points, 800);
  EXPECT_EQ(facts.recipe, "");
}

/// Until the run has logged a step.
void wait_for_a_step(RunningBragg& run, const fs::path& metrics) {
  for (int i = 0; i < 600 && run.is_running() && !(fs::exists(metrics) && fs::file_size(metrics) > 0); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  ASSERT_TRUE(run.is_running());
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
  for (const char* what :
       {"conv1 forward", "conv1 backward_weights", "softmax_cross_entropy", "parameters", "activations"}) {
    EXPECT_NE(run.out.find(what), std::string::npos) << run.out;
  }
}

}  // namespace
}  // namespace bragg::tests
