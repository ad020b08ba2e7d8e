// The emulated tensor cores against CuTe's layouts (mma_layouts.tsv): kernel and emulation cannot share one
// misreading of the fragments.
#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/cuda/device/ptx.cuh"
#include "tests/simt/mma_layouts.h"

namespace bragg::tests {
namespace {

/// How a lane keeps the values of an operand: one to a word, or two.
struct Tf32 {
  static constexpr int K = 8, per_word = 1;
  static std::uint32_t word(const float* values) { return cuda::to_tf32(values[0]); }
  static void multiply(float (&c)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
    cuda::mma_m16n8k8_tf32(c, a, b);
  }
};
struct Bf16 {
  static constexpr int K = 16, per_word = 2;
  static std::uint32_t word(const float* values) { return cuda::pack_bf16(values[0], values[1]); }
  static void multiply(float (&c)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
    cuda::mma_m16n8k16_bf16(c, a, b);
  }
};

template <typename Type>
void expect_product(const std::string& instruction) {
  constexpr int per_word = Type::per_word;
  const Fragment a_of = fragment_of(instruction, "A"), b_of = fragment_of(instruction, "B"),
                 c_of = fragment_of(instruction, "C");
  ASSERT_EQ(a_of.size(), 16u * Type::K);
  ASSERT_EQ(b_of.size(), 8u * Type::K);
  ASSERT_EQ(c_of.size(), 128u);
  // Small integers, exact in 8 bits, the products so different that no element can be taken for another.
  const auto a = [](int m, int k) { return static_cast<float>(m * Type::K + k - 100); };
  const auto b = [](int n, int k) { return static_cast<float>(n * n + 3 * k - 11); };
  const auto c = [](int m, int n) { return static_cast<float>(1000 * m - 77 * n); };
  std::array<std::array<float, 4>, 32> result{};
  simt::run({1}, {32}, 0, [&] {
    const auto lane = static_cast<int>(threadIdx.x);
    const auto words = [&](auto& fragment, const Fragment& of, const auto& value) {
      for (int w = 0; w < static_cast<int>(std::size(fragment)); ++w) {
        float values[per_word];
        for (int i = 0; i < per_word; ++i) {
          const Held held = of.at({lane, w * per_word + i});
          values[i] = value(held.row, held.column);
        }
        fragment[w] = Type::word(values);
      }
    };
    std::uint32_t a_fragment[4], b_fragment[2];
    words(a_fragment, a_of, a);
    words(b_fragment, b_of, b);
    float c_fragment[4];
    for (int v = 0; v < 4; ++v)
      c_fragment[v] = c(c_of.at({lane, v}).row, c_of.at({lane, v}).column);
    Type::multiply(c_fragment, a_fragment, b_fragment);
    for (int v = 0; v < 4; ++v)
      result[threadIdx.x][static_cast<std::size_t>(v)] = c_fragment[v];
  });
  for (const auto& [where, held] : c_of) {
    float expected = c(held.row, held.column);
    for (int k = 0; k < Type::K; ++k)
      expected += a(held.row, k) * b(held.column, k);
    EXPECT_EQ(result[static_cast<std::size_t>(where.first)][static_cast<std::size_t>(where.second)], expected)
        << "lane " << where.first << " value " << where.second;
  }
}

TEST(Mma, M16n8k8Tf32IsTheProductOfWhatCuteSaysTheLanesHold) {
  expect_product<Tf32>("m16n8k8_tf32");
}

TEST(Mma, M16n8k16Bf16IsTheProductOfWhatCuteSaysTheLanesHold) {
  expect_product<Bf16>("m16n8k16_bf16");
}

// What ldmatrix brings from a matrix in shared memory is what CuTe says that mma takes: A by rows m or,
// transposed, by rows k.
TEST(Mma, LoadedMatricesAreTheFragmentsOfAnA) {
  const Fragment a_of = fragment_of("m16n8k16_bf16", "A");
  for (const bool transposed : {false, true}) {
    std::array<std::array<std::uint32_t, 4>, 32> got{};
    alignas(16) std::uint16_t stored[16][16];
    for (int m = 0; m < 16; ++m)
      for (int k = 0; k < 16; ++k)
        (transposed ? stored[k][m] : stored[m][k]) = static_cast<std::uint16_t>(100 * m + k);
    simt::run({1}, {32}, 0, [&] {
      const unsigned low = threadIdx.x % 8, matrix_low = threadIdx.x / 8 % 2, matrix_high = threadIdx.x / 16;
      std::uint32_t d[4];
      if (transposed) {
        cuda::load_matrices<true>(d, &stored[8 * matrix_high + low][8 * matrix_low]);
      } else {
        cuda::load_matrices<false>(d, &stored[8 * matrix_low + low][8 * matrix_high]);
      }
      std::copy_n(d, 4, got[threadIdx.x].begin());
    });
    for (const auto& [where, held] : a_of) {
      const std::uint32_t word =
          got[static_cast<std::size_t>(where.first)][static_cast<std::size_t>(where.second / 2)];
      EXPECT_EQ(word >> (16 * (where.second % 2)) & 0xFFFFu,
                static_cast<unsigned>(100 * held.row + held.column))
          << "lane " << where.first << " value " << where.second << " transposed " << transposed;
    }
  }
}

TEST(Mma, Bf16RoundsToNearestEven) {
  const auto rounded = [](float x) { return to_float(to_bfloat16(x)); };
  EXPECT_EQ(rounded(1), 1);
  EXPECT_EQ(rounded(1 + 0x1p-8f), 1);               // a tie, to even
  EXPECT_EQ(rounded(1 + 0x3p-8f), 1 + 0x1p-6f);     // a tie, to even
  EXPECT_EQ(rounded(1 + 0x1.02p-8f), 1 + 0x1p-7f);  // above a tie
  EXPECT_EQ(rounded(-0x1.fffp0f), -2);              // into the next power of two
  EXPECT_EQ(rounded(0x1.ffffp127f), std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(rounded(std::nanf(""))));
  EXPECT_TRUE(std::isnan(rounded(std::bit_cast<float>(0x7F800001u))));  // only low bits say that it is one
  EXPECT_EQ(cuda::pack_bf16(1, -2), 0xC0003F80u);
}

TEST(Mma, Tf32RoundsToTenBitsTiesAwayFromZero) {
  const auto rounded = [](float x) { return std::bit_cast<float>(cuda::to_tf32(x)); };
  EXPECT_EQ(rounded(1), 1);
  EXPECT_EQ(rounded(0x1.ffcp0f), 0x1.ffcp0f);      // ten bits: exact
  EXPECT_EQ(rounded(1 + 0x1p-11f), 1 + 0x1p-10f);  // a tie
  EXPECT_EQ(rounded(-1 - 0x1p-11f), -1 - 0x1p-10f);
  EXPECT_EQ(rounded(1 + 0x1.fep-12f), 1);  // below a tie
  EXPECT_EQ(rounded(0x1.fffp0f), 2);       // into the next power of two
  EXPECT_TRUE(std::isnan(rounded(std::nanf(""))));
  EXPECT_TRUE(std::isinf(rounded(std::numeric_limits<float>::infinity())));
}

}  // namespace
}  // namespace bragg::tests
