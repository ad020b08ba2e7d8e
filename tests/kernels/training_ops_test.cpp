// What a training may add to Adam and to the loss, on every fast backend: decay, schedules, clipping, averages,
// label smoothing, class weights, and Huber loss.
#include <algorithm>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "kernels/base/bfloat16.h"
#include "kernels/base/error.h"
#include "tests/kernels/beside_reference.h"
#include "tests/support/compare.h"

namespace bragg::tests {
namespace {

using Schedule = LearningRate::Schedule;
constexpr double infinity = std::numeric_limits<double>::infinity();

class TrainingOps : public ::testing::TestWithParam<DeviceCase>, protected BesideReference {
 protected:
  TrainingOps() : BesideReference(GetParam()) {}

  /// Of numbers of the element type near `expected`, whose double is known up to `absolute`.
  Numbers stored_bounds(const Numbers& expected, double absolute) const {
    Numbers bounds = absolute_of(expected);
    for (double& x : bounds)
      x = x * (bf16_ ? 0x1.01p-8 : 2 * unit_roundoff) + absolute;
    return bounds;
  }
  static Numbers absolute_of(const Numbers& values) { return tests::absolute(values); }
};

std::vector<DeviceCase> cases() {
  std::vector<DeviceCase> all;
  for (const DeviceOptions& device : devices_under_test())
    all.push_back({device, 1});
  return all;
}
INSTANTIATE_TEST_SUITE_P(Devices, TrainingOps, ::testing::ValuesIn(cases()),
                         [](const auto& param_info) { return name_of(param_info.param); });

TEST(LearningRateAt, ConstantIsTheNumber) {
  for (const std::uint64_t step : {0ull, 1ull, 1000000ull})
    EXPECT_EQ(learning_rate_at(3e-4, step), 3e-4);
}

TEST(LearningRateAt, RisesAndFallsAsItSays) {
  LearningRate rate = 2.0;
  rate.warmup_steps = 4;
  EXPECT_EQ(learning_rate_at(rate, 0), 0.5);
  EXPECT_EQ(learning_rate_at(rate, 3), 2.0);
  EXPECT_EQ(learning_rate_at(rate, 4000), 2.0);

  rate.schedule = Schedule::linear_decay;
  EXPECT_EQ(learning_rate_at(rate, 4000), 2.0);  // it has not begun
  rate.decay_begin = 10;
  rate.end = 30;
  EXPECT_EQ(rate.last_undiminished(), 10u);
  EXPECT_EQ(learning_rate_at(rate, 1), 1.0);
  EXPECT_EQ(learning_rate_at(rate, 10), 2.0);
  EXPECT_EQ(learning_rate_at(rate, 15), 1.5);
  EXPECT_NEAR(learning_rate_at(rate, 29), 0.1, 1e-15);
  EXPECT_EQ(learning_rate_at(rate, 30), 0.0);
  EXPECT_EQ(learning_rate_at(rate, 31), 0.0);

  rate.schedule = Schedule::cosine;
  rate.final_fraction = 0.25;
  EXPECT_EQ(rate.last_undiminished(), 4u);
  EXPECT_EQ(learning_rate_at(rate, 4), 2.0);
  EXPECT_DOUBLE_EQ(learning_rate_at(rate, 17), 2 * (0.25 + 0.75 / 2));  // half of the way
  EXPECT_DOUBLE_EQ(learning_rate_at(rate, 30), 0.5);
  EXPECT_DOUBLE_EQ(learning_rate_at(rate, 1000), 0.5);
}

TEST(ClipFactor, IsThatOfPyTorch) {
  EXPECT_EQ(clip_factor(2, 0), 1);
  EXPECT_EQ(clip_factor(2, 1.9), 1);
  EXPECT_EQ(clip_factor(2, 8), 2 / (8 + 1e-6));
  EXPECT_TRUE(std::isnan(clip_factor(2, infinity)));
  EXPECT_TRUE(std::isnan(clip_factor(2, std::nan(""))));
}

Operands moments(std::int64_t numbers) {
  return {{"weights", uniforms(numbers, 1)},
          {"m", uniforms(numbers, 2)},
          {"v", absolute(uniforms(numbers, 3))},
          {"gradients", uniforms(numbers, 4)}};
}

/// AdamW by a schedule, clipped.
bragg::Adam everything(std::int64_t numbers) {
  bragg::Adam op{.problem = {.count = numbers, .learning_rate = 1e-2, .weight_decay = 0.1, .clip_norm = 2}};
  op.problem.learning_rate.warmup_steps = 5;
  op.problem.learning_rate.schedule = Schedule::cosine;
  op.problem.learning_rate.end = 20;
  op.problem.learning_rate.final_fraction = 0.1;
  return op;
}

TEST_P(TrainingOps, AdamDecaysClipsAndFollowsTheSchedule) {
  for (const std::int64_t numbers : {1, 1028, 64 * 1024 + 1}) {
    const bragg::Adam op = everything(numbers);
    Operands before = moments(numbers);
    before["norm"] = {7};
    const double clip = 2 / 7.0;
    for (const std::uint64_t step : {0ull, 7ull, 19ull, 40ull}) {
      const Operands expected = expected_.run(op, before, {.step = step});
      for (const std::int64_t alignment : {1, 8}) {
        OpRunner run(*backend_, alignment);
        const Operands got = run.run(op, before, {.step = step});
        SCOPED_TRACE(run.ran());
        // As Adam's own (network_ops_test.cpp), and two roundings of the gradient; of the weight's own share one more.
        EXPECT_TRUE(within(got.at("m"), expected.at("m"), 5 * unit_roundoff));
        EXPECT_TRUE(within(got.at("v"), expected.at("v"), 5 * unit_roundoff));
        Numbers bounds(numbers);
        for (std::size_t i = 0; i < bounds.size(); ++i) {
          const double update = std::fabs(expected.at("weights")[i] - before["weights"][i]);
          const double magnitude =
              (0.9 * std::fabs(before["m"][i]) + 0.1 * clip * std::fabs(before["gradients"][i])) /
              std::fabs(expected.at("m")[i]);
          bounds[i] = unit_roundoff * (3 + (update + 2e-3) * (16 + 6 * magnitude));
        }
        EXPECT_TRUE(within(got.at("weights"), expected.at("weights"), bounds));
      }
    }
  }
}

// One step by hand: g = 3 / 2, m_hat = 3 / 2, v_hat = 9 / 4.
TEST(AdamW, IsTheFormulaOfThePaper) {
  const auto reference = make_backend({.device = "reference", .threads = 1, .instruction_set = ""});
  OpRunner run(*reference);
  const bragg::Adam op{.problem = {.count = 1,
                                   .learning_rate = 0.5,
                                   .beta1 = 0.5,
                                   .beta2 = 0.75,
                                   .epsilon = 0.25,
                                   .weight_decay = 0.25,
                                   .clip_norm = 3}};
  const Operands got =
      run.run(op, {{"weights", {2}}, {"m", {0}}, {"v", {0}}, {"gradients", {3}}, {"norm", {6 - 1e-6}}});
  EXPECT_NEAR(got.at("m")[0], 0.75, 1e-7);  // the norm is given as a double, near 6
  EXPECT_NEAR(got.at("weights")[0], 2 * (1 - 0.5 * 0.25) - 0.5 * 1.5 / (1.5 + 0.25), 1e-7);
}

TEST_P(TrainingOps, ClippingTouchesNothingBelowItsNormAndAllWhereThereIsNone) {
  const std::int64_t numbers = 1028;
  bragg::Adam clipped{.problem = {.count = numbers, .clip_norm = 2}};
  Operands before = moments(numbers);
  const Operands expected = got_.run(bragg::Adam{.problem = {.count = numbers}}, before);
  EXPECT_ANY_THROW(got_.run(clipped, before));  // without a norm
  before["norm"] = {1.5};
  const Operands got = got_.run(clipped, before);
  for (const char* name : {"weights", "m", "v"})
    EXPECT_TRUE(identical(got.at(name), expected.at(name))) << name;
  for (const double bad : {std::nan(""), infinity}) {
    before["norm"] = {bad};
    for (OpRunner* run : {&got_, &expected_}) {
      const Numbers weights = run->run(clipped, before).at("weights");
      EXPECT_TRUE(std::all_of(weights.begin(), weights.end(), [](double w) { return std::isnan(w); }))
          << run->ran();
    }
  }
}

TEST_P(TrainingOps, Norm) {
  for (const std::int64_t numbers : {1, 17, 1028, is_emulated() ? 5 * 1024 + 1 : 3 * 64 * 1024 + 1}) {
    const bragg::Norm op{.problem = {.count = numbers}};
    for (const std::int64_t alignment : {1, 8}) {
      OpRunner run(*backend_, alignment);
      Operands given{{"values", uniforms(numbers, 5)}};
      const double expected = expected_.run(op, given).at("norm")[0], got = run.run(op, given).at("norm")[0];
      SCOPED_TRACE(run.ran());
      EXPECT_NEAR(got, expected, expected * 1e-12);  // squares are exact: the additions of some 1e5 doubles
      given["values"].back() = 0x1p100;              // a square that is no float
      EXPECT_NEAR(run.run(op, given).at("norm")[0], 0x1p100, 0x1p60);
      given["values"].front() = infinity;
      EXPECT_EQ(run.run(op, given).at("norm")[0], infinity);
      given["values"].front() = std::nan("");
      EXPECT_TRUE(std::isnan(run.run(op, given).at("norm")[0]));
    }
  }
}

TEST_P(TrainingOps, Ema) {
  for (const std::int64_t numbers : {1, 17, 1028, 64 * 1024 + 1}) {
    const bragg::Ema op{.problem = {.count = numbers, .decay = 0.9}};
    const Operands given{{"weights", uniforms(numbers, 6)}, {"average", uniforms(numbers, 7)}};
    const Numbers expected = expected_.run(op, given).at("average");
    EXPECT_DOUBLE_EQ(expected[0], 0.9 * given.at("average")[0] + (1 - 0.9) * given.at("weights")[0]);
    for (const std::int64_t alignment : {1, 8}) {
      OpRunner run(*backend_, alignment);
      EXPECT_TRUE(within(run.run(op, given).at("average"), expected, 3 * unit_roundoff)) << run.ran();
    }
  }
}

// What is kept of the average and what is taken of the weights make exactly 1, or an average of many steps would settle
// beside the weights.
TEST_P(TrainingOps, SharesOfAnEmaMakeOne) {
  for (const double decay : {0.9, 0.99, 0.999, 0.9999}) {
    const bragg::Ema op{.problem = {.count = 2, .decay = decay}};
    const Numbers shares = got_.run(op, {{"weights", {1, 0}}, {"average", {0, 1}}}).at("average");
    EXPECT_EQ(shares[0] + shares[1], 1) << decay;
    EXPECT_NEAR(shares[1], decay, unit_roundoff);
  }
}

/// Logits with some spread, and labels.
Operands batch_of(std::int64_t N, std::int64_t classes) {
  Numbers logits = uniforms(N * classes, 1), labels(static_cast<std::size_t>(N));
  for (double& x : logits)
    x = static_cast<float>(x * 10);
  for (std::size_t n = 0; n < labels.size(); ++n)
    labels[n] = static_cast<double>(n * 13 % static_cast<std::size_t>(classes));
  return {{"logits", logits}, {"labels", labels}, {"diff_logits", {}}};
}
/// Floats between 0.5 and 2.
Numbers class_weights(std::int64_t classes) {
  Numbers weights = uniforms(classes, 9);
  for (double& x : weights)
    x = static_cast<float>(1.25 + 0.75 * x);
  return weights;
}

TEST_P(TrainingOps, LabelSmoothingAndClassWeights) {
  for (const std::int64_t N : {1, 37, 300}) {
    for (const std::int64_t classes : {2, 7, 230}) {
      for (const double smoothing : {0.0, 0.1}) {
        for (const bool weighted : {false, true}) {
          const SoftmaxCrossEntropy op{
              .problem = {.N = N, .classes = classes, .weight = 0.5, .label_smoothing = smoothing}};
          Operands given = batch_of(N, classes);
          if (weighted) given["class_weights"] = class_weights(classes);
          const Operands got = got_.run(op, given), expected = expected_.run(op, given);
          SCOPED_TRACE(got_.ran());
          // Sums are double; only the stored gradient is rounded.
          EXPECT_TRUE(within(got.at("diff_logits"), expected.at("diff_logits"),
                             stored_bounds(expected.at("diff_logits"), 1e-15)));
          EXPECT_NEAR(got.at("totals")[0], expected.at("totals")[0], 1e-13 * (1 + expected.at("totals")[0]));
          EXPECT_EQ(got.at("totals")[1], expected.at("totals")[1]);
          EXPECT_EQ(got.at("totals")[2], static_cast<double>(N));
        }
      }
    }
  }
}

// By hand: logits 0, log 2, log 4: probabilities 1/7, 2/7, 4/7.
TEST_P(TrainingOps, SmoothedAndWeightedLossIsPyTorchs) {
  const SoftmaxCrossEntropy op{.problem = {.N = 2, .classes = 3, .label_smoothing = 0.3}};
  const Numbers row{0, std::log(2), std::log(4)}, weights{1, 2, 4};
  const double nll[] = {std::log(7), std::log(3.5), std::log(1.75)};
  const double everywhere = 0.1 * (nll[0] + 2 * nll[1] + 4 * nll[2]);
  const double mean = (0.7 * 4 * nll[2] + everywhere + 0.7 * nll[0] + everywhere) / (4 + 1);
  for (OpRunner* run : {&got_, &expected_}) {
    const Operands got = run->run(op, {{"logits", {row[0], row[1], row[2], row[0], row[1], row[2]}},
                                       {"labels", {2, 0}},
                                       {"class_weights", weights},
                                       {"diff_logits", {}}});
    EXPECT_NEAR(got.at("totals")[0], 2 * mean, 1e-6) << run->ran();  // log 2 as a float
    EXPECT_EQ(got.at("totals")[1], 1);
    const double gradient = (4 / 7.0 * (0.7 * 4 + 0.1 * 7) - (0.7 * 4 + 0.1 * 4)) / 5;
    EXPECT_NEAR(got.at("diff_logits")[2], gradient, bf16_ ? 0x1p-8 : 1e-6);
  }
}

// The bits are those of the loss that knows neither.
TEST_P(TrainingOps, WeightsOfOneAreNone) {
  const SoftmaxCrossEntropy op{.problem = {.N = 37, .classes = 7}};
  Operands given = batch_of(37, 7);
  const Operands expected = got_.run(op, given);
  given["class_weights"] = Numbers(7, 1.0);
  const Operands got = got_.run(op, given);
  EXPECT_TRUE(identical(got.at("diff_logits"), expected.at("diff_logits")));
  EXPECT_TRUE(identical(got.at("totals"), expected.at("totals")));
}

TEST_P(TrainingOps, WeightedLossRefusesWhatIsNoClass) {
  const SoftmaxCrossEntropy op{.problem = {.N = 2, .classes = 3, .label_smoothing = 0.1}};
  for (OpRunner* run : {&got_, &expected_}) {
    const auto loss = [&](const Numbers& labels, const Numbers& weights) {
      return run
          ->run(op, {{"logits", {5, 1, 0, 2, 1, 0}},
                     {"labels", labels},
                     {"class_weights", weights},
                     {"diff_logits", {}}})
          .at("totals")[0];
    };
    EXPECT_TRUE(std::isfinite(loss({0, 1}, {1, 0, 1}))) << run->ran();
    for (const double label : {-1, 3})
      EXPECT_TRUE(std::isnan(loss({0, label}, {1, 1, 1}))) << run->ran();
    EXPECT_FALSE(std::isfinite(loss({1, 1}, {1, 0, 1}))) << run->ran();  // weights of 0 in all
  }
}

TEST_P(TrainingOps, HuberLoss) {
  for (const std::int64_t N : {1, 37, 300}) {
    for (const std::int64_t outputs : {1, 3}) {
      const bragg::HuberLoss op{.problem = {.N = N, .outputs = outputs, .delta = 0.4, .weight = 0.5}};
      const Operands given{{"predictions", uniforms(N * outputs, 1)},
                           {"targets", uniforms(N * outputs, 2)},
                           {"diff_predictions", {}}};
      const Operands got = got_.run(op, given), expected = expected_.run(op, given);
      SCOPED_TRACE(got_.ran());
      EXPECT_TRUE(within(got.at("diff_predictions"), expected.at("diff_predictions"),
                         stored_bounds(expected.at("diff_predictions"), 1e-15)));
      EXPECT_NEAR(got.at("totals")[0], expected.at("totals")[0], 1e-13 * expected.at("totals")[0]);
      EXPECT_EQ(got.at("totals")[1], 0);
      EXPECT_EQ(got.at("totals")[2], static_cast<double>(N));
      // Without a gradient, and to what there is already.
      const Numbers more = got_.run(op, {{"predictions", given.at("predictions")},
                                         {"targets", given.at("targets")},
                                         {"totals", got.at("totals")}})
                               .at("totals");
      EXPECT_NEAR(more[0], 2 * got.at("totals")[0], 1e-12 * more[0]);
      EXPECT_EQ(more[2], static_cast<double>(2 * N));
    }
  }
}

TEST_P(TrainingOps, HuberLossByHandAndOfWhatIsNotANumber) {
  const bragg::HuberLoss op{.problem = {.N = 2, .outputs = 2, .delta = 1}};
  for (OpRunner* run : {&got_, &expected_}) {
    const auto of = [&](const Numbers& predictions) {
      return run->run(op,
                      {{"predictions", predictions}, {"targets", {1, 1, 1, 1}}, {"diff_predictions", {}}});
    };
    const Operands got = of({1.5, -2, 1, 2});  // r = 0.5, -3, 0, 1
    EXPECT_EQ(got.at("totals")[0], (0.125 + 2.5) / 2 + (0 + 0.5) / 2) << run->ran();
    EXPECT_EQ(got.at("diff_predictions"), (Numbers{0.125, -0.25, 0, 0.25})) << run->ran();
    for (const double bad : {std::nan(""), infinity}) {
      const Operands spoilt = of({1, 1, bad, 2});
      EXPECT_TRUE(std::isnan(spoilt.at("totals")[0])) << run->ran();
      EXPECT_EQ(spoilt.at("diff_predictions")[0], 0);
      EXPECT_TRUE(std::isnan(spoilt.at("diff_predictions")[3]));
    }
  }
}

TEST(TrainingProblems, AreRefusedOutOfRange) {
  const auto refused = [](const std::string& message, const auto& problem) {
    try {
      problem.validate();
      ADD_FAILURE() << "not refused: " << message;
    } catch (const ProblemError& e) {
      EXPECT_EQ(e.what(), message);
    }
  };
  refused("[adam] weight_decay -1 outside [0, inf)", AdamProblem{.count = 1, .weight_decay = -1});
  refused("[adam] clip_norm -1 outside [0, inf)", AdamProblem{.count = 1, .clip_norm = -1});
  refused("[adam] learning_rate -1 outside [0, inf)", AdamProblem{.count = 1, .learning_rate = -1});
  refused("[norm] count -1 < 0", NormProblem{-1});
  refused("[ema] decay 1 outside [0, 1)", EmaProblem{1, 1});
  refused("[softmax_cross_entropy] label_smoothing 1 outside [0, 1)",
          SoftmaxCrossEntropyProblem{.N = 1, .classes = 2, .label_smoothing = 1});
  refused("[huber_loss] outputs 0 < 1", HuberLossProblem{1, 0});
  refused("[huber_loss] delta 0 is not a positive number", HuberLossProblem{1, 1, 0});
}

}  // namespace
}  // namespace bragg::tests
