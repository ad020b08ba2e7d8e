// Batch normalisation in networks: what becomes of it in training and in inference, and its running statistics.
#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "kernels/base/safetensors.h"
#include "nn/checkpoint.h"
#include "nn/layout.h"
#include "nn/lifetimes.h"
#include "nn/network.h"
#include "nn/optimizer.h"
#include "nn/statistics.h"
#include "tests/nn/small_models.h"
#include "tests/nn/table_source.h"
#include "tests/support/compare.h"
#include "tests/support/temporary_folder.h"

namespace bragg::nn {
namespace {

constexpr std::int64_t points = 40, N = 6;

/// A stem, a residual block, and a dense layer, each with its normalisation.
Model normalised() {
  ModelConfig config;
  config.classes = 4;
  config.points = points;
  Model model(config);
  Graph& g = model.graph;
  const Value stem = g.relu(g.batch_norm(g.conv1d(g.input(), {8, 5, 2, 2, 2})), 0.1);
  const Value x = g.relu(g.batch_norm(g.conv1d(stem, {8, 3, 1, 1, 1})));
  const Value sum = g.relu(g.add(stem, g.batch_norm(g.conv1d(x, {8, 3, 1, 1, 1}))));
  g.head({"class", 4, 1, {}}, g.dense(g.relu(g.batch_norm(g.dense(sum, 5))), 4));
  return model;
}

class NormalisedOn : public ::testing::TestWithParam<const char*> {
 protected:
  NormalisedOn() { backend_->upload(&step_, state_.data(), sizeof step_); }

  Tensor state() const { return {state_.data(), DType::u64}; }
  NetworkOptions training() const { return {.N = N, .mode = Mode::training, .seed = 9, .state = state()}; }
  tests::TableSource source() const {
    auto made = tests::test_source(points, 4, 5 * N, SampleRowsProblem::Order::sequential, 7);
    made.plan(*backend_, N);
    return made;
  }
  void fill(const Network& network) {
    source_.enqueue(*backend_, state(), network.input(), network.labels());
  }
  std::vector<double> logits(const Network& network) const {
    return read(network.logits(), N * network.classes());
  }
  std::vector<double> read(ConstTensor from, std::int64_t count) const {
    std::vector<float> values(static_cast<std::size_t>(count));
    backend_->download(from, values);
    return {values.begin(), values.end()};
  }
  std::vector<double> statistics() const {
    const auto values = parameters_.download(parameters_.statistics());
    return {values.begin(), values.end()};
  }
  static std::vector<std::string> texts(const Network& network) {
    std::vector<std::string> what;
    for (const PlannedOp& op : network.plan())
      what.push_back(op.text());
    return what;
  }
  /// Weights as after training, statistics that nobody would guess.
  void make_up_parameters() {
    initialise(parameters_, 4);
    std::vector<float> values = parameters_.download(parameters_.weights());
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] += 0.1f * std::sin(static_cast<float>(i));
    parameters_.upload(values, parameters_.weights());
    std::vector<float> made_up = parameters_.download(parameters_.statistics());
    for (std::size_t i = 0; i < made_up.size(); ++i)
      made_up[i] += 0.3f * std::cos(static_cast<float>(i));
    parameters_.upload(made_up, parameters_.statistics());
  }

