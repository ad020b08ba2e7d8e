// What updates the weights, as ops: which, over what, and what they leave alone.
#include "nn/optimizer.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "nn/network.h"
#include "tests/nn/small_models.h"
#include "tests/nn/table_source.h"

namespace bragg::nn {
namespace {

class OptimizerOn : public ::testing::TestWithParam<const char*> {
 protected:
  std::vector<std::string> texts(const Parameters& parameters, const Optimizer& optimizer,
                                 bool dense_weights = true) const {
    std::vector<std::string> all;
    for (const NetworkOp& op : update_ops(parameters, optimizer, state(), dense_weights))
      all.push_back(text(op));
    return all;
  }
  void update(const Parameters& parameters, const Optimizer& optimizer) {
    for (const NetworkOp& any : update_ops(parameters, optimizer, state()))
      std::visit(
          [&](const auto& op) {
            backend_->reserve_workspace(backend_->workspace_bytes(op));
            backend_->run(op);
          },
          any);
  }
  ConstTensor state() const { return {state_.data(), DType::u64}; }

  std::unique_ptr<Backend> backend_ = make_backend({GetParam(), 2, ""});
  Model model_ = make_model(tests::small_config("scnn"));
  Buffer state_ = backend_->allocate(sizeof(StepState));
};
INSTANTIATE_TEST_SUITE_P(Backends, OptimizerOn, ::testing::Values("reference", "cpu"));

TEST_P(OptimizerOn, ArenaHasWhatDoesNotDecayBeforeMatricesAndDenseWeightsLast) {
  const Parameters parameters(*backend_, model_, Parameters::Use::training);
  std::size_t others = 0;
  for (const ParameterInfo& info : parameters.table()) {
    const auto offset = static_cast<std::int64_t>(info.offset);
    EXPECT_EQ(offset >= parameters.matrices_begin(), decays(info.role)) << info.name;
    EXPECT_EQ(offset >= parameters.dense_weights_begin(), info.role == ParameterRole::dense_weights)
        << info.name;
    others += !decays(info.role);
  }
  EXPECT_EQ(others, 6u);
}

TEST_P(OptimizerOn, OpsAreAsFewAsTheyCan) {
  const Parameters parameters(*backend_, model_, Parameters::Use::averaging);
  const std::int64_t all = parameters.arena_count(), matrices = parameters.matrices_begin(),
                     dense = parameters.dense_weights_begin();
  const auto count = [](std::int64_t n) { return std::to_string(n); };
  using Texts = std::vector<std::string>;
  EXPECT_EQ(texts(parameters, {}), (Texts{"adam count " + count(all)}));
  EXPECT_EQ(texts(parameters, {}, false), (Texts{"adam count " + count(dense)}));
  Optimizer optimizer;
  optimizer.weight_decay = 0.5;
  optimizer.ema_decay = 0.75;
  EXPECT_EQ(
      texts(parameters, optimizer, false),
      (Texts{"adam count " + count(matrices), "adam count " + count(dense - matrices) + " weight decay 0.5",
             "ema count " + count(all) + " decay 0.75"}));
  optimizer.clip_norm = 2;
  EXPECT_EQ(texts(parameters, optimizer),
            (Texts{"norm count " + count(all), "adam count " + count(matrices) + " clip norm 2",
                   "adam count " + count(all - matrices) + " weight decay 0.5 clip norm 2",
                   "ema count " + count(all) + " decay 0.75"}));
}

// Without gradients decay is all that moves, and it moves matrices alone.
TEST_P(OptimizerOn, BiasesDoNotDecay) {
  Parameters parameters(*backend_, model_, Parameters::Use::training);
  initialise(parameters, 3);
  const auto before = parameters.download(parameters.weights());
  Optimizer optimizer;
  optimizer.learning_rate = 0.5;
  optimizer.weight_decay = 0.5;
  update(parameters, optimizer);
  const auto after = parameters.download(parameters.weights());
  std::size_t at = 0;
  for (const ParameterInfo& info : parameters.table())
    for (std::int64_t i = 0; i < info.count(); ++i, ++at)
      ASSERT_EQ(after[at], decays(info.role) ? 0.75f * before[at] : before[at]) << info.name << " " << i;
}

TEST_P(OptimizerOn, ANormThatIsNotFiniteSpoilsEveryWeight) {
  for (const float bad : {NAN, INFINITY}) {
    Parameters parameters(*backend_, model_, Parameters::Use::training);
    initialise(parameters, 3);
    auto gradients = parameters.download(parameters.weights());
    gradients.back() = bad;
    parameters.upload(gradients, parameters.gradients());
    Optimizer optimizer;
    optimizer.clip_norm = 1;
    update(parameters, optimizer);
    for (const float weight : parameters.download(parameters.weights()))
      ASSERT_TRUE(std::isnan(weight));
    double norm = 0;
    backend_->download(parameters.gradient_norm().data, &norm, sizeof norm);
    EXPECT_FALSE(std::isfinite(norm));
  }
}

TEST_P(OptimizerOn, AverageBeginsAsTheWeightsAndFollowsThem) {
  Parameters parameters(*backend_, model_, Parameters::Use::averaging),
      averaged(*backend_, model_, Parameters::Use::inference);
  initialise(parameters, 3);
  parameters.start_average();
  const auto first = parameters.download(parameters.weights());
  EXPECT_EQ(parameters.download(parameters.average()), first);
  const std::vector<float> zeros(first.size());
  parameters.upload(zeros, parameters.weights());
  Optimizer optimizer;
  optimizer.ema_decay = 0.75;
  update(parameters, optimizer);  // gradients are zero: so are the weights
  averaged.take_average(parameters);
  const auto found = averaged.download(averaged.weights());
  for (std::size_t i = 0; i < first.size(); ++i)
    ASSERT_EQ(found[i], 0.75f * first[i]);
}

TEST_P(OptimizerOn, ClassWeightsMustFitTheFirstHead) {
  const Parameters parameters(*backend_, model_, Parameters::Use::inference);
  try {
    const Network network(*backend_, model_, parameters, {.N = 2, .loss = {.class_weights = {1, 2, 3}}});
    ADD_FAILURE() << "not refused";
  } catch (const std::exception& e) {
    EXPECT_STREQ(e.what(), "[train] 3 class weights for the 5 classes of class");
  }
}

}  // namespace
}  // namespace bragg::nn
