// A crystal as it is after reading: checked, complete, in the setting it was published in.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "xrd/scattering/species.h"
#include "xrd/symmetry/symmetry.h"
#include "xrd/unit_cell.h"

namespace bragg::xrd {

/// One site of the asymmetric unit.
struct Site {
  std::string label;
  Species species;
  Fractional position;   ///< on the exact special position where it is within site_merge_tolerance of one
  double occupancy = 1;  ///< chemical, 0..1
  int multiplicity = 1;  ///< distinct positions in the cell
  double u_iso = 0;      ///< A^2; 0 where the file gives none
  /// U11 U22 U33 U23 U13 U12, A^2, on reciprocal unit axes (CIF core).
  std::optional<std::array<double, 6>> u_aniso;
};

/// What a file calls its crystal, as UTF-8 in one line each; empty where it says nothing.
struct CrystalNames {
  std::string mineral, common, systematic;  ///< "Galena"; "zeolite A"; IUPAC's
  std::string database_code;                ///< with the database: "AMCSD 0004215"
  std::string doi;                          ///< of the publication, as it stands there: "10.1107/S0365..."
  std::string citation;                     ///< "Redhammer G J et al., American Mineralogist 91 (2006) 1271"

  /// The common, else the systematic name, else the citation.
  const std::string& title() const {
    return !common.empty() ? common : !systematic.empty() ? systematic : citation;
  }
  bool operator==(const CrystalNames&) const = default;
};

/// Each of them, and what it is called where it is stored.
struct CrystalNameField {
  const char* key;
  std::string CrystalNames::*name;
};
inline constexpr std::array crystal_name_fields{
    CrystalNameField{"mineral", &CrystalNames::mineral},
    CrystalNameField{"common_name", &CrystalNames::common},
    CrystalNameField{"systematic_name", &CrystalNames::systematic},
    CrystalNameField{"database_code", &CrystalNames::database_code},
    CrystalNameField{"doi", &CrystalNames::doi},
    CrystalNameField{"citation", &CrystalNames::citation},
};

/// Atoms by atomic number.
using Composition = std::array<double, 99>;
/// Per cell: sums of occupancy x multiplicity.
Composition composition_of(std::span<const Site>);
/// The atomic numbers that occur, in Hill's order: carbon, hydrogen, then by symbol; without carbon all by symbol.
std::vector<int> hill_order(const Composition&);

struct Crystal {
  std::string name;  ///< the CIF's block
  UnitCell cell;
  SpaceGroupSetting group;
  std::vector<Site> sites;
  CrystalNames names = {};
  int space_group_declared = 0;  ///< what the file declares; 0: the number of `group`

  int declared_number() const { return space_group_declared != 0 ? space_group_declared : group.number; }
  double atoms_per_cell() const;  ///< sum of occupancy x multiplicity
  std::string formula() const;    ///< Hill order, per cell, counts with at most 3 decimals: "Al12 O18"
  double density() const;         ///< g/cm^3
};

/// Images of a site closer than this (A) are one atom on a special position; the site moves to their mean.
inline constexpr double site_merge_tolerance = 0.05;

}  // namespace bragg::xrd
