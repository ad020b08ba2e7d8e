// Whole models: the fast backends against the double-precision reference, step by step from the same state.
//
// At the start of every step the fast one's weights and moments, in fp32, are copied to both sides. The
// forward passes run and are compared layer by layer; then the fast one takes the reference's activations
// (rounded), so that no ReLU decides otherwise for an activation at 0, and the backward passes are compared;
// then the updates.
//
// Bounds. All inputs of a step are the same fp32 numbers, so what differs is rounding: a sum of K products in
// fp32 is off by about eps sqrt(K) times the size of its terms, while the sum itself, of terms with both
// signs, is about sqrt(K) times their size: relative to the root mean square of a tensor every layer adds
// some eps, and tails of the distribution (10^5 elements: 5 sigma) and terms that are all positive add a
// factor. The bound is 200 eps (2.4e-5) of the tensor's root mean square, plus the same of the element
// itself. One wrong element of a window or of a halo is off by 1e-2 of it. With operands in tf32, each up to
// 2^-11 off at random, it is 32 of those, 1.6 %; in bf16, where activations and gradients are kept with 2^-9
// as well and a gradient is rounded once more in every layer, 32 of 2^-9, 6 %, and three times that in resnet, whose
// ten convolutions with nine normalisations are thrice as deep: a wrong fragment is off by 100
// %. In bf16 the reference computes with the weights that the products read, and updates those that are
// learned.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <tuple>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "kernels/base/bfloat16.h"
#include "kernels/ops/rows.h"
#include "nn/network.h"
#include "tests/nn/table_source.h"
#include "tests/support/compare.h"
#include "tests/support/devices.h"

namespace bragg::nn {
namespace {

constexpr double eps = 0x1p-23;
constexpr std::uint32_t seed = 31;
constexpr std::int64_t batch = 4;
constexpr double learning_rate = 1e-4;

double root_mean_square(const std::vector<double>& x) {
  double sum = 0;
  for (const double v : x)
    sum += v * v;
  return std::sqrt(sum / static_cast<double>(x.size()));
}

/// The bound's factor, of a tensor's root mean square.
double tolerance(const DeviceOptions& options, const ModelConfig& config) {
  if (options.precision == "tf32") return 32 * 0x1p-11;
  if (options.precision == "bf16") return (config.name == "resnet" ? 96 : 32) * 0x1p-9;
  return 200 * eps;
}

std::vector<double> bounds_of(const std::vector<double>& expected, double tolerance) {
  const double size = root_mean_square(expected);
  std::vector<double> bounds(expected.size());
  for (std::size_t i = 0; i < bounds.size(); ++i)
    bounds[i] = tolerance * (size + std::fabs(expected[i]));
  return bounds;
}

/// A model with its state on one backend.
struct Side {
  Side(const DeviceOptions& options, const Model& model)
      : backend(make_backend(options)),
        parameters(*backend, model, Parameters::Use::training),
        state_buffer(backend->allocate(sizeof(StepState))),
        state{state_buffer.data(), DType::u64},
        network(*backend, model, parameters,
                {.N = batch, .mode = Mode::training, .seed = seed, .state = state, .shares_memory = false}),
        source(tests::test_source(model.config.points, model.config.classes, 8,
                                  SampleRowsProblem::Order::sequential, seed)) {
    source.plan(*backend, batch);
  }

