// What a training may be asked for, what a resumed one may ask for otherwise, and whose weights a new one takes.
#include "nn/train_options.h"

#include <cmath>
#include <functional>

#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "tests/nn/small_models.h"
#include "tests/support/temporary_folder.h"

namespace bragg::nn {
namespace {

using Schedule = LearningRate::Schedule;
using Change = std::function<void(TrainOptions&)>;

std::string error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}
void expect_contains(const std::string& text, const std::vector<std::string>& parts) {
  for (const std::string& part : parts)
    EXPECT_NE(text.find(part), std::string::npos) << part << "\nin: " << text;
}

TrainOptions options_of(const Change& change) {
  TrainOptions o;
  o.steps = 100;
  change(o);
  return o;
}

TEST(TrainOptions, OutOfRangeAreRefusedWithTheirValues) {
  const Model model = make_model(tests::small_config("scnn"));
  const struct {
    Change change;
    std::vector<std::string> parts;
  } cases[] = {
      {[](auto& o) { o.warmup_steps = -1; }, {"warmup_steps -1"}},
      {[](auto& o) { o.final_fraction = 1.5; }, {"final_fraction 1.5"}},
      {[](auto& o) { o.schedule = Schedule::cosine, o.warmup_steps = 100; },
       {"warmup_steps 100", "steps 100"}},
      {[](auto& o) { o.decay_begin = 50; }, {"decay_begin 50", "constant"}},
      {[](auto& o) { o.schedule = Schedule::linear_decay, o.decay_begin = 100; },
       {"decay_begin 100", "steps 100"}},
      {[](auto& o) { o.schedule = Schedule::linear_decay, o.decay_begin = 5, o.warmup_steps = 6; },
       {"decay_begin 5 < 6"}},
      {[](auto& o) { o.patience = 2, o.evaluate_every = 0; }, {"patience 2", "evaluate_every 0"}},
      {[](auto& o) { o.beta2 = 1; }, {"beta2 1"}},
      {[](auto& o) { o.weight_decay = -0.5; }, {"weight_decay -0.5"}},
      {[](auto& o) { o.clip_norm = INFINITY; }, {"clip_norm inf"}},
      {[](auto& o) { o.ema_decay = 1; }, {"ema_decay 1"}},
      {[](auto& o) { o.label_smoothing = NAN; }, {"label_smoothing nan"}},
      {[](auto& o) {
         o.class_weights = {1, 1, 1, 1, 0};
       },
       {"class_weights 0"}},
      {[](auto& o) {
         o.class_weights = {1, 2};
       },
       {"2 values", "5 classes"}},
  };
  EXPECT_EQ(error_of([&] { check(options_of([](auto&) {}), model); }), "");
  for (const auto& c : cases)
    expect_contains(error_of([&] { check(options_of(c.change), model); }), c.parts);
}

TEST(TrainOptions, ResumeKeepsWhatItWasTrainedWith) {
  const TrainOptions was = options_of([](auto& o) {
    o.weight_decay = 0.1;
    o.class_weights = {1, 2};
  });
  EXPECT_EQ(error_of([&] { check_resumed(was, settings(was), 50, "a"); }), "");
  const struct {
    Change change;
    std::vector<std::string> parts;
  } cases[] = {
      {[](auto& o) { o.seed = 2; }, {"seed 1", "says 2"}},
      {[](auto& o) { o.learning_rate = 1; }, {"learning_rate 0.0001", "says 1"}},
      {[](auto& o) { o.warmup_steps = 3; }, {"warmup_steps 0", "says 3"}},
      {[](auto& o) { o.schedule = Schedule::cosine; }, {"schedule constant", "says cosine"}},
      {[](auto& o) { o.beta2 = 0.5; }, {"betas [0.9, 0.999]", "says [0.9, 0.5]"}},
      {[](auto& o) { o.weight_decay = 0; }, {"weight_decay 0.1", "says 0"}},
      {[](auto& o) { o.clip_norm = 2; }, {"clip_norm 0", "says 2"}},
      {[](auto& o) { o.ema_decay = 0.5; }, {"ema_decay 0", "says 0.5"}},
      {[](auto& o) { o.label_smoothing = 0.5; }, {"label_smoothing 0", "says 0.5"}},
      {[](auto& o) {
         o.class_weights = {2, 1};
       },
       {"class_weights [1, 2]", "says [2, 1]"}},
      {[](auto& o) { o.init = "m"; }, {"init", "says m"}},
      {[](auto& o) { o.steps = 49; }, {"50 steps", "asks for 49"}},
  };
  for (const auto& c : cases) {
    TrainOptions is = was;
    c.change(is);
    expect_contains(error_of([&] { check_resumed(is, settings(was), 50, "a"); }), c.parts);
  }
  // A checkpoint from before there was more than a learning rate.
  const Metadata old{{"seed", "1"}, {"batch", "256"}, {"learning_rate", "0.0001"}};
  EXPECT_EQ(error_of([&] { check_resumed({}, old, 50, "a"); }), "");
  expect_contains(error_of([&] { check_resumed(was, old, 50, "a"); }), {"weight_decay 0", "says 0.1"});
}

// What lies in the future may be another.
TEST(TrainOptions, DecayMayBeginLateButNotInThePast) {
  const auto decaying = [](std::optional<std::int64_t> begin, std::int64_t steps) {
    return options_of([&](auto& o) {
      o.schedule = Schedule::linear_decay;
      o.decay_begin = begin;
      o.steps = steps;
    });
  };
  const auto change = [&](const TrainOptions& was, const TrainOptions& is, std::uint64_t done) {
    return error_of([&] { check_resumed(is, settings(was), done, "a"); });
  };
  EXPECT_EQ(change(decaying({}, 100), decaying(50, 80), 51), "");  // step 50 has the whole rate, too
  EXPECT_EQ(change(decaying(60, 100), decaying(50, 80), 51), "");
  EXPECT_EQ(change(decaying(60, 100), decaying({}, 80), 61), "");
  expect_contains(change(decaying({}, 100), decaying(50, 80), 52), {"steps 100", "none", "80 and 50", "52"});
  expect_contains(change(decaying(50, 100), decaying(60, 100), 55), {"decay_begin 50", "100 and 60"});
  expect_contains(change(decaying(50, 100), decaying(50, 120), 100), {"steps 100", "120 and 50"});

  const auto cosine = [](std::int64_t steps) {
    return options_of([&](auto& o) { o.schedule = Schedule::cosine, o.warmup_steps = 10, o.steps = steps; });
  };
  EXPECT_EQ(change(cosine(100), cosine(200), 11), "");
  EXPECT_EQ(change(cosine(100), cosine(100), 99), "");
  expect_contains(change(cosine(100), cosine(200), 12), {"steps 100", "200"});
  const auto constant = [](std::int64_t steps) { return options_of([&](auto& o) { o.steps = steps; }); };
  EXPECT_EQ(change(constant(100), constant(200), 100), "");
}

class Init : public ::testing::Test {
 protected:
  std::string load(const ModelConfig& config) {
    const Model model = make_model(config);
    Parameters parameters(*backend_, model, Parameters::Use::training);
    const std::string error = error_of([&] { load_initial_weights(path_, model, parameters); });
    loaded_ = parameters.download(parameters.weights());
    return error;
  }
  void SetUp() override {
    const Model model = make_model(tests::small_config("scnn"));
    Parameters parameters(*backend_, model, Parameters::Use::inference);
    initialise(parameters, 11);
    weights_ = parameters.download(parameters.weights());
    save_model(path_, model, parameters, {});
  }

