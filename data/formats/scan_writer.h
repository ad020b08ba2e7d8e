// A scan as text that other programs read: columns with a header that read_scans() takes back, or powder CIF.
#pragma once

#include <string>
#include <string_view>

#include "data/formats/scan.h"

namespace bragg::data {

enum class ColumnLayout {
  xy,   ///< position and intensity, with a blank between
  xye,  ///< and the standard uncertainty: the scan's, else of Poisson's statistics where the scan holds counts
  csv,  ///< with commas and a line of names; uncertainties where the scan has them
};

/// Positions as MeasuredPattern has them (degrees of 2 theta, q in 1/A or d in A) or over another axis, ascending; header
/// lines begin with # and name the axis and the radiation, the ratio of a K alpha pair where the scan has one. Throws PatternRefused as to_rows() does, and for .xye of a scan
/// that has no uncertainties and no counts.
std::string scan_as_columns(const Scan&, ColumnLayout);

/// A data block of the powder dictionary (cif_pow), `name` as its code. Throws PatternRefused as to_pattern() does.
std::string scan_as_cif(const Scan&, std::string_view name);

}  // namespace bragg::data
