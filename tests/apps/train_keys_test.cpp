// The keys of [train] that choose optimizer, schedule and loss: as they are read, and in runs.
#include <filesystem>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "apps/training/config.h"
#include "kernels/base/error.h"
#include "kernels/base/safetensors.h"
#include "tests/apps/train_fixture.h"
#include "tests/data/test_crystals.h"

namespace bragg::tests {
namespace {

namespace fs = std::filesystem;
using apps::parse_config;
using apps::TrainConfig;

const std::string minimal = "[data]\ncrystals = 's.safetensors'\n";

TEST(TrainKeys, AreReadAndWrittenBack) {
  for (const std::string schedule :
       {"schedule = 'cosine'\nfinal_fraction = 0.25\n", "schedule = 'linear_decay'\ndecay_begin = 40\n",
        "schedule = 'linear_decay'\n"}) {
    TrainConfig config =
        parse_config(minimal + "[model]\nclasses = 7\n[train]\nsteps = 100\nwarmup_steps = 5\n" + schedule +
                         "optimizer = 'adamw'\nweight_decay = 0.5\nbetas = [0.8, 0.98]\n"
                         "clip_norm = 2\nema_decay = 0.999\nlabel_smoothing = 0.05\n"
                         "class_weights = [1, 2, 3, 4, 5, 6, 0.5]\ninit = 'm.safetensors'\n",
                     "run.toml");
    apps::resolve(config, 8500);
    const nn::TrainOptions& o = config.train;
    EXPECT_EQ(o.warmup_steps, 5);
    const bool is_cosine = schedule.find("cosine") != std::string::npos;
    EXPECT_EQ(o.schedule, is_cosine ? LearningRate::Schedule::cosine : LearningRate::Schedule::linear_decay);
    EXPECT_EQ(o.final_fraction, is_cosine ? 0.25 : 0);
    EXPECT_EQ(o.decay_begin.value_or(-1), schedule.find("40") != std::string::npos ? 40 : -1);
    EXPECT_EQ(o.weight_decay, 0.5);
    EXPECT_EQ(o.beta1, 0.8);
    EXPECT_EQ(o.beta2, 0.98);
    EXPECT_EQ(o.clip_norm, 2);
    EXPECT_EQ(o.ema_decay, 0.999);
    EXPECT_EQ(o.label_smoothing, 0.05);
    EXPECT_EQ(o.class_weights, (std::vector<double>{1, 2, 3, 4, 5, 6, 0.5}));
    EXPECT_TRUE(o.init.starts_with("/") && o.init.ends_with("/m.safetensors")) << o.init;
    const std::string saved = apps::to_toml(config);
    TrainConfig again = parse_config(saved, "config.toml");
    apps::resolve(again, 8500);
    EXPECT_EQ(apps::to_toml(again), saved);
    EXPECT_EQ(nn::settings(again.train), nn::settings(config.train));
  }
}

TEST(TrainKeys, DefaultsAreAdamAlone) {
  const TrainConfig config = parse_config(minimal, "run.toml");
  EXPECT_EQ(config.optimizer, "adam");
  EXPECT_EQ(nn::settings(config.train), nn::settings({}));
  EXPECT_EQ(parse_config(minimal + "[train]\noptimizer = 'adamw'\n", "run.toml").train.weight_decay, 0.01);
}

TEST(TrainKeys, ErrorsNamePlaceKeyAndValue) {
  const struct {
    const char* lines;
    std::vector<std::string> parts;
  } cases[] = {
      {"optimizer = 'sgd'\n", {"run.toml:4", "train.optimizer", "sgd", "adamw"}},
      {"weight_decay = 0.1\n", {"run.toml:4", "train.weight_decay", "without train.optimizer = \"adamw\""}},
      {"betas = 0.9\n", {"run.toml:4", "train.betas", "1 values, not 2"}},
      {"betas = [0.9, 1.0]\n", {"run.toml:4", "train.betas", "1"}},
      {"schedule = 'cosin'\n", {"run.toml:4", "train.schedule", "the nearest is cosine"}},
      {"final_fraction = 0.1\n",
       {"run.toml:4", "train.final_fraction", "without train.schedule = \"cosine\""}},
      {"decay_begin = 10\n",
       {"run.toml:4", "train.decay_begin", "without train.schedule = \"linear_decay\""}},
      {"ema_decay = 1\n", {"run.toml:4", "train.ema_decay", "1"}},
      {"label_smoothing = -0.1\n", {"run.toml:4", "train.label_smoothing", "-0.1"}},
      {"class_weights = [1, 2]\n", {"run.toml:4", "train.class_weights", "2 values for 230 classes"}},
      {"class_weights = 1\n", {"run.toml:4", "train.class_weights", "1 values for 230 classes"}},
      {"clip_norm = -1\n", {"run.toml:4", "train.clip_norm", "-1"}},
  };
  for (const auto& c : cases) {
    std::string message;
    try {
      parse_config(minimal + "[train]\n" + c.lines, "run.toml");
    } catch (const UsageError& error) {
      message = error.what();
    }
    for (const std::string& part : c.parts)
      EXPECT_NE(message.find(part), std::string::npos) << part << " in: " << message << "\n" << c.lines;
  }
}

class TrainKeysRun : public TrainFixture {
 protected:
  static std::vector<std::string> with(std::vector<std::string> settings,
                                       const std::vector<std::string>& more) {
    std::vector<std::string> all = more;
    for (std::string& setting : settings) {
      all.emplace_back("--set");
      all.push_back(std::move(setting));
    }
    return all;
  }
  static void expect_contains(const std::string& text, const std::vector<std::string>& parts) {
    for (const std::string& part : parts)
      EXPECT_NE(text.find(part), std::string::npos) << part << " in " << text;
  }
};

// Planned from the start, or begun late.
TEST_F(TrainKeysRun, ADecayMayBeBegunByAResume) {
  const std::vector<std::string> settings{"train.optimizer=adamw", "train.schedule=linear_decay",
                                          "train.warmup_steps=2",  "train.clip_norm=0.5",
                                          "train.ema_decay=0.9",   "train.label_smoothing=0.1"};
  ASSERT_EQ(train("whole", with(settings, {"--set", "train.steps=20", "--set", "train.decay_begin=12"})).code,
            0);
  const RunResult first = train("parts", with(settings, {"--set", "train.steps=10"}));
  ASSERT_EQ(first.code, 0) << first.err;
  const RunResult rest = resume("parts", {"--set", "train.decay_begin=12", "--set", "train.steps=20"});
  ASSERT_EQ(rest.code, 0) << rest.err;
  expect_contains(rest.err, {"train.decay_begin is 12 from now on, not given so far"});
  EXPECT_EQ(weights("parts"), weights("whole"));
  EXPECT_EQ(weights("parts", "last.safetensors"), weights("whole", "last.safetensors"));

  const auto before = contents("parts");
  const RunResult again = resume("parts", {"--set", "train.steps=30"});
  EXPECT_EQ(again.code, 2);
  expect_contains(again.err, {"steps 20", "30 and 12"});
  const RunResult other = resume("parts", {"--set", "train.ema_decay=0.8", "--set", "train.steps=30"});
  EXPECT_EQ(other.code, 2);
  expect_contains(other.err, {"train.ema_decay is 0.8", "has 0.9"});
  EXPECT_EQ(contents("parts"), before);
}

TEST_F(TrainKeysRun, InitTakesAModelOfTheSameShape) {
  ASSERT_EQ(train("first", {"--set", "train.steps=5"}).code, 0);
  fs::create_directories(folder / "configs");
  std::string config = read_text(folder / "run.toml") + "init = '../first/model.safetensors'\n";
  write_text(folder / "configs/next.toml", config);
  const auto next = [&](const std::string& out, const std::vector<std::string>& more) {
    std::vector<std::string> all{"train",       folder / "configs/next.toml", "--out", folder / out, "--set",
                                 "train.seed=9"};
    all.insert(all.end(), more.begin(), more.end());
    return run_bragg(all);
  };
  const RunResult second = next("second", {"--set", "train.steps=3"});
  ASSERT_EQ(second.code, 0) << second.err;
  EXPECT_NE(weights("second"), weights("first"));
  ASSERT_EQ(train("scratch", {"--set", "train.steps=3", "--set", "train.seed=9"}).code, 0);
  EXPECT_NE(weights("second"), weights("scratch"));
  const SafetensorsFile file(folder / "second/model.safetensors");
  expect_contains(file.metadata("init"), {"/first/model.safetensors"});
  // A run that has begun needs it no more.
  fs::rename(folder / "first", folder / "gone");
  EXPECT_EQ(resume("second", {"--set", "train.steps=4"}).code, 0);

  const RunResult lost = next("third", {});
  EXPECT_NE(lost.code, 0);
  expect_contains(lost.err, {"first/model.safetensors"});
  const std::string named = "train.init=" + (folder / "gone/model.safetensors").string();
  const RunResult wider = next("third", {"--set", named, "--set", "model.dense=[17]"});
  EXPECT_NE(wider.code, 0);
  expect_contains(wider.err, {"gone/model.safetensors", "dense1.weights", "[16, ", "[17, "});
  const RunResult groups = next("third", {"--set", named, "--set", "model.classes=230"});
  EXPECT_EQ(groups.code, 2);
  expect_contains(groups.err, {"gone/model.safetensors", "classes 7", "230"});
  EXPECT_FALSE(fs::exists(folder / "third"));
}

// A run is taken up elsewhere from a small model: without its folder, and without drawing a pattern twice.
TEST_F(TrainKeysRun, ACompactModelAnswersAndIsGoneOnFrom) {
  ASSERT_EQ(train("first", {"--set", "train.steps=12", "--set", "train.ema_decay=0.5"}).code, 0);
  const std::string model = folder / "first/model.safetensors", small = folder / "small.safetensors";
  const auto compact = [&](const std::string& from, const std::vector<std::string>& more) {
    std::vector<std::string> all{"compact", from, "-o", small};
    all.insert(all.end(), more.begin(), more.end());
    return run_bragg(all);
  };
  const RunResult made = compact(model, {"--figure", "dev=0.634", "--figure", "other=1"});
  ASSERT_EQ(made.code, 0) << made.err;
  expect_contains(made.err, {"seed 1", "48 patterns seen, the next is number 48"});
  const SafetensorsFile file(small);
  EXPECT_EQ(file.metadata("first_index"), "48");
  EXPECT_EQ(file.metadata("figure.dev"), "0.634");
  EXPECT_EQ(file.metadata("held_out_accuracy"), SafetensorsFile(model).metadata("held_out_accuracy"));
  EXPECT_EQ(file.tensors().at("dense1.weights").dtype, DType::bf16);
  for (const auto& [key, value] : file.metadata())
    EXPECT_EQ(value.find(folder.path().string()), std::string::npos) << key << ": " << value;
  expect_contains(file.metadata("config"), {"crystals = ['salts.safetensors']", "ema_decay = 0.5"});
  expect_contains(file.metadata("training_sets"), {"\"salts.safetensors\""});

  ASSERT_EQ(run_bragg({"simulate", folder / "salts.safetensors", "-o", folder / "p.safetensors"}).code, 0);
  const RunResult answer = run_bragg({"predict", folder / "p.safetensors", "--model", small});
  EXPECT_EQ(answer.code, 0) << answer.err;
  const RunResult next = train("next", {"--set", "train.steps=3", "--set", "train.init=" + small});
  ASSERT_EQ(next.code, 0) << next.err;
  expect_contains(next.err, {"3 of 3 steps done, 60 patterns seen"});
  // The command that began a run goes on with it, also where it names the model from the working directory.
  std::vector<std::string> command{"--set", "train.steps=4", "--set",
                                   "train.init=" + std::filesystem::relative(small).string()};
  ASSERT_EQ(train("again", command).code, 0);
  command.push_back("--resume");
  const RunResult resumed = train("again", command);
  EXPECT_EQ(resumed.code, 0) << resumed.err;

  for (const char* figure : {"dev", "=1", "dev=good", "dev=nan"}) {
    const RunResult wrong = compact(model, {"--figure", figure});
    EXPECT_EQ(wrong.code, 2) << figure;
    expect_contains(wrong.err, {fmt::format("--figure {}: expected NAME=NUMBER", figure)});
  }
  EXPECT_EQ(compact(model, {"--figure", "dev=1", "--figure", "dev=2"}).code, 2);
  EXPECT_EQ(compact(small, {}).code, 2);  // onto itself
  // New figures take the place of all that were there; without any they stay.
  const std::string again = folder / "again.safetensors", kept = folder / "kept.safetensors";
  ASSERT_EQ(run_bragg({"compact", small, "--figure", "more.dev=0.7", "-o", again}).code, 0);
  ASSERT_EQ(run_bragg({"compact", small, "-o", kept}).code, 0);
  EXPECT_EQ(SafetensorsFile(again).metadata("figure.more.dev"), "0.7");
  EXPECT_FALSE(SafetensorsFile(again).metadata().contains("figure.dev"));
  EXPECT_EQ(SafetensorsFile(kept).metadata(), file.metadata());
  const RunResult checkpoint = compact(folder / "first/last.safetensors", {});
  EXPECT_EQ(checkpoint.code, 1);
  expect_contains(checkpoint.err, {"last.safetensors: a checkpoint, not a model"});
}

}  // namespace
}  // namespace bragg::tests
