// Runs with what a training may add to Adam: the same bits through interruptions, averaged weights that answer, a
// decay that begins late, weights to begin with.
#include <cmath>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "nn/evaluation.h"
#include "tests/nn/trainer_fixture.h"

namespace bragg::nn {
namespace {

using Schedule = LearningRate::Schedule;

class TrainingRuns : public TrainerTest {
 protected:
  TrainOptions everything() const {
    TrainOptions o = options();
    o.learning_rate = 1e-2;
    o.warmup_steps = 3;
    o.schedule = Schedule::linear_decay;
    o.decay_begin = 12;
    o.beta2 = 0.98;
    o.weight_decay = 0.1;
    o.clip_norm = 0.05;
    o.ema_decay = 0.9;
    o.label_smoothing = 0.1;
    o.class_weights = {1, 2, 0.5, 1.5, 3};
    return o;
  }
  void expect_same_files(const std::string& a, const std::string& b) {
    for (const char* name : {"last.safetensors", "best.safetensors", "model.safetensors"})
      EXPECT_EQ(tensors(folder_ / a / name), tensors(folder_ / b / name)) << name;
    EXPECT_EQ(metrics(folder_ / a), metrics(folder_ / b));
  }
  std::string error_of_resume(const std::string& out, const TrainOptions& o) {
    try {
      run(out, o, true);
    } catch (const UsageError& e) {
      return e.what();
    }
    return "";
  }
  /// The accuracy of a model file on what is held out.
  double accuracy(const std::string& file) {
    Parameters parameters(*backend_, model_, Parameters::Use::inference);
    load_weights(folder_ / file, parameters);
    Network network(*backend_, model_, parameters, {.N = 7});
    auto held_out = tests::test_source(61, 5, 10, SampleRowsProblem::Order::sequential, 10);
    return evaluate(predict(*backend_, network, held_out)).accuracy;
  }
};

TEST_F(TrainingRuns, ResumedHaveTheBitsOfUninterruptedOnes) {
  TrainOptions cosine = everything();
  cosine.schedule = Schedule::cosine;
  cosine.decay_begin.reset();
  cosine.final_fraction = 0.1;
  for (const TrainOptions& o : {everything(), cosine}) {
    const std::string whole = fmt::format("whole{}", static_cast<int>(o.schedule)), parts = "of_" + whole;
    EXPECT_EQ(run(whole, o, false).outcome, TrainOutcome::finished);
    EXPECT_EQ(run(parts, o, false, stop_at(7)).state.step, 7u);
    EXPECT_EQ(run(parts, o, true, stop_at(10)).state.step, 17u);
    EXPECT_EQ(run(parts, o, true).outcome, TrainOutcome::finished);
    expect_same_files(parts, whole);
  }
}

TEST_F(TrainingRuns, SameBitsForAnyNumberOfThreads) {
  run("two", everything(), false);
  for (const int threads : {1, 3}) {
    backend_ = make_backend({"cpu", threads, ""});
    const std::string out = fmt::format("of{}", threads);
    run(out, everything(), false);
    expect_same_files(out, "two");
  }
}

// Each does something: without it the weights are others.
TEST_F(TrainingRuns, EveryOptionCounts) {
  run("all", everything(), false);
  const auto all = tensors(folder_ / "all" / "model.safetensors");
  const std::function<void(TrainOptions&)> without[] = {
      [](auto& o) { o.warmup_steps = 0; },    [](auto& o) { o.decay_begin.reset(); },
      [](auto& o) { o.beta2 = 0.999; },       [](auto& o) { o.weight_decay = 0; },
      [](auto& o) { o.clip_norm = 0; },       [](auto& o) { o.ema_decay = 0; },
      [](auto& o) { o.label_smoothing = 0; }, [](auto& o) { o.class_weights.clear(); }};
  int number = 0;
  for (const auto& change : without) {
    TrainOptions o = everything();
    change(o);
    const std::string out = fmt::format("without{}", number++);
    run(out, o, false);
    EXPECT_NE(tensors(folder_ / out / "model.safetensors"), all) << out;
  }
}

// Where the decay begins is said when it comes to it.
TEST_F(TrainingRuns, DecayBegunLateIsTheOneThatWasPlanned) {
  TrainOptions planned = everything();
  run("planned", planned, false);
  TrainOptions open = planned;
  open.decay_begin.reset();
  open.steps = 1000;
  run("late", open, false, stop_at(11));
  TrainOptions too_late = planned;
  too_late.decay_begin = 5;
  EXPECT_NE(error_of_resume("late", too_late).find("decay_begin"), std::string::npos);
  EXPECT_EQ(run("late", planned, true).outcome, TrainOutcome::finished);
  expect_same_files("late", "planned");
  TrainOptions more = planned;
  more.steps = 30;
  const std::string error = error_of_resume("late", more);
  for (const char* part : {"steps 24", "decay_begin 12", "30 and 12"})
    EXPECT_NE(error.find(part), std::string::npos) << error;
}

// What is evaluated, and what the models hold, is the average; the checkpoint has it beside the weights.
TEST_F(TrainingRuns, AveragedWeightsAnswer) {
  TrainOptions o = options();
  o.ema_decay = 0.9;
  o.steps = 40;
  o.learning_rate = 1e-2;
  const TrainResult result = run("averaged", o, false);
  o.ema_decay = 0;
  run("plain", o, false);
  const auto averaged = tensors(folder_ / "averaged" / "last.safetensors"),
             plain = tensors(folder_ / "plain" / "last.safetensors"),
             model = tensors(folder_ / "averaged" / "model.safetensors");
  EXPECT_EQ(averaged.size(), 4 * model.size());
  EXPECT_EQ(plain.size(), 3 * model.size());
  for (const auto& [name, bytes] : model) {
    EXPECT_EQ(averaged.at(name), plain.at(name)) << name;  // the steps know nothing of it
    EXPECT_EQ(averaged.at(name + ".ema"), bytes) << name;
    EXPECT_NE(averaged.at(name), bytes) << name;
  }
  EXPECT_NEAR(accuracy("averaged/best.safetensors"), result.best_accuracy, 1e-12);
  EXPECT_EQ(SafetensorsFile(folder_ / "averaged" / "model.safetensors").metadata("ema_decay"), "0.9");
}

// Evaluations, and so those without a gain, are of the average.
TEST_F(TrainingRuns, PatienceWaitsForTheAverage) {
  TrainOptions o = options();
  o.steps = 200;
  o.learning_rate = 1e-12;
  o.evaluate_every = 7;
  o.patience = 3;
  o.ema_decay = 0.5;
  EXPECT_EQ(run("whole", o, false).state.step, 28u);
  run("parts", o, false, stop_at(16));
  EXPECT_EQ(run("parts", o, true).state.step, 28u);
  expect_same_files("parts", "whole");
}

TEST_F(TrainingRuns, BeginWithTheWeightsOfAModel) {
  run("first", options(), false);
  TrainOptions o = options();
  o.steps = 0;
  o.seed = 10;
  o.ema_decay = 0.5;
  o.init = (folder_ / "first" / "model.safetensors").string();
  run("second", o, false);
  EXPECT_EQ(tensors(folder_ / "second" / "model.safetensors"), tensors(o.init));
  EXPECT_EQ(SafetensorsFile(folder_ / "second" / "model.safetensors").metadata("init"), o.init);
  o.steps = 3;
  EXPECT_EQ(run("second", o, true).state.step, 3u);
  EXPECT_NE(tensors(folder_ / "second" / "model.safetensors"), tensors(o.init));

  model_ = make_model(tests::small_config("scnn", 7));
  EXPECT_THROW(run("third", o, false), UsageError);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "third"));
}

