// Graphs: shapes, names and refusals; what lowering, fusing and planning make of them.
#include "nn/graph.h"

#include <cmath>

#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "nn/network.h"
#include "tests/nn/small_models.h"
#include "tests/nn/table_source.h"
#include "tests/support/compare.h"

namespace bragg::nn {
namespace {

TEST(Graph, NamesAndShapes) {
  Graph g(100);
  const Value stem = g.relu(g.conv1d(g.input(), {8, 5, 2, 2, 2}));
  const Value x = g.conv1d(stem, {8, 3, 1, 1, 1});
  const Value sum = g.add(stem, x);
  EXPECT_EQ(g[stem].shape, (Shape{50, 8}));
  EXPECT_EQ(g[sum].shape, (Shape{50, 8}));
  EXPECT_EQ(g[g.avg_pool1d(sum, {3, 2})].shape, (Shape{24, 8}));
  const Value logits = g.dense(sum, 4);
  EXPECT_EQ(g[logits].shape, (Shape{1, 4}));
  g.head({"class", 4, 1, {}}, logits);
  EXPECT_EQ(g[x].name, "conv2");
  EXPECT_EQ(g[logits].name, "dense1");
  EXPECT_EQ(g[sum].name, "");
  EXPECT_EQ(g[x].layer->text(), "conv 8 kernel 3 stride 1 padding 1 1");
}

TEST(Graph, RefusesWhatDoesNotFit) {
  const auto refused = [](const char* what, const auto& build) {
    Graph g(10);
    try {
      build(g);
      ADD_FAILURE() << "taken: " << what;
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find(what), std::string::npos) << e.what();
    }
  };
  refused("kernel 12 > the length 10", [](Graph& g) { g.conv1d(g.input(), {4, 12}); });
  refused("pad_before 3 outside [0, 3)", [](Graph& g) { g.conv1d(g.input(), {4, 3, 1, 3, 0}); });
  refused("stride 0 < 1", [](Graph& g) { g.conv1d(g.input(), {4, 3, 0}); });
  refused("pool's kernel 11 > the length 10", [](Graph& g) { g.avg_pool1d(g.input(), {11}); });
  refused("dropout 1", [](Graph& g) { g.relu(g.input(), 1); });
  refused("(10, 4) cannot be added to (10, 1)", [](Graph& g) {
    g.add(g.input(), g.conv1d(g.input(), {4, 1}));
  });
  refused("head class of 5 classes has logits of (1, 4)", [](Graph& g) {
    g.head({"class", 5, 1, {}}, g.dense(g.input(), 4));
  });
}

/// A model of a graph that `build` makes of an empty one.
template <typename Build>
Model model_with(std::int64_t points, const Build& build) {
  ModelConfig config;
  config.classes = 4;
  config.points = points;
  Model model(config);
  build(model.graph);
  return model;
}

/// Stem, a block with a way around it, pooling, one head.
void residual(Graph& g) {
  const Value stem = g.relu(g.conv1d(g.input(), {8, 5, 2, 2, 2}), 0.1);
  const Value x = g.relu(g.conv1d(stem, {8, 3, 1, 1, 1}));
  const Value sum = g.relu(g.add(stem, g.conv1d(x, {8, 3, 1, 1, 1})));
  g.head({"class", 4, 1, {}}, g.dense(g.avg_pool1d(sum, {2, 2}), 4));
}

class PlannedOn : public ::testing::TestWithParam<const char*> {
 protected:
  PlannedOn() { backend_->upload(&step_, state_.data(), sizeof step_); }
  ConstTensor state() const { return {state_.data(), DType::u64}; }
  NetworkOptions training(std::int64_t N) const {
    return {.N = N, .mode = Mode::training, .seed = 9, .state = state()};
  }

