// X-ray form factors of International Tables for Crystallography, Vol. C (1992), table 6.1.1.4 (Cromer & Mann
// fits to relativistic Hartree-Fock and Dirac-Slater values; Brown, Fox, Maslen, O'Keefe & Willis): 98
// elements, 112 ions.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/problems.h"

namespace bragg::xrd {

/// f(s) = sum_i a_i exp(-b_i s^2) + c, fitted for 0 <= s = sin(theta)/lambda <= 2.0 1/A. Not f(0) = Z -
/// charge by construction: every row comes within 0.05 electrons of it but Tl (80.942) and Pb (81.949), as
/// printed in the table.
struct FormFactorRow {
  std::uint8_t atomic_number;
  std::int8_t charge;
  FormFactor form_factor;
};

/// All 210 rows, by atomic number; the element first, then its ions by charge.
std::span<const FormFactorRow> form_factor_table();

}  // namespace bragg::xrd
