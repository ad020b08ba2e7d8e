// Crystals and their reflections as plain numbers: what structure_factors reads and makes. Every validate()
// throws ProblemError that names the op and both offending values.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "kernels/base/memory.h"

namespace bragg {

/// 1/d^2 = g[0] h^2 + g[1] k^2 + g[2] l^2 + g[3] k l + g[4] h l + g[5] h k, in 1/A^2: the reciprocal metric
/// with its off-diagonal elements doubled.
using ReciprocalMetric = std::array<double, 6>;

/// x' = R x + t, t in 1/24.
struct SymmetryOperator {
  std::array<std::int8_t, 9> rotation;  ///< row-major
  std::array<std::int8_t, 3> translation;

  bool operator==(const SymmetryOperator&) const = default;
};

/// A form factor where the four Gaussians of FormFactor no longer hold:
///   f(s) = sum_i a_i exp(-b_i s^2) + c       up to s = high_angle_end (Waasmaier & Kirfel 1995, Acta Cryst.
///                                            A51, 416: five Gaussians; the sixth joins them to the four)
///   f(s) = f(high_angle_end) (high_angle_end / s)^decay    beyond: never negative, never infinite
struct HighAngle {
  std::array<float, 6> a{}, b{};
  float c = 0, decay = 0;
};
constexpr double high_angle_end = 6;  ///< 1/A

/// What an atom scatters, f0(s) + f' + i f'' in electrons, s = sin(theta) / lambda in 1/A:
///   f0(s) = sum_i a_i exp(-b_i s^2) + c (International Tables C, 6.1.1.4) where s^2 <= four_gaussians_to,
///   and that of `high` beyond; f' and f'' do not depend on s (Cromer & Liberman 1970, 1981; International
///   Tables C, 4.2.6).
struct FormFactor {
  std::array<float, 4> a, b;
  float c;
  float four_gaussians_to = std::numeric_limits<float>::infinity();  ///< 1/A^2
  HighAngle high{};
  float dispersion_real = 0, dispersion_imaginary = 0;  ///< f', f''
};

/// One atom of the reduced cell, see CrystalBatch.
struct ScatteringAtom {
  double x, y, z;  ///< fractional
  float occupancy;
  std::int32_t form_factor;  ///< index into CrystalBatch::form_factors
  float u_iso;               ///< A^2; used where anisotropic < 0
  std::int32_t anisotropic;  ///< index into CrystalBatch::beta, or -1
};

/// Many crystals in one block of host memory (compressed rows: crystal i owns [offset[i], offset[i + 1])).
/// `atoms` are the distinct atoms of the cell, reduced by the lattice centring and, where `centrosymmetric`,
/// by the inversion, which then lies at the origin (an atom on the inversion centre has half its occupancy).
/// So
///   A(hkl) = centring * sum_j occupancy_j (f0_j + f'_j) T_j exp(2 pi i (hx + ky + lz)), or twice the real
///   part of that sum, B(hkl) the same with f''_j, and |F|^2 = |A|^2 + |B|^2: the mean of F(hkl) = A + i B
///   and its Friedel mate, which share a powder's line (F(-h -k -l) = conj(A) + i conj(B)). Without f'' it is
///   |A|^2.
struct CrystalBatch {
  std::vector<ReciprocalMetric> metric;
  std::vector<std::uint8_t> centrosymmetric;
  std::vector<std::uint8_t> centring;         ///< lattice points per cell: 1 (P), 2, 3 or 4
  std::vector<std::uint64_t> atom_offset{0};  ///< crystals + 1
  std::vector<ScatteringAtom> atoms;
  std::vector<std::uint64_t> operator_offset{0};  ///< crystals + 1
  std::vector<SymmetryOperator> operators;        ///< all of the group, centring included, identity first
  std::vector<std::array<float, 6>> beta;  ///< T = exp(-(b0 h^2 + b1 k^2 + b2 l^2 + b3 kl + b4 hl + b5 hk))
  std::vector<FormFactor> form_factors;

  std::int64_t crystals() const { return static_cast<std::int64_t>(metric.size()); }
  /// Offsets in order, indices in range, every number finite.
  void validate() const;
};

/// Which reflections: stol_min <= sin(theta)/lambda <= stol_max, in 1/A, unique under the Laue group, without
/// those that the operators extinguish.
struct ReflectionProblem {
  double stol_min = 0, stol_max = 0;
  bool ignore_displacements = false;
  void validate() const;
  std::string text() const;
};

struct Miller {
  std::int16_t h, k, l;
  std::uint16_t multiplicity;  ///< of the orbit under the Laue group
  bool operator==(const Miller&) const = default;
};

/// The rotations of a Laue group, one of R and -R each: with the operators they carry hkl to (hkl) R.
struct LaueRotations {
  std::uint8_t count;  ///< 1 .. 24
  std::array<std::array<std::int8_t, 9>, 24> rotation;
};
/// Of the group that has these operators. Throws ProblemError where more than 24 are different.
LaueRotations laue_rotations(std::span<const SymmetryOperator>);

/// The reflections of many crystals in device memory, crystal by crystal, each ordered by (h, k, l)
/// descending. The representative of an orbit is its lexicographically largest member.
struct ReflectionSet {
  std::int64_t crystals = 0, reflections = 0;
  Buffer offset;  ///< u64 (crystals + 1)
  Buffer metric;  ///< f64 (crystals, 6): ReciprocalMetric
  Buffer miller;  ///< Miller (reflections)
  Buffer f2;      ///< precise type (reflections): |F|^2 as of CrystalBatch
  Buffer laue;    ///< LaueRotations (crystals)
};

}  // namespace bragg
