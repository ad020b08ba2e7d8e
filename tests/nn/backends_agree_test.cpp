// Whole models: the cpu backend against the double-precision reference, step by step from the same state.
//
// At the start of every step the cpu's weights and moments, rounded to fp32, are copied to both sides. The
// forward passes run and are compared layer by layer; then the cpu takes the reference's activations
// (rounded), so that no ReLU decides otherwise for an activation at 0, and the backward passes are compared;
// then the updates.
//
// Bounds. All inputs of a step are the same fp32 numbers, so what differs is rounding: a sum of K products in
// fp32 is off by about eps sqrt(K) times the size of its terms, while the sum itself, of terms with both
// signs, is about sqrt(K) times their size: relative to the root mean square of a tensor every layer adds
// some eps, and tails of the distribution (10^5 elements: 5 sigma) and terms that are all positive add a
// factor. The bound is 200 eps (2.4e-5) of the tensor's root mean square, plus the same of the element
// itself. One wrong element of a window or of a halo is off by 1e-2 of it.
#include <cmath>

#include <gtest/gtest.h>

#include "nn/network.h"
#include "tests/nn/table_source.h"
#include "tests/support/compare.h"

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

std::vector<double> bounds_of(const std::vector<double>& expected) {
  const double size = root_mean_square(expected);
  std::vector<double> bounds(expected.size());
  for (std::size_t i = 0; i < bounds.size(); ++i)
    bounds[i] = 200 * eps * (size + std::fabs(expected[i]));
  return bounds;
}

/// A model with its state on one backend.
struct Side {
  Side(const char* device, const Model& model)
      : backend(make_backend({device, 0, ""})),
        parameters(*backend, model, Parameters::Use::training),
        state_buffer(backend->allocate(sizeof(StepState))),
        state{state_buffer.data(), DType::u64},
        network(*backend, model, parameters, batch, Network::Mode::training, seed, state),
        source(tests::test_source(model.config.points, model.config.classes, 8,
                                  DrawRowsProblem::Order::sequential, seed)) {
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
  /// Evenly spread elements of a tensor, all of a small one: about 2^18, by an odd stride.
  std::vector<double> read(Tensor arena, const ParameterInfo& info) const {
    std::vector<float> all(static_cast<std::size_t>(info.count()));
    backend->download(parameters.piece(arena, info), all);
    const std::size_t stride = (all.size() >> 18) | 1;
    std::vector<double> values;
    for (std::size_t i = 0; i < all.size(); i += stride)
      values.push_back(all[i]);
    return values;
  }
  double forward() {
    source.enqueue(*backend, state, network.input(), network.labels());
    network.clear_totals();
    network.forward();
    network.loss();
    return network.read_totals().loss_sum / batch;
  }
  void update() {
    backend->adam({parameters.arena_count(), learning_rate}, parameters.weights(), parameters.gradients(),
                  parameters.m(), parameters.v(), state);
    backend->advance(state, batch);
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
void compare_updates(const Side& reference, const Side& cpu, const std::vector<std::vector<double>>& before) {
  for (std::size_t k = 0; k < before.size(); ++k) {
    const ParameterInfo& info = reference.parameters.table()[k];
    const auto g = reference.read(reference.parameters.gradients(), info);
    const auto d = bounds_of(g);
    const auto expected = reference.read(reference.parameters.weights(), info);
    const auto got = cpu.read(cpu.parameters.weights(), info);
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

void compare_steps(const ModelConfig& config, int steps) {
  const Model model = make_model(config);
  Side reference("reference", model), cpu("cpu", model);
  initialise(cpu.parameters, seed);
  for (int step = 0; step < steps; ++step) {
    SCOPED_TRACE(config.name + ", step " + std::to_string(step) + ", seed " + std::to_string(seed));
    std::vector<std::vector<double>> weights;
    for (const ParameterInfo& info : cpu.parameters.table())
      weights.push_back(cpu.read(cpu.parameters.weights(), info));
    for (auto arena : {&Parameters::weights, &Parameters::m, &Parameters::v})
      reference.parameters.upload(cpu.parameters.download((cpu.parameters.*arena)()),
                                  (reference.parameters.*arena)());

    const double loss = reference.forward();
    EXPECT_NEAR(cpu.forward(), loss, 200 * eps * loss);
    for (std::size_t i = 1; i <= model.layers.size(); ++i) {
      const auto expected = reference.read(reference.network.activations(i));
      EXPECT_TRUE(tests::within(cpu.read(cpu.network.activations(i)), expected, bounds_of(expected)))
          << "activations of layer " << i;
      cpu.write(cpu.network.activations(i), expected);
    }
    reference.network.backward();
    cpu.network.backward();
    for (std::size_t i = model.layers.size(); i > 0; --i) {
      const auto expected = reference.read(reference.network.gradients(i));
      EXPECT_TRUE(tests::within(cpu.read(cpu.network.gradients(i)), expected, bounds_of(expected)))
          << "gradient of the output of layer " << i;
    }
    for (const ParameterInfo& info : reference.parameters.table()) {
      const auto expected = reference.read(reference.parameters.gradients(), info);
      EXPECT_TRUE(tests::within(cpu.read(cpu.parameters.gradients(), info), expected, bounds_of(expected)))
          << "gradient of " << info.name;
    }
    reference.update();
    cpu.update();
    compare_updates(reference, cpu, weights);
    if (::testing::Test::HasFailure()) return;  // one step's report is enough
  }
}

class BackendsAgree : public ::testing::TestWithParam<const char*> {
 protected:
  ModelConfig config() const {
    ModelConfig c;
    c.name = GetParam();
    return c;
  }
  /// The paper's depth, kernels, strides, lengths and classes with narrow layers: the reference takes its
  /// time.
  ModelConfig narrow() const {
    ModelConfig c = config();
    if (c.name == "mlp") {
      c.dense = {203, 150, 50, 40};
    } else {
      c.channels = {17, 12, 9};
      c.dense = {115, 58};
    }
    return c;
  }
};
INSTANTIATE_TEST_SUITE_P(Models, BackendsAgree, ::testing::Values("scnn", "npcnn", "mlp"));

TEST_P(BackendsAgree, TwentyStepsOfNarrowModels) {
  compare_steps(narrow(), 20);
}

TEST_P(BackendsAgree, TwentyStepsOfThePapersModels) {
  compare_steps(config(), 20);
}

// Each on its own for 20 steps: Adam turns a rounding error of a gradient near 0 into +-learning_rate, so
// only the losses are compared.
TEST_P(BackendsAgree, FreeRunningLosses) {
  const Model model = make_model(narrow());
  std::vector<double> losses[2];
  for (const char* device : {"reference", "cpu"}) {
    Side side(device, model);
    initialise(side.parameters, seed);
    for (int step = 0; step < 20; ++step) {
      losses[device == std::string("cpu")].push_back(side.forward());
      side.network.backward();
      side.update();
    }
  }
  EXPECT_TRUE(tests::within(losses[1], losses[0], 1e-4));
}

}  // namespace
}  // namespace bragg::nn
