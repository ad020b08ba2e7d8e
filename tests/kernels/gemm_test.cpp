// The GEMM core on its own, for every set of register tiles that can run here: those of this machine's
// instruction sets and, as `wide`, the 64-byte tiles compiled for machines without AVX-512 (`wide-amx`: those of
// AMX, in arrays); of floats and of bfloat16.
#include "kernels/cpu/gemm.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "kernels/cpu/instruction_set.h"
#include "tests/kernels/op_runner.h"
#include "tests/kernels/tile_kernels.h"
#include "tests/support/compare.h"

namespace bragg::tests {
namespace {

using cpu::Gemm;
using cpu::GemmBlock;
using cpu::GemmProblem;
using cpu::NetworkKernels;

struct Shape {
  std::int64_t M, N, K;
};

std::vector<Shape> shapes() {
  std::vector<Shape> result{{1, 1, 1},     {5, 79, 3},    {6, 80, 7},      {7, 81, 300},
                            {97, 230, 31}, {11, 64, 5},   {13, 65, 600},   {200, 17, 10},
                            {330, 400, 2}, {31, 700, 33}, {80, 100, 1300}, {9, 112, 519}};
  for (std::int64_t n = 1; n <= 17; n += 4)
    result.push_back({n, n + 14, n});
  return result;
}

/// As they are kept; `behind` more numbers that are none.
template <typename Element>
std::vector<Element> kept(const Numbers& x, std::size_t behind = 0) {
  std::vector<Element> result;
  for (const double number : x) {
    if constexpr (std::is_same_v<Element, BFloat16>)
      result.push_back(to_bfloat16(static_cast<float>(number)));
    else
      result.push_back(static_cast<float>(number));
  }
  const std::vector<Element> none =
      behind > 0 ? kept<Element>(Numbers(behind, std::nan(""))) : std::vector<Element>();
  result.insert(result.end(), none.begin(), none.end());
  return result;
}

std::vector<std::string> tile_sets(bool of_bfloat16) {
  std::vector<std::string> sets;
  if (!of_bfloat16) sets.emplace_back("v2");
  if (cpu::machine_has(cpu::InstructionSet::v3)) sets.emplace_back("wide");
  if (!of_bfloat16 && cpu::machine_has(cpu::InstructionSet::v3)) sets.emplace_back("v3");
  if (!of_bfloat16 && cpu::machine_has(cpu::InstructionSet::v4)) sets.emplace_back("v4");
  if (of_bfloat16 && cpu::machine_has(cpu::InstructionSet::v3)) sets.emplace_back("wide-amx");
  if (of_bfloat16 && cpu::machine_has(cpu::InstructionSet::v4_bf16)) sets.emplace_back("v4-bf16");
  if (of_bfloat16 && cpu::machine_has(cpu::InstructionSet::v4_amx)) sets.emplace_back("v4-amx");
  return sets;
}

/// A and B in both arrangements, and what comes of them. K is odd in some: behind the last number of all there is
/// none.
template <typename Element>
struct Matrices {
  explicit Matrices(const Shape& of) : shape(of), product(of.M * of.N), sums_of_columns(of.N) {
    const auto [M, N, K] = of;
    const Numbers a = integers(M * K, 1), b = integers(K * N, 2);  // (M, K), (K, N)
    Numbers a_turned(a.size()), b_turned(b.size());
    for (std::int64_t m = 0; m < M; ++m) {
      for (std::int64_t k = 0; k < K; ++k) {
        a_turned[k * M + m] = a[m * K + k];
        for (std::int64_t n = 0; n < N; ++n)
          product[m * N + n] += a[m * K + k] * b[k * N + n];
      }
    }
    for (std::int64_t k = 0; k < K; ++k) {
      for (std::int64_t n = 0; n < N; ++n) {
        b_turned[n * K + k] = b[k * N + n];
        sums_of_columns[n] += b[k * N + n];
      }
    }
    a_rows = kept<Element>(a, 8);
    a_columns = kept<Element>(a_turned, 8);
    b_rows = kept<Element>(b, 8);
    b_columns = kept<Element>(b_turned, 8);
  }

  GemmProblem<Element> problem(bool columns_of_a) const {
    const auto [M, N, K] = shape;
    GemmProblem<Element> p{.M = M, .N = N, .K = K, .a = {a_rows.data(), 1, 0, M, K, K}, .b = {}};
    if (columns_of_a) p.a = {a_columns.data(), 1, 0, K, M, M};
    p.a_columns = columns_of_a;
    return p;
  }