  std::vector<double> read(const Activations& a) const {
    std::vector<float> all(static_cast<std::size_t>((a.N - 1) * a.item_stride + a.L * a.C));
    backend->download({a.data, a.dtype}, all);
    std::vector<double> values;
    for (std::int64_t n = 0; n < a.N; ++n) {
      const auto* item = all.data() + n * a.item_stride;
      values.insert(values.end(), item, item + a.L * a.C);
    }
    return values;
  }
  void write(const Activations& a, const std::vector<double>& values) {
    const std::vector<float> all(values.begin(), values.end());
    const auto length = static_cast<std::size_t>(a.L * a.C);
    for (std::int64_t n = 0; n < a.N; ++n)
      backend->upload(
          std::span(all).subspan(static_cast<std::size_t>(n) * length, length),
          {static_cast<std::byte*>(a.data) + static_cast<std::size_t>(n * a.item_stride) * size_of(a.dtype),
           a.dtype});
  }
  /// As the op would have kept the bits of these numbers.
  void keep(Value value, const std::vector<double>& values) {
    const std::int64_t C = network.activations(value).C, words_per_row = kept_words(C),
                       rows = static_cast<std::int64_t>(values.size()) / C;
    std::vector<std::uint32_t> words(static_cast<std::size_t>(rows * words_per_row));
    for (std::int64_t row = 0; row < rows; ++row)
      for (std::int64_t c = 0; c < C; ++c)
        if (values[static_cast<std::size_t>(row * C + c)] > 0)
          words[static_cast<std::size_t>(row * words_per_row + c / 32)] |= 1u << c % 32;
    backend->upload(words.data(), network.kept(value).data, words.size() * sizeof(std::uint32_t));
  }
  /// Evenly spread elements of tensor number k, all of a small one: about 2^18, by an odd stride.
  std::vector<double> read(Tensor arena, std::size_t k) const {
    const ParameterInfo& info = parameters.table()[k];
    std::vector<float> all(static_cast<std::size_t>(info.count()));
    parameters.download(arena, info, all);
    const std::size_t stride = (all.size() >> 18) | 1;
    std::vector<double> values;
    for (std::size_t i = 0; i < all.size(); i += stride)
      values.push_back(all[i]);
    return values;
  }
  /// What readers make of `src`, by the step's factors and offsets.
  std::vector<double> made_by_readers(Value value, const Activations& src) const {
    const NormalisedSource& lines = network.made_by_readers(value);
    std::vector<float> factor(static_cast<std::size_t>(src.C)), offset(factor.size());
    backend->download(lines.factor, factor);
    backend->download(lines.offset, offset);
    std::vector<double> values = read(src);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::size_t c = i % factor.size();
      const float y = std::fma(static_cast<float>(values[i]), factor[c], offset[c]);
      const float stored = y < 0 ? 0 : y;
      values[i] = src.dtype == DType::bf16 ? to_float(to_bfloat16(stored)) : stored;
    }
    return values;
  }
  double forward() {
    source.enqueue(*backend, state, network.input(), network.labels());
    network.clear_totals();
    network.forward();
    network.loss();
    return network.read_totals().loss_sum / batch;
  }
  void update(const Optimizer& optimizer = {.learning_rate = learning_rate}) {
    for (const NetworkOp& op : update_ops(parameters, optimizer, state))
      std::visit([&](const auto& o) { backend->run(o); }, op);
    backend->run(Advance{batch, state});
  }

  /// Of a bias that the normalisation behind it takes away again.
  bool has_no_gradient(std::size_t k) const {
    const auto& table = parameters.table();
    return table[k].role == ParameterRole::bias && k + 1 < table.size() &&
           table[k + 1].role == ParameterRole::scale;
  }

