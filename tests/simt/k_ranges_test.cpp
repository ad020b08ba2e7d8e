// How wgmma's work is cut: every step of k of every tile once, a range leaves at most two pieces, and the choices for layers of the papers' models.
#include "kernels/cuda/gemm/k_ranges.cuh"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/cuda/gemm/channel_sums.h"
#include "kernels/cuda/gemm/gemm_config.h"

namespace bragg::tests {
namespace {

struct Cut {
  std::int32_t tiles, steps, ranges;
  bool even;
};

class KRanges : public ::testing::TestWithParam<Cut> {};
INSTANTIATE_TEST_SUITE_P(Cuts, KRanges,
                         ::testing::Values(Cut{1, 1, 1, true}, Cut{1, 97, 13, true}, Cut{7, 5, 3, true},
                                           Cut{3, 100, 132, true}, Cut{84, 69, 132, true},
                                           Cut{133, 4, 132, true}, Cut{133, 4, 132, false},
                                           Cut{5, 1, 5, false}));

TEST_P(KRanges, EveryStepOnce) {
  const auto [tiles, steps, ranges, even] = GetParam();
  const cuda::KRanges k{tiles, steps, ranges, even, nullptr, 0};
  std::vector<int> times(static_cast<std::size_t>(tiles) * steps);
  for (std::int32_t range = 0; range < ranges; ++range) {
    bool is_first = true;
    for (cuda::Work work(k, range); work.next(); is_first = false) {
      ASSERT_LT(work.first, work.last);
      for (std::int32_t step = work.first; step < work.last; ++step)
        ++times[static_cast<std::size_t>(work.tile) * steps + step];
      // A piece that another range's joins: of a tile that this one begins, its last, of another its first.
      if (work.first > 0) {
        EXPECT_TRUE(is_first);
      } else if (work.last < steps) {
        EXPECT_EQ(k.begin(range + 1), work.tile * steps + work.last);
      }
    }
  }
  EXPECT_EQ(times, std::vector<int>(times.size(), 1));
}

/// On an H100.
std::string choice(std::int64_t M, std::int64_t N, std::int64_t K, const cuda::WgmmaLimits& limits = {}) {
  return describe(cuda::choose_wgmma_config(M, N, K, 132, limits), M, N, K);
}

TEST(WgmmaConfig, SharesKWhereTilesAreFew) {
  // SCNN's second convolution with two outputs to a row, forward and backward weights; NPCNN's first dense
  // layer forward; the same backward weights: more tiles than blocks, four steps each.
  EXPECT_EQ(choice(21760, 160, 4400),
            "wgmma bf16, tile 256x160, 85x1 tiles of 69 steps, k shared by 132 blocks, two with one B");
  EXPECT_EQ(choice(4400, 160, 21760),
            "wgmma bf16, tile 256x160, 18x1 tiles of 340 steps, k shared by 132 blocks, two with one B");
  EXPECT_EQ(choice(256, 2300, 12160),
            "wgmma bf16, tile 256x128, 1x18 tiles of 190 steps, k shared by 132 blocks, two with one A");
  EXPECT_EQ(choice(256, 2300, 12160, {.pairs = false}),
            "wgmma bf16, tile 256x160, 1x15 tiles of 190 steps, k shared by 132 blocks");
  EXPECT_EQ(cuda::choose_wgmma_config(12160, 2300, 256, 132, {.tallest = 128}).tile_m, 128);
  EXPECT_FALSE(cuda::choose_wgmma_config(12160, 2300, 256, 132, {.tallest = 128}).even);
  EXPECT_EQ(choice(1, 1, 1), "wgmma bf16, tile 128x80, 1x1 tiles of 1 steps, by 1 blocks");
}

// A block of a pair has the rows of one operand, and half of the other's, from the L2 cache.
TEST(WgmmaConfig, PairsWhereThatCacheIsWhatLimits) {
  EXPECT_EQ(cuda::rows_from_cache(256, 160, cuda::Pairs::none), 416);
  EXPECT_EQ(cuda::rows_from_cache(256, 160, cuda::Pairs::share_b), 336);
  EXPECT_EQ(cuda::rows_from_cache(256, 160, cuda::Pairs::share_a), 288);
  EXPECT_EQ(cuda::rows_from_cache(256, 136, cuda::Pairs::share_b), 256 + 72);
  // All blocks have a partner; one tile has none.
  EXPECT_EQ(cuda::choose_wgmma_config(43259, 160, 4400, 132).blocks, 132);
  EXPECT_EQ(cuda::choose_wgmma_config(43259, 160, 4400, 131).blocks % 2, 0);
  EXPECT_EQ(cuda::choose_wgmma_config(43259, 160, 4400, 1).pairs, cuda::Pairs::none);
  EXPECT_EQ(cuda::choose_wgmma_config(128, 80, 100000, 132).pairs, cuda::Pairs::none);
}

// A small dense layer: 28 tiles of 32 columns share what 12 of 80 would store.
TEST(WgmmaConfig, NarrowTilesForFewResults) {
  EXPECT_EQ(choice(800, 230, 256, {.tallest = 128, .narrowest = 32, .pairs = false}),
            "wgmma bf16, tile 128x32, 7x8 tiles of 4 steps, by 56 blocks");
  EXPECT_EQ(choice(800, 230, 256, {.tallest = 128, .pairs = false}),
            "wgmma bf16, tile 128x80, 7x3 tiles of 4 steps, by 21 blocks");
}

TEST(WgmmaConfig, TakesTurnsWhereKIsShort) {
  const cuda::WgmmaLimits turns{.in_turns = true};
  // NPCNN's first convolution with eight outputs to a row, and resnet's of its first and last stages at batch 1,024.
  EXPECT_EQ(choice(54781, 640, 135, turns),
            "wgmma bf16, tile 128x160, 428x4 tiles of 3 steps, in turns by 132 blocks");
  EXPECT_EQ(choice(147454, 144, 336, turns),
            "wgmma bf16, tile 128x160, 1152x1 tiles of 6 steps, in turns by 132 blocks");
  EXPECT_EQ(choice(112636, 96, 480, turns),
            "wgmma bf16, tile 128x128, 880x1 tiles of 8 steps, in turns by 132 blocks");
  EXPECT_FALSE(cuda::choose_wgmma_config(54781, 640, 135, 132).in_turns);
  // SCNN's second convolution backward: of tiles of 80 columns A comes in five times; storing without a random draw is short.
  EXPECT_FALSE(
      cuda::choose_wgmma_config(43518, 400, 800, 132, {.with_136_columns = true, .in_turns = true}).in_turns);
  // B does not fit, or no block has a second tile.
  EXPECT_FALSE(cuda::choose_wgmma_config(43259, 160, 4400, 132, turns).in_turns);
  EXPECT_FALSE(cuda::choose_wgmma_config(128 * 132, 80, 192, 132, turns).in_turns);
}

TEST(WgmmaConfig, StagesInTurnsFillSharedMemory) {
  constexpr std::size_t a_bytes = 128 * 64 * 2;
  for (const int store_bytes : {8 << 10, 34 << 10})
    for (const int n : {80, 128, 160})
      for (std::int64_t steps = 1; steps < 20; ++steps) {
        const auto stages = static_cast<std::size_t>(cuda::stages_in_turns(n, steps, store_bytes));
        const auto bytes = [&](std::size_t of) {
          return of * a_bytes + static_cast<std::size_t>(steps) * static_cast<std::size_t>(n) * 128 +
                 cuda::barrier_bytes_in_turns + static_cast<std::size_t>(store_bytes);
        };
        if (stages > 0) {
          EXPECT_LE(bytes(stages), cuda::wgmma_shared_memory) << n << ", " << steps;
        }
        if (stages < 8) {
          EXPECT_GT(bytes(stages + 1), cuda::wgmma_shared_memory) << n << ", " << steps;
        }
      }
  EXPECT_GT(cuda::stages_in_turns(160, 8, 8 << 10), 2);
  EXPECT_EQ(cuda::stages_in_turns(80, cuda::most_steps_in_turns + 1, 8 << 10), 0);
}

}  // namespace
}  // namespace bragg::tests
