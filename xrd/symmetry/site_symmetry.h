// A site under the operators of its group: special positions, images, displacement tensors, contacts.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "xrd/crystal.h"

namespace bragg::xrd {

/// Displacement tensors as in Site::u_aniso: 11 22 33 23 13 12.
using Tensor = std::array<double, 6>;

/// R T R^T: how beta and U (on the edges' basis) turn with an operator.
Tensor rotated(const Tensor&, const std::array<std::int8_t, 9>& rotation);

struct SitePlacement {
  /// The mean of the coinciding images of the given one, near it (not wrapped into the cell).
  Fractional position;
  int multiplicity = 0;
  double shift = 0;  ///< A, from the given position
  /// Operators that leave the position where it is, modulo lattice translations.
  std::vector<std::size_t> stabiliser;
};

/// Finds the special position within site_merge_tolerance. multiplicity 0: the coinciding images are no orbit
/// of the group (a cluster wider than the tolerance).
SitePlacement place_site(const UnitCell&, std::span<const SymmetryOperator>, const Fractional& position);

/// U (A^2, on reciprocal unit axes) averaged over the operators of the stabiliser: what the site's symmetry
/// allows.
Tensor symmetrised_u(const UnitCell&, std::span<const SymmetryOperator>, const SitePlacement&,
                     const Tensor& u);

/// One atom of the cell.
struct CellAtom {
  double x, y, z;  ///< within [0, 1)
  int site;
};

/// All distinct positions of all sites, each site's first one first (wrapped); site by site.
std::vector<CellAtom> atoms_of_cell(std::span<const SymmetryOperator>, std::span<const Site>);

/// Two atoms, the first a site's own position, closer than `distance`.
struct Contact {
  int site, other;
  double distance;
};
/// More contacts than these are not listed.
struct ContactLimits {
  std::size_t of_a_site = SIZE_MAX, in_all = SIZE_MAX;
};
/// Every contact of every site with the atoms of the cell other than itself; nothing where there are more
/// than the limits allow. Time and memory are proportional to atoms and contacts.
std::optional<std::vector<Contact>> contacts(const UnitCell&, std::span<const SymmetryOperator>,
                                             std::span<const Site>, double distance,
                                             const ContactLimits& limits = {});

}  // namespace bragg::xrd
