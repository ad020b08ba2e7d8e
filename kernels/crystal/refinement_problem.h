// Models of measured patterns as plain numbers: what op refine (kernels/ops/refine.h) reads, refines and says.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "kernels/crystal/texture_axes.h"

namespace bragg {

/// A measured pattern on even steps of 2 theta, and what it was measured with.
struct RefinedPattern {
  double start, step;       ///< degrees
  float wavelength[2];      ///< A, of the lines of a doublet; of one line alone the second means nothing
  float second_share;       ///< of the second line, over that of the first; 0: one line
  float noise;              ///< typical standard deviation of a point; for RefinedFigures
  std::int32_t first, end;  ///< points [first, end) were measured
};

/// Forms in hkl, as ReciprocalMetric: f[0] h^2 + f[1] k^2 + f[2] l^2 + f[3] k l + f[4] h l + f[5] h k.
using QuadraticForm = std::array<float, 6>;
inline constexpr int most_strains = 6, most_textures = 5;
/// How many terms of texture a lattice has.
BRAGG_HOST_DEVICE constexpr int texture_terms(int strains) {
  return strains == 1 ? 1 : strains - 1;
}

/// What of a structure says which parameters its phases have.
struct PhaseFreedom {
  std::int32_t strains = 0;
  bool has_axis = false;
};

/// A structure as it is before it is refined.
struct RefinedStructure {
  std::array<double, 6> metric;  ///< ReciprocalMetric
  /// Change of the metric with each strain that the lattice's symmetry allows; the first is a growth alike in all
  /// directions: -2 metric.
  QuadraticForm strain[most_strains];
  /// Each over 1/d^2 is a term of texture; a cubic lattice (one strain) has instead the one of fourth order,
  /// 3 ((h^4 + k^4 + l^4) / (h^2 + k^2 + l^2)^2 - 3/5).
  QuadraticForm texture[most_textures];
  std::int32_t strains;  ///< 1 cubic, 2 uniaxial, 3 orthorhombic, 4 monoclinic, 6 triclinic
  std::int32_t first_line, lines;

  /// Of March and Dollase's texture, which takes the place of those terms; axes 0: it does not. In the metric before any strain.
  AxisCosines march;

