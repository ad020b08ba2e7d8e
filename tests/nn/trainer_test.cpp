#include "nn/trainer.h"

#include <cmath>
#include <fstream>
#include <numeric>
#include <utility>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "kernels/base/error.h"
#include "nn/evaluation.h"
#include "tests/nn/trainer_fixture.h"

namespace bragg::nn {

void TrainerTest::expect_the_bits_of_an_uninterrupted_run() {
  EXPECT_EQ(run("whole", options(), false).outcome, TrainOutcome::finished);
  TrainOptions none = options();
  none.steps = 0;
  run("start", none, false);

  TrainResult result = run("parts", options(), false, stop_at(7));  // between two lines of the log
  EXPECT_EQ(result.outcome, TrainOutcome::interrupted);
  EXPECT_EQ(result.state.step, 7u);
  EXPECT_EQ(result.state.first_index, 42u);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "parts" / "model.safetensors"));
  result = run("parts", options(), true, stop_at(10));
  EXPECT_EQ(result.state.step, 17u);
  // As if the process had been killed after writing more lines than the checkpoint knows of.
  std::ofstream(folder_ / "parts" / "metrics.jsonl", std::ios::app)
      << "{\"step\":20,\"loss\":1,\"elapsed_s\":1}\n";
  result = run("parts", options(), true);
  EXPECT_EQ(result.outcome, TrainOutcome::finished);
  EXPECT_EQ(result.state.step, 24u);

  for (const char* name : {"last.safetensors", "best.safetensors", "model.safetensors"})
    EXPECT_EQ(tensors(folder_ / "parts" / name), tensors(folder_ / "whole" / name)) << name;
  EXPECT_EQ(content(folder_ / "parts" / "model.safetensors"),
            content(folder_ / "whole" / "model.safetensors"));
  EXPECT_EQ(content(folder_ / "parts" / "best.safetensors"), content(folder_ / "whole" / "best.safetensors"));
  EXPECT_EQ(metrics(folder_ / "parts"), metrics(folder_ / "whole"));
  EXPECT_NE(tensors(folder_ / "whole" / "last.safetensors"), tensors(folder_ / "start" / "last.safetensors"));
}

void TrainerTest::expect_the_same_bits_for_any_number_of_threads() {
  run("two", options(), false);
  backend_ = make_backend({"cpu", 1, ""});
  run("one", options(), false);
  backend_ = make_backend({"cpu", 3, ""});
  run("three", options(), false);
  EXPECT_EQ(tensors(folder_ / "one" / "last.safetensors"), tensors(folder_ / "two" / "last.safetensors"));
  EXPECT_EQ(tensors(folder_ / "three" / "last.safetensors"), tensors(folder_ / "two" / "last.safetensors"));
}