// What the model has seen is not drawn again, here or elsewhere: the run goes on behind it in the stream.
TEST_F(TrainingRuns, BeginBehindTheLastPatternOfTheModelsRun) {
  run("first", options(), false);
  const auto model = folder_ / "first" / "model.safetensors", small = folder_ / "small.safetensors",
             from_0 = folder_ / "from_0.safetensors";
  EXPECT_EQ(SafetensorsFile(model).metadata("first_index"), "144");
  const auto rounded = [&](const std::filesystem::path& to, const std::string& first_index) {
    Metadata metadata = read_model(model).metadata;
    metadata["first_index"] = first_index;
    save_rounded(model, to, metadata);
  };
  rounded(small, "144");
  rounded(from_0, "0");
  TrainOptions o = options();
  o.steps = 5;
  o.init = small.string();
  run("second", o, false, stop_at(2));
  EXPECT_EQ(SafetensorsFile(folder_ / "second" / "last.safetensors").metadata("first_index"), "156");
  EXPECT_EQ(run("second", o, true).state.first_index, 174u);
  EXPECT_EQ(SafetensorsFile(folder_ / "second" / "model.safetensors").metadata("first_index"), "174");
  o.init = from_0.string();
  EXPECT_EQ(run("again", o, false).state.first_index, 30u);
  EXPECT_NE(tensors(folder_ / "again" / "model.safetensors"),
            tensors(folder_ / "second" / "model.safetensors"));
  rounded(small, "many");
  o.init = small.string();
  EXPECT_THROW(run("third", o, false), Error);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "third"));
}

TEST_F(TrainingRuns, ModelsSayHowGoodTheyWereOnWhatWasHeldOut) {
  const TrainResult result = run("out", options(), false);
  const SafetensorsFile best(folder_ / "out" / "best.safetensors"),
      model(folder_ / "out" / "model.safetensors");
  EXPECT_EQ(best.number("held_out_accuracy"), result.best_accuracy);
  const auto last = nlohmann::json::parse(metrics(folder_ / "out").back());
  EXPECT_EQ(model.number("held_out_loss"), last.at("held_out_loss").get<double>());
  EXPECT_EQ(model.number("held_out_accuracy"), last.at("held_out_accuracy").get<double>());
  EXPECT_EQ(best.number("first_index"), 6 * best.number("step"));
}

// A batch that makes the norm NaN, with an average beside: the last good state is kept.
TEST_F(TrainingRuns, ANormThatIsNotFiniteEndsTheRun) {
  PoisonedSource poisoned(tests::test_source(61, 5, 40, SampleRowsProblem::Order::uniform, 9), 12);
  EXPECT_EQ(run("out", everything(), false, {}, &poisoned).outcome, TrainOutcome::diverged);
  Parameters parameters(*backend_, model_, Parameters::Use::averaging);
  EXPECT_EQ(load_checkpoint(folder_ / "out" / "last.safetensors", parameters).step, 12u);
  for (const Tensor arena : {parameters.weights(), parameters.average()})
    for (const float x : parameters.download(arena))
      ASSERT_TRUE(std::isfinite(x));
}

}  // namespace
}  // namespace bragg::nn
