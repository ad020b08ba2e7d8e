#include "nn/evaluation.h"

#include <cmath>

#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "tests/nn/small_models.h"
#include "tests/nn/table_source.h"

namespace bragg::nn {
namespace {

TEST(Evaluation, SoftmaxAndCrossEntropyAreStable) {
  const std::vector<float> logits{1000, 1001, 999};
  const auto p = softmax(logits);
  const double sum = std::exp(-1.0) + 1 + std::exp(-2.0);
  EXPECT_FLOAT_EQ(p[1], static_cast<float>(1 / sum));
  EXPECT_FLOAT_EQ(p[2], static_cast<float>(std::exp(-2.0) / sum));
  EXPECT_NEAR(cross_entropy(logits, 0), 1 + std::log(sum), 1e-12);
  EXPECT_TRUE(std::isnan(cross_entropy(logits, 3)));
  EXPECT_TRUE(std::isnan(cross_entropy(logits, -1)));
  EXPECT_TRUE(std::isnan(cross_entropy(std::vector<float>{0, NAN}, 0)));
}

// Six patterns, three classes, counted by hand.
TEST(Evaluation, MetricsOfAHandCountedCase) {
  Predictions p;
  p.patterns = 6;
  p.classes = 3;
  p.labels = {0, 0, 0, 1, 1, 1};
  p.probabilities = {0.8f, 0.1f, 0.1f,   // right
                     0.2f, 0.7f, 0.1f,   // 1 for 0
                     0.4f, 0.4f, 0.2f,   // a tie counts for the lower class: right
                     0.1f, 0.6f, 0.3f,   // right
                     0.5f, 0.5f, 0.0f,   // the tie: 0 for 1
                     0.0f, 0.1f, 0.9f};  // 2 for 1
  const Metrics m = evaluate(p);
  EXPECT_EQ(m.patterns, 6);
  EXPECT_DOUBLE_EQ(m.accuracy, 0.5);
  EXPECT_DOUBLE_EQ(m.top5, 1);
  EXPECT_EQ(m.confusion, (std::vector<std::int64_t>{2, 1, 0, 1, 1, 1, 0, 0, 0}));
  EXPECT_DOUBLE_EQ(m.per_class[0].precision, 2.0 / 3);
  EXPECT_DOUBLE_EQ(m.per_class[0].recall, 2.0 / 3);
  EXPECT_DOUBLE_EQ(m.per_class[1].precision, 0.5);
  EXPECT_DOUBLE_EQ(m.per_class[1].recall, 1.0 / 3);
  EXPECT_DOUBLE_EQ(m.per_class[1].f1, 0.4);
  EXPECT_DOUBLE_EQ(m.per_class[2].precision, 0);
  EXPECT_EQ(m.per_class[2].predicted, 1);
  EXPECT_DOUBLE_EQ(m.macro_f1, (2.0 / 3 + 0.4) / 2);  // class 2 has no pattern
}

TEST(Evaluation, TopFiveIsFiveAnswers) {
  Predictions p;
  p.patterns = 2;
  p.classes = 7;
  p.labels = {4, 5};
  for (int i = 0; i < 2; ++i)
    p.probabilities.insert(p.probabilities.end(), {.3f, .2f, .15f, .12f, .1f, .08f, .05f});
  EXPECT_DOUBLE_EQ(evaluate(p).top5, 0.5);
  EXPECT_DOUBLE_EQ(evaluate(p).accuracy, 0);
}

TEST(Evaluation, BadInputIsAnError) {
  Predictions p;
  p.patterns = 1;
  p.classes = 2;
  p.labels = {2};
  p.probabilities = {0.5f, 0.5f};
  EXPECT_THROW(evaluate(p), Error);
  p.labels = {0};
  p.probabilities = {0.5f, NAN};
  EXPECT_THROW(evaluate(p), Error);
  EXPECT_DOUBLE_EQ(evaluate(Predictions{0, 2, {}, {}}).accuracy, 0);
}

// Closed form by hand: 0 of n gives high = z^2 / (n + z^2).
TEST(Evaluation, WilsonInterval) {
  const Interval half = wilson(50, 100);
  EXPECT_NEAR(half.low, 0.4038315, 1e-7);
  EXPECT_NEAR(half.high, 0.5961685, 1e-7);
  const Interval none = wilson(0, 10);
  EXPECT_DOUBLE_EQ(none.low, 0);
  EXPECT_NEAR(none.high, 0.2775328, 1e-7);
  EXPECT_DOUBLE_EQ(wilson(0, 0).high, 1);
  EXPECT_DOUBLE_EQ(wilson(10, 10).high, 1);
}

// 10 patterns in batches of 4: the last batch is padded, and what is in it does not depend on the batch.
TEST(Evaluation, PredictionsDoNotDependOnTheBatch) {
  const auto backend = make_backend({"reference", 1, ""});
  for (const std::string& name : model_names()) {
    const Model model = make_model(tests::small_config(name));
    Parameters parameters(*backend, model, Parameters::Use::inference);
    initialise(parameters, 3);
    auto source = tests::test_source(model.config.points, model.config.classes, 10,
                                     SampleRowsProblem::Order::sequential, 3);
    Network four(*backend, model, parameters, {.N = 4});
    Network ten(*backend, model, parameters, {.N = 10});
    const Predictions by_four = predict(*backend, four, source), by_ten = predict(*backend, ten, source);
    EXPECT_EQ(by_four.patterns, 10);
    EXPECT_EQ(by_four.labels, by_ten.labels);
    EXPECT_EQ(by_four.probabilities, by_ten.probabilities);
    for (std::int64_t i = 0; i < 10; ++i) {
      double sum = 0;
      for (const float x : by_four.row(i))
        sum += x;
      EXPECT_NEAR(sum, 1, 1e-6);
      EXPECT_EQ(by_four.labels[static_cast<std::size_t>(i)],
                tests::test_label(5, 3, static_cast<std::uint64_t>(i)));
    }
    EXPECT_NE(std::vector<float>(by_ten.row(0).begin(), by_ten.row(0).end()),
              std::vector<float>(by_ten.row(9).begin(), by_ten.row(9).end()));
  }
}

TEST(Evaluation, LogitsThatAreNotFiniteAreAnError) {
  const auto backend = make_backend({"reference", 1, ""});
  const Model model = make_model(tests::small_config("mlp"));
  Parameters parameters(*backend, model, Parameters::Use::inference);
  std::vector<float> weights(static_cast<std::size_t>(parameter_count(model)), NAN);
  parameters.upload(weights, parameters.weights());
  auto source = tests::test_source(61, 5, 3, SampleRowsProblem::Order::sequential, 3);
  Network network(*backend, model, parameters, {.N = 2});
  EXPECT_THROW(predict(*backend, network, source), Error);
}

}  // namespace
}  // namespace bragg::nn
