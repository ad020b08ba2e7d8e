// The name of a column or an axis as programs write it: "2Theta (deg)", "q_nm^-1", "d / nm", "I(obs)". Part
// of header_axis.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "xrd/quantity_text.h"

namespace bragg::data {

/// What a file's positions are, as it says.
enum class AxisQuantity {
  two_theta,
  theta,
  q,  ///< 4 pi sin(theta) / lambda
  s,  ///< 1 / d
  d,
};
std::string_view name_of(AxisQuantity);  ///< "two_theta", "theta", "q", "s", "d"

struct ColumnName {
  enum class Role {
    empty,
    axis,         ///< `quantity`
    other_axis,   ///< no diffraction axis: energy, time, channel, radius ...
    intensity,    ///< as measured
    uncertainty,  ///< of the intensity
    other,        ///< calculated, background, hkl ...
    unknown,
  };
  Role role = Role::unknown;
  AxisQuantity quantity = AxisQuantity::two_theta;
  std::optional<xrd::WrittenUnit> unit;
  std::string odd_unit;   ///< what stands in the unit's place and is none
  std::string label;      ///< as written, folded to ASCII, without blanks and quotes around it
  bool is_short = false;  ///< a letter or two that may mean anything: "d", "I"
};

/// `folded` as from fold_to_ascii.
ColumnName parse_column_name(std::string_view folded);
/// "a.u.", "counts", "cps", a unit: what stands on a line of units. Blank too.
bool is_unit_of_any_kind(std::string_view folded);

}  // namespace bragg::data
