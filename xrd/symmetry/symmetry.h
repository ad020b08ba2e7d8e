// Symmetry operators and groups of them, exact: rotations are integers, translations multiples of 1/24.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/base/error.h"
#include "kernels/crystal/reflection_problem.h"
#include "xrd/unit_cell.h"

namespace bragg::xrd {

/// Denominator of SymmetryOperator::translation.
inline constexpr int translation_denominator = 24;

/// Reads "x,y,z", "-y+1/2, x-y, z", "1/2+X,Y,-Z", "0.5-x,...". Throws Error quoting the text.
SymmetryOperator parse_operator(std::string_view triplet);
std::string triplet(const SymmetryOperator&);

SymmetryOperator operator*(const SymmetryOperator& a, const SymmetryOperator& b);  ///< a after b, t modulo 1
Fractional apply(const SymmetryOperator&, const Fractional&);
/// (hkl) -> (hkl) R, the reflection equivalent by the operator.
std::array<int, 3> apply(const SymmetryOperator&, const std::array<int, 3>& hkl);

/// Agreement asked of cell and symmetry: the images of an edge under the rotations are as long as the edge
/// within 0.5 %, and the angles those of the exactly symmetric cell within 0.5 degrees.
inline constexpr double cell_length_tolerance = 0.005, cell_angle_tolerance = 0.5;

/// A space group in one setting, and what is known about it.
struct SpaceGroupSetting {
  int number = 0;    ///< 1..230
  std::string hm;    ///< with the extension where one is needed: "F d -3 m:2", "R -3 c:H"
  std::string hall;  ///< empty where no table has this setting
  std::vector<SymmetryOperator> operators;  ///< all, centring included; identity first
};

class UnknownName : public Error {
 public:
  using Error::Error;
};
class AmbiguousSetting : public Error {
 public:
  using Error::Error;
};
class CellMismatch : public Error {
 public:
  using Error::Error;
};

/// The group of a list of operators, in whatever setting they are: closed, identity first. Number from the
/// operators alone: tables first, then a change to a tabulated setting found by the operators' geometric
/// types. Throws Error where the list is not a group (names the product that is missing).
SpaceGroupSetting setting_from_operators(std::vector<SymmetryOperator> operators);
/// Throws Error for a symbol that cannot be read.
SpaceGroupSetting setting_from_hall(std::string_view hall);
/// Hermann-Mauguin, full or short, with or without extension, and the old names (Fd3m, Fm3m, Ia3d, P2(1)/c,
/// P6(3)/mmc ...). Where the name leaves the axes open, `cell` decides between H and R and between unique
/// axes (b where all angles are right, as International Tables read the short symbols); origin choices stay
/// open. Throws UnknownName, CellMismatch or AmbiguousSetting, which says what settings the name could mean.
SpaceGroupSetting setting_from_hm(std::string_view name, const UnitCell& cell);
/// Only where all settings of the number (of the 530 of International Tables) that fit the cell have the same
/// operators. Throws as setting_from_hm.
SpaceGroupSetting setting_from_number(int number, const UnitCell& cell);

}  // namespace bragg::xrd
