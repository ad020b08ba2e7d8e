// How a powder pattern is rendered from reflections and its parameters: instrument, sample, background, noise
// and the processing that follows. The formulas stand here; where parameters come from is not its business.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "kernels/crystal/instrument.h"

namespace bragg {

/// What is done to a pattern, simulated or measured alike, before a network reads it (pattern_processing.h).
struct Processing {
  double background_window = 0;  ///< degrees of 2 theta; 0: no background is removed
  bool square_root = false;
  /// Degrees of 2 theta from one number that the network reads to the next: each is the mean of as many
  /// points of the grid as make up that step. 0: the points themselves.
  double step = 0;

  bool is_identity() const { return background_window == 0 && !square_root && step == 0; }
  /// Points of the grid in a number that is read.
  std::int64_t points_per_mean(const TwoThetaGrid&) const;
  /// Where the numbers that are read lie: in the middle of their points. The grid itself without a step.
  TwoThetaGrid read_grid(const TwoThetaGrid&) const;

  /// The background's bins, on the grid that is read.
  struct Opening {
    std::int64_t points_per_bin = 1;  ///< numbers that are averaged to a bin
    std::int64_t half_window = 1;     ///< bins to either side of one that its minimum looks at
  };
  /// Without a step a window is 2 x 16 bins, whatever whole number of points comes nearest to that; with one
  /// the window is kept and bins are no wider than 1/32 of it, or a number.
  Opening opening(const TwoThetaGrid& read) const;
  bool operator==(const Processing&) const = default;
};
/// Why patterns on the grid cannot be processed so.
std::optional<std::string> fault_of(const Processing&, const TwoThetaGrid&);

/// Patterns of crystals, each with its PatternParameters; their effects by name, U, V, seed and index.
///
/// Lines. The reciprocal metric is multiplied by (1 + strain)^-2 and distorted (strained_metric). A
/// reflection with sin theta = wavelength / 2d < 1 has the area
///   I = multiplicity LP |F|^2 exp(-2 b_overall s^2) P,   s = sin theta / wavelength,
///   LP = (1 + cos^2 2 theta) / (cos theta sin^2 theta)   (International Tables C, 6.2.5),
///   P = mean over the orbit of (r^2 cos^2 a + sin^2 a / r)^(-3/2), r = texture, a the angle to the axis in
///       reciprocal space (March 1932, Dollase 1986); 1 where texture is absent.
/// With k_alpha2 = r it is two lines, I / (1 + r) at wavelength K_alpha1 and I r / (1 + r) at K_alpha2
/// (Instrument::k_alpha). A line stands at
///   2 theta + zero_shift - (180 / pi) 2 displacement cos theta / radius.
/// Its width by Thompson, Cox & Hastings (1987), all in degrees:
///   G^2 = U tan^2 theta + V tan theta + W
///   L = (180 / pi) (0.9 wavelength / (10 size cos theta) + 4 microstrain tan theta)
///   H^5 = G^5 + 2.69269 G^4 L + 2.42843 G^3 L^2 + 4.47163 G^2 L^3 + 0.07842 G L^4 + L^5
///   eta = 1.36603 q - 0.47719 q^2 + 0.11116 q^3,  q = L / H
/// A line with G^2 <= 0 is not drawn. The profile of unit area with x = (two_theta_i - position) / H is
///   eta 2 / (pi H) / (1 + 4 x^2) + (1 - eta) 2 / H sqrt(ln 2 / pi) exp(-4 ln 2 x^2),
/// where on the low side H is H (1 + a) in x alone, on the high side H (1 - a): a = asymmetry cot 2 theta,
/// between 0 and 0.8. It is drawn for |x| <= profile_cut and, with h the height of its Lorentzian part at the
/// centre, as far as h / (1 + 4 x^2) >= tail_cut of the highest line's centre; a backend that works in blocks
/// may draw more of it. Lines outside the grid reach in.
///
/// Then, with y divided by max(y):
///   y += impurity * (the lines of crystal `impurities`, without strain, distortion and texture, over their
///        maximum)
///   y += air_scatter start / 2 theta + chebyshev (1 + sum_k c_k T_k / 4) / 2 + hump exp(-4 ln 2 ((2 theta -
///        hump_centre) / hump_width)^2) + floor,    T_1 .. T_4 over the grid, |c_k| < 1
///   y += noise u_i max(y), u_i and z_i (below) drawn from (seed, index)
///   counting noise where poisson > 0, with n = poisson^-2 and sigma = n gaussian:
///        y = ((sqrt(max(y, 0) n + sigma^2 + 3/8) + z_i / 2)^2 - 3/8 - sigma^2) / n, not below 0 without
///        gaussian: a continuous map, so that backends differ by rounding only (Anscombe 1948; with Gaussian
///        noise as well, Murtagh, Starck & Bijaoui 1995)
///   y += gaussian z_i otherwise
///   y = 0 within cut_low of the grid's start and cut_high of its end (kept_points)
///   processing, then y *= maximum / max(y); the square root is taken of y / max(y).
/// A pattern without any line stays all zeros. u_i is word i % 4 of call i / 4 of DataDraw::noise, as
/// uniform01; z_i: the normals of normal_pair(words 0, 1) and (words 2, 3) of the same call, in order.
struct PatternProblem {
  std::int64_t N = 0;
  Instrument instrument;
  double maximum = 1;
  bool impurities = false;  ///< any pattern may have one; else none does
  Processing processing;

  /// Numbers of a pattern, once it is processed.
  std::int64_t points() const { return processing.read_grid(instrument.grid).points; }
  void validate() const;
  std::string text() const;
};

/// |x| up to which a Gaussian is drawn: beyond, it is below 1e-6 of its peak. sqrt(ln(1e6) / (4 ln 2))
inline constexpr double profile_cut = 2.2322392663715607;
/// Of the highest line: what is left away of a Lorentzian's tails.
inline constexpr double tail_cut = 3e-4;

}  // namespace bragg
