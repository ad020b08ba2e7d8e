#include "nn/network.h"

#include <cmath>

#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "kernels/base/random.h"
#include "tests/nn/small_models.h"
#include "tests/nn/table_source.h"
#include "tests/support/compare.h"

namespace bragg::nn {
namespace {

class NetworkOn : public ::testing::TestWithParam<const char*> {
 protected:
  NetworkOn() { backend_->upload(&step_, state_.data(), sizeof step_); }
  ConstTensor state() const { return {state_.data(), DType::u64}; }
  std::vector<double> logits(const Network& network) const {
    std::vector<float> values(static_cast<std::size_t>(network.batch() * network.classes()));
    backend_->download(network.logits(), values);
    return {values.begin(), values.end()};
  }
  void fill(Network& network, std::uint32_t seed) {
    auto source = tests::test_source(61, 5, network.batch(), SampleRowsProblem::Order::sequential, seed);
    source.plan(*backend_, network.batch());
    source.enqueue(*backend_, state(), network.input(), network.labels());
  }

  std::unique_ptr<Backend> backend_ = make_backend({GetParam(), 2, ""});
  StepState step_{3, 0};
  Buffer state_ = backend_->allocate(sizeof(StepState));
};
INSTANTIATE_TEST_SUITE_P(Backends, NetworkOn, ::testing::Values("reference", "cpu"));

TEST_P(NetworkOn, PlanSaysNamesAndShapes) {
  const Model model = make_model(tests::small_config("scnn"));
  Parameters parameters(*backend_, model, Parameters::Use::training);
  const Network network(*backend_, model, parameters,
                        {.N = 3, .mode = Mode::training, .seed = 1, .state = state()});
  std::vector<std::string> what;
  for (const PlannedOp& op : network.plan())
    what.push_back(op.text());
  ASSERT_EQ(what.size(), 9u + 1 + 9 + 5);  // forward, loss, backward of 9 layers, 6 of which have weights
  EXPECT_EQ(what[0],
            "conv1: conv1d_forward N 3 L_in 61 C_in 1 C_out 5 kernel 5 stride 2 + bias, relu, dropout 0.3");
  EXPECT_EQ(what[1], "avg_pool1d_forward N 3 L_in 29 C 5 kernel 3 stride 2");
  EXPECT_EQ(what[6], "dense1: dense_forward N 3 in 12 out 12 + bias, relu, dropout 0.5");
  EXPECT_EQ(what[8], "dense3: dense_forward N 3 in 10 out 5 + bias");
  EXPECT_EQ(what[9], "softmax_cross_entropy N 3 classes 5");
  EXPECT_EQ(what[10], "dense3: dense_backward_data N 3 in 10 out 5, relu and dropout of its input");
  EXPECT_EQ(what[11], "dense3: dense_backward_weights N 3 in 10 out 5");
  EXPECT_EQ(what.back(), "conv1: conv1d_backward_weights N 3 L_in 61 C_in 1 C_out 5 kernel 5 stride 2");

  const Network updating(*backend_, model, parameters,
                         {.N = 3,
                          .mode = Mode::training,
                          .seed = 1,
                          .state = state(),
                          .optimizer = Optimizer{.learning_rate = 1e-3}});
  ASSERT_EQ(updating.plan().size(), what.size() + 1);
  EXPECT_EQ(updating.plan().back().text().rfind("adam count ", 0), 0u);
}

TEST_P(NetworkOn, UpdatesWithALearningRateAlone) {
  const Model model = make_model(tests::small_config("mlp"));
  Parameters parameters(*backend_, model, Parameters::Use::training);
  Network fixed(*backend_, model, parameters, {.N = 2, .mode = Mode::training, .seed = 1, .state = state()});
  EXPECT_THROW(fixed.update(), ProblemError);
}

TEST_P(NetworkOn, TrainingWithoutDropoutIsInference) {
  for (const std::string& name : model_names()) {
    if (name == "resnet") continue;  // normalises by its batch in training
    ModelConfig config = tests::small_config(name);
    if (name != "mlp") config.conv_dropout = 0;
    config.dense_dropout = {0, 0};
    const Model model = make_model(config);
    Parameters parameters(*backend_, model, Parameters::Use::training);
    initialise(parameters, 4);
    Network training(*backend_, model, parameters,
                     {.N = 5, .mode = Mode::training, .seed = 1, .state = state()});
    Network inference(*backend_, model, parameters, {.N = 5});
    fill(training, 8);
    fill(inference, 8);
    training.forward();
    inference.forward();
    EXPECT_TRUE(tests::identical(logits(inference), logits(training))) << name;
    inference.forward();  // its input is still there
    EXPECT_TRUE(tests::identical(logits(inference), logits(training))) << name;
    EXPECT_LT(inference.activation_bytes(), training.activation_bytes());
  }
}

// Dropout number k of the network draws with k as the second counter word: kept elements of each layer are
// those that random.h names, scaled by 1 / (1 - p); the others are zero.
TEST_P(NetworkOn, DropoutFollowsItsCounter) {
  constexpr std::uint32_t seed = 77;
  const Model model = make_model(tests::small_config("npcnn"));
  Parameters parameters(*backend_, model, Parameters::Use::training);
  // Biases of 10 make every activation positive: a zero is a dropped one.
  initialise(parameters, 4);
  auto values = parameters.download(parameters.weights());
  std::size_t at = 0;
  for (const ParameterInfo& info : parameters.table()) {
    const auto count = static_cast<std::size_t>(info.count());
    for (std::size_t i = at; i < at + count; ++i)
      values[i] = info.shape.size() == 1 ? 10.0f : std::fabs(values[i]);
    at += count;
  }
  parameters.upload(values, parameters.weights());
  Network network(*backend_, model, parameters,
                  {.N = 3, .mode = Mode::training, .seed = seed, .state = state()});
  fill(network, 8);
  network.forward();
  int dropped = 0, kept = 0;
  const std::vector<Value> relus = tests::values_of_kind(model.graph, "relu");
  ASSERT_EQ(relus.size(), 5u);
  for (std::uint32_t k = 0; k < 5; ++k) {
    const Activations& y = network.activations(relus[k]);
    const float p = k < 3 ? 0.3f : 0.5f;
    std::vector<float> got(static_cast<std::size_t>(y.N * y.item_stride));
    backend_->download({y.data, y.dtype}, got);
    for (std::int64_t n = 0; n < y.N; ++n)
      for (std::int64_t t = 0; t < y.L; ++t)
        for (std::int64_t c = 0; c < y.C; ++c) {
          const bool keeps = dropout_keeps(seed, k, step_.step, n * y.L + t, c, y.C, p);
          EXPECT_EQ(got[static_cast<std::size_t>(n * y.item_stride + t * y.C + c)] > 0, keeps)
              << k << " " << n;
          (keeps ? kept : dropped) += 1;
        }
  }
  EXPECT_GT(dropped, 50);
  EXPECT_GT(kept, 50);
}

// The gradients' halos are zero after steps: nothing writes between the items.
TEST_P(NetworkOn, HalosStayZero) {
  const Model model = make_model(tests::small_config("npcnn"));
  Parameters parameters(*backend_, model, Parameters::Use::training);
  initialise(parameters, 4);
  Network network(*backend_, model, parameters,
                  {.N = 3, .mode = Mode::training, .seed = 1, .state = state()});
  fill(network, 8);
  for (int i = 0; i < 2; ++i) {
    network.forward();
    network.loss();
    network.backward();
  }
  // Of conv2's output: kernel 4, stride 1 takes 3 rows on either side.
  const Activations& g = network.gradients(tests::values_of_kind(model.graph, "conv")[1]);
  ASSERT_EQ(g.item_stride, (g.L + 3) * g.C);
  std::vector<float> all(static_cast<std::size_t>((3 + 3 * (g.L + 3)) * g.C));
  const std::size_t element = size_of(g.dtype);
  backend_->download(
      {static_cast<const std::byte*>(g.data) - 3 * static_cast<std::size_t>(g.C) * element, g.dtype}, all);
  int inside = 0;
  for (std::int64_t row = 0; row < 3 + 3 * (g.L + 3); ++row)
    for (std::int64_t c = 0; c < g.C; ++c) {
      const float x = all[static_cast<std::size_t>(row * g.C + c)];
      const bool halo = row < 3 || (row - 3) % (g.L + 3) >= g.L;
      if (halo) {
        EXPECT_EQ(x, 0) << row;
      } else {
        inside += x != 0;
      }
    }
  EXPECT_GT(inside, 20);
}

TEST_P(NetworkOn, WrongUseIsAnError) {
  const Model model = make_model(tests::small_config("mlp"));
  Parameters inference(*backend_, model, Parameters::Use::inference);
  EXPECT_THROW(Network(*backend_, model, inference, {.N = 0}), ProblemError);
  EXPECT_THROW(Network(*backend_, model, inference, {.N = 2, .mode = Mode::training, .state = state()}),
               Error);
  Parameters training(*backend_, model, Parameters::Use::training);
  EXPECT_THROW(Network(*backend_, model, training, {.N = 2, .mode = Mode::training}), ProblemError);
}

}  // namespace
}  // namespace bragg::nn
