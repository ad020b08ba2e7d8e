// What sm_90 added: layouts in shared memory, descriptors and fragments as CuTe has them, and programs that
// do not wait are found out.
#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "kernels/cuda/device/shared_memory.cuh"
#include "kernels/cuda/device/tma.cuh"
#include "kernels/cuda/device/wgmma.cuh"
#include "kernels/cuda/gemm/flat_view.h"
#include "tests/kernels/op_cases.h"
#include "tests/simt/mma_layouts.h"

namespace bragg::tests {
namespace {

constexpr int columns = 64;
constexpr std::uint32_t box_bytes = 64 * 128;

/// rows x 64, all elements different, small integers: exact in bfloat16.
std::vector<BFloat16> matrix(int rows, int width = columns) {
  std::vector<BFloat16> values(static_cast<std::size_t>(rows * width));
  for (int i = 0; i < rows * width; ++i)
    values[static_cast<std::size_t>(i)] = to_bfloat16(static_cast<float>(i % 251 - 125));
  return values;
}
float element(const std::vector<BFloat16>& of, int row, int column, int width = columns) {
  return to_float(of[static_cast<std::size_t>(row * width + column)]);
}
CUtensorMap map_of(const std::vector<BFloat16>& of, int rows, int box_rows, int width = columns) {
  return cuda::make_tensor_map({of.data(), width, width, rows, rows, rows}, box_rows);
}

/// Brings boxes at (x, 0), 8 KiB apart, to the start of shared memory, and waits for them.
void bring(const CUtensorMap& map, std::initializer_list<int> xs, unsigned char* to,
           cuda::SharedBarrier* arrived, std::uint32_t bytes_of_box) {
  if (threadIdx.x == 0) {
    cuda::init_barrier(arrived, 1);
    cuda::fence_barrier_init();
    cuda::arrive_expecting(arrived, bytes_of_box * static_cast<std::uint32_t>(xs.size()));
    std::uint32_t box = 0;
    for (const int x : xs)
      cuda::copy_box(to + box++ * box_bytes, &map, x, 0, arrived);
  }
  __syncthreads();
  cuda::wait_for(arrived, 0);
}

TEST(Hopper, BoxesLieInSharedMemoryAsCuteSays) {
  const Fragment k_major = fragment_of("wgmma_k_major", "shared"),
                 mn_major = fragment_of("wgmma_mn_major", "shared");
  ASSERT_EQ(k_major.size(), 640u);
  ASSERT_EQ(mn_major.size(), 640u);
  // 128 rows of m by 64 of k, one box; 64 rows of k by 128 of m, two boxes.
  const auto by_k = matrix(128), by_mn = matrix(64, 128);
  const CUtensorMap k_map = map_of(by_k, 128, 128), mn_map = map_of(by_mn, 64, 64, 128);
  for (const bool mn : {false, true}) {
    simt::run({1}, {32}, 2 * box_bytes + 8, [&] {
      auto* const memory = cuda::shared_memory<unsigned char>();
      auto* const arrived = reinterpret_cast<cuda::SharedBarrier*>(memory + 2 * box_bytes);
      if (mn) {
        bring(mn_map, {0, 64}, memory, arrived, box_bytes);
      } else {
        bring(k_map, {0}, memory, arrived, 2 * box_bytes);
      }
      if (threadIdx.x != 0) return;
      for (const auto& [where, place] : mn ? mn_major : k_major) {
        const auto [m, k] = where;
        const auto got = *reinterpret_cast<const BFloat16*>(memory + place.row);
        EXPECT_EQ(to_float(got), mn ? element(by_mn, k, m, 128) : element(by_k, m, k)) << m << ", " << k;
      }
    });
  }
}

TEST(Hopper, DescriptorsAreCutes) {
  for (const bool mn : {false, true}) {
    const Fragment fields = fragment_of(mn ? "wgmma_mn_major" : "wgmma_k_major", "descriptor");
    ASSERT_EQ(fields.size(), 1u);
    const auto [leading, stride] = fields.begin()->first;
    const Held held = fields.begin()->second;  // layout type, base offset
    const std::uint64_t descriptor = cuda::wgmma_descriptor(0x3F400, box_bytes);
    EXPECT_EQ(descriptor & 0x3FFF, 0x3F400u >> 4);
    if (mn) {
      EXPECT_EQ(descriptor >> 16 & 0x3FFF, static_cast<unsigned>(leading));  // not used otherwise
    }
    EXPECT_EQ(descriptor >> 32 & 0x3FFF, static_cast<unsigned>(stride));
    EXPECT_EQ(descriptor >> 49 & 7, static_cast<unsigned>(held.column));
    EXPECT_EQ(descriptor >> 62, static_cast<unsigned>(held.row));
  }
}

/// The product of a (64, 64) and b (64, N) in the given orders, each operand brought by TMA, by one
/// warpgroup.
template <bool a_mn, bool b_mn, int N = 80>
void expect_product() {
  const Fragment c_of = fragment_of("wgmma_m64n16", "C");
  ASSERT_EQ(c_of.size(), 128u * 8);
  const auto a = matrix(64), b = b_mn ? matrix(64, N) : matrix(N);
  const CUtensorMap a_map = map_of(a, 64, 64), b_map = b_mn ? map_of(b, 64, 64, N) : map_of(b, N, N);
  std::vector<float> got(64 * N, NAN);
  constexpr std::uint32_t b_at = box_bytes, barriers_at = 4 * box_bytes;
  simt::run({1}, {128}, barriers_at + 16, [&] {
    auto* const memory = cuda::shared_memory<unsigned char>();
    auto* const arrived = reinterpret_cast<cuda::SharedBarrier*>(memory + barriers_at);
    bring(a_map, {0}, memory, arrived, box_bytes);
    if (b_mn) {
      bring(b_map, {0, 64}, memory + b_at, arrived + 1, box_bytes);
    } else {
      bring(b_map, {0}, memory + b_at, arrived + 1, N * 128);
    }
    float d[N / 2];
    cuda::wgmma_fence();
    for (std::uint32_t step = 0; step < 4; ++step)
      cuda::wgmma_m64k16<N, a_mn, b_mn>(
          d, cuda::wgmma_descriptor(cuda::shared_address(memory) + step * (a_mn ? 2048 : 32), box_bytes),
          cuda::wgmma_descriptor(cuda::shared_address(memory + b_at) + step * (b_mn ? 2048 : 32), box_bytes),
          step > 0);
    cuda::wgmma_commit();
    cuda::wgmma_wait<0>();
    for (int v = 0; v < N / 2; ++v) {
      const Held held = c_of.at({static_cast<int>(threadIdx.x), v % 8});
      got[static_cast<std::size_t>(held.row * N + held.column + v / 8 * 16)] = d[v];
    }
  });
  for (int m = 0; m < 64; ++m)
    for (int n = 0; n < N; ++n) {
      float expected = 0;
      for (int k = 0; k < 64; ++k)
        expected +=
            (a_mn ? element(a, k, m) : element(a, m, k)) * (b_mn ? element(b, k, n, N) : element(b, n, k));
      ASSERT_EQ(got[static_cast<std::size_t>(m * N + n)], expected) << m << ", " << n;
    }
}

TEST(Hopper, WarpgroupProductsInEitherOrder) {
  expect_product<false, false>();
  expect_product<false, true>();
  expect_product<true, true>();
  expect_product<false, false, 144>();
}

enum class Fault { none, reads_before_arrival, overwrites_before_products };

/// One column of sums over two boxes that take turns in one place.
std::vector<float> two_products(Fault fault) {
  const auto a = matrix(128), b = matrix(80);
  const CUtensorMap a_map = map_of(a, 128, 64), b_map = map_of(b, 80, 80);
  std::vector<float> got(128);
  constexpr std::uint32_t b_at = box_bytes, barriers_at = 3 * box_bytes;
  simt::run({1}, {128}, barriers_at + 24, [&] {
    auto* const memory = cuda::shared_memory<unsigned char>();
    auto* const arrived = reinterpret_cast<cuda::SharedBarrier*>(memory + barriers_at);
    bring(b_map, {0}, memory + b_at, arrived + 2, 80 * 128);
    if (threadIdx.x == 0)
      for (int i = 0; i < 2; ++i)
        cuda::init_barrier(&arrived[i], 1);
    __syncthreads();
    float d[40];
    for (int turn = 0; turn < 2; ++turn) {
      if (threadIdx.x == 0) {
        cuda::arrive_expecting(&arrived[turn], box_bytes);
        cuda::copy_box(memory, &a_map, 0, 64 * turn, &arrived[turn]);
      }
      __syncthreads();
      if (fault != Fault::reads_before_arrival) cuda::wait_for(&arrived[turn], 0);
      cuda::wgmma_m64k16<80, false, false>(
          d, cuda::wgmma_descriptor(cuda::shared_address(memory), box_bytes),
          cuda::wgmma_descriptor(cuda::shared_address(memory + b_at), box_bytes), turn > 0);
      cuda::wgmma_commit();
      if (fault != Fault::overwrites_before_products) cuda::wgmma_wait<0>();
      __syncthreads();
    }
    cuda::wgmma_wait<0>();
    got[threadIdx.x] = d[0];
  });
  return got;
}

TEST(Hopper, WhoDoesNotWaitComputesNaNs) {
  const auto finite = [](const std::vector<float>& values) {
    return std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); });
  };
  EXPECT_TRUE(finite(two_products(Fault::none)));
  EXPECT_FALSE(finite(two_products(Fault::reads_before_arrival)));
  EXPECT_NE(two_products(Fault::overwrites_before_products), two_products(Fault::none));
}