  std::unique_ptr<Backend> backend;
  Parameters parameters;
  Buffer state_buffer;
  Tensor state;
  Network network;
  tests::TableSource source;
};

/// |update| differs by at most what the gradients' difference d makes of it: the change of m and of sqrt(v)
/// each, at worst (1 - beta1) / sqrt(1 - beta2) = 3.2 times d / |g|, and rounding. Where |g| does not exceed
/// d nothing is known but |update| <= 3.2 learning_rate on both sides.
void compare_updates(const Side& reference, const Side& fast, const std::vector<std::vector<double>>& before,
                     double tolerance) {
  for (std::size_t k = 0; k < before.size(); ++k) {
    const ParameterInfo& info = reference.parameters.table()[k];
    const auto g = reference.read(reference.parameters.gradients(), k);
    if (reference.has_no_gradient(k)) continue;  // updates of rounding
    const auto d = bounds_of(g, tolerance);
    const auto expected = reference.read(reference.parameters.weights(), k);
    const auto got = fast.read(fast.parameters.weights(), k);
    std::vector<double> bounds(g.size());
    std::size_t known = 0;
    for (std::size_t i = 0; i < g.size(); ++i) {
      const bool exceeds = std::fabs(g[i]) > d[i];
      known += exceeds;
      bounds[i] = learning_rate * (exceeds ? std::min(6.4, 4 * d[i] / std::fabs(g[i]) + 16 * eps) : 6.4) +
                  eps * std::fabs(before[k][i]) + eps * learning_rate;
    }
    EXPECT_GT(known, 0u) << info.name;
    EXPECT_TRUE(tests::within(got, expected, bounds)) << "weights after the update of " << info.name;
  }
}

void compare_steps(const DeviceOptions& device, const ModelConfig& config, int steps) {
  const Model model = make_model(config);
  Side reference({"reference", 1, ""}, model), fast(device, model);
  const double tolerance = nn::tolerance(device, config);
  initialise(fast.parameters, seed);
  for (int step = 0; step < steps; ++step) {
    SCOPED_TRACE(config.name + ", step " + std::to_string(step) + ", seed " + std::to_string(seed));
    std::vector<std::vector<double>> weights;
    for (std::size_t k = 0; k < fast.parameters.table().size(); ++k)
      weights.push_back(fast.read(fast.parameters.weights(), k));
    const auto take = [&](Tensor from, Tensor to) {
      reference.parameters.upload(fast.parameters.download(from), to);
    };
    take(fast.parameters.m(), reference.parameters.m());
    take(fast.parameters.v(), reference.parameters.v());
    take(fast.parameters.working(), reference.parameters.weights());
    if (!fast.parameters.statistics_table().empty())
      take(fast.parameters.statistics(), reference.parameters.statistics());

    const double loss = reference.forward();
    EXPECT_NEAR(fast.forward(), loss, tolerance * loss);
    if (!fast.parameters.statistics_table().empty()) {
      const auto statistics = [](const Side& side) {
        const std::vector<float> all = side.parameters.download(side.parameters.statistics());
        return std::vector<double>(all.begin(), all.end());
      };
      const std::vector<double> expected = statistics(reference);
      EXPECT_TRUE(tests::within(statistics(fast), expected, bounds_of(expected, tolerance)));
    }
    const std::size_t values = model.graph.nodes().size();
    for (std::size_t i = 1; i < values; ++i) {
      const Activations& at = fast.network.activations({i});
      if (fast.network.kept({i})) {  // nothing else lies in memory; the pooled numbers are compared next
        fast.keep({i}, reference.read(reference.network.activations({i})));
      } else if (at.data) {
        const auto expected = reference.read(reference.network.activations({i}));
        EXPECT_TRUE(tests::within(fast.read(at), expected, bounds_of(expected, tolerance)))
            << "value " << i << ", " << model.graph.nodes()[i].layer->text();
        fast.write(at, expected);
      } else if (fast.network.made_by_readers({i})) {
        const Value normalisation = model.graph.nodes()[i].sources[0];
        const Value src = model.graph.nodes()[normalisation.number].sources[0];
        const auto made = fast.made_by_readers({i}, fast.network.activations(src));
        const auto expected = reference.read(reference.network.activations({i}));
        EXPECT_TRUE(tests::within(made, expected, bounds_of(expected, tolerance)))
            << "value " << i << ", " << model.graph.nodes()[i].layer->text();
        // Near zero a rounding decides what the ReLU lets through: for both sides alike.
        reference.write(reference.network.activations({i}), made);
      }
    }
    reference.network.backward();
    fast.network.backward();
    for (std::size_t i = values; --i > 0;) {
      const Activations& at = fast.network.gradients({i});
      if (!at.data) continue;
      const auto expected = reference.read(reference.network.gradients({i}));
      EXPECT_TRUE(tests::within(fast.read(at), expected, bounds_of(expected, tolerance)))
          << "gradient of value " << i << ", " << model.graph.nodes()[i].layer->text();
    }
    for (std::size_t k = 0; k < weights.size(); ++k) {
      const auto expected = reference.read(reference.parameters.gradients(), k);
      // Where all that is left is rounding, it is that of the weights' gradient.
      const auto bounds =
          reference.has_no_gradient(k)
              ? std::vector<double>(expected.size(), tolerance * 10 *
                                                         root_mean_square(reference.read(
                                                             reference.parameters.gradients(), k - 1)))
              : bounds_of(expected, tolerance);
      EXPECT_TRUE(tests::within(fast.read(fast.parameters.gradients(), k), expected, bounds))
          << "gradient of " << reference.parameters.table()[k].name;
    }
    take(fast.parameters.weights(), reference.parameters.weights());
    reference.update();
    fast.update();
    compare_updates(reference, fast, weights, tolerance);
    if (::testing::Test::HasFailure()) return;  // one step's report is enough
  }
}

/// Model, device.
class BackendsAgree : public ::testing::TestWithParam<std::tuple<const char*, DeviceOptions>> {
 protected:
  ModelConfig config() const {
    ModelConfig c;
    c.name = std::get<0>(GetParam());
    if (c.name == "resnet") c.points = 1700;
    return c;
  }
  const DeviceOptions& device() const { return std::get<1>(GetParam()); }
  /// The paper's depth, kernels, strides, lengths and classes with narrow layers: the reference takes its
  /// time.
  ModelConfig narrow() const {
    ModelConfig c = config();
    if (c.name == "mlp") {
      c.dense = {203, 150, 50, 40};
    } else {
      // Multiples of 8, for the paths that bf16 takes then.
      c.channels = device().precision == "bf16" ? std::vector<int>{16, 24, 8} : std::vector<int>{17, 12, 9};
      c.dense = {115, 58};
    }
    return c;
  }
};

/// Each device once, with the best instruction set; a precision that it lacks is the ops' tests to compare.
std::vector<DeviceOptions> devices() {
  std::map<std::string, DeviceOptions> by_name;
  for (const DeviceOptions& options : tests::devices_under_test()) {
    const DeviceOptions best{options.device, 0, "", options.precision};
    if (precision_lacks(best).empty()) by_name[options.device + options.precision] = best;
  }
  std::vector<DeviceOptions> all;
  for (const auto& [name, options] : by_name)
    all.push_back(options);
  return all;
}

std::string name_of_case(const ::testing::TestParamInfo<BackendsAgree::ParamType>& info) {
  return std::get<0>(info.param) + ("_" + tests::name_of(std::get<1>(info.param)));
}

INSTANTIATE_TEST_SUITE_P(Models, BackendsAgree,
                         ::testing::Combine(::testing::Values("scnn", "npcnn", "mlp", "resnet"),
                                            ::testing::ValuesIn(devices())),
                         name_of_case);

// 20 steps, or BRAGG_TEST_STEPS of them; fewer where one takes its time.
int steps() {
  if (const char* const count = std::getenv("BRAGG_TEST_STEPS")) return std::max(1, std::atoi(count));
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return 1;
#else
  return tests::is_emulated() ? 2 : 20;
#endif
}

TEST_P(BackendsAgree, StepByStepWithNarrowLayers) {
  compare_steps(device(), narrow(), steps());
}

class PapersModelsAgree : public BackendsAgree {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(PapersModelsAgree);  // where the device is emulated
INSTANTIATE_TEST_SUITE_P(
    Models, PapersModelsAgree,
    ::testing::Combine(::testing::Values("scnn", "npcnn", "mlp", "resnet"),
                       ::testing::ValuesIn(tests::is_emulated() ? std::vector<DeviceOptions>() : devices())),
    name_of_case);

TEST_P(PapersModelsAgree, StepByStep) {
  compare_steps(device(), config(), steps());
}

/// Whether the plan runs the first convolution with its ReLU and the pooling behind it as one op.
bool pools_at_once(const Network& network) {
  return network.activations({2}).data == nullptr;
}

// In bf16 SCNN's first layer has no output in memory, in training and in inference, which computes the same.
TEST_P(BackendsAgree, ConvolutionAndPoolAreOneOp) {
  if (config().name != "scnn") return;
  const Model model = make_model(narrow());
  Side side(device(), model);
  const bool fuses = device().precision == "bf16" && device().instruction_set.empty() &&
                     side.backend->description().find("wgmma") != std::string::npos;
  EXPECT_EQ(pools_at_once(side.network), fuses);
  EXPECT_EQ(static_cast<bool>(side.network.kept({2})), fuses);
  EXPECT_FALSE(side.network.kept({5}));
  const Network inference(*side.backend, model, side.parameters, {.N = batch});
  EXPECT_EQ(pools_at_once(inference), fuses);
  EXPECT_FALSE(inference.kept({2}));
  const auto names = [](const Network& network) {
    std::vector<std::string> what;
    for (const PlannedOp& op : network.plan())
      what.push_back(op.text());
    return what;
  };
  if (!fuses) return;
  const std::vector<std::string> what = names(side.network);
  EXPECT_EQ(
      what[0],
      "conv1: conv1d_pool_forward N 4 L_in 8500 C_in 1 C_out 16 kernel 100 stride 5 + bias, relu, dropout "
      "0.3, then avg_pool1d kernel 3 stride 2");
  EXPECT_EQ(what[1].rfind("conv2: conv1d_forward N 4 L_in 840 C_in 16", 0), 0u) << what[1];
  EXPECT_EQ(
      what[what.size() - 2],
      "avg_pool1d_backward_kept N 4 L_in 1681 C 16 kernel 3 stride 2, relu and dropout of its input by their "
      "bits");
  EXPECT_EQ(names(inference)[0],
            "conv1: conv1d_pool_forward N 4 L_in 8500 C_in 1 C_out 16 kernel 100 stride 5 + bias, relu, then "
            "avg_pool1d kernel 3 stride 2");
}

// With the papers' 80 channels the gradient of the first layer's output is not in memory either.
TEST_P(BackendsAgree, StepByStepWithAPooledGradient) {
  if (config().name != "scnn") return;
  ModelConfig papers_channels = narrow();
  papers_channels.channels[0] = 80;
  const Model model = make_model(papers_channels);
  const Side side(device(), model);
  const bool fuses = device().precision == "bf16" && device().instruction_set.empty() &&
                     side.backend->description().find("wgmma") != std::string::npos;
  const std::string last = [&] {
    std::string text;
    for (const PlannedOp& op : side.network.plan())
      if (op.phase == Phase::backward) text = op.text();
    return text;
  }();
  EXPECT_EQ(
      last.find("conv1: conv1d_pool_backward_weights N 4 L_in 8500 C_in 1 C_out 80 kernel 100 stride 5, of "
                "avg_pool1d kernel 3 stride 2") == 0,
      fuses)
      << last;
  if (fuses) compare_steps(device(), papers_channels, 1);
}

// The nine normalisations of resnet's convolutions, where the convolutions take their sums and, in a block, the second one makes what
// the first one's would have stored; in inference there are none.
TEST_P(BackendsAgree, ConvolutionsTakeTheSumsOfTheirNormalisations) {
  if (config().name != "resnet") return;
  const Model model = make_model(narrow());
  Side side(device(), model);
  const bool fuses = side.backend->has(Conv1dBatchNormForward{.problem = {.C_out = 8}});
  const bool is_gpu = side.backend->name() == "cuda", in_bf16 = device().precision == "bf16";
  EXPECT_EQ(fuses, is_gpu && (!in_bf16 || side.backend->description().find("wgmma") != std::string::npos));
  std::map<std::string, int> count;
  std::vector<std::string> taken_in;
  for (const PlannedOp& op : side.network.plan()) {
    const std::string text = op.text();
    if (text.find("conv1d_batch_norm_forward") != std::string::npos) {
      taken_in.push_back(text);
      ++count["at once"];
    } else if (text.find("batch_norm_forward") != std::string::npos) {
      ++count["alone"];
    } else if (text.find("conv1d_forward") != std::string::npos) {
      ++count["convolutions"];
    }
    count["not stored"] += text.find("relu, not stored") != std::string::npos;
    count["normalised"] += text.find("src normalised") != std::string::npos;
    count["addend normalised"] += text.find("addend normalised") != std::string::npos;
    count["relu made again"] += text.find("relu of the normalisation") != std::string::npos;
  }
  EXPECT_EQ(count["at once"], fuses ? 9 : 0);
  EXPECT_EQ(count["alone"], fuses ? 0 : 9);
  // The results of the normalisation before a block and of the first in it are nowhere: the next convolution makes them, forward and
  // for its weights, as do the sum behind the block's second, of the first of them, and the gradients of their ReLUs.
  EXPECT_EQ(count["not stored"], fuses ? 6 : 0);
  EXPECT_EQ(count["normalised"], fuses ? 12 : 0);
  EXPECT_EQ(count["addend normalised"], fuses ? 3 : 0);
  EXPECT_EQ(count["relu made again"], fuses ? 6 : 0);
  EXPECT_EQ(count["convolutions"], fuses ? 1 : 10);  // the last one has no normalisation
  if (!fuses) return;
  const int C = narrow().channels[0];
  const auto block = [&](const char* op) {
    return fmt::format("{} N 4 L_in 425 C_in {} C_out {} kernel 5 stride 1 padding 2 2", op, C, C);
  };
  EXPECT_EQ(taken_in[2], "conv3: " + block("conv1d_batch_norm_forward") +
                             ", src normalised + bias, then batch_norm + addend, relu, addend normalised");
  // Of the two normalisations of each block, and of that before it, whose result two ops read: the sum of their gradients goes in.
  std::vector<std::string> gradients;
  for (const PlannedOp& op : side.network.plan())
    if (const std::string text = op.text(); text.find("conv1d_batch_norm_backward") != std::string::npos)
      gradients.push_back(text);
  ASSERT_EQ(gradients.size(), 9u);
  EXPECT_EQ(gradients[7],
            "conv3: " + block("conv1d_batch_norm_backward") + ", relu of the normalisation, then batch_norm");
  EXPECT_EQ(gradients[8], "conv2: " + block("conv1d_batch_norm_backward") +
                              " + addend, relu of the normalisation, then batch_norm");
}

// Without dropout, which inference has none of, training and inference compute the same bits.
TEST_P(BackendsAgree, InferenceIsTrainingWithoutDropout) {
  if (config().name == "resnet") return;  // normalises by its batch in training
  ModelConfig without = narrow();
  without.conv_dropout = without.name == "mlp" ? -1 : 0;
  without.dense_dropout.assign(without.dense.size(), 0);
  const Model model = make_model(without);
  Side side(device(), model);
  initialise(side.parameters, seed);
  side.forward();
  Network inference(*side.backend, model, side.parameters, {.N = batch});
  const auto logits = [&](const Network& network) {
    std::vector<float> values(static_cast<std::size_t>(batch * network.classes()));
    side.backend->download(network.logits(), values);
    return values;
  };
  const auto draw = [&] {
    side.source.enqueue(*side.backend, side.state, inference.input(), inference.labels());
  };
  draw();
  inference.forward();
  EXPECT_EQ(logits(inference), logits(side.network));

  // Nothing is left of a batch that was no data, not even between the items.
  const Activations input = inference.input();
  const std::vector<float> no_data(static_cast<std::size_t>(input.L * input.C), NAN);
  for (std::int64_t n = 0; n < input.N; ++n)
    side.backend->upload(no_data,
                         Tensor{static_cast<std::byte*>(input.data) +
                                    static_cast<std::size_t>(n * input.item_stride) * size_of(input.dtype),
                                input.dtype});
  inference.forward();
  EXPECT_TRUE(std::isnan(logits(inference).front()));
  draw();
  inference.forward();
  EXPECT_EQ(logits(inference), logits(side.network));
}

// Where training normalises by its batch, inference is another computation: by running statistics, in the weights
// and biases of the products.
TEST_P(BackendsAgree, InferenceFoldsNormalisations) {
  const Model model = make_model(narrow());
  Side reference({"reference", 1, ""}, model), fast(device(), model);
  if (fast.parameters.statistics_table().empty()) return;
  initialise(fast.parameters, seed);
  fast.forward();  // moves the statistics
  reference.parameters.upload(fast.parameters.download(fast.parameters.weights()),
                              reference.parameters.weights());
  reference.parameters.upload(fast.parameters.download(fast.parameters.statistics()),
                              reference.parameters.statistics());
  std::vector<double> logits[2];
  for (Side* side : {&reference, &fast}) {
    Network inference(*side->backend, model, side->parameters, {.N = batch});
    EXPECT_EQ(std::count_if(inference.plan().begin(), inference.plan().end(),
                            [](const PlannedOp& op) { return std::holds_alternative<BatchNormFold>(op.op); }),
              9);
    side->source.enqueue(*side->backend, side->state, inference.input(), inference.labels());
    inference.forward();
    std::vector<float> values(static_cast<std::size_t>(batch * inference.classes()));
    side->backend->download(inference.logits(), values);
    logits[side == &fast].assign(values.begin(), values.end());
  }
  EXPECT_TRUE(
      tests::within(logits[1], logits[0], bounds_of(logits[0], nn::tolerance(device(), model.config))));
}

// What backward() updates itself is what the optimizer would have made of the gradients.
TEST_P(BackendsAgree, FusedUpdatesAreTheUnfused) {
  const Model model = make_model(narrow());
  Side apart(device(), model), fused(device(), model);
  if (!fused.backend->has(DenseBackwardWeightsAdam{})) return;
  Optimizer optimizer;  // AdamW, its rate in the warm-up and at the begin of its fall
  optimizer.learning_rate = learning_rate;
  optimizer.learning_rate.schedule = LearningRate::Schedule::cosine;
  optimizer.learning_rate.warmup_steps = 1;
  optimizer.learning_rate.end = 4;
  optimizer.weight_decay = 0.5;
  Network network(
      *fused.backend, model, fused.parameters,
      {.N = batch, .mode = Mode::training, .seed = seed, .state = fused.state, .optimizer = optimizer});
  const auto fused_updates = [](const Network& planned) {
    return std::count_if(planned.plan().begin(), planned.plan().end(), [](const PlannedOp& op) {
      return std::holds_alternative<DenseBackwardWeightsAdam>(op.op);
    });
  };
  const auto& table = fused.parameters.table();
  EXPECT_EQ(fused_updates(network), std::count_if(table.begin(), table.end(), [](const ParameterInfo& info) {
              return info.role == ParameterRole::dense_weights;
            }));
  for (Side* side : {&apart, &fused})
    initialise(side->parameters, seed);
  for (int step = 0; step < 3; ++step) {
    apart.forward();
    apart.network.backward();
    apart.update(optimizer);
    fused.source.enqueue(*fused.backend, fused.state, network.input(), network.labels());
    network.forward();
    network.loss();
    network.backward();
    network.update();
    fused.backend->run(Advance{batch, fused.state});
  }
  for (auto arena : {&Parameters::weights, &Parameters::m, &Parameters::v, &Parameters::working}) {
    const auto of = [&](const Side& side) { return side.parameters.download((side.parameters.*arena)()); };
    EXPECT_EQ(of(apart), of(fused));
  }
  // The norm has to be known first.
  optimizer.clip_norm = 1;
  const Network clipping(
      *fused.backend, model, fused.parameters,
      {.N = batch, .mode = Mode::training, .seed = seed, .state = fused.state, .optimizer = optimizer});
  EXPECT_EQ(fused_updates(clipping), 0);
}

// Each on its own: Adam turns a rounding error of a gradient near 0 into +-learning_rate, so
// only the losses are compared. Where the products' operands are rounded that happens in every step, and in
// networks that take such a step far, mlp and resnet, the losses drift apart.
TEST_P(BackendsAgree, FreeRunningLosses) {
  const Model model = make_model(narrow());
  std::vector<double> losses[2];
  for (const DeviceOptions& options : {DeviceOptions{"reference", 1, ""}, device()}) {
    Side side(options, model);
    initialise(side.parameters, seed);
    for (int step = 0; step < steps(); ++step) {
      losses[options.device != "reference"].push_back(side.forward());
      side.network.backward();
      side.update();
    }
  }
  std::vector<double> bounds(losses[0].size(), device().precision == "fp32" ? 1e-4 : 5e-3);
  const bool drifts = narrow().name == "mlp" || narrow().name == "resnet";
  for (std::size_t step = 0; drifts && device().precision != "fp32" && step < bounds.size(); ++step)
    bounds[step] *= 1 + 0.25 * static_cast<double>(step);
  EXPECT_TRUE(tests::within(losses[1], losses[0], bounds));
}

}  // namespace
}  // namespace bragg::nn
