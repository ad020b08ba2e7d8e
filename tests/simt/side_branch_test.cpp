// What a recording runs beside what follows it: when it ends, how the multiprocessors are dealt out, and that it does not matter when
// the branch runs.
#include "kernels/cuda/side_branch.h"

#include <vector>

#include <gtest/gtest.h>

#include "kernels/cuda/multiprocessors_beside.h"
#include "nn/network.h"
#include "tests/nn/table_source.h"
#include "tests/simt/machine.h"
#include "tests/simt/recording.h"
#include "tests/support/compare.h"
#include "tests/support/devices.h"

namespace bragg::tests {
namespace {

using cuda::multiprocessors_beside;

TEST(SideBranch, BothEndTogether) {
  EXPECT_EQ(multiprocessors_beside(100, 300, 132), 34);
  EXPECT_EQ(multiprocessors_beside(1, 1e6, 132), 4);
  EXPECT_EQ(multiprocessors_beside(200, 100, 132), 66);  // never more than half
  EXPECT_EQ(multiprocessors_beside(100, 49, 132), 0);    // as well one after the other
  EXPECT_EQ(multiprocessors_beside(0, 100, 132), 0);
  EXPECT_EQ(multiprocessors_beside(100, 300, 12), 0);
  for (int all = 16; all <= 132; ++all) {
    EXPECT_EQ(multiprocessors_beside(100, 300, all) % 2, 0);
    EXPECT_LE(multiprocessors_beside(100, 60, all), all / 2);
  }
}

struct Branch {
  cuda::Stream main, side;
  cuda::SideBranch branch{main, side, 132};
  std::byte memory[64];

