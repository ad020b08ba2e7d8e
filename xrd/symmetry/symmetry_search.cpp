#include "xrd/symmetry/symmetry_search.h"

#include <algorithm>
#include <vector>

#include "xrd/symmetry/symmetrised_crystal.h"

namespace bragg::xrd {
namespace {

/// By what the tolerance is lowered where what is found is no group, and where to end.
constexpr double tolerance_step = 0.85, smallest_tolerance = 1e-5;

/// Whether any operation is there that the declared group lacks: what most crystals are asked, and answer no.
bool has_more(const Crystal& crystal, const CellStructure& structure, double tolerance) {
  OperationSearch search(structure.metric, structure.atoms);
  if (!search.translations(tolerance).empty()) return true;
  const std::vector<IntMatrix> declared = declared_rotations(crystal, structure);
  const std::vector<IntMatrix> lattice = lattice_rotations(structure.metric, tolerance);
  std::vector<IntMatrix> covered = declared;
  for (const IntMatrix& rotation : lattice) {
    if (covered.size() >= lattice.size()) break;
    if (std::find(covered.begin(), covered.end(), rotation) != covered.end()) continue;
    if (search.find(rotation, tolerance)) return true;
    // The declared operators are exact: with this rotation its whole coset is out.
    for (const IntMatrix& r : declared)
      covered.push_back(rotation * r);
  }
  return false;
}

}  // namespace

std::optional<Crystal> with_symmetry_found(const Crystal& crystal, double tolerance, bool* gave_up) {
  if (gave_up) *gave_up = false;
  try {
    auto structure = cell_structure(crystal);
    if (!structure || structure->atoms.size() == 0 || !has_more(crystal, *structure, tolerance))
      return std::nullopt;
    add_displacements(crystal, *structure);
    const std::size_t declared = declared_rotations(crystal, *structure).size();
    for (double t = tolerance; t > smallest_tolerance; t *= tolerance_step) {
      const auto found = structure_symmetry(*structure, t);
      if (!found) continue;
      const std::size_t cells = structure->atoms.size() / found->structure.atoms.size();
      if (found->operations.size() * cells <= declared) return std::nullopt;
      if (auto out = symmetrised_crystal(crystal, *found)) return out;
    }
  } catch (const SearchTooLong&) {
    if (gave_up) *gave_up = true;
  }
  return std::nullopt;
}

}  // namespace bragg::xrd