  tests::TemporaryFolder folder_;
  const std::string path_ = (folder_ / "model.safetensors").string();
  const std::unique_ptr<Backend> backend_ = make_backend({"cpu", 1, ""});
  std::vector<float> weights_, loaded_;
};

TEST_F(Init, TakesTheWeightsOfAModelOfTheSameShape) {
  ModelConfig config = tests::small_config("scnn");
  EXPECT_EQ(load(config), "");
  EXPECT_EQ(loaded_, weights_);
  config.conv_dropout = 0;
  config.dense_dropout = {0.1, 0.2};
  EXPECT_EQ(load(config), "");
  EXPECT_EQ(loaded_, weights_);
}

// What a second head counts in the loss is no part of the weights; what it asks is.
TEST_F(Init, TakesASecondHeadOfAnotherWeight) {
  ModelConfig config = tests::small_config("scnn");
  config.more_heads = {{"group", 2, 0.5, {0, 1, 1, 0, 1}}};
  const Model model = make_model(config);
  Parameters parameters(*backend_, model, Parameters::Use::inference);
  initialise(parameters, 12);
  save_model(path_, model, parameters, {});
  config.more_heads[0].weight = 2;
  EXPECT_EQ(load(config), "");
  EXPECT_EQ(loaded_, parameters.download(parameters.weights()));
  config.more_heads[0].class_of[0] = 1;
  expect_contains(load(config), {path_, "[0,1,1,0,1]", "[1,1,1,0,1]"});
}

TEST_F(Init, RefusesAnotherModelWithBothValues) {
  expect_contains(load(tests::small_config("npcnn")), {path_, "name scnn", "says npcnn"});
  expect_contains(load(tests::small_config("scnn", 7)), {path_, "classes 5", "says 7"});
  ModelConfig config = tests::small_config("scnn");
  config.points = 60;
  expect_contains(load(config), {path_, "points 61", "says 60"});
  config = tests::small_config("scnn");
  config.channels = {5, 7, 4};
  expect_contains(load(config), {path_, "conv2.weights", "[6, 4, 5]", "[7, 4, 5]"});
  config = tests::small_config("scnn");
  config.pool_strides = {2, 1, 2};  // 11 > 10 > 4 > 2: another dense layer, by its shape
  expect_contains(load(config), {path_, "dense1.weights"});
  config = tests::small_config("scnn");
  config.dense = {12};
  config.dense_dropout = {0.5};
  expect_contains(load(config), {path_, "dense2.weights", "[10, 12]", "[5, 12]"});
}

}  // namespace
}  // namespace bragg::nn
