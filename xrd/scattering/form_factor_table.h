// X-ray form factors of International Tables for Crystallography, Vol. C (1992), table 6.1.1.4 (Cromer & Mann
// fits to relativistic Hartree-Fock and Dirac-Slater values; Brown, Fox, Maslen, O'Keefe & Willis): 98
// elements, 112 ions; and of the elements beyond its range.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "kernels/crystal/reflection_problem.h"

namespace bragg::xrd {

/// f(s) = sum_i a_i exp(-b_i s^2) + c, fitted for 0 <= s = sin(theta)/lambda <= 2.0 1/A. Not f(0) = Z -
/// charge by construction: every row comes within 0.05 electrons of it but Tl (80.942) and Pb (81.949), as
/// printed in the table.
struct FormFactorRow {
  std::uint8_t atomic_number;
  std::int8_t charge;
  FormFactor form_factor;  ///< its four Gaussians alone
};

/// All 210 rows, by atomic number; the element first, then its ions by charge.
std::span<const FormFactorRow> form_factor_table();
constexpr double form_factor_table_end = 2;  ///< 1/A

/// f(s) = sum_i a_i exp(-b_i s^2) + c of a neutral atom, fitted for 0 <= s <= 6 1/A (Waasmaier & Kirfel 1995,
/// Acta Cryst. A51, 416; the coefficients as XrayDB gives them), and the power by which f falls from 6 to
/// 10 1/A, ln(f(6) / f(10)) / ln(10 / 6) of the values of Hubbell et al. 1975 (J. Phys. Chem. Ref. Data 4,
/// 471) as xraylib gives them.
struct HighAngleRow {
  std::array<float, 5> a, b;
  float c, decay;
};

/// By atomic number, 1..98. Ions need none of their own: beyond 2 1/A only inner electrons scatter.
std::span<const HighAngleRow> high_angle_table();

}  // namespace bragg::xrd
