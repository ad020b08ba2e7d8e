// What scatters: elements and ions, with the form factors of International Tables C, table 6.1.1.4, and those
// of Waasmaier & Kirfel (1995) beyond its range.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "kernels/crystal/reflection_problem.h"

namespace bragg::xrd {

struct Species {
  std::uint8_t atomic_number = 0;  ///< 1..98
  std::int8_t charge = 0;
  bool operator==(const Species&) const = default;
  auto operator<=>(const Species&) const = default;
};

/// Reads "Fe", "Fe3+", "O2-", "O-2", "Cl1-", "Na+", "Si0", "D" (hydrogen), in capitals or not, and nothing
/// more. Empty where it is no species.
std::optional<Species> parse_species(std::string_view text);
/// "Fe3+", "O2-", "Na1+", "Si".
std::string name_of(Species);
/// "Fe".
std::string_view element_symbol(int atomic_number);
/// g/mol (IUPAC abridged standard atomic weights).
double atomic_mass(int atomic_number);
/// A (Cordero et al. 2008).
double covalent_radius(int atomic_number);

struct FormFactorEntry {
  FormFactor form_factor;
  bool is_fallback;  ///< the ion has no entry of its own: these are its element's
};

/// Of table 6.1.1.4 (98 elements and 112 ions) for 0 <= sin(theta)/lambda <= 2.0 1/A, where it is valid;
/// beyond, the element's fit of Waasmaier & Kirfel to 6 1/A and a power law from there, see
/// form_factor_table.h and HighAngle; f is continuous. f' and f'' are 0. Throws Error beyond atomic
/// number 98.
FormFactorEntry form_factor(Species);
/// f0 at stol = sin(theta)/lambda, 1/A.
double evaluate(const FormFactor&, double stol);

}  // namespace bragg::xrd
