// The window of a smooth background, which stays in order while it moves, against one that is put in order at every point.
#include "data/patterns/smooth_background.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

namespace bragg::tests {
namespace {

double held(const std::vector<double>& y, std::int64_t i) {
  return y[static_cast<std::size_t>(std::clamp<std::int64_t>(i, 0, std::ssize(y) - 1))];
}

std::vector<double> plain_background(const std::vector<double>& y, double step) {
  const auto half = std::max<std::int64_t>(1, std::llround(data::background_reach / step));
  const double rank = data::background_share * static_cast<double>(2 * half);
  const auto whole = static_cast<std::size_t>(rank);
  std::vector<double> low;
  for (std::int64_t i = 0; i < std::ssize(y); ++i) {
    std::vector<double> window;
    for (std::int64_t j = i - half; j <= i + half; ++j)
      window.push_back(held(y, j));
    std::sort(window.begin(), window.end());
    low.push_back(window[whole] + (rank - static_cast<double>(whole)) * (window[whole + 1] - window[whole]));
  }
  std::vector<double> background;
  double sum = 0;
  for (std::int64_t j = -half; j <= half; ++j)
    sum += held(low, j);
  for (std::int64_t i = 0; i < std::ssize(y); ++i) {
    background.push_back(sum / static_cast<double>(2 * half + 1));
    sum += held(low, i + half + 1) - held(low, i - half);
  }
  return background;
}

TEST(SmoothBackground, HasTheBitsOfAWindowPutInOrderAtEveryPoint) {
  std::vector<double> rising, falling, counts, flat(70, 3.0);
  std::uint32_t state = 5;
  for (int i = 0; i < 400; ++i) {
    rising.push_back(0.5 * i);
    falling.push_back(-0.25 * i * i);
    state = state * 1664525u + 1013904223u;
    counts.push_back(static_cast<double>(state >> 28) + (i % 37 == 0 ? 1000 : 0));  // many are equal
  }
  for (const std::vector<double>& y : {rising, falling, counts, flat, {1, 5, 2}, {7}})
    for (const double step : {0.02, 0.05, 0.1, 5.0})
      EXPECT_EQ(data::smooth_background(y, step), plain_background(y, step)) << y.size() << " " << step;
}

}  // namespace
}  // namespace bragg::tests
