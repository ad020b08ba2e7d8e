// The symmetry of the atoms of a cell as they lie there: its primitive cell and its operations, those found
// together being a group.
#pragma once

#include <optional>
#include <vector>

#include "xrd/crystal.h"
#include "xrd/symmetry/operation_search.h"
#include "xrd/symmetry/primitive_group.h"
#include "xrd/symmetry/site_symmetry.h"

namespace bragg::xrd {

/// How far an atom of a cell moves about its place.
struct AtomDisplacement {
  double u_iso = 0;          ///< A^2, 0: not known
  bool anisotropic = false;  ///< whether `beta` is more than u_iso
  bool known = false;
  Tensor beta{};  ///< A^2, on the basis vectors: sum over i, j of beta_ij a_i a_j
};

/// The mean of what is known of several atoms, each already turned to where the first one is.
class MeanDisplacement {
 public:
  void add(const AtomDisplacement& d, const Tensor& beta) {
    if (d.u_iso != 0) {
      u_iso_ += d.u_iso;
      ++u_iso_count_;
    }
    if (!d.known) return;
    anisotropic_ = anisotropic_ || d.anisotropic;
    for (std::size_t k = 0; k < 6; ++k)
      beta_[k] += beta[k];
    ++count_;
  }
  AtomDisplacement mean() const {
    AtomDisplacement out;
    if (u_iso_count_ > 0) out.u_iso = u_iso_ / u_iso_count_;
    out.anisotropic = anisotropic_;
    out.known = count_ > 0;
    for (std::size_t k = 0; k < 6 && count_ > 0; ++k)
      out.beta[k] = beta_[k] / count_;
    return out;
  }

 private:
  double u_iso_ = 0, u_iso_count_ = 0, count_ = 0;
  bool anisotropic_ = false;
  Tensor beta_{};
};

/// All atoms of a primitive cell of a lattice.
struct CellStructure {
  IntMatrix from_declared;         ///< x = from_declared x_declared: the file's edges (columns) in this basis
  Metric metric;                   ///< of the basis, which is reduced
  AtomSet atoms;                   ///< the rarest kind first
  std::vector<std::int32_t> site;  ///< by atom: of the crystal
  std::vector<std::int32_t> operation;         ///< by atom: the operator that makes it from its site
  std::vector<double> occupancy;               ///< by atom
  std::vector<AtomDisplacement> displacement;  ///< by atom; empty before add_displacements
};

/// The crystal's atoms in a primitive cell of its declared lattice. Sites of one species whose occupancies
/// agree within occupancy_tolerance are of one kind. Empty where the sites' multiplicities are not those of
/// their positions.
std::optional<CellStructure> cell_structure(const Crystal&);
void add_displacements(const Crystal&, CellStructure&);

/// The rotations of the crystal's declared group, each once, in the structure's basis.
std::vector<IntMatrix> declared_rotations(const Crystal&, const CellStructure&);

/// Rotations of the lattice within the tolerance (A): edges keep their lengths and, at their ends, their
/// directions.
std::vector<IntMatrix> lattice_rotations(const Metric&, double tolerance);

struct StructureSymmetry {
  CellStructure structure;            ///< in the primitive cell found; site and operation of one atom of each
  std::vector<Operation> operations;  ///< of its atoms; the identity first
  PrimitiveGroup group;               ///< the same operations, exact, about `origin`
  Point origin;
  std::vector<Point> symmetrised;  ///< by atom: the mean of the images, about `origin`
};

/// Empty where what is found within the tolerance (A) is no group, or would move an atom by more than it.
/// Throws SearchTooLong.
std::optional<StructureSymmetry> structure_symmetry(const CellStructure&, double tolerance);

}  // namespace bragg::xrd
