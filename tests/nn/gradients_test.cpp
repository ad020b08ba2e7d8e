// Whole models on the reference backend: the backward pass against central differences of the loss, in
// double.
#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "nn/network.h"
#include "tests/nn/small_models.h"
#include "tests/nn/table_source.h"
#include "tests/support/compare.h"

namespace bragg::nn {
namespace {

/// Batch normalisation in every place: behind a convolution, before a sum, of a sum, of the input, of a dense layer.
Model normalised() {
  ModelConfig config = tests::small_config("resnet");
  config.more_heads = {{"group", 2, 0.5, {0, 1, 1, 0, 1}}};
  Model model = make_model(config);
  model.graph = Graph(config.points);
  Graph& g = model.graph;
  const Value stem = g.relu(g.batch_norm(g.conv1d(g.batch_norm(g.input()), {6, 5, 2, 2, 2})), 0.2);
  const Value x = g.relu(g.batch_norm(g.conv1d(stem, {6, 3, 1, 1, 1})));
  const Value sum = g.relu(g.add(g.batch_norm(g.conv1d(x, {6, 3, 1, 1, 1})), stem), 0.3);
  const Value shared = g.relu(g.batch_norm(g.dense(g.batch_norm(g.add(sum, x)), 9)));
  g.head({"class", 5, 1, {}}, g.dense(shared, 5));
  g.head({"group", 2, 0.5, {0, 1, 1, 0, 1}}, g.dense(shared, 2));
  return model;
}

/// A residual network in small: padding and strides, values that several layers read, two heads of which one
/// asks for groups of the labels.
Model branched() {
  ModelConfig config;
  config.classes = 5;
  config.points = 61;
  Model model(config);
  Graph& g = model.graph;
  const Value stem = g.relu(g.conv1d(g.input(), {6, 5, 2, 2, 2}), 0.3);
  Value x = g.relu(g.conv1d(stem, {6, 3, 1, 1, 1}));
  x = g.relu(g.add(stem, g.conv1d(x, {6, 3, 1, 1, 1})), 0.2);
  x = g.conv1d(x, {8, 4, 2, 1, 1});  // its gradient's kernel begins with a row of zeros
  x = g.conv1d(g.relu(x), {4, 5, 3, 4, 0});
  x = g.add(x, x);
  const Value pooled = g.avg_pool1d(x, {3, 2, 1, 1});
  const Value shared = g.relu(g.dense(pooled, 9), 0.4);
  g.head({"class", 5, 1, {}}, g.dense(shared, 5));
  g.head({"group", 2, 0.5, {0, 1, 1, 0, 1}}, g.dense(g.relu(g.dense(shared, 4)), 2));
  return model;
}

/// A head that asks for numbers, whose targets are 0, beside one that asks for classes.
Model with_numbers() {
  ModelConfig config;
  config.classes = 5;
  config.points = 61;
  Model model(config);
  Graph& g = model.graph;
  const Value shared = g.relu(g.dense(g.relu(g.conv1d(g.input(), {6, 5, 4})), 9), 0.4);
  g.head({"class", 5, 1, {}}, g.dense(shared, 5));
  g.regression({"numbers", 3, 0.2, 0.5}, g.dense(shared, 3));
  return model;
}

Model model_of(const std::string& name) {
  if (name == "with_numbers") return with_numbers();
  if (name == "branched") return branched();
  if (name == "normalised") return normalised();
  return make_model(tests::small_config(name));
}

class Gradients : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Models, Gradients,
                         ::testing::Values("scnn", "npcnn", "mlp", "resnet", "branched", "normalised",
                                           "with_numbers"));

TEST_P(Gradients, EqualCentralDifferences) {
  constexpr std::uint32_t seed = 20;
  constexpr std::int64_t N = 7;
  const auto backend = make_backend({"reference", 1, ""});
  const Model model = model_of(GetParam());
  Parameters parameters(*backend, model, Parameters::Use::training);
  initialise(parameters, seed);

  const StepState step{5, 0};
  const Buffer state = backend->allocate(sizeof step);
  backend->upload(&step, state.data(), sizeof step);
  // Dropout is part of the function: the same elements are dropped every time.
  LossOptions loss_options;
  if (!model.graph.regressions().empty()) loss_options = {0.2, {1, 2, 0.5, 3, 1.5}};
  Network network(*backend, model, parameters,
                  {.N = N,
                   .mode = Mode::training,
                   .seed = seed,
                   .state = {state.data(), DType::u64},
                   .loss = loss_options});
  auto source = tests::test_source(model.config.points, model.config.classes, N,
                                   SampleRowsProblem::Order::sequential, seed);
  source.plan(*backend, N);
  source.enqueue(*backend, {state.data(), DType::u64}, network.input(), network.labels());

  const auto loss = [&] {
    network.clear_totals();
    network.forward();
    network.loss();
    double sum = 0;
    for (std::size_t head = 0; head < network.heads(); ++head)
      sum += model.graph.heads()[head].weight * network.read_totals(head).loss_sum / static_cast<double>(N);
    for (std::size_t i = 0; i < network.regressions().size(); ++i)
      sum += model.graph.regressions()[i].weight * network.read_regression_totals(i).loss_sum /
             static_cast<double>(N);
    return sum;
  };
  loss();
  network.backward();

  // Central differences of h = 1e-5 and h / 2, whose truncation in h^2 takes each other away: rounding of the loss (about
  // 1e3 operations on numbers near 1: 1e-14) over h gives 1e-9, three times that in (4 slope(h / 2) - slope(h)) / 3. A
  // ReLU's corner within the step is seen differently by half of it: then closer, where rounding counts for more.
  // Normalised values lie close to corners.
  const auto bound_of = [](double h) { return 8e-14 / h; };
  const auto nonzero = [](double g) { return g != 0; };
  std::vector<double> got, expected, bounds;
  std::size_t near_corners = 0;
  for (const ParameterInfo& info : parameters.table()) {
    auto* weights = parameters.piece(parameters.weights(), info).as<double>();  // host memory on this backend
    const auto* gradients = parameters.piece(parameters.gradients(), info).as<double>();
    for (std::int64_t i = 0; i < info.count(); ++i) {
      const double weight = weights[i];
      const auto slope = [&](double h) {
        weights[i] = weight + h;
        const double above = loss();
        weights[i] = weight - h;
        const double below = loss();
        weights[i] = weight;
        return (above - below) / (2 * h);
      };
      double h = 1e-5, whole = slope(h), half = slope(h / 2);
      while (h > 1e-8 && std::fabs(half - whole) > bound_of(h)) {
        near_corners += h == 1e-5;
        h /= 8;
        whole = slope(h);
        half = slope(h / 2);
      }
      got.push_back(gradients[i]);
      expected.push_back((4 * half - whole) / 3);
      bounds.push_back(bound_of(h));
    }
    EXPECT_TRUE(std::any_of(gradients, gradients + info.count(), nonzero)) << info.name;
  }
  EXPECT_LT(near_corners, got.size() / 20);
  // A network of dead units would agree with anything.
  EXPECT_GT(std::count_if(got.begin(), got.end(), nonzero), static_cast<std::ptrdiff_t>(got.size() / 3));
  EXPECT_TRUE(tests::within(got, expected, bounds)) << GetParam() << ", seed " << seed;
}

}  // namespace
}  // namespace bragg::nn