  cuda::MemoryRange range(int begin, int end) const {
    return {memory + begin, static_cast<std::size_t>(end - begin)};
  }
  /// An op that reads bytes 0 to 15 and writes 16 to 31.
  struct Op {
    ConstTensor src;
    Tensor dst;
    template <typename Self, typename Visitor>
    static void operands(Self& op, Visitor&& visit) {
      visit(OperandInfo{Role::in, "src", NumberType::u32}, op.src, RowsExtent{1, 16});
      visit(OperandInfo{Role::out, "dst", NumberType::u32}, op.dst, RowsExtent{1, 16});
    }
  };
  bool begin(double clocks = 100) {
    return branch.begin(Op{{memory, DType::u8}, {memory + 16, DType::u8}}, clocks);
  }
};

TEST(SideBranch, EndsWhereAnOpMeetsItsMemory) {
  Branch b;
  const auto record = [&](bool planned, const cuda::MemoryRange& range, bool writes) {
    EXPECT_EQ(b.begin(), planned);
    if (double* const clocks = b.branch.clocks_beside()) *clocks += 300;
    EXPECT_EQ(b.branch.other_multiprocessors(), planned ? 98 : 132);
    const bool ended = b.branch.before(range, writes);
    const int left = b.branch.other_multiprocessors();
    EXPECT_EQ(b.branch.end(), planned && !ended);
    return std::pair(ended, left);
  };
  const std::pair ends(true, 132), goes_on(false, 98);
  record(false, b.range(32, 64), true);
  EXPECT_EQ(record(true, b.range(32, 64), true), goes_on);
  EXPECT_EQ(record(true, b.range(8, 12), false), goes_on);  // both read it
  EXPECT_EQ(record(true, b.range(8, 12), true), ends);
  EXPECT_EQ(record(true, b.range(24, 40), false), ends);
  EXPECT_EQ(record(true, b.range(0, 64), true), ends);
}

TEST(SideBranch, WhatIsNotWorthItStaysInOrder) {
  Branch b;
  b.begin();
  *b.branch.clocks_beside() += 10;
  b.branch.end();
  EXPECT_TRUE(b.branch.is_any());
  EXPECT_FALSE(b.begin());
  EXPECT_EQ(b.branch.other_multiprocessors(), 132);
  EXPECT_FALSE(b.branch.before(b.range(0, 64), true));
}

/// A network whose second dense layer is long to update where there are few multiprocessors.
nn::Model wide_model() {
  nn::ModelConfig config;
  config.name = "npcnn";
  config.classes = 5;
  config.points = 300;
  config.channels = {16, 32, 8};
  config.kernels = {20, 9, 3};
  config.strides = {2, 2, 2};
  config.dense = {512, 512};
  return nn::make_model(config);
}

/// All weights after some steps, each a launch of a recording; `beside`: works of the last one that ran beside. `fails`: before the
/// branch has ended.
std::vector<std::vector<float>> trained(const DeviceOptions& device, bool lets_others_wait,
                                        std::size_t& beside, bool fails = false) {
  simt::machine().lets_others_wait = lets_others_wait;
  constexpr std::int64_t batch = 32;
  const nn::Model model = wide_model();
  const auto backend = make_backend(device);
  nn::Parameters parameters(*backend, model, nn::Parameters::Use::training);
  nn::initialise(parameters, 3);
  const Buffer state_buffer = backend->allocate(sizeof(StepState));
  const Tensor state{state_buffer.data(), DType::u64};
  nn::Optimizer optimizer;
  optimizer.learning_rate = 1e-3;
  nn::Network network(
      *backend, model, parameters,
      {.N = batch, .mode = nn::Mode::training, .seed = 1, .state = state, .optimizer = optimizer});
  TableSource source =
      test_source(model.config.points, model.config.classes, 16, SampleRowsProblem::Order::sequential, 1);
  source.plan(*backend, batch);
  const auto step = backend->record([&] {
    source.enqueue(*backend, state, network.input(), network.labels());
    network.forward();
    network.loss();
    network.backward();
    if (fails) throw Error("a recording that fails");
    network.update();
    backend->run(Advance{batch, state});
  });
  for (int i = 0; i < 2; ++i)
    step->run();
  beside = simt::works_beside();
  simt::machine().lets_others_wait = false;
  std::vector<std::vector<float>> all;
  for (auto arena :
       {&nn::Parameters::weights, &nn::Parameters::m, &nn::Parameters::v, &nn::Parameters::working})
    all.push_back(parameters.download((parameters.*arena)()));
  return all;
}

TEST(SideBranch, ARecordingThatFailsInsideOfOneLeavesNothingBehind) {
  const FewMultiprocessors few(16);
  std::size_t beside = 0;
  EXPECT_THROW(trained({"cuda", 1, "", "bf16"}, false, beside, true), Error);
  trained({"cuda", 1, "", "bf16"}, false, beside, false);
  EXPECT_EQ(beside, 1u);
}

TEST(SideBranch, ItDoesNotMatterWhenItRuns) {
  const FewMultiprocessors few(16);
  std::size_t early_beside = 0, late_beside = 0, none_beside = 0;
  const DeviceOptions device{"cuda", 1, "", "bf16"}, in_order{"cuda", 1, "sm_90a_in_order", "bf16"};
  const auto early = trained(device, false, early_beside), late = trained(device, true, late_beside),
             none = trained(in_order, false, none_beside);
  EXPECT_EQ(early_beside, 1u);
  EXPECT_EQ(late_beside, 1u);
  EXPECT_EQ(none_beside, 0u);
  EXPECT_EQ(early, late);
  // Sums over k are cut elsewhere.
  ASSERT_EQ(early[0].size(), none[0].size());
  for (std::size_t i = 0; i < none[0].size(); ++i)
    EXPECT_NEAR(early[0][i], none[0][i], 3e-4) << i;
}

// Neither the order of ops nor the plan of memory ends the branch while there are gradients left to run beside it.
TEST(SideBranch, OfWholeNetworksGoesOnToTheUpdate) {
  for (const std::string name : {"scnn", "npcnn", "resnet"}) {
    SCOPED_TRACE(name);
    nn::ModelConfig config;
    config.name = name;
    config.classes = 230;
    if (name == "resnet") config.points = 1700;
    const nn::Model model = nn::make_model(config);
    const auto backend = make_backend({"cuda", 1, "", "bf16"});
    nn::Parameters parameters(*backend, model, nn::Parameters::Use::training);
    const Buffer state = backend->allocate(sizeof(StepState));
    const nn::Optimizer optimizer;
    const nn::Network network(*backend, model, parameters,
                              {.N = 256,
                               .mode = nn::Mode::training,
                               .seed = 1,
                               .state = {state.data(), DType::u64},
                               .optimizer = optimizer});
    const cuda::Stream main, side;
    cuda::SideBranch branch(main, side, 132);
    int updates = 0;
    std::string ended_before;
    for (const nn::PlannedOp& planned : network.plan()) {
      std::visit(
          [&]<typename O>(const O& op) {
            branch.before(op);
            if (updates > 0 && ended_before.empty() && branch.clocks_beside() == nullptr)
              ended_before = planned.text();
            if constexpr (std::is_same_v<O, DenseBackwardWeightsAdam>) {
              if (op.problem.in * op.problem.out < 2'000'000) return;
              branch.begin(op, 1);
              ++updates;
            }
          },
          planned.op);
      if (planned.phase == nn::Phase::backward) {
        EXPECT_EQ(ended_before, "");
      }
    }
    EXPECT_EQ(updates, name == "resnet" ? 1 : 2);
    EXPECT_NE(ended_before, "");
  }
}

}  // namespace
}  // namespace bragg::tests