// Either block of a pair brings half of a box of 128 rows to both, twice: it waits for both before it overwrites.
TEST(Hopper, BoxesForBothBlocksOfAPair) {
  const auto a = matrix(256);
  const CUtensorMap map = map_of(a, 256, 64);
  std::vector<float> got(4 * 128);
  simt::run(
      {2}, {32}, 2 * box_bytes + 16,
      [&] {
        auto* const memory = cuda::shared_memory<unsigned char>();
        auto* const arrived = reinterpret_cast<cuda::SharedBarrier*>(memory + 2 * box_bytes);
        auto* const empty = arrived + 1;
        const int rank = static_cast<int>(blockIdx.x);
        if (threadIdx.x == 0) {
          cuda::init_barrier(arrived, 1);
          cuda::init_barrier(empty, 2);
        }
        cuda::cluster_barrier();
        for (int turn = 0; turn < 2; ++turn) {
          if (threadIdx.x == 0) {
            if (turn > 0) cuda::wait_for(empty, 0);
            cuda::arrive_expecting(arrived, 2 * box_bytes);
            cuda::copy_box_to_both(memory + rank * box_bytes, &map, 0, 128 * turn + 64 * rank, arrived);
          }
          cuda::wait_for(arrived, static_cast<std::uint32_t>(turn));
          if (threadIdx.x <
              16)  // the first number of every eighth row, which the swizzle leaves in its place
            got[static_cast<std::size_t>(256 * rank + 128 * turn) + 8 * threadIdx.x] =
                to_float(*reinterpret_cast<const BFloat16*>(memory + 1024 * threadIdx.x));
          __syncwarp();
          if (threadIdx.x < 2) cuda::arrive_in_block(empty, threadIdx.x);
        }
        cuda::cluster_barrier();
      },
      2);
  for (int block = 0; block < 2; ++block)
    for (int row = 0; row < 256; row += 8)
      EXPECT_EQ(got[static_cast<std::size_t>(256 * block + row)], element(a, row, 0)) << block << ", " << row;
}

