// Anomalous dispersion: f' and f'' of the elements, which depend on the wavelength and not on the angle.
#pragma once

#include <optional>
#include <vector>

#include "xrd/crystal.h"

namespace bragg::xrd {

/// f' and f'' in electrons, for f = f0 + f' + i f''.
struct Dispersion {
  double real = 0, imaginary = 0;
};

/// What anomalous_dispersion knows: elements 3 (Li) to 92 (U), wavelengths in A; from 79 (Au) on those longer
/// than of the K edge (0.154 A for Au, 0.107 A for U).
constexpr int first_dispersive_element = 3, last_dispersive_element = 92;
constexpr double shortest_dispersion = 0.1, longest_dispersion = 12.4;

/// Of a free atom by Cromer & Liberman (1970, J. Chem. Phys. 53, 1891; 1981, Acta Cryst. A37, 267) with the
/// correction of Kissel & Pratt (1990, Acta Cryst. A46, 170), from gemmi's table of cross sections;
/// International Tables C, 4.2.6. Within 0.1 electrons of Chantler's values for light elements and 0.8 for
/// heavy ones, but for some per cent of energy around an edge, where f' depends on the compound. Nothing
/// outside the elements and wavelengths above. Finite everywhere, also on an edge.
std::optional<Dispersion> anomalous_dispersion(int atomic_number, double wavelength);

/// Atomic numbers of the crystal's elements that anomalous_dispersion does not know at this wavelength,
/// ascending: their f' and f'' count as 0.
std::vector<int> without_dispersion(const Crystal&, double wavelength);

}  // namespace bragg::xrd
