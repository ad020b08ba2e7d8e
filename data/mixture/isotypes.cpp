#include "data/mixture/isotypes.h"

#include <algorithm>
#include <cmath>

#include "xrd/symmetry/space_groups.h"

namespace bragg::data {

std::array<double, 99> composition_without_hydrogen(const xrd::Composition& atoms) {
  std::array<double, 99> shares{};
  double sum = 0;
  for (std::size_t z = 2; z < shares.size(); ++z)
    sum += shares[z] = atoms[z];
  for (double& share : shares)
    share /= sum > 0 ? sum : 1;
  return shares;
}

StructureType structure_type(const xrd::Crystal& crystal) {
  StructureType type;
  type.space_group = xrd::modulo_enantiomorph(crystal.group.number);
  type.atom_length = std::cbrt(crystal.cell.volume() / std::max(crystal.atoms_per_cell(), 1e-3));
  type.composition = composition_without_hydrogen(xrd::composition_of(crystal.sites));
  for (const double share : type.composition)
    if (share > 0) type.anonymous.push_back(share);
  std::sort(type.anonymous.rbegin(), type.anonymous.rend());
  return type;
}

bool are_isotypes(const StructureType& a, const StructureType& b, double cell) {
  if (a.space_group != b.space_group || a.anonymous.size() != b.anonymous.size()) return false;
  if (std::abs(a.atom_length / b.atom_length - 1) > cell) return false;
  for (std::size_t i = 0; i < a.anonymous.size(); ++i)
    if (std::abs(a.anonymous[i] - b.anonymous[i]) > same_composition) return false;
  return true;
}

bool have_same_composition(const std::array<double, 99>& a, const std::array<double, 99>& b) {
  for (std::size_t z = 2; z < a.size(); ++z)
    if (std::abs(a[z] - b[z]) > same_composition) return false;
  return true;
}

}  // namespace bragg::data
