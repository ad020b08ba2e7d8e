// Free-running backends against losses that PyTorch computed in float64 (make_loss_list.py made the list).
#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>
#include <tuple>

#include <gtest/gtest.h>

#include "kernels/ops/rows.h"
#include "nn/network.h"
#include "tests/nn/table_source.h"
#include "tests/support/compare.h"
#include "tests/support/devices.h"
#include "tests/support/shared_data.h"

namespace bragg::nn {
namespace {

constexpr std::uint32_t seed = 2023;
constexpr std::int64_t batch = 4;

/// loss_list.tsv: by PyTorch in float64 and in float32.
struct Losses {
  std::vector<double> f64, f32;
};

Losses read_list(const std::string& wanted) {
  std::ifstream in(tests::project_file("tests/nn/loss_list.tsv"));
  Losses losses;
  std::string line;
  while (std::getline(in, line)) {
    std::istringstream fields(line);
    std::string model;
    std::size_t step = 0;
    double f64 = 0, f32 = 0;
    if (!(fields >> model) || model != wanted) continue;
    fields >> step >> f64 >> f32;
    EXPECT_TRUE(fields) << line;
    EXPECT_EQ(losses.f64.size(), step);
    losses.f64.push_back(f64);
    losses.f32.push_back(f32);
  }
  return losses;
}

/// As make_loss_list.py has them: the last space group of every system but the last.
Head crystal_systems() {
  Head head{"crystal_system", 7, 0.5, {}};
  for (std::int32_t label = 0; label < 230; ++label) {
    constexpr std::int32_t last[] = {2, 15, 74, 142, 167, 194};
    head.class_of.push_back(static_cast<std::int32_t>(std::count_if(
        std::begin(last), std::end(last), [&](std::int32_t number) { return label >= number; })));
  }
  return head;
}

std::vector<double> free_running_losses(const std::string& name, const std::string& device,
                                        std::size_t steps) {
  ModelConfig config;
  config.name = name;
  if (name == "resnet") {
    config.points = 1700;
    config.more_heads = {crystal_systems()};
  }
  config.dense_dropout = std::vector<double>(name == "mlp" ? 4 : 2, 0);
  if (name != "mlp") config.conv_dropout = 0;
  const auto backend = make_backend({device, 0, ""});
  const Model model = make_model(config);
  Parameters parameters(*backend, model, Parameters::Use::training);
  initialise(parameters, seed);
  const Buffer state_buffer = backend->allocate(sizeof(StepState));
  const Tensor state{state_buffer.data(), DType::u64};
  Network network(*backend, model, parameters,
                  {.N = batch,
                   .mode = Mode::training,
                   .seed = seed,
                   .state = state,
                   .optimizer = Optimizer{.learning_rate = 1e-4}});
  auto source = tests::test_source(config.points, 230, 8, SampleRowsProblem::Order::sequential, seed);
  source.plan(*backend, batch);

  std::vector<double> losses;
  while (losses.size() < steps) {
    source.enqueue(*backend, state, network.input(), network.labels());
    network.clear_totals();
    network.forward();
    network.loss();
    network.backward();
    network.update();
    backend->run(Advance{batch, state});
    double loss = 0;
    for (std::size_t head = 0; head < network.heads(); ++head)
      loss +=
          model.graph.heads()[head].weight * network.read_totals(head).loss_sum / static_cast<double>(batch);
    losses.push_back(loss);
  }
  return losses;
}

class LossList : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Models, LossList, ::testing::Values("scnn", "npcnn", "mlp", "resnet"));

// Both sides in double: only the order of sums differs, 1e-12 of a loss of 5 and little more after some
// steps. Eight steps, because the reference takes its time.
TEST_P(LossList, ReferenceIsPyTorchInDouble) {
  const auto expected = read_list(GetParam()).f64;
  ASSERT_EQ(expected.size(), 20u);
  EXPECT_TRUE(
      tests::within(free_running_losses(GetParam(), "reference", 6), std::span(expected).first(6), 1e-10));
}

/// cpu, and cuda where there is a device.
std::vector<std::string> fast_devices() {
  std::vector<std::string> devices{"cpu"};
  for (const DeviceOptions& options : tests::devices_under_test())
    if (options.device != devices.back()) devices.push_back(options.device);
  return devices;
}

class FastLossList : public ::testing::TestWithParam<std::tuple<const char*, std::string>> {};
INSTANTIATE_TEST_SUITE_P(Models, FastLossList,
                         ::testing::Combine(::testing::Values("scnn", "npcnn", "mlp", "resnet"),
                                            ::testing::ValuesIn(fast_devices())),
                         [](const auto& tested) {
                           return std::string(std::get<0>(tested.param)) + "_" + std::get<1>(tested.param);
                         });

// In fp32 a run parts from the one in double suddenly: Adam turns the rounding error of a gradient near 0
// into a step of up to learning_rate either way, and a ReLU decides otherwise. When that happens depends on
// the order of every sum, so on the instruction set too. PyTorch's own float32 runs show how far it leads:
// the bound of a step is ten times what the worst of the paper's models (and itself) had parted by then, and 2e-6 (2^-23 of
// the loss times a few).
TEST_P(FastLossList, StaysAsCloseAsFp32Does) {
  const auto& [model, device] = GetParam();
  std::vector<double> bounds(20, 0);
  std::vector<std::string> models{"scnn", "npcnn", "mlp"};
  if (std::string(model) == "resnet") models.push_back(model);
  for (const std::string& name : models) {
    const Losses list = read_list(name);
    ASSERT_EQ(list.f64.size(), bounds.size());
    double parted = 0;
    for (std::size_t i = 0; i < bounds.size(); ++i) {
      parted = std::max(parted, std::fabs(list.f32[i] - list.f64[i]));
      bounds[i] = std::max(bounds[i], 2e-6 + 10 * parted);
    }
  }
  EXPECT_LT(bounds.back(), 0.1);  // the list itself must mean something
  EXPECT_TRUE(tests::within(free_running_losses(model, device, 20), read_list(model).f64, bounds));
}

}  // namespace
}  // namespace bragg::nn
