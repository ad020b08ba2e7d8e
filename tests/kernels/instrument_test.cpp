// What a diffractometer is unless it is said otherwise, and what none can be.
#include "kernels/crystal/instrument.h"

#include <cmath>

#include <gtest/gtest.h>

namespace bragg {
namespace {

TEST(Instrument, IsADiffractometerWithCopperUnlessItIsSaidOtherwise) {
  const Instrument usual;
  EXPECT_EQ(usual.grid, (TwoThetaGrid{.start = 5, .step = 0.01, .points = 8500}));
  EXPECT_EQ(usual.wavelength, 1.54184);
  EXPECT_EQ(usual.radius, 200);
  EXPECT_EQ(fault_of(usual), std::nullopt);
  EXPECT_NE(usual, (Instrument{.grid = {}, .radius = 240}));
}

TEST(Instrument, KAlphaHasItsWavelengthForAMean) {
  for (const double wavelength : {1.54184, 0.71073, 2.2910}) {
    const auto [k1, k2] = Instrument{.grid = {}, .wavelength = wavelength}.k_alpha();
    EXPECT_NEAR((2 * k1 + k2) / 3, wavelength, 1e-15);
    EXPECT_NEAR(k2 / k1, 1.54439 / 1.54056, 1e-15);
  }
}

TEST(Instrument, FaultsNameTheValue) {
  Instrument none;
  none.grid.points = 0;
  EXPECT_EQ(fault_of(none), "grid points 0 < 1");
  none = {};
  none.grid.start = 100;
  EXPECT_EQ(fault_of(none), fault_of(none.grid));
  EXPECT_NE(fault_of(none), std::nullopt);
  for (const double length : {0.0, -1.0, double{NAN}, double{INFINITY}}) {
    EXPECT_TRUE(
        fault_of(Instrument{.grid = {}, .wavelength = length}).value_or("").starts_with("wavelength "))
        << length;
    EXPECT_TRUE(
        fault_of(Instrument{.grid = {}, .radius = length}).value_or("").starts_with("goniometer radius "))
        << length;
  }
}

}  // namespace
}  // namespace bragg
