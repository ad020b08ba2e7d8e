// The floors that shares are of: those of the chip that ran, or none.
#include "bench/kernels/floor.h"

#include <gtest/gtest.h>

namespace bragg::tests {
namespace {

TEST(Floor, IsThatOfTheChip) {
  const std::string h100 = "NVIDIA H100 80GB HBM3, sm_90, 132 multiprocessors, 79.1 GiB, bf16 by wgmma",
                    h200 = "NVIDIA H200, sm_90, 132 multiprocessors, 139.8 GiB, bf16 by wgmma";
  EXPECT_DOUBLE_EQ(*bench::floor_seconds(h100, "bf16", 800e12, 0), 1);
  EXPECT_DOUBLE_EQ(*bench::floor_seconds(h200, "bf16", 800e12, 0), 1);
  // What memory limits is quicker on an H200.
  EXPECT_DOUBLE_EQ(*bench::floor_seconds(h100, "bf16", 1e12, 6e12), 2);
  EXPECT_DOUBLE_EQ(*bench::floor_seconds(h200, "bf16", 1e12, 8.6e12), 2);
}

TEST(Floor, IsNotKnownOfOtherChipsAndPrecisions) {
  EXPECT_FALSE(bench::floor_seconds("NVIDIA H100 80GB HBM3, sm_90", "fp32", 1, 1));
  EXPECT_FALSE(bench::floor_seconds("NVIDIA H100 PCIe, sm_90", "bf16", 1, 1));
  EXPECT_FALSE(bench::floor_seconds("NVIDIA H200 NVL, sm_90", "bf16", 1, 1));
  EXPECT_FALSE(bench::floor_seconds("cpu, x86-64-v4", "bf16", 1, 1));
}

}  // namespace
}  // namespace bragg::tests
