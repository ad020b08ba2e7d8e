// Estimates of what an op takes, from counts of instructions that are written down here.
#include "bench/kernels/estimate.h"

#include <fstream>

#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "tests/support/temporary_folder.h"

namespace bragg::bench {
namespace {

class EstimateTest : public ::testing::Test {
  tests::TemporaryFolder folder_;

 protected:
  std::string table(const std::string& content) const {
    std::string path = (folder_ / "counts.tsv").string();
    std::ofstream(path) << content;
    return path;
  }
  const InstructionCounts counts_{table(
      "# nvcc 13\ngemm_wgmma<WgmmaTile<256, 160, (Contiguous)0, (Contiguous)0, 1024>, S<1>, "
      "AsItArrives>\t1000\t6.2\n"
      "gemm_wgmma<WgmmaTile<256, 80, (Contiguous)0, (Contiguous)0, 1024>, S<1>, AsItArrives>\t500\t6.2\n"
      "gemm_wgmma_in_turns<TurnsTile<160, 1024>, S<1>, AsItArrives>\t1400\t8.8\n"
      "gemm_wgmma_in_turns<TurnsTile<160, 1024>, S<1>, Normalised>\t1400\t8.8\n"
      "gemm_wgmma_in_turns<TurnsTile<160, 1024>, S<1>, Normalised>, a stage\t700\n"
      "conv_pool<true, true>\t2000\t15.6\npools\t1000\t-\npools, a stage\t700\t-\n")};
};

// A step of 256 x 160 x 64 takes 1664 clocks for its operands; storing a tile 1000 instructions of 8 warps, 2.8 a clock.
TEST_F(EstimateTest, WholeTilesTakeTheirWaves) {
  const Estimate e =
      estimate(counts_, {.bytes = 3e6,
                         .how = "wgmma bf16, tile 256x160, 200x1 tiles of 10 steps, by 132 blocks",
                         .store = "S<1>"});
  EXPECT_NEAR(e.products, 2 * 10 * 1664 / 1.755e9, 1e-12);
  EXPECT_NEAR(e.storing, 2 * 1000 * 8 / 2.8 / 1.755e9, 1e-12);
  EXPECT_NEAR(e.memory, 1e-6, 1e-12);
  EXPECT_NEAR(e.seconds(), e.products + e.storing + e.launches, 1e-15);
}

TEST_F(EstimateTest, SharedTilesAreLeftAndJoined) {
  const Estimate e =
      estimate(counts_, {.bytes = 0,
                         .how = "wgmma bf16, tile 256x80, 2x1 tiles of 100 steps, k shared by 20 blocks",
                         .store = "S<1>"});
  EXPECT_NEAR(e.products, 10 * 1344 / 1.755e9, 1e-12);
  EXPECT_NEAR(e.storing, (2 * 1.1 * 256 * 80 * 4 / 32.0 + 2 / 132.0 * 500 * 8 / 2.8) / 1.755e9, 1e-12);
  EXPECT_GT(e.launches, estimate(counts_, {.bytes = 1}).launches);
}

// Of 200 x 1 tiles 100 pairs share B: of that each block has half from the L2 cache, 1344 clocks' worth a step. They meet twice.
TEST_F(EstimateTest, PairsReadWhatTheyShareOnce) {
  Estimated op{
      .bytes = 0,
      .how = "wgmma bf16, tile 256x160, 200x1 tiles of 10 steps, by 132 blocks, two with one B; and more",
      .store = "S<1>"};
  Estimate e = estimate(counts_, op);
  EXPECT_NEAR(e.products, 2 * 10 * 1344 / 1.755e9, 1e-12);
  EXPECT_NEAR(e.launches, 1e-6 + 500 / 1.755e9, 1e-15);
  // An odd row of tiles: three pairs of two, in ranges of 3 * 100 / 66 steps; a half of A and all of B are 1280 clocks.
  op.how = "wgmma bf16, tile 256x160, 1x5 tiles of 100 steps, k shared by 132 blocks, two with one A";
  e = estimate(counts_, op);
  EXPECT_NEAR(e.products, 5 * 1280 / 1.755e9, 1e-12);
  EXPECT_NEAR(e.storing, (2 * (1 + 3 / 66.0) * 256 * 160 * 4 / 32.0 + 5 / 132.0 * 1000 * 8 / 2.8) / 1.755e9,
              1e-12);
}

// A step of 128 x 160 x 64 takes 640 clocks, storing a tile 1400 instructions of 4 warps. Of ten tiles to a block nine are stored while
// the next one is multiplied.
TEST_F(EstimateTest, InTurnsTheLongerOfBothCounts) {
  Estimated op{.bytes = 3e6,
               .how = "wgmma bf16, tile 128x160, 330x4 tiles of 3 steps, in turns by 132 blocks; and more",
               .store = "S<1>"};
  const double b = 3 * 160 * 128 / 32.0, store = 1400 * 4 / 2.8;
  Estimate e = estimate(counts_, op);
  EXPECT_NEAR(e.products, (10 * 3 * 640 + b) / 1.755e9, 1e-12);
  EXPECT_NEAR(e.storing, 10 * store / 1.755e9, 1e-12);
  EXPECT_NEAR(e.seconds(), (3 * 640 + b + 10 * store) / 1.755e9 + e.launches, 1e-12);
  op.how = "wgmma bf16, tile 128x160, 330x4 tiles of 5 steps, in turns by 132 blocks";
  e = estimate(counts_, op);
  EXPECT_NEAR(e.seconds(), (10 * 5 * 640 + 5 * 640 + store) / 1.755e9 + e.launches, 1e-12);
}

// Three warps change a stage in 700 instructions of one that starts 0.7 a clock, on schedulers of which each stores as well.
TEST_F(EstimateTest, AnOperandThatIsChangedMayTakeLongest) {
  const Estimated op{.bytes = 0,
                     .how = "wgmma bf16, tile 128x160, 330x4 tiles of 3 steps, in turns by 132 blocks",
                     .store = "S<1>",
                     .source = "Normalised"};
  const double b = 3 * 160 * 128 / 32.0, store = 1400 * 4 / 2.8;
  EXPECT_NEAR(estimate(counts_, op).products, (10 * (3 * 700 / 0.7 + store) + b) / 1.755e9, 1e-12);
}

// What takes longest of products, 1280 clocks, what comes from the L2 cache, and 700 instructions of four warps.
TEST_F(EstimateTest, AnOperandThatIsMadeMayTakeLongest) {
  Estimated op{.bytes = 0,
               .how = "wgmma bf16, tile 256x160, 1x4 tiles of 10 steps, by 4 blocks",
               .maker = "pools",
               .rows_from_cache = 300};
  EXPECT_NEAR(estimate(counts_, op).products, 10 * 1280 / 1.755e9, 1e-12);
  EXPECT_NEAR(estimate(counts_, op).storing, 1000 * 8 / 2.8 / 1.755e9, 1e-12);
  op.rows_from_cache = 400;
  EXPECT_NEAR(estimate(counts_, op).products, 10 * 1600 / 1.755e9, 1e-12);
  op.rows_from_cache = 100;
  op.how = "wgmma bf16, tile 128x80, 1x4 tiles of 10 steps, by 4 blocks";
  EXPECT_NEAR(estimate(counts_, op).products, 10 * 1000 / 1.755e9, 1e-12);
}

TEST_F(EstimateTest, WhatHasNoProductIsBoundByMemoryOrItsOwnInstructions) {
  EXPECT_NEAR(estimate(counts_, {.bytes = 6e6}).seconds(), 3e-6, 1e-12);
  const Estimate pooled =
      estimate(counts_, {.bytes = 6e6, .results = 128 * 32 * 132e3, .kernel = "conv_pool<true, true>"});
  EXPECT_NEAR(pooled.storing, 1000 * 2000 / 2.8 / 1.755e9, 1e-9);
}

// Kernels behind the first one wait for it.
TEST_F(EstimateTest, WhatLiesBehindIsAdded) {
  const Estimate e = estimate(counts_, {.bytes = 6e6, .bytes_behind = 3e6, .kernels_behind = 2});
  EXPECT_NEAR(e.seconds(), 2e-6 + 1e-6 + 3e-6, 1e-12);
  Estimated convolution{
      .bytes = 0, .how = "wgmma bf16, tile 256x160, 2x1 tiles of 10 steps, by 2 blocks", .store = "S<1>"};
  const double alone = estimate(counts_, convolution).launches;
  convolution.how += "; weights put in order first";
  EXPECT_NEAR(estimate(counts_, convolution).launches, alone + 1e-6, 1e-15);
  const Estimated product{
      .bytes = 0,
      .how = "wgmma bf16, tile 256x160, 2x1 tiles of 10 steps, by 2 blocks; sums of what is stored",
      .store = "S<1>"};
  Estimated more = product;
  more.bytes_behind = 9e6;
  more.kernels_behind = 3;
  EXPECT_NEAR(estimate(counts_, more).seconds() - estimate(counts_, product).seconds(), 3e-6 + 3e-6, 1e-12);
}

// Of 2 blocks and 48 channels two numbers each, written and read.
TEST_F(EstimateTest, SumsOfChannelsAreWrittenAndRead) {
  Estimated op{
      .bytes = 9e6, .how = "wgmma bf16, tile 256x160, 2x1 tiles of 10 steps, by 2 blocks", .store = "S<1>"};
  const Estimate without = estimate(counts_, op);
  op.channels_with_sums = 48;
  const Estimate with = estimate(counts_, op);
  EXPECT_NEAR(with.memory - without.memory, 2 * 48 * 8 / 3e12, 1e-15);
  EXPECT_NEAR(with.behind - without.behind, 2 * 48 * 8 / 3e12, 1e-15);
}

// A step puts the weights of all ops in order at once, and adds up their gradients at once; for that it moves as many bytes.
TEST_F(EstimateTest, AStepJoinsSmallKernels) {
  const std::string how = "wgmma bf16, tile 256x160, 2x1 tiles of 10 steps, by 2 blocks";
  const auto op = [&](const std::string& beside) {
    return estimate(counts_, {.bytes = 0, .how = how + beside, .store = "S<1>"});
  };
  const double alone = op("").seconds();
  StepEstimate step;
  EXPECT_EQ(step.seconds(), 0);
  for (const char* beside : {"", "; weights put in order first (3000 KB)",
                             "; weights put in order first (6000 KB); sums of what is stored",
                             "; gradients of weights added up behind (9000 KB)"})
    step.add(op(beside));
  EXPECT_NEAR(step.seconds(), 4 * alone + 2e-6 + 6e-6, 1e-12);
}

// 132 multiprocessors: a branch of 100 us that memory limits and 40 us of work, beside three ops of 40 us of work each.
TEST_F(EstimateTest, ABranchTakesAsLongAsWhatIsBesideIt) {
  const Estimate update{.products = 10e-6, .storing = 30e-6, .memory = 100e-6, .launches = 1e-6},
      gradient{.products = 40e-6, .storing = 0, .memory = 5e-6, .launches = 1e-6};
  StepEstimate step;
  step.add_beside({&update, 1}, std::vector(3, gradient));
  EXPECT_EQ(step.branch_multiprocessors(), 34);
  EXPECT_NEAR(step.seconds(), 120e-6 * 132 / 98 + 3e-6, 1e-12);
  // Both go through the same memory.
  Estimate more = gradient;
  more.memory = 30e-6;
  StepEstimate limited;
  limited.add_beside({&update, 1}, std::vector(3, more));
  EXPECT_NEAR(limited.seconds(), 190e-6, 1e-12);
  // Too little is beside it.
  StepEstimate apart;
  Estimate little = gradient;
  little.products = 5e-6;
  apart.add_beside({&update, 1}, {&little, 1});
  EXPECT_EQ(apart.branch_multiprocessors(), 0);
  EXPECT_NEAR(apart.seconds(), 101e-6 + 6e-6, 1e-12);
}

TEST_F(EstimateTest, WhatIsNotKnownIsSaid) {
  EXPECT_THROW(estimate(counts_, {.how = "mma.sync bf16, tile 128x80, 1x1 tiles"}), Error);
  EXPECT_THROW(estimate(counts_, {.how = "wgmma bf16, tile 128x80, 1x1 tiles of 1 steps, by 1 blocks",
                                  .store = "S<1>"}),
               Error);
  EXPECT_THROW(InstructionCounts("/nowhere/counts.tsv"), Error);
  EXPECT_THROW(InstructionCounts(table("# nothing\n")), Error);
}

}  // namespace
}  // namespace bragg::bench
