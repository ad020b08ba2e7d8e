// The emulated tensor cores against CuTe's layouts (mma_layouts.tsv): kernel and emulation cannot share one
// misreading of the fragments.
#include <array>
#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/cuda/device/ptx.cuh"
#include "tests/support/shared_data.h"

namespace bragg::tests {
namespace {

struct Held {
  int row, column;
};
/// (lane, value) -> element of the matrix.
using Fragment = std::map<std::pair<int, int>, Held>;

Fragment fragment_of(const std::string& instruction, const std::string& matrix) {
  std::ifstream file(project_file("tests/simt/mma_layouts.tsv"));
  Fragment fragment;
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    std::string name, of;
    int lane = 0, value = 0;
    Held held{};
    if (fields >> name >> of >> lane >> value >> held.row >> held.column && name == instruction &&
        of == matrix)
      fragment[{lane, value}] = held;
  }
  return fragment;
}

TEST(Mma, M16n8k8Tf32IsTheProductOfWhatCuteSaysTheLanesHold) {
  const Fragment a_of = fragment_of("m16n8k8_tf32", "A"), b_of = fragment_of("m16n8k8_tf32", "B"),
                 c_of = fragment_of("m16n8k8_tf32", "C");
  ASSERT_EQ(a_of.size(), 128u);
  ASSERT_EQ(b_of.size(), 64u);
  ASSERT_EQ(c_of.size(), 128u);
  // Small integers, all products different: exact, and no two elements can be taken for each other.
  const auto a = [](int m, int k) { return static_cast<float>(m * 8 + k + 1); };
  const auto b = [](int n, int k) { return static_cast<float>(n * n + 3 * k - 11); };
  const auto c = [](int m, int n) { return static_cast<float>(1000 * m - 77 * n); };
  std::array<std::array<float, 4>, 32> result{};
  simt::run({1}, {32}, 0, [&] {
    const auto lane = static_cast<int>(threadIdx.x);
    std::uint32_t a_fragment[4], b_fragment[2];
    float c_fragment[4];
    for (int v = 0; v < 4; ++v) {
      a_fragment[v] = cuda::to_tf32(a(a_of.at({lane, v}).row, a_of.at({lane, v}).column));
      c_fragment[v] = c(c_of.at({lane, v}).row, c_of.at({lane, v}).column);
    }
    for (int v = 0; v < 2; ++v)
      b_fragment[v] = cuda::to_tf32(b(b_of.at({lane, v}).row, b_of.at({lane, v}).column));
    cuda::mma_m16n8k8_tf32(c_fragment, a_fragment, b_fragment);
    for (int v = 0; v < 4; ++v)
      result[threadIdx.x][static_cast<std::size_t>(v)] = c_fragment[v];
  });
  for (const auto& [where, held] : c_of) {
    float expected = c(held.row, held.column);
    for (int k = 0; k < 8; ++k)
      expected += a(held.row, k) * b(held.column, k);
    EXPECT_EQ(result[static_cast<std::size_t>(where.first)][static_cast<std::size_t>(where.second)], expected)
        << "lane " << where.first << " value " << where.second;
  }
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