  Shape shape;
  Numbers product, sums_of_columns;
  std::vector<Element> a_rows, a_columns, b_rows, b_columns;
};

template <typename Element>
void expect_exact_in_every_arrangement(const Gemm<Element>& gemm, const Matrices<Element>& given) {
  const auto [M, N, K] = given.shape;
  const Buffer packed =
      make_backend()->allocate(static_cast<std::size_t>(gemm.packed_count(K, N)) * sizeof(Element));
  auto* packed_b = reinterpret_cast<Element*>(packed.data());
  for (const bool columns : {false, true}) {
    for (const std::string pack : {"nothing", "columns", "rows"}) {
      GemmProblem<Element> p = given.problem(columns);
      if (pack == "nothing")
        p.b = {given.b_rows.data(), 1, 0, K, N, N};
      else
        p.packed_b = packed_b;
      const auto row = [&, n = N](std::int64_t k) {
        return cpu::RowOfB<Element>{given.b_rows.data() + k * n, n, 0};
      };
      if (pack == "columns") gemm.pack_b_columns({given.b_columns.data(), 1, 0, N, K, K}, K, packed_b);
      if (pack == "rows") gemm.pack_b_rows(K, N, row, packed_b);
      Numbers got(given.product.size());
      gemm.run(p, [&, N = N](const GemmBlock& block) {
        for (std::int64_t m = block.m0; m < block.m1; ++m) {
          for (std::int64_t n = block.n0; n < block.n1; ++n) {
            got[m * N + n] += block.c[(m - block.m0) * block.ldc + n - block.n0];
          }
        }
      });
      EXPECT_TRUE(identical(got, given.product))
          << (columns ? "columns" : "rows") << " of A, packed " << pack;
    }
  }
}

/// With the sums of B's columns.
template <typename Element>
void expect_exact_in_parts(const Gemm<Element>& gemm, const Matrices<Element>& given, std::int64_t parts) {
  const auto [M, N, K] = given.shape;
  GemmProblem<Element> p = given.problem(true);
  p.b = {given.b_rows.data(), 1, 0, K, N, N};
  p.parts = parts;
  const cpu::GemmCut cut = gemm.cut(p);
  std::vector<float> partial(static_cast<std::size_t>(parts * cut.padded_M * cut.padded_N), 7),
      sums(static_cast<std::size_t>(parts * cut.padded_N), 7);
  p.partial = partial.data();
  p.column_sums = sums.data();
  gemm.run(p, {});
  Numbers got(given.product.size()), got_sums(given.sums_of_columns.size());
  for (std::int64_t part = 0; part < parts; ++part) {
    for (std::int64_t n = 0; n < N; ++n) {
      got_sums[n] += sums[static_cast<std::size_t>(part * cut.padded_N + n)];
      for (std::int64_t m = 0; m < M; ++m)
        got[m * N + n] += partial[static_cast<std::size_t>((part * cut.padded_M + m) * cut.padded_N + n)];
    }
  }
  EXPECT_TRUE(identical(got, given.product)) << parts << " parts";
  EXPECT_TRUE(identical(got_sums, given.sums_of_columns)) << parts << " parts";
}

template <typename Element>
void expect_exact_on_integers(const std::string& tiles) {
  const NetworkKernels table = kernels_of(tiles);
  ThreadPool pool(3);
  const Gemm<Element> gemm(table, pool);
  for (const Shape& shape : shapes()) {
    SCOPED_TRACE(fmt::format("M {} N {} K {}", shape.M, shape.N, shape.K));
    const Matrices<Element> given(shape);
    expect_exact_in_every_arrangement(gemm, given);
    for (std::int64_t parts = 1; parts <= std::min<std::int64_t>(shape.K / cpu::k_group<Element>, 3); ++parts)
      expect_exact_in_parts(gemm, given, parts);
  }
}

class GemmCore : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Tiles, GemmCore, ::testing::ValuesIn(tile_sets(false)),
                         [](const auto& param_info) { return param_info.param; });

TEST_P(GemmCore, ExactOnIntegersInEveryArrangement) {
  expect_exact_on_integers<float>(GetParam());
}

class GemmCoreOnBFloat16 : public ::testing::TestWithParam<std::string> {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(GemmCoreOnBFloat16);  // on a machine without AVX2
INSTANTIATE_TEST_SUITE_P(Tiles, GemmCoreOnBFloat16, ::testing::ValuesIn(tile_sets(true)),
                         [](const auto& param_info) {
                           std::string name = param_info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST_P(GemmCoreOnBFloat16, ExactOnIntegersInEveryArrangement) {
  expect_exact_on_integers<BFloat16>(GetParam());
}

// What stands for AMX where it is not gives AMX's bits, of numbers below 2^-126, too.
TEST(GemmTilesOfAmx, AreEmulatedToTheBit) {
  if (!cpu::machine_has(cpu::InstructionSet::v4_amx))
    GTEST_SKIP() << "this machine lacks AMX: its tiles ran in arrays alone";
  const NetworkKernels in_hardware = kernels_of("v4-amx"), in_arrays = kernels_of("wide-amx");
  ThreadPool pool(2);
  for (const Shape& shape : shapes()) {
    for (const double scale : {1.0, 0x1p-70, 0x1p-120}) {
      SCOPED_TRACE(fmt::format("M {} N {} K {} scale {}", shape.M, shape.N, shape.K, scale));
      Numbers a = uniforms(shape.M * shape.K, 3), b = uniforms(shape.K * shape.N, 4);
      for (double& number : a)
        number = (number - 0.5) * scale;
      for (double& number : b)
        number = (number - 0.5) * 0x1p-4;
      const auto a_rows = kept<BFloat16>(a), b_rows = kept<BFloat16>(b);
      const auto product = [&](const NetworkKernels& table) {
        std::vector<std::uint32_t> bits(static_cast<std::size_t>(shape.M * shape.N));
        const GemmProblem<BFloat16> p{.M = shape.M,
                                      .N = shape.N,
                                      .K = shape.K,
                                      .a = {a_rows.data(), 1, 0, shape.M, shape.K, shape.K},
                                      .b = {b_rows.data(), 1, 0, shape.K, shape.N, shape.N}};
        Gemm<BFloat16>(table, pool).run(p, [&](const GemmBlock& block) {
          for (std::int64_t m = block.m0; m < block.m1; ++m) {
            for (std::int64_t n = block.n0; n < block.n1; ++n)
              bits[static_cast<std::size_t>(m * shape.N + n)] =
                  std::bit_cast<std::uint32_t>(block.c[(m - block.m0) * block.ldc + n - block.n0]);
          }
        });
        return bits;
      };
      EXPECT_EQ(product(in_hardware), product(in_arrays));
    }
  }
}

// To nearest, ties to even, in every place of a vector and of the last, shorter one; what is none or infinite
// stays so. Numbers below 2^-126 may become 0.
TEST_P(GemmCoreOnBFloat16, RoundsToNearestEven) {
  const NetworkKernels table = kernels_of(GetParam());
  constexpr float infinity = std::numeric_limits<float>::infinity();
  std::vector<float> numbers{0, -0.0f, 1, infinity, -infinity, 3.4e38f, -3.4e38f, 0x1p-126f};
  for (const std::uint32_t low : {0u, 1u, 0x7FFFu, 0x8000u, 0x8001u, 0xFFFFu})
    for (const std::uint32_t high : {0x3F80u, 0x3F81u, 0xBFFFu, 0x7F7Fu, 0x0080u})
      numbers.push_back(std::bit_cast<float>(high << 16 | low));
  for (const double number : uniforms(300, 5))
    numbers.push_back(static_cast<float>(number));
  for (std::int64_t count = static_cast<std::int64_t>(numbers.size()); count > 0; count -= 37) {
    std::vector<BFloat16> got(static_cast<std::size_t>(count) + 1, BFloat16{0x1234});
    table.of_bfloat16->store_backward(numbers.data(), count, nullptr, 1, got.data());
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i)
      EXPECT_EQ(got[i].bits, to_bfloat16(numbers[i]).bits) << numbers[i];
    EXPECT_EQ(got.back().bits, 0x1234);
  }
  for (const std::uint32_t bits : {0x7FC00000u, 0x7F800001u, 0xFFFFFFFFu}) {
    const float none = std::bit_cast<float>(bits);
    BFloat16 got{};
    table.of_bfloat16->store_backward(&none, 1, nullptr, 1, &got);
    EXPECT_TRUE(std::isnan(to_float(got)));
  }
}

}  // namespace
}  // namespace bragg::tests
