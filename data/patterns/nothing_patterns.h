// Measured patterns in which there is nothing to name: counting noise, dead and saturated detectors, glasses
// and liquids by Debye's formula, 2-line ferrihydrite, opal, organic matter; and what instruments and
// programs do to patterns before they are handed over. Random, from a seed. What tests and evaluations ask: that none
// of them is answered, and that crystals in much glass are.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "kernels/base/random.h"
#include "kernels/crystal/instrument.h"

namespace bragg::data {

/// Random numbers one after another, of RandomStream::test.
class NothingDraws {
 public:
  NothingDraws(std::uint32_t seed, std::uint32_t purpose, std::uint64_t index)
      : seed_(seed), purpose_(purpose), index_(index) {}

  double uniform(double low = 0, double high = 1);
  double log_uniform(double low, double high);
  int below(int count);
  bool one_in(int count) { return below(count) == 0; }
  double normal();
  double poisson(double mean);

 private:
  std::uint32_t seed_, purpose_;
  std::uint64_t index_;
  std::uint32_t call_ = 0;
  int left_ = 0;
  Philox4 bits_{};
};

enum class Nothing { noise, flat, glass, ferrihydrite, opal, organic };
inline constexpr std::array nothing_kinds{Nothing::noise,        Nothing::flat, Nothing::glass,
                                          Nothing::ferrihydrite, Nothing::opal, Nothing::organic};
std::string_view name_of(Nothing);

struct DrawnScan {
  std::vector<double> two_theta, intensity;
};

/// Positions of a scan: from 2..10 to 60..90 degrees in steps of 0.01 to 0.05.
std::vector<double> draw_positions(NothingDraws&);
/// What a detector would count on average, highest 1: I(q) of atoms packed at random as tetrahedra, pyramids
/// or spheres, with the air's and the sample's small-angle scattering. CuKa.
std::vector<double> draw_glass(NothingDraws&, const std::vector<double>& two_theta);
/// Counts around `mean` times `counts`, and every third time what programs make of them: smoothed, without a
/// background, cut at zero, scaled to 1000 as whole numbers.
std::vector<double> measure(NothingDraws&, const std::vector<double>& mean, double counts);

DrawnScan draw_nothing(Nothing kind, std::uint32_t seed, std::uint64_t index);

/// A tenth of the scattering from a crystal, the rest from glass: every fifth point or more of the crystal's `pattern` on
/// the grid, from and to anywhere, with nine times its area of glass, and the noise of counting, `counts` at the highest.
DrawnScan draw_in_glass(NothingDraws&, std::span<const float> pattern, const TwoThetaGrid&, double counts);

}  // namespace bragg::data