  constexpr bool has_axis() const { return march.axes > 0; }
  constexpr PhaseFreedom freedom() const { return {strains, has_axis()}; }
  /// Parameters of texture.
  constexpr int textures() const { return has_axis() ? 1 : texture_terms(strains); }
};

struct RefinedLine {
  std::int16_t h, k, l;
  std::uint16_t rank;  ///< by strength among the structure's lines, 0 the strongest
  float area;          ///< multiplicity |F|^2, in units in which a scale of about 1 is reached
};

/// What is refined. A model has the shared ones, then `refined_terms` of background, then those of each phase.
enum class RefinedKind {
  zero,           ///< degrees, added to every 2 theta
  displacement,   ///< degrees, times cos theta
  background,     ///< Chebyshev polynomials on [first, end)
  scale,          ///< of the lines' areas, intensity times degrees
  growth,         ///< first strain: 1/d^2 of the metric + growth strain[0]
  strain,         ///< the others
  texture,        ///< ln I -= 2 sum t_j T_j
  march,          ///< of a structure with an axis, in the place of the first t: ln r, see RefineProblem
  damping,        ///< B: I times exp(-B / (2 d^2)), A^2
  ln_fwhm,        ///< ln of degrees, where 2 theta is fwhm_reference
  fwhm_slope,     ///< ln FWHM = ln_fwhm + slope (2 theta - fwhm_reference) / 60
  lorentz_share,  ///< of the pseudo-Voigt profile
};
inline constexpr int refined_kinds = 12;
inline constexpr double fwhm_reference = 45;  ///< degrees

/// Where the parameters of a model lie.
inline constexpr int shared_parameters = 2;  ///< zero, displacement
enum PhaseParameter {
  scale_at = 0,
  strain_at = 1,
  texture_at = strain_at + most_strains,
  damping_at = texture_at + most_textures,
  ln_fwhm_at,
  fwhm_slope_at,
  lorentz_share_at,
  phase_parameters,
};
inline constexpr int most_refined_terms = 24, most_refined_phases = 8;

/// How parameters of a kind are treated.
struct RefinedRule {
  bool is_free = false;
  double deviation = 0;  ///< of the normal distribution about `prior` that is expected; 0: none is
  double low = -1e30, high = 1e30;
  double step = 1e30;  ///< the most that one iteration changes
  bool operator==(const RefinedRule&) const = default;
};

/// Minimises, for every model,
///   Q = data_weight sum_i w_i (y_i - f_i)^2 + sum over the free parameters with a deviation ((p - prior) / deviation)^2
///   f = background + sum over phases and lines of scale area LP exp(-B / (2 d^2)) exp(-2 sum t_j T_j) P
///     of a structure with an axis instead of exp(-2 sum t_j T_j) the mean over the axis's images of
///     (r^2 cos^2 a + sin^2 a / r)^(-3/2), a the angle to hkl: March, 1932, Z. Kristallogr. 81, 285; Dollase, 1986, J. Appl.
///     Cryst. 19, 267. Its mean over all directions is 1; beyond |ln r| = most_ln_r it is as there
///   LP = (1 + cos^2 2 theta) / (sin^2 theta cos theta)
///   P: pseudo-Voigt of unit area, W^2 = FWHM^2 + blur^2, about 2 theta + zero + displacement cos theta, as far as
///      max(least_reach, sqrt(lorentz_share height / (4 tail_cut))) W on either side, at most most_reach W, with the
///      line's height area / W over that of the highest line of the phase: where the tails fall below tail_cut of it
/// A doublet's lines have areas 1 : second_share, each over their sum, and each the LP and FWHM of its own 2 theta. Lines of
/// rank >= lines_per_phase and those that the wavelength does not reach are left out.
///
/// First the linear parameters alone (where `linear_start`), anew as long as other ones are held by their bounds than in the pass
/// before, at most linear_passes times; of the passes and the start what has the least Q. Then `iterations` times: normal equations with
/// (1 + lambda) on the diagonal, lambda from first_damping, / 8 after a step that Q falls by, x 10 after one that is
/// taken back. A parameter at a bound that the gradient pushes it over stays there. Ends early where Q fell by less than `converged` of itself twice.
struct RefineProblem {
  std::int64_t patterns = 0, points = 0;  ///< points: of a row
  std::int64_t structures = 0, lines = 0;
  std::int64_t models = 0, phases = 0;  ///< phases: of all models together
  std::int64_t phases_per_model = 1;    ///< at most
  std::int64_t terms = 5;               ///< of the background, 1..most_refined_terms
  std::int64_t lines_per_phase = 0;     ///< at most
  std::int64_t iterations = 0;  ///< 0: the figures of the parameters as they are (or with linear_start)
  bool linear_start = true;
  double blur = 0;  ///< degrees, FWHM of the Gaussian that the pattern was smoothed by
  double data_weight = 1, first_damping = 1e-3, converged = 1e-4, tail_cut = 2e-4;
  std::array<RefinedRule, refined_kinds> rule{};

  const RefinedRule& rule_of(RefinedKind kind) const { return rule[static_cast<std::size_t>(kind)]; }
  RefinedRule& rule_of(RefinedKind kind) { return rule[static_cast<std::size_t>(kind)]; }
  constexpr std::int64_t shared() const { return shared_parameters + terms; }
  /// Of the parameters of all models.
  std::int64_t parameters() const { return models * shared() + phases * phase_parameters; }
  /// Of a model's, at most.
  constexpr std::int64_t parameters_per_model() const {
    return shared() + phases_per_model * phase_parameters;
  }
  void validate() const;
  std::string text() const;
};
inline constexpr int linear_passes = 8;
inline constexpr double least_reach = 4, most_reach = 40;
inline constexpr double most_ln_r = 8;

/// How well a model fits, with net = y - background, f without background, s = noise, over the points that weigh something. A
/// ratio over nothing is 0.
struct RefinedFigures {
  float chi_squared;  ///< sum w (y - f)^2
  float objective;    ///< Q
  float weighed;      ///< sum w y^2: Rwp^2 = chi_squared / weighed
  float correlation;  ///< sum net f / sqrt(sum net^2 sum f^2)
  float root_cosine;  ///< the same of sqrt(max(net, 0)) and sqrt(f)
  float explained;    ///< 1 - sum max(0, net - f - 2 s) / sum max(0, net - 2 s)
  float absent;       ///< sum max(0, f - net - 2 s) / sum f
  float iterations;   ///< that were made
};
inline constexpr int refined_figures = sizeof(RefinedFigures) / sizeof(float);

}  // namespace bragg
