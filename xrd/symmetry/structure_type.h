// Structure types: what halite and periclase have in common. Of a type are crystals of one anonymous formula
// and space group whose atoms are on the same Wyckoff positions. Free coordinates and the cell's shape are
// not looked at, which makes the relation coarser than isotypism: calcite and what has its formula and
// positions are one type whatever their parameters are.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "xrd/crystal.h"
#include "xrd/symmetry/symmetry_tables.h"
#include "xrd/symmetry/wyckoff.h"

namespace bragg::xrd {

/// The Hermann-Mauguin symbol of a crystallographic point group, by how many rotations of each kind it has
/// (International Tables A, 3.2): "m-3m". Throws Error where the rotations are none of the 32.
std::string point_group(std::span<const SymmetryOperator> operators);

/// Of crystals, one after the other: remembers the Wyckoff positions of the settings that it has met, and is
/// for one thread.
class StructureTypes {
 public:
  /// "AB /225 1(m-3m):A 1(m-3m):B" of halite, "AB2 /136 2(mmm):A 4(mm2):B" of rutile.
  ///
  /// The formula: how many atoms of each element, the rarest called A. A place that several species share, in
  /// whatever proportion and with whatever vacancies, is the most frequent one's (of equals that of the lower
  /// atomic number), so that a solid solution is of its end-member's type; hydrogen, which X-rays hardly see
  /// and many files leave out, counts in crystals of nothing else. The space group: the lower number of an
  /// enantiomorphic pair. Then the occupied Wyckoff positions: points in a primitive cell, in brackets the
  /// point group of the site, and after the colon the atoms there, a letter for each site. That is what
  /// Wyckoff letters say without what the choice of origin and axes makes of them (halite on 4a and 4b or the
  /// other way round); positions that differ in nothing but the direction of their site symmetry (m.. and
  /// .m.) are alike. Elements of equal amounts are called by letters such that the text is the least one.
  std::string type_of(const Crystal&);

 private:
  struct Position {
    std::string label;  ///< "2(mmm)"
    int multiplicity;   ///< in the cell
    std::vector<AffineMap> orbit;
  };
  struct Setting {
    int centrings = 1;
    std::vector<Position> positions;  ///< none where they cannot be derived
  };
  const Setting& setting_of(const SpaceGroupSetting&);
  /// What a site's position is called, and which it is: nullptr where it is none that is known.
  static std::string label_of(const Setting&, const Site&, const Position*&);

  std::map<OperatorKey, Setting> settings_;
};

}  // namespace bragg::xrd