namespace {

/// With running statistics, and a second head.
Model small_resnet() {
  ModelConfig config = tests::small_config("resnet");
  config.more_heads = {{"group", 2, 0.5, {0, 1, 1, 0, 1}}};
  return make_model(config);
}

TEST_F(TrainerTest, ResumedRunHasTheBitsOfAnUninterruptedOne) {
  expect_the_bits_of_an_uninterrupted_run();
}

TEST_F(TrainerTest, ResumedResnetHasTheBitsOfAnUninterruptedOne) {
  model_ = small_resnet();
  expect_the_bits_of_an_uninterrupted_run();
  EXPECT_TRUE(tensors(folder_ / "whole" / "last.safetensors").contains("batch_norm1.running_variance"));
  for (const std::string& line : metrics(folder_ / "whole")) {
    const auto json = nlohmann::json::parse(line);
    const std::string before = json.contains("loss") ? "" : "held_out_";
    EXPECT_GT(json.at(before + "group_loss").get<double>(), 0.05);
    EXPECT_LE(json.at(before + "group_accuracy").get<double>(), 1);
    EXPECT_NE(json.at(before + "group_loss"), json.at(before + "loss"));
  }
}

TEST_F(TrainerTest, SameBitsForAnyNumberOfThreads) {
  expect_the_same_bits_for_any_number_of_threads();
}

TEST_F(TrainerTest, ResnetHasTheSameBitsForAnyNumberOfThreads) {
  model_ = small_resnet();
  expect_the_same_bits_for_any_number_of_threads();
}

TEST_F(TrainerTest, WritesMetricsAndFiles) {
  const TrainResult result = run("out", options(), false);
  std::vector<std::uint64_t> train_steps, held_out_steps;
  double elapsed = 0, best = 0;
  std::ifstream in(folder_ / "out" / "metrics.jsonl");
  std::string line;
  while (std::getline(in, line)) {
    const auto json = nlohmann::json::parse(line);
    EXPECT_GE(json.at("elapsed_s").get<double>(), elapsed);
    elapsed = json.at("elapsed_s");
    if (json.contains("held_out_loss")) {
      held_out_steps.push_back(json.at("step"));
      best = std::max(best, json.at("held_out_accuracy").get<double>());
      EXPECT_GT(json.at("held_out_loss").get<double>(), 0);
    } else {
      train_steps.push_back(json.at("step"));
      EXPECT_GT(json.at("patterns_per_s").get<double>(), 0);
      EXPECT_GT(json.at("loss").get<double>(), 0);
      EXPECT_LE(json.at("accuracy").get<double>(), 1);
    }
  }
  EXPECT_EQ(train_steps, (std::vector<std::uint64_t>{5, 10, 15, 20, 24}));
  EXPECT_EQ(held_out_steps, (std::vector<std::uint64_t>{8, 16, 24}));
  EXPECT_EQ(result.best_accuracy, best);
  const LoadedModel last = read_model(folder_ / "out" / "last.safetensors");
  EXPECT_EQ(last.metadata.at("recipe"), "test");
  EXPECT_EQ(last.metadata.at("seed"), "9");
  EXPECT_EQ(last.metadata.at("step"), "24");
  EXPECT_EQ(last.metadata.at("first_index"), "144");
}

TEST_F(TrainerTest, RefusesAFolderThatHoldsARunAndNothingToResume) {
  EXPECT_THROW(run("out", options(), true), UsageError);
  run("out", options(), false, stop_at(1));
  const std::string before = content(folder_ / "out" / "last.safetensors");
  EXPECT_THROW(run("out", options(), false), UsageError);
  EXPECT_EQ(content(folder_ / "out" / "last.safetensors"), before);
}

TEST_F(TrainerTest, ResumeRefusesAnotherRunsSettings) {
  run("out", options(), false, stop_at(1));
  TrainOptions other = options();
  other.seed = 10;
  EXPECT_THROW(run("out", other, true), UsageError);
  other = options();
  other.batch = 7;
  EXPECT_THROW(run("out", other, true), UsageError);
  other = options();
  other.learning_rate = 2e-3;
  EXPECT_THROW(run("out", other, true), UsageError);
  model_ = make_model(tests::small_config("npcnn"));
  EXPECT_THROW(run("out", options(), true), UsageError);
}

TEST_F(TrainerTest, CheckpointsByTheClockChangeNoBit) {
  TrainOptions o = options();
  o.save_every = 0;
  o.evaluate_every = 0;
  o.save_minutes = 0;
  std::vector<std::uint64_t> saved;
  const auto note = [&](const std::string& out) {
    return [&, out] {
      const SafetensorsFile file(folder_ / out / "last.safetensors");
      saved.push_back(std::stoull(file.metadata("step")));
      return false;
    };
  };
  run("never", o, false, note("never"));
  EXPECT_EQ(saved, std::vector<std::uint64_t>(23, 0));  // asked between steps, before a step's own save
  saved.clear();
  o.save_minutes = 1e-9;
  run("always", o, false, note("always"));
  std::vector<std::uint64_t> each(23);
  std::iota(each.begin(), each.end(), 0);
  EXPECT_EQ(saved, each);
  EXPECT_EQ(tensors(folder_ / "always" / "last.safetensors"),
            tensors(folder_ / "never" / "last.safetensors"));
  EXPECT_EQ(metrics(folder_ / "always"), metrics(folder_ / "never"));
}

TEST_F(TrainerTest, FilesSayWhatComputedThem) {
  backend_ = make_backend({"cpu", 1, "x86-64-v2"});
  run("out", options(), false);
  for (const char* name : {"last.safetensors", "best.safetensors", "model.safetensors"})
    EXPECT_EQ(SafetensorsFile(folder_ / "out" / name).metadata("arithmetic"), "cpu x86-64-v2");
}

TEST_F(TrainerTest, NothingIsWrittenBeforeEverythingIsChecked) {
  auto source = tests::test_source(61, 5, 40, SampleRowsProblem::Order::uniform, 9);
  TrainOptions o = options();
  Trainer trainer(*backend_, model_, o, source, nullptr, {}, folder_ / "out");
  bool called = false;
  trainer.run(false, {}, [&] {
    called = true;
    EXPECT_FALSE(std::filesystem::exists(folder_ / "out"));
  });
  EXPECT_TRUE(called);
  o.steps = 23;  // one less than are done
  const std::string before = content(folder_ / "out" / "last.safetensors");
  Trainer fewer(*backend_, model_, o, source, nullptr, {}, folder_ / "out");
  EXPECT_THROW(fewer.run(true, {}, [] { FAIL() << "nothing is to be written"; }), UsageError);
  EXPECT_EQ(content(folder_ / "out" / "last.safetensors"), before);
}

// Stopped at a step, and resumed to end there: what that step owed as the last one is made up for.
TEST_F(TrainerTest, ARunThatEndsWhereItWasInterruptedIsWhole) {
  TrainOptions o = options();
  o.steps = 7;
  run("whole", o, false);
  run("parts", options(), false, stop_at(7));
  EXPECT_EQ(run("parts", o, true).outcome, TrainOutcome::finished);
  for (const char* name : {"last.safetensors", "best.safetensors", "model.safetensors"})
    EXPECT_EQ(tensors(folder_ / "parts" / name), tensors(folder_ / "whole" / name)) << name;
  EXPECT_EQ(metrics(folder_ / "parts"), metrics(folder_ / "whole"));
}

// Ends after so many evaluations without a gain, whether it was interrupted on the way or not, and stays ended.
TEST_F(TrainerTest, PatienceEndsARunThatGainsNothing) {
  TrainOptions o = options();
  o.steps = 200;
  o.learning_rate = 1e-12;  // what is learned changes no answer: the first evaluation is the best
  o.evaluate_every = 7;
  o.patience = 3;
  EXPECT_EQ(run("whole", o, false).state.step, 28u);
  EXPECT_TRUE(std::filesystem::exists(folder_ / "whole" / "model.safetensors"));
  run("parts", o, false, stop_at(16));
  EXPECT_EQ(run("parts", o, true).outcome, TrainOutcome::finished);
  EXPECT_EQ(run("parts", o, true).state.step, 28u);
  for (const char* name : {"last.safetensors", "best.safetensors", "model.safetensors"})
    EXPECT_EQ(tensors(folder_ / "parts" / name), tensors(folder_ / "whole" / name)) << name;
  EXPECT_EQ(metrics(folder_ / "parts"), metrics(folder_ / "whole"));
  o.patience = 5;  // more of it goes on
  EXPECT_EQ(run("parts", o, true).state.step, 42u);
}

TEST_F(TrainerTest, PatienceNeedsWhatIsHeldOut) {
  TrainOptions o = options();
  o.patience = 1;
  auto source = tests::test_source(61, 5, 40, SampleRowsProblem::Order::uniform, 9);
  EXPECT_THROW(Trainer(*backend_, model_, o, source, nullptr, {}, folder_ / "out"), UsageError);
}

TEST_F(TrainerTest, OptionsOutOfRangeAreUsageErrors) {
  for (const auto& change : std::vector<std::function<void(TrainOptions&)>>{
           [](auto& o) { o.batch = 0; }, [](auto& o) { o.steps = -1; }, [](auto& o) { o.log_every = 0; },
           [](auto& o) { o.learning_rate = NAN; }, [](auto& o) { o.learning_rate = 0; },
           [](auto& o) { o.save_minutes = -1; }, [](auto& o) { o.save_minutes = NAN; }}) {
    TrainOptions o = options();
    change(o);
    EXPECT_THROW(run("out", o, false), UsageError);
  }
  ModelConfig config = tests::small_config("scnn");
  config.points = 62;
  model_ = make_model(config);
  EXPECT_THROW(run("out", options(), false), UsageError);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out"));
}

// The bad batch comes with step 12 (the 13th): the log at 15 sees it, and so would the saves at 15 and 18.
TEST_F(TrainerTest, NanStopsWithTheLastGoodStateKept) {
  PoisonedSource poisoned(tests::test_source(61, 5, 40, SampleRowsProblem::Order::uniform, 9), 12);
  const TrainResult result = run("out", options(), false, {}, &poisoned);
  EXPECT_EQ(result.outcome, TrainOutcome::diverged);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out" / "model.safetensors"));
  Parameters parameters(*backend_, model_, Parameters::Use::training);
  EXPECT_EQ(load_checkpoint(folder_ / "out" / "last.safetensors", parameters).step, 12u);
  for (const float x : parameters.download(parameters.weights()))
    ASSERT_TRUE(std::isfinite(x));

  // The kept state is good: with good data the run goes on from there to the same bits.
  EXPECT_EQ(run("out", options(), true).outcome, TrainOutcome::finished);
  run("whole", options(), false);
  EXPECT_EQ(tensors(folder_ / "out" / "last.safetensors"), tensors(folder_ / "whole" / "last.safetensors"));
  EXPECT_EQ(metrics(folder_ / "out"), metrics(folder_ / "whole"));
}

// Between two lines of the log only the save can notice.
TEST_F(TrainerTest, NanIsNeverSavedBetweenTwoLinesOfTheLog) {
  TrainOptions o = options();
  o.log_every = 1000;
  o.evaluate_every = 0;
  for (const std::uint64_t bad : {11u, 12u}) {  // the next saves are at 12 and at 15
    PoisonedSource poisoned(tests::test_source(61, 5, 40, SampleRowsProblem::Order::uniform, 9), bad);
    const std::string out = fmt::format("out{}", bad);
    EXPECT_EQ(run(out, o, false, {}, &poisoned).outcome, TrainOutcome::diverged);
    Parameters parameters(*backend_, model_, Parameters::Use::training);
    EXPECT_EQ(load_checkpoint(folder_ / out / "last.safetensors", parameters).step, bad == 11 ? 9u : 12u);
  }
}

// 64 patterns with random labels, learnt by heart by each of the three models.
TEST_F(TrainerTest, OverfitsSixtyFourPatterns) {
  for (const std::string& name : model_names()) {
    ModelConfig config = tests::small_config(name);
    config.dense = {48, 32};
    config.dense_dropout = {0, 0};
    if (name != "mlp") {
      config.conv_dropout = 0;
      config.channels = {8, 12, 16};
    }
    model_ = make_model(config);
    auto train = tests::test_source(61, 5, 64, SampleRowsProblem::Order::uniform, 1);
    auto same = tests::test_source(61, 5, 64, SampleRowsProblem::Order::sequential, 1);
    TrainOptions o;
    o.batch = 32;
    o.steps = 1500;
    o.learning_rate = 3e-3;
    o.log_every = 500;
    o.evaluate_every = 0;
    o.save_every = 0;
    Trainer trainer(*backend_, model_, o, train, &same, {}, folder_ / name);
    EXPECT_EQ(trainer.run(false, {}).best_accuracy, 1) << name;

    Parameters parameters(*backend_, model_, Parameters::Use::inference);
    load_weights(folder_ / name / "model.safetensors", parameters);
    Network network(*backend_, model_, parameters, {.N = 7});
    EXPECT_EQ(evaluate(predict(*backend_, network, same)).accuracy, 1) << name;
  }
}

}  // namespace
}  // namespace bragg::nn
