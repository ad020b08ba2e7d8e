// Which structures are one type: the same atoms' places with other elements in them, in a cell of nearly the same size.
#pragma once

#include <cstdint>
#include <vector>

#include "xrd/crystal.h"

namespace bragg::data {

/// What isotypes share, and what tells them apart.
struct StructureType {
  int space_group = 0;     ///< of mirror images the lower
  double atom_length = 0;  ///< cube root of the volume of an atom, A: the same in every setting of the cell
  std::vector<double> anonymous;         ///< shares of atoms without hydrogen, descending
  std::array<double, 99> composition{};  ///< share of atoms without hydrogen, by atomic number
};
StructureType structure_type(const xrd::Crystal&);

/// The same group and anonymous composition, lengths within `cell` of each other.
bool are_isotypes(const StructureType&, const StructureType&, double cell = 0.03);
/// No element's share differs by more than this.
inline constexpr double same_composition = 0.03;
bool have_same_composition(const std::array<double, 99>&, const std::array<double, 99>&);

/// Shares of atoms without hydrogen.
std::array<double, 99> composition_without_hydrogen(const xrd::Composition&);

}  // namespace bragg::data
