// The formulas of op refine (kernels/ops/refine.h) that backends share: a line's place, width and area, what they change with, and
// which parameters a model has. Not here: profiles and sums, which are each backend's own.
#pragma once

#include <cmath>

#include "kernels/base/host_device.h"
#include "kernels/crystal/refinement_problem.h"

namespace bragg {

/// Parameters of a model that are free, in the order of its parameters.
struct RefinedColumn {
  std::int32_t parameter;  ///< of the model
  RefinedKind kind;

  BRAGG_HOST_DEVICE bool is_linear() const {
    return kind == RefinedKind::background || kind == RefinedKind::scale;
  }
};

/// Of which kind parameter `at` of a phase is; strains and textures beyond those of the structure are of none (-1).
BRAGG_HOST_DEVICE inline int kind_of_phase_parameter(int at, PhaseFreedom of) {
  const int textures = of.has_axis ? 1 : texture_terms(of.strains);
  RefinedKind kind = RefinedKind::scale;
  if (at >= strain_at && at < texture_at) {
    if (at - strain_at >= of.strains) return -1;
    kind = at == strain_at ? RefinedKind::growth : RefinedKind::strain;
  } else if (at >= texture_at && at < damping_at) {
    if (at - texture_at >= textures) return -1;
    kind = of.has_axis ? RefinedKind::march : RefinedKind::texture;
  } else if (at == damping_at) {
    kind = RefinedKind::damping;
  } else if (at == ln_fwhm_at) {
    kind = RefinedKind::ln_fwhm;
  } else if (at == fwhm_slope_at) {
    kind = RefinedKind::fwhm_slope;
  } else if (at == lorentz_share_at) {
    kind = RefinedKind::lorentz_share;
  }
  return static_cast<int>(kind);
}

/// Of which kind parameter `parameter` of a model is, where that is free; else -1. `of` is that of its phase's structure;
/// of the parameters that phases share it means nothing.
BRAGG_HOST_DEVICE inline int free_kind_of(const RefineProblem& p, std::int64_t parameter, PhaseFreedom of) {
  const std::int64_t at = parameter - p.shared();
  const int kind = at >= 0          ? kind_of_phase_parameter(static_cast<int>(at % phase_parameters), of)
                   : parameter == 0 ? static_cast<int>(RefinedKind::zero)
                   : parameter == 1 ? static_cast<int>(RefinedKind::displacement)
                                    : static_cast<int>(RefinedKind::background);
  return kind >= 0 && p.rule[static_cast<std::size_t>(kind)].is_free ? kind : -1;
}

/// Of Levenberg and Marquardt's method (kernels/crystal/levenberg_marquardt.h).
inline constexpr double damping_fall = 8, damping_rise = 10, most_damping = 1e8;
inline constexpr int small_falls = 2;  ///< of Q, one after the other, that end it
inline constexpr double least_pivot =
    1e-12;  ///< over the diagonal: below, a direction that the others make up for

template <typename Real>
BRAGG_HOST_DEVICE Real form_of(const QuadraticForm& f, Real h, Real k, Real l) {
  const float* const e = f.data();
  return h * (Real(e[0]) * h + Real(e[4]) * l + Real(e[5]) * k) + k * (Real(e[1]) * k + Real(e[3]) * l) +
         l * (Real(e[2]) * l);
}

/// 1/d^2 before any strain, its changes with them, and the terms of texture, which mean nothing where there is an axis.
template <typename Real>
struct LineForms {
  Real q, strain[most_strains], texture[most_textures];
};
template <typename Real>
BRAGG_HOST_DEVICE LineForms<Real> line_forms(const RefinedStructure& structure, const RefinedLine& line) {
  const double h = line.h, k = line.k, l = line.l;
  const double* const g = structure.metric.data();
  const double q = g[0] * h * h + g[1] * k * k + g[2] * l * l + g[3] * k * l + g[4] * h * l + g[5] * h * k;
  LineForms<Real> forms{};
  forms.q = static_cast<Real>(q);
  for (int j = 0; j < structure.strains; ++j)
    forms.strain[j] = static_cast<Real>(form_of(structure.strain[j], h, k, l));
  if (structure.strains == 1) {
    const double h2 = h * h, k2 = k * k, l2 = l * l, sum = h2 + k2 + l2;
    forms.texture[0] = static_cast<Real>(3 * ((h2 * h2 + k2 * k2 + l2 * l2) / (sum * sum) - 0.6));
  } else {
    for (int j = 0; j < structure.strains - 1; ++j)
      forms.texture[j] = static_cast<Real>(form_of(structure.texture[j], h, k, l) / q);
  }
  return forms;
}

/// March's function is (along cos^2 a + across sin^2 a)^(-3/2).
template <typename Real>
struct MarchFunction {
  Real along, across;  ///< r^2, 1 / r
};
template <typename Real>
BRAGG_HOST_DEVICE MarchFunction<Real> march_function(Real ln_r) {
  constexpr Real most = Real(most_ln_r);
  const Real r = std::exp(ln_r < -most ? -most : ln_r > most ? most : ln_r);
  return {r * r, 1 / r};
}

/// The square of the cosine between hkl, whose 1/d^2 is q, and image n of the axis.
template <typename Real>
BRAGG_HOST_DEVICE Real axis_cosine2(const AxisCosines& axis, int n, Real h, Real k, Real l, Real q) {
  const Real dot = Real(axis.axis[0][n]) * h + Real(axis.axis[1][n]) * k + Real(axis.axis[2][n]) * l;
  const Real cosine2 = dot * dot / q;
  return cosine2 < 1 ? cosine2 : Real(1);
}

/// What March's texture multiplies a line's area by, and that as a term of texture: what ln I changes with ln r, over -2.
template <typename Real>
struct MarchTexture {
  Real factor, term;
};
template <typename Real>
BRAGG_HOST_DEVICE MarchTexture<Real> march_texture(const AxisCosines& axis, MarchFunction<Real> march, Real h,
                                                   Real k, Real l, Real q) {
  Real sum = 0, change = 0;
  for (int n = 0; n < axis.axes; ++n) {
    const Real cosine2 = axis_cosine2(axis, n, h, k, l, q);
    const Real along = march.along * cosine2, across = march.across * (1 - cosine2), base = along + across;
    const Real value = 1 / (base * std::sqrt(base));
    sum += value;
    change += value * (2 * along - across) / base;
  }
  return {sum / static_cast<Real>(axis.axes), Real(0.75) * change / sum};
}

/// A line with the parameters `own` of its phase; of its forms q is then that of the strained cell, and the first term of March's
/// texture what march_texture says.
template <typename Real>
struct MovedLine {
  LineForms<Real> forms;
  Real area;         ///< with March's texture
  Real texture_sum;  ///< sum t_j T_j
};
template <typename Real, typename Number>
MovedLine<Real> moved_line(const RefinedStructure& structure, const RefinedLine& line, const Number* own) {
  MovedLine<Real> moved{line_forms<Real>(structure, line), static_cast<Real>(line.area), 0};
  LineForms<Real>& forms = moved.forms;
  if (structure.has_axis()) {
    const auto texture = march_texture(structure.march, march_function(static_cast<Real>(own[texture_at])),
                                       static_cast<Real>(line.h), static_cast<Real>(line.k),
                                       static_cast<Real>(line.l), forms.q);
    moved.area *= texture.factor;
    forms.texture[0] = texture.term;
  } else {
    for (int j = 0; j < structure.textures(); ++j)
      moved.texture_sum += static_cast<Real>(own[texture_at + j]) * forms.texture[j];
  }
  for (int j = 0; j < structure.strains; ++j)
    forms.q += static_cast<Real>(own[strain_at + j]) * forms.strain[j];
  return moved;
}

/// What the lines of a phase have in common.
template <typename Real>
struct LineSettings {
  Real zero, displacement;  ///< degrees
  Real damping, ln_fwhm, fwhm_slope;
  Real wavelength, share;  ///< of this line of the doublet
  Real blur;
};

/// A line of a doublet, without the scale. Degrees throughout.
template <typename Real>
struct ShapedLine {
  bool is_reached = false;  ///< by the wavelength; if not, nothing below is there
  Real position, width, area;
  Real ln_area_by_q, position_by_q, ln_width_by_q;
  Real cosine;      ///< of theta: what the position changes with displacement
  Real fwhm_share;  ///< (FWHM / W)^2: what ln W changes with ln_fwhm
  Real away;        ///< ln FWHM = ln_fwhm + slope away
};

/// 2 theta where FWHM is reference, and the range in which the slope is counted.
inline constexpr double fwhm_range = 60;  ///< degrees
/// sin theta of the last line that counts: beyond, 2 theta runs away.
inline constexpr double steepest_sine = 0.9999;

template <typename Real>
BRAGG_HOST_DEVICE ShapedLine<Real> shaped_line(const LineSettings<Real>& s, Real q, Real area,
                                               Real texture_sum) {
  ShapedLine<Real> line{};
  if (!(q > 0)) return line;
  const Real sine = s.wavelength * std::sqrt(q) / 2;
  if (!(sine < Real(steepest_sine))) return line;
  constexpr Real degree = Real(0.017453292519943295);
  const Real cosine = std::sqrt(1 - sine * sine), cosine2 = 1 - 2 * sine * sine, sine2 = 2 * sine * cosine;
  const Real two_theta = 2 * std::asin(sine) / degree;
  line.is_reached = true;
  line.cosine = cosine;
  line.position = two_theta + s.zero + s.displacement * cosine;
  line.away = (two_theta - Real(fwhm_reference)) / Real(fwhm_range);
  const Real fwhm = std::exp(s.ln_fwhm + s.fwhm_slope * line.away);
  const Real width2 = fwhm * fwhm + s.blur * s.blur;
  line.width = std::sqrt(width2);
  line.fwhm_share = fwhm * fwhm / width2;
  const Real lp = (1 + cosine2 * cosine2) / (sine * sine * cosine);
  line.area = s.share * area * lp * std::exp(-s.damping * q / 2 - 2 * texture_sum);
  const Real by_q = s.wavelength * s.wavelength / (2 * sine2);  // of 2 theta, radians
  line.ln_area_by_q =
      by_q * (-2 * cosine2 * sine2 / (1 + cosine2 * cosine2) - cosine / sine + sine / (2 * cosine)) -
      s.damping / 2;
  line.position_by_q = by_q / degree - s.displacement * by_q * sine / 2;
  line.ln_width_by_q = line.fwhm_share * s.fwhm_slope * by_q / (degree * Real(fwhm_range));
  return line;
}

/// Heights over area of Gaussian and Lorentzian of unit FWHM.
inline constexpr double gaussian_height = 0.93943727869965133, lorentz_height = 0.63661977236758134;

/// In W, on either side.
template <typename Real>
BRAGG_HOST_DEVICE Real reach_of(Real lorentz_share, Real relative_height, Real cut) {
  const Real tail = std::sqrt(lorentz_share * relative_height / (4 * cut));
  return tail < Real(least_reach) ? Real(least_reach) : tail > Real(most_reach) ? Real(most_reach) : tail;
}

/// Chebyshev's variable of point i: -1 at the first measured one, 1 at the last.
template <typename Real>
BRAGG_HOST_DEVICE Real chebyshev_variable(const RefinedPattern& pattern, std::int64_t i) {
  const std::int64_t last = std::int64_t{pattern.end} - 1 - pattern.first;
  // Whole numbers up to the division: in floats the polynomials of many terms would show what is lost before it.
  return last > 0 ? static_cast<Real>(2 * (i - pattern.first) - last) / static_cast<Real>(last) : Real(0);
}

/// The background of `terms` coefficients at point i.
template <typename Real>
BRAGG_HOST_DEVICE double refined_background(const RefinedPattern& pattern, const Real* coefficients,
                                            std::int64_t terms, std::int64_t i) {
  const auto x = chebyshev_variable<double>(pattern, i);
  double polynomial = 1, next = x, sum = 0;
  for (std::int64_t t = 0; t < terms; ++t) {
    sum += static_cast<double>(coefficients[t]) * polynomial;
    const double after = 2 * x * next - polynomial;
    polynomial = next;
    next = after;
  }
  return sum;
}

}  // namespace bragg
