// Keys in order: as std::sort has them, whatever they are.
#include "data/refinement/keyed_order.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>

#include <gtest/gtest.h>

namespace bragg::tests {
namespace {

using data::Keyed;

/// Numbers by `drawn`, in ascending and in descending order.
void expect_order(std::size_t count, const std::function<double(std::mt19937&)>& drawn) {
  for (const bool down : {false, true}) {
    std::mt19937 random(7);
    std::vector<Keyed> all, spare;
    std::vector<std::uint32_t> first;
    for (std::size_t i = 0; i < count; ++i) {
      const double value = drawn(random);
      all.push_back({down ? data::descending(value) : data::ascending(value), static_cast<std::uint32_t>(i)});
    }
    std::shuffle(all.begin(), all.end(), random);
    std::vector<Keyed> expected = all;
    std::sort(expected.begin(), expected.end(), data::is_before);
    data::put_in_order(all, spare, first);
    EXPECT_TRUE(all == expected) << count << (down ? " descending" : " ascending");
  }
}

double number(std::mt19937& random, double from, double to) {
  return std::uniform_real_distribution<double>(from, to)(random);
}

TEST(KeyedOrder, FewOfAPlace) {
  for (const std::size_t count : {0u, 1u, 2u, 3u, 100u, 3000u})
    expect_order(count, [](std::mt19937& random) { return std::exp2(number(random, -12, 1)); });
}

TEST(KeyedOrder, EqualOnesKeepTheirOrder) {
  expect_order(2000, [](std::mt19937& random) { return 1 + std::floor(number(random, 0, 40)) / 8; });
}

TEST(KeyedOrder, ManyInOnePlace) {
  // 100,000 within a 256th of a power of two, one by one, would be 2.5e9 steps; few lie elsewhere.
  expect_order(100'000, [](std::mt19937& random) {
    return number(random, 0, 1) < 0.01 ? number(random, 1, 4) : number(random, 1.5, 1.503);
  });
  expect_order(100'000, [](std::mt19937&) { return 0.7; });
}

TEST(KeyedOrder, MorePowersOfTwoThanPlaces) {
  expect_order(500, [](std::mt19937& random) { return std::exp2(number(random, -200, 200)); });
}

}  // namespace
}  // namespace bragg::tests
