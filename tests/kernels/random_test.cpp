// Philox4x32-10 at run time against Random123 1.09's known answers (kat_vectors), and what is derived from
// it.
#include "kernels/base/random.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

namespace bragg::tests {
namespace {

TEST(Random, KnownAnswersOfRandom123) {
  struct Known {
    Philox4 counter;
    std::array<std::uint32_t, 2> key;
    Philox4 answer;
  };
  volatile std::uint32_t zero = 0;  // so that the compiler cannot answer
  for (const Known& known :
       {Known{{0, 0, 0, 0}, {0, 0}, {0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u}},
        Known{{0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu},
              {0xffffffffu, 0xffffffffu},
              {0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu}},
        Known{{0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u},
              {0xa4093822u, 0x299f31d0u},
              {0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u}}}) {
    Philox4 counter = known.counter;
    counter[0] ^= zero;
    EXPECT_EQ(philox4x32_10(counter, known.key), known.answer);
  }
}

TEST(Random, DropoutKeepsTheShareItShould) {
  // 80,000 draws with p = 0.3: a standard deviation is 0.0016.
  std::int64_t kept = 0;
  for (std::int64_t row = 0; row < 1000; ++row) {
    for (std::int64_t c = 0; c < 80; ++c)
      kept += dropout_keeps(1, 2, 3, row, c, 80, 0.3f);
  }
  EXPECT_NEAR(static_cast<double>(kept) / 80000, 0.7, 0.008);
}

TEST(Random, NoTwoElementsOfARowShareTheirBits) {
  for (const std::int64_t C : {1, 31, 80, 230}) {
    std::vector<std::uint64_t> places;
    for (std::int64_t row = 0; row < 3; ++row) {
      for (std::int64_t c = 0; c < C; ++c) {
        const DropoutBits bits = dropout_bits(row, c, C);
        places.push_back(std::uint64_t{bits.call} * 8 + bits.half);
      }
    }
    std::sort(places.begin(), places.end());
    EXPECT_EQ(std::adjacent_find(places.begin(), places.end()), places.end());
  }
}

}  // namespace
}  // namespace bragg::tests
