// The GEMM core on its own, for every set of register tiles that can run here: those of this machine's
// instruction sets and, as `wide`, the 64-byte tiles compiled for machines without AVX-512.
#include "kernels/cpu/gemm.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "kernels/cpu/instruction_set.h"
#include "tests/kernels/op_runner.h"
#include "tests/support/compare.h"

namespace bragg::cpu::wide {
extern const GemmTile gemm_tiles[2];
}

namespace bragg::tests {
namespace {

using cpu::ConstMatrixView;
using cpu::Gemm;
using cpu::GemmBlock;
using cpu::GemmProblem;
using cpu::NetworkKernels;

struct Shape {
  std::int64_t M, N, K;
};

std::vector<Shape> shapes() {
  std::vector<Shape> result{{1, 1, 1},   {5, 79, 3},    {6, 80, 7},    {7, 81, 300},  {97, 230, 31},
                            {11, 64, 5}, {13, 65, 600}, {200, 17, 10}, {330, 400, 2}, {31, 700, 33}};
  for (std::int64_t n = 1; n <= 17; n += 4)
    result.push_back({n, n + 14, n});
  return result;
}

std::vector<float> floats(const Numbers& x) {
  return {x.begin(), x.end()};
}

class GemmCore : public ::testing::TestWithParam<std::string> {
 protected:
  NetworkKernels kernels() const {
    if (GetParam() != "wide") return cpu::network_kernels(cpu::parse_instruction_set("x86-64-" + GetParam()));
    NetworkKernels result = cpu::network_kernels(cpu::best_instruction_set());
    result.tiles = cpu::wide::gemm_tiles;
    result.tile_count = 2;
    return result;
  }
};

std::vector<std::string> tile_sets() {
  std::vector<std::string> sets{"v2"};
  if (cpu::machine_has(cpu::InstructionSet::v3)) sets.insert(sets.end(), {"v3", "wide"});
  if (cpu::machine_has(cpu::InstructionSet::v4)) sets.emplace_back("v4");
  return sets;
}

INSTANTIATE_TEST_SUITE_P(Tiles, GemmCore, ::testing::ValuesIn(tile_sets()),
                         [](const auto& param_info) { return param_info.param; });

TEST_P(GemmCore, ExactOnIntegersInEveryArrangement) {
  const NetworkKernels table = kernels();
  ThreadPool pool(3);
  const Gemm gemm(table, pool);
  for (const auto& [M, N, K] : shapes()) {
    SCOPED_TRACE(fmt::format("M {} N {} K {}", M, N, K));
    const Numbers a = integers(M * K, 1), b = integers(K * N, 2);  // (M, K), (K, N)
    Numbers expected(M * N);
    for (std::int64_t m = 0; m < M; ++m) {
      for (std::int64_t k = 0; k < K; ++k) {
        for (std::int64_t n = 0; n < N; ++n)
          expected[m * N + n] += a[m * K + k] * b[k * N + n];
      }
    }
    const std::vector<float> a_rows = floats(a), b_rows = floats(b);
    std::vector<float> a_columns(a.size()), b_columns(b.size());
    for (std::int64_t m = 0; m < M; ++m) {
      for (std::int64_t k = 0; k < K; ++k)
        a_columns[k * M + m] = a_rows[m * K + k];
    }
    for (std::int64_t k = 0; k < K; ++k) {
      for (std::int64_t n = 0; n < N; ++n)
        b_columns[n * K + k] = b_rows[k * N + n];
    }
    const Buffer packed = make_backend()->allocate(static_cast<std::size_t>(K * gemm.padded(N)) * 4);
    auto* packed_b = reinterpret_cast<float*>(packed.data());
    gemm.pack_b_columns({b_columns.data(), 1, 0, N, K, K}, K, packed_b);

    for (const bool columns : {false, true}) {
      for (const bool pack : {false, true}) {
        GemmProblem p{.M = M, .N = N, .K = K, .a = {a_rows.data(), 1, 0, M, K, K}, .b = {}};
        if (columns) {
          p.a = {a_columns.data(), 1, 0, K, M, M};
          p.a_columns = true;
        }
        if (pack) {
          p.packed_b = packed_b;
        } else {
          p.b = {b_rows.data(), 1, 0, K, N, N};
        }
        Numbers got(M * N);
        gemm.run(p, [&, N = N](const GemmBlock& block) {
          for (std::int64_t m = block.m0; m < block.m1; ++m) {
            for (std::int64_t n = block.n0; n < block.n1; ++n) {
              got[m * N + n] += block.c[(m - block.m0) * block.ldc + n - block.n0];
            }
          }
        });
        EXPECT_TRUE(identical(got, expected)) << (columns ? "columns" : "rows") << (pack ? ", packed" : "");
      }
    }
  }
}

}  // namespace
}  // namespace bragg::tests
