// Many results in order, and no more of them in memory than is allowed.
#include "apps/evaluation/in_order.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

namespace bragg::apps {
namespace {

struct Most {
  std::vector<std::int64_t> taken;
  std::int64_t made = 0, waiting = 0;
};

/// Results of `bytes` each: which were taken, how many were made, and how many waited at most.
Most run(std::int64_t count, int threads, std::size_t bytes, std::size_t budget) {
  Most most;
  std::atomic<std::int64_t> made = 0, taken = 0, highest = 0;
  in_order<std::int64_t>(
      count, threads,
      [&](std::int64_t i) {
        const std::int64_t waiting = ++made - taken;
        for (std::int64_t seen = highest; waiting > seen && !highest.compare_exchange_weak(seen, waiting);) {
        }
        return i;
      },
      [&](const std::int64_t&) { return bytes; },
      [&](std::int64_t i) {
        most.taken.push_back(i);
        ++taken;
      },
      budget);
  most.made = made;
  most.waiting = highest;
  return most;
}

TEST(InOrder, HoldsNoMoreThanTheBudgetAndOneAThread) {
  for (const int threads : {1, 2, 4}) {
    const Most most = run(300, threads, 100, 1000);
    ASSERT_EQ(most.taken.size(), 300u);
    for (std::int64_t i = 0; i < 300; ++i)
      EXPECT_EQ(most.taken[static_cast<std::size_t>(i)], i);
    EXPECT_EQ(most.made, 300) << "none is made twice";
    EXPECT_LE(most.waiting, 10 + threads);
  }
}

TEST(InOrder, GoesOnWhereOneResultExceedsTheBudget) {
  const Most most = run(70, 2, 5000, 1000);
  EXPECT_EQ(most.taken.size(), 70u);
  EXPECT_LE(most.waiting, 3);
  EXPECT_TRUE(run(0, 2, 1, 1).taken.empty());
  EXPECT_EQ(run(1, 2, 1, 0).taken.size(), 1u);
}

}  // namespace
}  // namespace bragg::apps