TEST(Hopper, WaitingForABarrierThatNobodyReachesIsReported) {
  const auto wait = [] {
    auto* const barrier = cuda::shared_memory<cuda::SharedBarrier>();
    cuda::init_barrier(barrier, 2);
    cuda::arrive(barrier);
    cuda::wait_for(barrier, 0);
  };
  EXPECT_THROW(simt::run({1}, {1}, 8, wait), std::runtime_error);
}

TEST(Hopper, ViewsThatTmaCanRead) {
  alignas(16) static BFloat16 memory[4096];
  using View = cuda::ConstMatrixView<BFloat16>;
  // Overlapping windows of 3 items, each 10 steps of 16 apart: 7 windows, and 3 rows that belong to none.
  const auto flat = cuda::flatten(View(memory, 160, 7, 16, 64), 21);
  ASSERT_TRUE(flat.has_value());
  EXPECT_EQ(flat->rows, 27);
  EXPECT_EQ(flat->pitch, 10);
  EXPECT_EQ(flat->rows_per_item, 7);
  EXPECT_EQ(flat->row_stride, 16);
  EXPECT_FALSE(cuda::flatten(View(memory, 168, 7, 16, 64), 21));  // items not a whole number of rows apart
  EXPECT_FALSE(cuda::flatten(View(memory + 1, 160, 7, 16, 64), 21));  // not aligned
  EXPECT_FALSE(cuda::flatten(View(memory, 70, 7, 10, 64), 21));
  EXPECT_TRUE(cuda::flatten(View(memory, 64, 1, 64, 64), 21));  // items of one row
  EXPECT_TRUE(cuda::flatten(View(memory, 0, 21, 64, 60), 21));  // one item
  EXPECT_THROW(cuda::make_tensor_map({memory, 12, 64, 4, 4, 4}, 4), Error);
}

