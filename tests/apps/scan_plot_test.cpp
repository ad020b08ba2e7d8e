// Plots of scans whose numbers are as far apart, or as close together, as doubles go.
#include "apps/report/scan_plot.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "apps/report/svg.h"
#include "tests/apps/well_formed.h"

namespace bragg::apps::report {
namespace {

TEST(ScanPlot, EndsWhateverThePositionsAndIntensities) {
  const std::vector<std::vector<double>> ranges{{-1e308, 0, 1e308},
                                                {1e17, 1e17 + 32, 1e17 + 64},
                                                {0, 5e-324, 1e-323},
                                                {5, 6, 7},
                                                {-1.7e308, 1, 1.7e308}};
  for (const auto& x : ranges) {
    for (const auto& y : ranges) {
      const PlottedScan scan{x, y, "phi, degrees", "a"};
      const std::string svg = scan_svg(scan);
      EXPECT_EQ(tests::why_not_well_formed(svg), "");
      EXPECT_LT(svg.size(), 20'000u);
      EXPECT_EQ(svg.find("nan"), std::string::npos) << svg;
      EXPECT_EQ(svg.find("inf\""), std::string::npos) << svg;
      const std::string text = scan_text_plot(scan, 96, 16);
      EXPECT_NE(text.find("\xE2\x94\x94"), std::string::npos);
      EXPECT_NE(text.find("\xE2\x96\x88"), std::string::npos) << "the highest point fills its column\n"
                                                              << text;
    }
  }
}

TEST(ScanPlot, TicksAreRoundNumbersOfTheAxis) {
  EXPECT_EQ(Axis(0, 10, 0, 1).ticks(5), (std::vector<double>{0, 2, 4, 6, 8, 10}));
  EXPECT_EQ(Axis(-3, 11, 0, 1).ticks(3), (std::vector<double>{0, 5, 10}));
  // Where a step is lost in the digits of the ends there are few ticks, not endlessly many.
  EXPECT_LE(Axis(1e17, 1e17 + 32, 0, 1).ticks(8).size(), 10u);
}

}  // namespace
}  // namespace bragg::apps::report