  std::unique_ptr<Backend> backend_ = make_backend({GetParam(), 2, ""});
  StepState step_{3, 0};
  Buffer state_ = backend_->allocate(sizeof(StepState));
};
INSTANTIATE_TEST_SUITE_P(Backends, PlannedOn, ::testing::Values("reference", "cpu"));

TEST_P(PlannedOn, BranchesMeetInOneOp) {
  const Model model = model_with(40, residual);
  Parameters parameters(*backend_, model, Parameters::Use::training);
  const Network network(*backend_, model, parameters, training(3));
  std::vector<std::string> what;
  for (const PlannedOp& op : network.plan())
    what.push_back(op.text());
  EXPECT_EQ(
      what,
      (std::vector<std::string>{
          "conv1: conv1d_forward N 3 L_in 40 C_in 1 C_out 8 kernel 5 stride 2 padding 2 2 + bias, relu, "
          "dropout 0.1",
          "conv2: conv1d_forward N 3 L_in 20 C_in 8 C_out 8 kernel 3 stride 1 padding 1 1 + bias, relu",
          "conv3: conv1d_forward N 3 L_in 20 C_in 8 C_out 8 kernel 3 stride 1 padding 1 1 + bias",
          "add_forward N 3 L 20 C 8, relu",
          "avg_pool1d_forward N 3 L_in 20 C 8 kernel 2 stride 2",
          "dense1: dense_forward N 3 in 80 out 4 + bias",
          "softmax_cross_entropy N 3 classes 4",
          "dense1: dense_backward_data N 3 in 80 out 4",
          "dense1: dense_backward_weights N 3 in 80 out 4",
          "avg_pool1d_backward N 3 L_in 20 C 8 kernel 2 stride 2, relu and dropout of its input",
          "conv3: conv1d_backward_weights N 3 L_in 20 C_in 8 C_out 8 kernel 3 stride 1 padding 1 1",
          "conv3: conv1d_backward_data N 3 L_in 20 C_in 8 C_out 8 kernel 3 stride 1 padding 1 1, relu and "
          "dropout of its input",
          "conv2: conv1d_backward_weights N 3 L_in 20 C_in 8 C_out 8 kernel 3 stride 1 padding 1 1",
          "conv2: conv1d_backward_data N 3 L_in 20 C_in 8 C_out 8 kernel 3 stride 1 padding 1 1",
          "add_backward N 3 L 20 C 8, relu and dropout of its input",
          "conv1: conv1d_backward_weights N 3 L_in 40 C_in 1 C_out 8 kernel 5 stride 2 padding 2 2",
      }));
}

// A ReLU whose source somebody else reads, too, runs alone, and its gradient with it.
TEST_P(PlannedOn, NothingIsFusedThatSomebodyReads) {
  const Model model = model_with(20, [](Graph& g) {
    const Value x = g.conv1d(g.input(), {4, 3});
    g.head({"class", 4, 1, {}}, g.dense(g.add(x, g.relu(x)), 4));
  });
  Parameters parameters(*backend_, model, Parameters::Use::training);
  const Network network(*backend_, model, parameters, training(2));
  int alone = 0;
  for (const PlannedOp& op : network.plan())
    alone += op.text().find("one alone") != std::string::npos;
  EXPECT_EQ(alone, 2);
  EXPECT_NE(network.activations({1}).data, nullptr);
  EXPECT_NE(network.gradients({1}).data, nullptr);
}

std::vector<float> gradients_of(Backend& backend, const Model& model, const NetworkOptions& options) {
  Parameters parameters(backend, model, Parameters::Use::training);
  initialise(parameters, 4);
  Network network(backend, model, parameters, options);
  auto source = tests::test_source(model.config.points, model.config.classes, options.N,
                                   SampleRowsProblem::Order::sequential, 7);
  source.plan(backend, options.N);
  for (int step = 0; step < 2; ++step) {  // the second finds what the first left in shared memory
    source.enqueue(backend, options.state, network.input(), network.labels());
    network.forward();
    network.loss();
    network.backward();
  }
  return parameters.download(parameters.gradients());
}

// Values that share memory never do so while both are of use.
TEST_P(PlannedOn, SharedMemoryChangesNoBit) {
  std::vector<Model> models = {model_with(40, residual)};
  for (const std::string& name : model_names())
    models.push_back(make_model(tests::small_config(name)));
  for (const Model& model : models) {
    NetworkOptions options = training(5);
    const std::vector<float> shared = gradients_of(*backend_, model, options);
    options.shares_memory = false;
    EXPECT_EQ(shared, gradients_of(*backend_, model, options)) << model.config.name;
    EXPECT_GT(std::count_if(shared.begin(), shared.end(), [](float g) { return g != 0; }), 20);

    Parameters parameters(*backend_, model, Parameters::Use::training);
    const auto bytes = [&](bool shares) {
      options.shares_memory = shares;
      return Network(*backend_, model, parameters, options).activation_bytes();
    };
    EXPECT_LE(bytes(true), bytes(false));
  }
}

// A second head asks another question of the same label, by a table.
TEST_P(PlannedOn, HeadsCountTheirOwnClasses) {
  const std::vector<std::int32_t> group = {0, 1, 1, 0};
  const Model model = model_with(20, [&](Graph& g) {
    const Value x = g.relu(g.dense(g.input(), 6));
    g.head({"class", 4, 1, {}}, g.dense(x, 4));
    g.head({"group", 2, 0.5, group}, g.dense(x, 2));
  });
  Parameters parameters(*backend_, model, Parameters::Use::training);
  initialise(parameters, 4);
  constexpr std::int64_t N = 5;
  Network network(*backend_, model, parameters, training(N));
  auto source = tests::test_source(20, 4, N, SampleRowsProblem::Order::sequential, 7);
  source.plan(*backend_, N);
  source.enqueue(*backend_, state(), network.input(), network.labels());
  network.forward();
  network.loss();
  std::vector<std::int32_t> labels(N);
  backend_->download(network.labels().data, labels.data(), N * sizeof(std::int32_t));
  for (const std::size_t head : {0, 1}) {
    std::vector<float> logits(static_cast<std::size_t>(N * network.classes(head)));
    backend_->download(network.logits(head), std::span(logits));
    double loss = 0;
    for (std::size_t n = 0; n < N; ++n) {
      const auto classes = static_cast<std::size_t>(network.classes(head));
      double sum = 0;
      for (std::size_t c = 0; c < classes; ++c)
        sum += std::exp(double{logits[n * classes + c]});
      const std::int32_t label = head == 0 ? labels[n] : group[static_cast<std::size_t>(labels[n])];
      loss += std::log(sum) - logits[n * classes + static_cast<std::size_t>(label)];
    }
    EXPECT_NEAR(network.read_totals(head).loss_sum, loss, 1e-5) << head;
    EXPECT_EQ(network.read_totals(head).count, N);
  }
  network.clear_totals();
  EXPECT_EQ(network.read_totals(1).count, 0u);
}

}  // namespace
}  // namespace bragg::nn