// The layouts that a network plans are taken by wgmma in every pass, odd sizes too: nothing falls back
// unnoticed.
TEST(Hopper, AlignedOpsAreWgmmas) {
  const auto backend = make_backend({"cuda", 1, "", "bf16"}),
             older = make_backend({"cuda", 1, "sm_80", "bf16"});
  OpRunner aligned(*backend, 8), on_older(*older, 8), unaligned(*backend);
  const auto uses_wgmma = [](OpRunner& run, const NetworkOp& op) {
    const std::uint64_t before = simt::wgmma_count();
    run.run(op, filled({op, {}, {}}, Fill::uniforms, run.backend().number_types()));
    return simt::wgmma_count() > before;
  };
  const DenseProblem dense{.N = 3, .in = 21, .out = 13};
  for (const LayerPass& pass : passes(dense))
    EXPECT_TRUE(uses_wgmma(aligned, pass.op)) << aligned.ran();
  for (const LayerPass& pass : fused_passes(dense, backend->weight_row_stride(dense.in)))
    EXPECT_TRUE(uses_wgmma(aligned, pass.op)) << aligned.ran();
  EXPECT_FALSE(uses_wgmma(on_older, DenseForward{.problem = dense}));
  EXPECT_FALSE(uses_wgmma(unaligned, DenseForward{.problem = dense}));
  const Conv1dProblem conv{.N = 3, .L_in = 23, .C_in = 8, .C_out = 16, .kernel = 5, .stride = 2};
  for (const LayerPass& pass : passes(conv))
    EXPECT_TRUE(uses_wgmma(aligned, pass.op)) << aligned.ran();
  // TMA cannot step by 3 elements; it can by those of 8 outputs.
  const Conv1dProblem first{.N = 2, .L_in = 71, .C_in = 1, .C_out = 8, .kernel = 12, .stride = 3};
  EXPECT_TRUE(uses_wgmma(aligned, Conv1dForward{.problem = first}));
  EXPECT_TRUE(uses_wgmma(aligned, Conv1dBackwardWeights{.problem = first}));
}

