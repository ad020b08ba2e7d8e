// Optimizers, schedules and losses against what PyTorch made of the same 20 steps in float64
// (make_optimizer_list.py made the list).
#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "kernels/base/random.h"
#include "kernels/ops/rows.h"
#include "nn/network.h"
#include "nn/statistics.h"
#include "tests/nn/small_models.h"
#include "tests/nn/table_source.h"
#include "tests/support/compare.h"
#include "tests/support/devices.h"
#include "tests/support/shared_data.h"

namespace bragg::nn {
namespace {

constexpr std::uint32_t seed = 2023;
constexpr std::int64_t batch = 4, patterns = 8, outputs = 3;
constexpr double huber_weight = 0.5;

/// Columns of optimizer_list.tsv, a number for each step.
struct Expected {
  std::vector<double> loss, loss_f32, norm, average_loss, average_norm;
};

Expected read_list(const std::string& wanted) {
  std::ifstream in(tests::project_file("tests/nn/optimizer_list.tsv"));
  Expected list;
  for (std::string line; std::getline(in, line);) {
    std::istringstream fields(line);
    std::string name, step;
    if (!(fields >> name >> step) || name != wanted) continue;
    EXPECT_EQ(step, std::to_string(list.loss.size()));
    for (auto column : {&Expected::loss, &Expected::loss_f32, &Expected::norm, &Expected::average_loss,
                        &Expected::average_norm}) {
      std::string text;
      EXPECT_TRUE(fields >> text) << line;
      (list.*column).push_back(std::stod(text));  // "nan", too
    }
  }
  EXPECT_EQ(list.loss.size(), 20u) << wanted;
  return list;
}

struct Training {
  Optimizer optimizer;
  LossOptions loss;
  bool has_numbers = false;    ///< a regression head
  bool is_normalised = false;  ///< batch norm behind the first two convolutions
};

/// As CASES of the script.
Training training_of(const std::string& name) {
  Training t;
  t.optimizer.learning_rate = 1e-2;
  t.optimizer.beta2 = 0.98;
  const bool all = name == "all";
  if (all || name == "adamw") t.optimizer.weight_decay = 0.1;
  if (all || name == "clip") t.optimizer.clip_norm = 0.5;
  t.is_normalised = name == "batch_norm";
  if (all || name == "ema" || t.is_normalised) t.optimizer.ema_decay = 0.9;
  if (all || name == "label_smoothing") t.loss.label_smoothing = 0.1;
  if (all || name == "class_weights") t.loss.class_weights = {0.5, 1, 2, 1.5, 3};
  t.has_numbers = all || name == "huber";
  LearningRate& rate = t.optimizer.learning_rate;
  rate.end = 20;
  if (all || name == "cosine") {
    rate.schedule = LearningRate::Schedule::cosine;
    rate.warmup_steps = 5;
    rate.final_fraction = 0.1;
  }
  if (name == "linear_decay") {
    rate.schedule = LearningRate::Schedule::linear_decay;
    rate.warmup_steps = 4;
    rate.decay_begin = 12;
  }
  return t;
}

/// The npcnn of small_models.h without dropout, with what the training adds.
Model model_of(const Training& training) {
  ModelConfig config = tests::small_config("npcnn");
  config.conv_dropout = 0;
  config.dense_dropout = {0, 0};
  if (!training.has_numbers && !training.is_normalised) return make_model(config);
  Model model(make_model(config).config);
  Graph& g = model.graph;
  Value x = g.input();
  for (std::size_t i = 0; i < config.channels.size(); ++i) {
    x = g.conv1d(x, {config.channels[i], config.kernels[i], config.strides[i]});
    x = g.relu(training.is_normalised && i < 2 ? g.batch_norm(x) : x);
  }
  for (const int width : config.dense)
    x = g.relu(g.dense(x, width));
  g.head({"class", config.classes, 1, {}}, g.dense(x, config.classes));
  if (training.has_numbers) g.regression({"numbers", outputs, 0.75, huber_weight}, g.dense(x, outputs));
  return model;
}

class Running {
 public:
  Running(const DeviceOptions& device, const Training& training)
      : has_average_(training.optimizer.ema_decay > 0),
        backend_(make_backend(device)),
        model_(model_of(training)),
        parameters_(*backend_, model_, has_average_ ? Parameters::Use::averaging : Parameters::Use::training),
        averaged_(*backend_, model_, Parameters::Use::inference),
        state_buffer_(backend_->allocate(sizeof(StepState))),
        network_(*backend_, model_, parameters_,
                 {.N = batch,
                  .mode = Mode::training,
                  .seed = seed,
                  .state = state(),
                  .optimizer = training.optimizer,
                  .loss = training.loss}),
        answering_(*backend_, model_, averaged_, {.N = batch, .loss = training.loss}),
        source_(tests::test_source(61, 5, patterns, SampleRowsProblem::Order::sequential, seed)) {
    initialise(parameters_, seed);
    if (has_average_) parameters_.start_average();
    source_.plan(*backend_, batch);
  }

