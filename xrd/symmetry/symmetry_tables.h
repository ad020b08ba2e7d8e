// The tabulated settings of the space groups (International Tables A; the list is gemmi's), as our own plain
// types, and the look-ups that symmetry.cpp, hermann_mauguin.cpp and space_group_type.cpp share.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "xrd/symmetry/symmetry.h"

namespace bragg::xrd {

struct TabulatedSetting {
  SpaceGroupSetting setting;
  std::string hm;             ///< without the extension: "F d -3 m"
  char extension = 0;         ///< '1', '2', 'H', 'R' or none
  bool is_reference = false;  ///< the standard setting of the number
  bool is_in_tables =
      false;  ///< one of the 530 of International Tables; the others are larger cells and odd names
};

const std::vector<TabulatedSetting>& tabulated_settings();
const TabulatedSetting& reference_setting(int number);

struct AlternativeName {
  std::string hm;  ///< "C m c e"
  char extension = 0;
  std::size_t setting = 0;  ///< index into tabulated_settings()
};
const std::vector<AlternativeName>& alternative_names();

/// All operators of a Hall symbol, identity first. Throws Error.
std::vector<SymmetryOperator> operators_from_hall(std::string_view hall);

/// A set of operators as sorted integers, one each: equal sets have equal keys.
using OperatorKey = std::vector<std::uint64_t>;
std::uint64_t pack(const SymmetryOperator&);
OperatorKey operator_key(std::span<const SymmetryOperator> operators);
/// The tabulated setting with exactly these operators; null where there is none.
const TabulatedSetting* find_setting(const OperatorKey&);

/// Every setting that a Hermann-Mauguin name can mean; empty where it is unknown.
std::vector<const TabulatedSetting*> settings_named(std::string_view name);
/// Whether the name says which origin choice (":2", "ORIGIN 2", "Z") or axes it means.
bool names_origin(std::string_view name);
/// Every setting of a number among the 530.
std::vector<const TabulatedSetting*> settings_numbered(int number);

/// The number of a group of operators in any setting, see space_group_type.cpp. 0 where none is found.
int space_group_type(std::span<const SymmetryOperator> operators);
/// The two groups are the same but for the place of the origin.
bool differ_by_origin_only(std::span<const SymmetryOperator> a, std::span<const SymmetryOperator> b);
/// The largest change of an edge under the rotations (relative), and the largest difference of an angle from
/// the symmetric cell's (degrees).
struct CellDeviation {
  double length = 0, angle = 0;
  bool is_tolerated() const { return length <= cell_length_tolerance && angle <= cell_angle_tolerance; }
};
CellDeviation cell_deviation(const UnitCell&, std::span<const SymmetryOperator> operators);
/// The cell whose metric is the mean of the metric's images under the rotations: exactly symmetric. A cell
/// that is so already comes back unchanged, bit for bit.
UnitCell symmetrised(const UnitCell&, std::span<const SymmetryOperator> operators);

}  // namespace bragg::xrd