TEST(Hopper, ConvolutionsThatArePooledAtOnce) {
  const auto backend = make_backend({"cuda", 1, "", "bf16"}),
             older = make_backend({"cuda", 1, "sm_80", "bf16"}), precise = make_backend({"cuda", 1, ""});
  const Conv1dProblem conv{.N = 2, .L_in = 8500, .C_in = 1, .C_out = 80, .kernel = 100, .stride = 5};
  const AvgPool1dProblem pool{2, 1681, 80, 3, 2};
  const auto has_pool = [](const Backend& b, const Conv1dProblem& p, const AvgPool1dProblem& q) {
    return b.has(Conv1dPoolForward{.problem = p, .pool = q});
  };
  EXPECT_TRUE(has_pool(*backend, conv, pool));
  EXPECT_FALSE(has_pool(*older, conv, pool));
  EXPECT_FALSE(has_pool(*precise, conv, pool));
  const auto but = [](auto problem, auto member, std::int64_t value) {
    problem.*member = value;
    return problem;
  };
  EXPECT_FALSE(has_pool(*backend, conv, but(pool, &AvgPool1dProblem::kernel, 2)));
  EXPECT_FALSE(has_pool(*backend, conv, but(pool, &AvgPool1dProblem::stride, 1)));
  EXPECT_FALSE(has_pool(*backend, but(conv, &Conv1dProblem::C_out, 81), pool));
  EXPECT_TRUE(has_pool(*backend, but(conv, &Conv1dProblem::kernel, 152), pool));  // a row of 192
  EXPECT_FALSE(has_pool(*backend, but(conv, &Conv1dProblem::kernel, 153), pool));
  EXPECT_FALSE(has_pool(*backend, but(conv, &Conv1dProblem::C_in, 2), pool));
}

TEST(Hopper, ConvolutionAndPoolSayWhatTheyCannotTake) {
  const auto backend = make_backend({"cuda", 1, "", "bf16"});
  const Conv1dProblem conv{.N = 2, .L_in = 125, .C_in = 1, .C_out = 8, .kernel = 100, .stride = 5};
  const AvgPool1dProblem pool{2, 6, 8, 3, 2};
  const Buffer memory = backend->allocate(1 << 16);
  const auto refusal = [&](const Conv1dProblem& p, const AvgPool1dProblem& q, std::int64_t item_stride,
                           std::size_t offset) -> std::string {
    try {
      backend->run(Conv1dPoolForward{p,
                                     q,
                                     {memory.data() + offset, DType::bf16, p.N, p.L_in, p.C_in, item_stride},
                                     {memory.data(), DType::bf16},
                                     {memory.data(), DType::bf16, p.N, q.L_out(), p.C_out, 80},
                                     {},
                                     {}});
    } catch (const Error& e) {
      return e.what();
    }
    return "";
  };
  EXPECT_EQ(refusal(conv, pool, 128, 0), "[conv1d_pool_forward] src item_stride 128 is no multiple of 40");
  EXPECT_EQ(refusal(conv, pool, 160, 2), "[conv1d_pool_forward] src begins 2 bytes beyond a multiple of 16");
  EXPECT_EQ(refusal(conv, {2, 7, 8, 3, 2}, 160, 0), "[conv1d_pool_forward] pool's L_in 7 != L_out 6");
  EXPECT_EQ(refusal(conv, {2, 6, 8, 3, 1}, 160, 0),
            "[conv1d_pool_forward] cuda has none: conv1d_pool_forward N 2 L_in 125 C_in 1 C_out 8 kernel 100 "
            "stride "
            "5, then avg_pool1d kernel 3 stride 1");
}

}  // namespace
}  // namespace bragg::tests
