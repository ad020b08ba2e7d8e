#include "data/search/explained_lines.h"

#include <vector>

#include <gtest/gtest.h>

namespace bragg::data {
namespace {

BraggLine line(double two_theta, double height, double width = 0.1) {
  return {.two_theta = two_theta, .height = height, .width = width, .significance = 10, .channels = 5};
}

TEST(ExplainedLines, AllOfAPureSubstance) {
  const std::vector<BraggLine> measured{line(20, 100), line(30, 40), line(45, 10)};
  const std::vector<CalculatedLine> calculated{{30.02, 4}, {20.01, 10}, {44.95, 1}};
  const auto parts = explained_parts(measured, calculated);
  EXPECT_EQ(parts, (std::vector<double>{1, 1, 1}));
  EXPECT_DOUBLE_EQ(explained_share(measured, parts), 1);
}

TEST(ExplainedLines, WhatIsElsewhereIsNot) {
  const std::vector<BraggLine> measured{line(20, 100), line(25, 60), line(30, 40)};
  const std::vector<CalculatedLine> calculated{{20, 10}, {30, 4}, {60, 8}};
  const auto parts = explained_parts(measured, calculated);
  EXPECT_EQ(parts, (std::vector<double>{1, 0, 1}));
  EXPECT_DOUBLE_EQ(explained_share(measured, parts), 140.0 / 200);
}

TEST(ExplainedLines, AWeakLineDoesNotAccountForAStrongOne) {
  // Heights are 200 to intensities of 20.1, so that a line of 0.1 may be 5 x 9.95 x 0.1 high.
  const std::vector<BraggLine> measured{line(20, 100), line(30, 100)};
  const std::vector<CalculatedLine> calculated{{20, 20}, {30, 0.1}};
  const auto parts = explained_parts(measured, calculated);
  EXPECT_DOUBLE_EQ(parts[0], 1);
  EXPECT_NEAR(parts[1], 5 * (200 / 20.1) * 0.1 / 100, 1e-12);
}

TEST(ExplainedLines, ABroadLineReachesFarther) {
  const std::vector<CalculatedLine> calculated{{30.25, 1}};
  EXPECT_EQ(explained_parts(std::vector<BraggLine>{line(30, 1, 0.1)}, calculated).front(), 0);
  EXPECT_EQ(explained_parts(std::vector<BraggLine>{line(30, 1, 0.6)}, calculated).front(), 1);
}

TEST(ExplainedLines, EachCalculatedLineBelongsToTheNearest) {
  const std::vector<BraggLine> measured{line(30.0, 1, 0.1), line(30.2, 1, 0.1)};
  const std::vector<CalculatedLine> calculated{{30.14, 1}};
  const auto parts = explained_parts(measured, calculated);
  EXPECT_EQ(parts[0], 0);
  EXPECT_EQ(parts[1], 1);
}

TEST(ExplainedLines, OfNothing) {
  EXPECT_TRUE(explained_parts({}, {}).empty());
  EXPECT_EQ(explained_share({}, {}), 0);
  const std::vector<BraggLine> measured{line(30, 1)};
  EXPECT_EQ(explained_parts(measured, {}), std::vector<double>{0});
}

}  // namespace
}  // namespace bragg::data
