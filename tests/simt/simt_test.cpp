// The emulation itself: what it shares, where it waits, what it reports.
#include <algorithm>
#include <cstdlib>
#include <stdexcept>
#include <vector>

#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include "kernels/cuda/device/division.cuh"
#include "kernels/cuda/device/quad.cuh"

namespace bragg::tests {
namespace {

TEST(Simt, EveryThreadOfEveryBlockRunsOnce) {
  std::vector<int> runs(2 * 3 * 2 * 33 * 2);
  simt::run({2, 3, 2}, {33, 2}, 0, [&] {
    const unsigned block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
    ++runs.at((block * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x);
  });
  EXPECT_EQ(runs, std::vector<int>(runs.size(), 1));
}

TEST(Simt, BarrierLetsEveryoneSeeWhatWasWrittenBefore) {
  constexpr unsigned threads = 100;
  std::vector<unsigned> got(threads);
  simt::run({1}, {threads}, threads * sizeof(unsigned), [&] {
    auto* shared = reinterpret_cast<unsigned*>(simt::shared_memory());
    for (unsigned round = 0; round < 5; ++round) {
      shared[threadIdx.x] = threadIdx.x + round;
      __syncthreads();
      got[threadIdx.x] += shared[(threadIdx.x + 7 * round) % threads];
      __syncthreads();
    }
  });
  for (unsigned i = 0; i < threads; ++i) {
    unsigned expected = 0;
    for (unsigned round = 0; round < 5; ++round)
      expected += (i + 7 * round) % threads + round;
    EXPECT_EQ(got[i], expected);
  }
}

// Each block of a cluster writes to the other's memory, and reads what the other has written.
TEST(Simt, BlocksOfAClusterSeeEachOthersMemory) {
  constexpr unsigned threads = 40, blocks = 6;
  std::vector<unsigned> got(threads * blocks);
  simt::run(
      {blocks}, {threads}, threads * sizeof(unsigned),
      [&] {
        auto* const mine = reinterpret_cast<unsigned*>(simt::shared_memory());
        simt::cluster_barrier();
        const unsigned other = 1 - blockIdx.x % 2;
        *reinterpret_cast<unsigned*>(simt::in_block(mine + threadIdx.x, other)) =
            100 * blockIdx.x + threadIdx.x;
        __syncthreads();  // of this block alone
        simt::cluster_barrier();
        got[blockIdx.x * threads + threadIdx.x] = mine[threadIdx.x];
      },
      2);
  for (unsigned block = 0; block < blocks; ++block)
    for (unsigned i = 0; i < threads; ++i)
      EXPECT_EQ(got[block * threads + i], 100 * (block ^ 1) + i);
}

TEST(Simt, ABlockThatHasEndedCannotBeWrittenTo) {
  const auto run = [](bool second_ends) {
    simt::run(
        {2}, {32}, 64,
        [=] {
          if (blockIdx.x == 1 && second_ends) return;
          for (int i = 0; i < 3; ++i)
            __syncthreads();
          simt::in_block(simt::shared_memory(), 1 - blockIdx.x % 2);
          simt::cluster_barrier();
        },
        2);
  };
  run(false);
  EXPECT_DEATH(run(true), "block 1 has ended");
}

TEST(Simt, AVoteIsOfAllThreadsAndOfItsOwnBarrier) {
  constexpr unsigned threads = 100, rounds = 9;
  std::vector<unsigned> agreed(threads);
  simt::run({2}, {threads}, 0, [&] {
    for (unsigned round = 0; round < rounds; ++round) {
      // In every third round all are for it, else all but one, which is another each time.
      const bool mine = round % 3 == 0 || threadIdx.x != (round * 17 + 3) % threads;
      if (__syncthreads_and(mine)) agreed[threadIdx.x] += 1u << round;
    }
  });
  // Of two blocks.
  EXPECT_EQ(agreed, std::vector<unsigned>(threads, 2 * 0b001001001u));
}

// Turns a row round through shared memory; without its barrier as good a mutant as any.
template <bool has_barrier>
void reverse(const int* src, int* dst) {
  auto* shared = reinterpret_cast<int*>(simt::shared_memory());
  shared[threadIdx.x] = src[threadIdx.x];
  if (has_barrier) __syncthreads();
  dst[threadIdx.x] = shared[blockDim.x - 1 - threadIdx.x];
}

template <bool has_barrier>
bool reverses() {
  std::vector<int> src(64), dst(64);
  for (int i = 0; i < 64; ++i)
    src[i] = i;
  simt::run({1}, {64}, 64 * sizeof(int), [&] { reverse<has_barrier>(src.data(), dst.data()); });
  return std::equal(src.begin(), src.end(), dst.rbegin());
}

TEST(Simt, AMissingBarrierIsReported) {
  EXPECT_TRUE(reverses<true>());
#if !defined(__SANITIZE_THREAD__)
  EXPECT_FALSE(reverses<false>());  // the first threads read what the last have not written yet
#else
  // As a race, whatever the order that the threads happened to run in.
  const auto run_mutant = [] {
    reverses<false>();
    std::exit(0);
  };
  EXPECT_EXIT(run_mutant(), ::testing::ExitedWithCode(66), "data race");
#endif
}

TEST(Simt, ShufflesAndVotes) {
  std::vector<float> sums(64);
  std::vector<int> votes(64);
  simt::run({1}, {64}, 0, [&] {
    float x = static_cast<float>(threadIdx.x);
    for (int distance = 16; distance > 0; distance /= 2)
      x += __shfl_xor_sync(0xFFFFFFFFu, x, distance);
    sums[threadIdx.x] = x;
    votes[threadIdx.x] = __all_sync(0xFFFFFFFFu, threadIdx.x != 40);
  });
  EXPECT_EQ(sums[3], 31 * 16);
  EXPECT_EQ(sums[35], 31 * 16 + 32 * 32);
  EXPECT_EQ(votes[3], 1);
  EXPECT_EQ(votes[35], 0);
}

TEST(Simt, SharedMemoryStartsAsNaNs) {
  bool all = true;
  simt::run({2}, {1}, 64, [&] {
    auto* shared = reinterpret_cast<float*>(simt::shared_memory());
    for (int i = 0; i < 16; ++i) {
      all = all && std::isnan(shared[i]);
      shared[i] = 0;
    }
  });
  EXPECT_TRUE(all);
}

TEST(Simt, WaitingForWhatNeverComesIsReported) {
  const auto barrier_against_shuffle = [] {
    if (threadIdx.x == 0) {
      __shfl_xor_sync(0xFFFFFFFFu, 1, 1);
    } else {
      __syncthreads();
    }
  };
  EXPECT_THROW(simt::run({1}, {32}, 0, barrier_against_shuffle), std::runtime_error);
}

TEST(Simt, LaunchesBeyondTheLimitsAreRefused) {
  const auto nothing = +[] {};
  cudaLaunchConfig_t config;
  config.gridDim = dim3(1, 65536);
  EXPECT_EQ(cudaLaunchKernelEx(&config, nothing), cudaErrorInvalidConfiguration);
  config.gridDim = dim3(1);
  config.blockDim = dim3(1025);
  EXPECT_EQ(cudaLaunchKernelEx(&config, nothing), cudaErrorInvalidConfiguration);
}

TEST(Quad, TransposesItsWords) {
  std::vector<std::uint32_t> got(64 * 4);
  simt::run({1}, {64}, 0, [&] {
    std::uint32_t w[4];
    for (std::uint32_t j = 0; j < 4; ++j)
      w[j] = 4 * threadIdx.x + j;
    cuda::transpose_quad(w);
    std::copy(w, w + 4, &got[4 * threadIdx.x]);
  });
  for (std::uint32_t lane = 0; lane < 64; ++lane)
    for (std::uint32_t j = 0; j < 4; ++j)
      EXPECT_EQ(got[4 * lane + j], 4 * (lane / 4 * 4 + j) + lane % 4) << lane << ", " << j;
}

TEST(Division, IsExactUpTo31Bits) {
  for (const std::uint32_t divisor :
       {1u, 2u, 3u, 5u, 7u, 80u, 327u, 1681u, 65535u, 65536u, 65537u, 0x7FFFFFFFu}) {
    const cuda::Division division(divisor);
    for (const std::uint32_t n : {0u, 1u, divisor - 1, divisor, 0x7FFFFFFEu, 0x7FFFFFFFu})
      EXPECT_EQ(division.quotient(n), n / divisor) << n << " / " << divisor;
    for (std::uint64_t multiple = divisor; multiple < 0x80000000u; multiple += divisor * 9973ull) {
      const auto n = static_cast<std::uint32_t>(multiple);
      EXPECT_EQ(division.quotient(n), n / divisor);
      EXPECT_EQ(division.quotient(n - 1), (n - 1) / divisor);
    }
  }
}

}  // namespace
}  // namespace bragg::tests