  /// A step, and what the list says of it.
  void step(Expected& got) {
    fill(network_);
    got.loss.push_back(loss_of(network_));
    network_.backward();
    network_.update();
    got.norm.push_back(norm(parameters_, parameters_.weights()));
    if (has_average_) {
      averaged_.take_average(parameters_);
      take_statistics(*backend_, model_, averaged_, source_, {.N = batch, .batches = patterns / batch});
      fill(answering_);
      got.average_loss.push_back(loss_of(answering_));
      got.average_norm.push_back(norm(parameters_, parameters_.average()));
    }
    backend_->run(Advance{batch, state()});
    ++step_;
  }

 private:
  Tensor state() const { return {state_buffer_.data(), DType::u64}; }

  void fill(Network& network) {
    source_.enqueue(*backend_, state(), network.input(), network.labels());
    std::vector<float> targets;
    for (std::int64_t i = 0; i < batch; ++i) {
      const auto words = random_call(seed, RandomStream::test, 0, 2,
                                     static_cast<std::uint64_t>((step_ * batch + i) % patterns));
      for (std::size_t k = 0; k < outputs; ++k)
        targets.push_back(4 * uniform01(words[k]) - 2);
    }
    for (const RegressionMemory& head : network.regressions())
      backend_->upload(targets, head.targets);
  }
  static double loss_of(Network& network) {
    network.clear_totals();
    network.forward();
    network.loss();
    const auto mean = [](const LossTotals& totals) {
      return totals.loss_sum / static_cast<double>(totals.count);
    };
    double loss = mean(network.read_totals());
    for (std::size_t i = 0; i < network.regressions().size(); ++i)
      loss += huber_weight * mean(network.read_regression_totals(i));
    return loss;
  }
  /// By the op, which counts the padding, too: zeros.
  double norm(const Parameters& parameters, Tensor arena) {
    const Norm op{{parameters.arena_count()}, arena, {norm_.data(), DType::f64}};
    backend_->reserve_workspace(backend_->workspace_bytes(op));
    backend_->run(op);
    double found = 0;
    backend_->download(norm_.data(), &found, sizeof found);
    return found;
  }

  const bool has_average_;
  std::unique_ptr<Backend> backend_;
  Model model_;
  Parameters parameters_, averaged_;
  Buffer state_buffer_;
  Network network_, answering_;
  tests::TableSource source_;
  Buffer norm_ = backend_->allocate(sizeof(double));
  std::int64_t step_ = 0;
};

Expected trained(const DeviceOptions& device, const std::string& name) {
  Running running(device, training_of(name));
  Expected got;
  for (int step = 0; step < 20; ++step)
    running.step(got);
  return got;
}

const std::vector<const char*> cases{"adamw",           "clip",          "cosine", "linear_decay", "ema",
                                     "label_smoothing", "class_weights", "huber",  "batch_norm",   "all"};

class OptimizerList : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Trainings, OptimizerList, ::testing::ValuesIn(cases),
                         [](const auto& tested) { return std::string(tested.param); });

// Both sides in double: the order of sums, 1e-15 of numbers near 1, grows in 20 steps by what Adam makes of small
// gradients. The average is rounded to floats where it answers, and so are the statistics that it takes anew. Biases whose
// shift a normalisation takes away have gradients of rounding, 1e-17, which Adam's epsilon of 1e-8 makes steps of 1e-11.
TEST_P(OptimizerList, ReferenceIsPyTorchInDouble) {
  const Expected expected = read_list(GetParam()), got = trained({"reference", 1, ""}, GetParam());
  EXPECT_TRUE(tests::within(got.loss, expected.loss, 1e-11));
  const double of_norm = training_of(GetParam()).is_normalised ? 1e-9 : 1e-11;
  EXPECT_TRUE(tests::within(got.norm, expected.norm, of_norm));
  if (got.average_loss.empty()) return;
  EXPECT_TRUE(tests::within(got.average_loss, expected.average_loss, 1e-7));
  EXPECT_TRUE(tests::within(got.average_norm, expected.average_norm, of_norm));
}

// The list can tell them apart: another training of the list is nowhere near.
TEST_P(OptimizerList, OtherTrainingsAreOthers) {
  const Expected mine = read_list(GetParam());
  for (const std::string other : cases)
    if (other != GetParam()) {
      EXPECT_GT(std::fabs(read_list(other).norm.back() - mine.norm.back()), 1e-4) << other;
    }
}

// fp32 parts from double as PyTorch's own does (loss_list_test.cpp): the bound of a step is ten times what the worst
// of the trainings had parted by then, and 2e-6.
TEST_P(OptimizerList, CpuStaysAsCloseAsFp32Does) {
  std::vector<double> bounds(20, 0);
  for (const std::string name : cases) {
    const Expected list = read_list(name);
    double parted = 0;
    for (std::size_t i = 0; i < bounds.size(); ++i) {
      parted = std::max(parted, std::fabs(list.loss_f32[i] - list.loss[i]));
      bounds[i] = std::max(bounds[i], 2e-6 + 10 * parted);
    }
  }
  EXPECT_LT(bounds.back(), 0.01);  // the list itself must mean something
  const Expected expected = read_list(GetParam()), got = trained({"cpu", 2, ""}, GetParam());
  EXPECT_TRUE(tests::within(got.loss, expected.loss, bounds));
  if (!got.average_loss.empty()) {
    EXPECT_TRUE(tests::within(got.average_loss, expected.average_loss, bounds));
  }
}

}  // namespace
}  // namespace bragg::nn
