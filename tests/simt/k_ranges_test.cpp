// How wgmma's work is cut: every step of k of every tile once, whoever has a tile's first step gathers the
// rest, and the choices for layers of the papers' models.
#include "kernels/cuda/gemm/k_ranges.cuh"

#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>

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
  const cuda::KRanges k{tiles, steps, ranges, even, nullptr, nullptr, 0};
  std::vector<int> times(static_cast<std::size_t>(tiles) * steps);
  for (std::int32_t range = 0; range < ranges; ++range) {
    bool is_first = true;
    for (cuda::Work work(k, range); work.next(); is_first = false) {
      ASSERT_LT(work.first, work.last);
      for (std::int32_t step = work.first; step < work.last; ++step)
        ++times[static_cast<std::size_t>(work.tile) * steps + step];
      // What is handed over is a range's first piece: nobody waits for a block that waits.
      if (work.first > 0) {
        EXPECT_TRUE(is_first);
      }
      if (work.first > 0 || work.last == steps) continue;
      std::int32_t done = work.last, behind = range;
      while (done < steps) {
        ++behind;
        done += static_cast<std::int32_t>(k.begin(behind + 1) - k.begin(behind));
      }
      EXPECT_LT(behind, ranges);
    }
  }
  EXPECT_EQ(times, std::vector<int>(times.size(), 1));
}

TEST(KRanges, WaitingForARangeThatNeverComesIsReported) {
  unsigned flag = 8;
  const auto wait = [&] {
    simt::run({1}, {32}, 0, [&] { cuda::k_ranges::wait(&flag, 8, threadIdx.x == 0); });
  };
  EXPECT_NO_THROW(wait());
  flag = 7;
  EXPECT_THROW(wait(), std::runtime_error);
}

TEST(WgmmaConfig, SharesKWhereTilesAreFew) {
  const auto choice = [](std::int64_t M, std::int64_t N, std::int64_t K) {
    return describe(cuda::choose_wgmma_config(M, N, K, 132), M, N);
  };
  // SCNN's second convolution with two outputs to a row, forward and backward weights; NPCNN's first dense
  // layer forward; the same backward weights: more tiles than blocks, four steps each.
  EXPECT_EQ(choice(21760, 160, 4400), "wgmma bf16, tile 256x160, 85x1 tiles, k shared by 132 blocks");
  EXPECT_EQ(choice(4400, 160, 21760), "wgmma bf16, tile 256x160, 18x1 tiles, k shared by 132 blocks");
  EXPECT_EQ(choice(256, 2300, 12160), "wgmma bf16, tile 256x160, 1x15 tiles, k shared by 132 blocks");
  EXPECT_EQ(cuda::choose_wgmma_config(12160, 2300, 256, 132, 128).tile_m, 128);
  EXPECT_FALSE(cuda::choose_wgmma_config(12160, 2300, 256, 132, 128).even);
  EXPECT_EQ(choice(1, 1, 1), "wgmma bf16, tile 128x80, 1x1 tiles, by 1 blocks");
}

}  // namespace
}  // namespace bragg::tests