  std::unique_ptr<Backend> backend_ = make_backend({GetParam(), 2, ""});
  StepState step_{3, 0};
  Buffer state_ = backend_->allocate(sizeof(StepState));
  const Model model_ = normalised();
  Parameters parameters_{*backend_, model_, Parameters::Use::training};
  tests::TableSource source_ = source();
};
INSTANTIATE_TEST_SUITE_P(Backends, NormalisedOn, ::testing::Values("reference", "cpu"));

TEST_P(NormalisedOn, TrainingStoresThroughTheSum) {
  const Network network(*backend_, model_, parameters_, training());
  const std::vector<std::string> what = texts(network);
  const std::vector<std::string> forward(what.begin(), what.begin() + 9),
      expected{
          "conv1: conv1d_forward N 6 L_in 40 C_in 1 C_out 8 kernel 5 stride 2 padding 2 2 + bias",
          "batch_norm1: batch_norm_forward N 6 L 20 C 8, relu, dropout 0.1",
          "conv2: conv1d_forward N 6 L_in 20 C_in 8 C_out 8 kernel 3 stride 1 padding 1 1 + bias",
          "batch_norm2: batch_norm_forward N 6 L 20 C 8, relu",
          "conv3: conv1d_forward N 6 L_in 20 C_in 8 C_out 8 kernel 3 stride 1 padding 1 1 + bias",
          "batch_norm3: batch_norm_forward N 6 L 20 C 8 + addend, relu",
          "dense1: dense_forward N 6 in 160 out 5 + bias",
          "batch_norm4: batch_norm_forward N 6 L 1 C 5, relu",
          "dense2: dense_forward N 6 in 5 out 4 + bias",
      };
  EXPECT_EQ(forward, expected);
  // The gradient behind the sum is made once, and read by the normalisation and by the way around it.
  const auto count = [&](const std::string& text) {
    return std::count_if(what.begin(), what.end(),
                         [&](const std::string& one) { return one.find(text) != std::string::npos; });
  };
  EXPECT_EQ(count("batch_norm_backward"), 4);
  EXPECT_EQ(count("one alone"), 0);
}

TEST_P(NormalisedOn, ProductsTakeInTheirNormalisationInInference) {
  const Network network(*backend_, model_, parameters_, {.N = N});
  const std::vector<std::string>
      what = texts(network),
      expected{
          "conv1: batch_norm_fold C 8 K 5",
          "conv1: conv1d_forward N 6 L_in 40 C_in 1 C_out 8 kernel 5 stride 2 padding 2 2 + bias, relu",
          "conv2: batch_norm_fold C 8 K 24",
          "conv2: conv1d_forward N 6 L_in 20 C_in 8 C_out 8 kernel 3 stride 1 padding 1 1 + bias, relu",
          "conv3: batch_norm_fold C 8 K 24",
          "conv3: conv1d_forward N 6 L_in 20 C_in 8 C_out 8 kernel 3 stride 1 padding 1 1 + bias",
          "add_forward N 6 L 20 C 8, relu",
          "dense1: batch_norm_fold C 5 K 160",
          "dense1: dense_forward N 6 in 160 out 5 + bias, relu",
          "dense2: dense_forward N 6 in 5 out 4 + bias",
          "softmax_cross_entropy N 6 classes 4",
      };
  EXPECT_EQ(what, expected);
}

/// The ops as layers say them.
std::vector<PlannedOp> unfused(Backend& backend, LoweredGraph& lowered, Buffer& memory) {
  Program& program = lowered.program;
  lay_out(program, backend);
  const MemoryPlan plan = plan_memory(program, true);
  memory = backend.allocate(plan.bytes);
  bind(program, plan, memory.data());
  return program.ops;
}

// Folding rounds weights once more: products of at most 160 terms, four layers deep.
TEST_P(NormalisedOn, FoldedIsUnfolded) {
  make_up_parameters();
  const NetworkOptions options{.N = N};
  Network network(*backend_, model_, parameters_, options);
  fill(network);
  network.forward();

  LoweredGraph lowered = lower(model_.graph, *backend_, parameters_, options);
  Buffer memory;
  const std::vector<PlannedOp> plain = unfused(*backend_, lowered, memory);
  const auto bound = [&](Activations value) {
    const Place* place = lowered.program.place_of(value.data);
    value.data = place->data;
    value.item_stride = place->item_stride;
    return value;
  };
  for (const PlannedOp& op : plain)
    EXPECT_EQ(op.text().find("fold"), std::string::npos);
  source_.enqueue(*backend_, state(), bound(lowered.values.front()),
                  {lowered.program.place_of(lowered.labels.data)->data, DType::i32});
  for (const PlannedOp& op : plain)
    if (op.phase == Phase::forward) op.run(*backend_);
  const std::vector<double> expected =
      read({bound(lowered.heads[0].logits).data, backend_->precise_type()}, N * 4);
  const bool in_double = backend_->element_type() == DType::f64;
  EXPECT_TRUE(tests::within(logits(network), expected, in_double ? 1e-6 : 2e-5));
}

// Not folded: another op reads the product's result, too.
TEST_P(NormalisedOn, RunsAloneWhereSomebodyElseReads) {
  Model model(model_.config);
  Graph& g = model.graph;
  const Value x = g.conv1d(g.input(), {3, 3});
  g.head({"class", 4, 1, {}}, g.dense(g.relu(g.add(x, g.batch_norm(x))), 4));
  Parameters parameters(*backend_, model, Parameters::Use::inference);
  initialise(parameters, 4);
  const Network network(*backend_, model, parameters, {.N = N});
  EXPECT_EQ(texts(network)[1], "batch_norm1: batch_norm_inference N 6 L 38 C 3 + addend, relu");
}

// Both the weights and the statistics: an evaluator is planned once and asked while training goes on.
TEST_P(NormalisedOn, InferenceFollowsWhatChanges) {
  initialise(parameters_, 4);
  Network planned_before(*backend_, model_, parameters_, {.N = N});
  make_up_parameters();
  Network planned_after(*backend_, model_, parameters_, {.N = N});
  for (Network* network : {&planned_before, &planned_after}) {
    fill(*network);
    network->forward();
  }
  EXPECT_TRUE(tests::identical(logits(planned_before), logits(planned_after)));
}

TEST_P(NormalisedOn, BeginsWithMeanZeroAndVarianceOne) {
  initialise(parameters_, 4);
  ASSERT_EQ(parameters_.statistics_table().size(), 8u);
  for (const ParameterInfo& info : parameters_.statistics_table()) {
    std::vector<float> values(static_cast<std::size_t>(info.count()));
    parameters_.download(parameters_.statistics(), info, values);
    const float expected = info.name.ends_with("variance") ? 1.0f : 0.0f;
    EXPECT_EQ(values, std::vector<float>(values.size(), expected)) << info.name;
  }
  for (const ParameterInfo& info : parameters_.table()) {
    EXPECT_NE(info.role, ParameterRole::statistic);
    if (info.role != ParameterRole::scale && info.role != ParameterRole::shift) continue;
    std::vector<float> values(static_cast<std::size_t>(info.count()));
    parameters_.download(parameters_.weights(), info, values);
    EXPECT_EQ(values, std::vector<float>(values.size(), info.role == ParameterRole::scale ? 1.0f : 0.0f));
  }
  // What PyTorch counts: 48 + 16 + 200 + 16 + 200 + 16 + 805 + 10 + 24.
  EXPECT_EQ(parameter_count(model_), 1335);
}

TEST_P(NormalisedOn, TrainingMovesStatisticsAndInferenceDoesNot) {
  initialise(parameters_, 4);
  Network network(*backend_, model_, parameters_, training());
  fill(network);
  const std::vector<double> before = statistics();
  network.forward();
  const std::vector<double> after = statistics();
  for (std::size_t i = 0; i < after.size(); ++i)
    EXPECT_NE(after[i], before[i]) << i;
  network.loss();
  network.backward();
  for (const NetworkOp& op : update_ops(parameters_, Optimizer{.learning_rate = 1e-2}, state()))
    std::visit([&](const auto& one) { backend_->run(one); }, op);
  EXPECT_TRUE(tests::identical(statistics(), after));
  Network inference(*backend_, model_, parameters_, {.N = N});
  fill(inference);
  inference.forward();
  EXPECT_TRUE(tests::identical(statistics(), after));
}

// Of the first normalisation, whose source depends on weights alone, by hand.
TEST_P(NormalisedOn, StatisticsAreTakenAnew) {
  make_up_parameters();
  constexpr std::int64_t batches = 3;
  const std::vector<float> weights = parameters_.download(parameters_.weights());
  NetworkOptions options{.N = N, .mode = Mode::statistics, .shares_memory = false};
  Network network(*backend_, model_, parameters_, options);
  const Value conv = tests::values_of_kind(model_.graph, "conv").front();
  std::vector<double> means(8), variances(8);
  for (std::uint64_t batch = 0; batch < batches; ++batch) {
    const StepState here{0, N * (batch + 1)};
    backend_->upload(&here, state_.data(), sizeof here);
    fill(network);
    network.forward();
    const Activations& x = network.activations(conv);
    const std::vector<double> all = read({x.data, x.dtype}, N * x.item_stride);
    for (std::size_t c = 0; c < 8; ++c) {
      double sum = 0, squares = 0;
      const auto rows = static_cast<double>(N * x.L);
      const auto each = [&](const auto& visit) {
        for (std::int64_t n = 0; n < N; ++n)
          for (std::int64_t t = 0; t < x.L; ++t)
            visit(all[static_cast<std::size_t>(n * x.item_stride + t * 8) + c]);
      };
      each([&](double v) { sum += v; });
      each([&](double v) { squares += (v - sum / rows) * (v - sum / rows); });
      means[c] += sum / rows / batches;
      variances[c] += squares / (rows - 1) / batches;
    }
  }
  EXPECT_FALSE(take_statistics(*backend_, model_, parameters_, source_,
                               {.N = N, .batches = batches, .first_index = N}));
  const std::vector<double> taken = statistics();
  EXPECT_TRUE(tests::within(std::span(taken).first(8), means, 1e-6));
  EXPECT_TRUE(tests::within(std::span(taken).subspan(8, 8), variances, 1e-6));
  EXPECT_EQ(parameters_.download(parameters_.weights()), weights);

  // Again the same bits, whatever was there before: no dropout, nothing of the past.
  make_up_parameters();
  take_statistics(*backend_, model_, parameters_, source_, {.N = N, .batches = batches, .first_index = N});
  EXPECT_TRUE(tests::identical(statistics(), taken));
  EXPECT_THROW(take_statistics(*backend_, model_, parameters_, source_, {.N = N, .batches = 0}), UsageError);
}

TEST_P(NormalisedOn, ModelsWithoutStatisticsAreLeftAlone) {
  const Model model = make_model(tests::small_config("npcnn"));
  Parameters parameters(*backend_, model, Parameters::Use::inference);
  EXPECT_TRUE(parameters.statistics_table().empty());
  EXPECT_FALSE(take_statistics(*backend_, model, parameters, source_, {.N = N}));
}

TEST_P(NormalisedOn, FilesHoldStatistics) {
  const Model model = make_model(tests::small_config("resnet"));
  Parameters saved(*backend_, model, Parameters::Use::training),
      loaded(*backend_, model, Parameters::Use::training);
  initialise(saved, 4);
  std::vector<float> made_up = saved.download(saved.statistics());
  for (std::size_t i = 0; i < made_up.size(); ++i)
    made_up[i] = 0.25f * static_cast<float>(i);
  saved.upload(made_up, saved.statistics());
  const tests::TemporaryFolder folder;
  save_model(folder.path() / "model.safetensors", model, saved, {});
  save_checkpoint(folder.path() / "last.safetensors", model, saved, {7, 8}, {});
  const SafetensorsFile file(folder.path() / "last.safetensors");
  EXPECT_EQ(file.copy<float>("batch_norm1.running_mean", 1), (std::vector<float>{0, 0.25f, 0.5f, 0.75f, 1}));
  EXPECT_THROW(file.copy<float>("batch_norm1.running_mean.m", 1), Error);
  EXPECT_EQ(read_model(folder.path() / "model.safetensors").model.config, model.config);
  load_weights(folder.path() / "model.safetensors", loaded);
  EXPECT_EQ(loaded.download(loaded.statistics()), made_up);
  loaded.upload(std::vector<float>(made_up.size()), loaded.statistics());
  load_checkpoint(folder.path() / "last.safetensors", loaded);
  EXPECT_EQ(loaded.download(loaded.statistics()), made_up);

  made_up[3] = NAN;
  saved.upload(made_up, saved.statistics());
  EXPECT_THROW(save_model(folder.path() / "model.safetensors", model, saved, {}), NotFiniteError);
}

}  // namespace
}  // namespace bragg::nn
