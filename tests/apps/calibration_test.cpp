#include "apps/evaluation/calibration.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

namespace bragg::apps {
namespace {

TEST(Calibration, OfTwoBinsByHand) {
  // Twenty answers, ten bins of two: all at 0.75, of which the first ten are right.
  std::vector<double> confidence(20, 0.75), of_truth(20, 0.5);
  std::vector<std::uint8_t> right(20, 0);
  for (int i = 0; i < 10; ++i)
    right[static_cast<std::size_t>(i)] = 1;
  const Calibration c = calibration_of(confidence, right, of_truth);
  EXPECT_NEAR(c.nll, std::log(2), 1e-12);
  // Five bins with |0.75 - 1|, five with |0.75 - 0|.
  EXPECT_NEAR(c.ece, 0.5 * 0.25 + 0.5 * 0.75, 1e-12);
}

TEST(Calibration, ChanceIsAboveZeroAndShrinksWithTheCount) {
  const auto high_of = [](std::size_t n) {
    std::vector<double> confidence(n), of_truth(n, 0.5);
    std::vector<std::uint8_t> right(n, 1);
    for (std::size_t i = 0; i < n; ++i)
      confidence[i] = 0.05 + 0.9 * static_cast<double>(i) / static_cast<double>(n);
    const Calibration c = calibration_of(confidence, right, of_truth);
    EXPECT_GT(c.low, 0);
    EXPECT_GT(c.high, c.low);
    return c.high;
  };
  EXPECT_GT(high_of(50), 2 * high_of(2000));
}

TEST(Calibration, CertainAndRightIsZero) {
  const std::vector<double> one(30, 1.0);
  const std::vector<std::uint8_t> right(30, 1);
  const Calibration c = calibration_of(one, right, one);
  EXPECT_EQ(c.nll, 0);
  EXPECT_EQ(c.ece, 0);
  EXPECT_EQ(c.high, 0);
}

TEST(Calibration, AnswerThatWasImpossibleHasAFiniteLoss) {
  const std::vector<double> confidence{1.0}, of_truth{0.0};
  const std::vector<std::uint8_t> right{0};
  const Calibration c = calibration_of(confidence, right, of_truth);
  EXPECT_NEAR(c.nll, -std::log(1e-9), 1e-9);
  EXPECT_EQ(c.ece, 1);
}

}  // namespace
}  // namespace bragg::apps
