// Which columns of a text are positions and intensities, and in which quantity and unit, as its header names
// them. Part of pattern_text.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/formats/column_name.h"
#include "data/formats/header_radiation.h"
#include "data/formats/text_rows.h"
#include "data/patterns/resample.h"
#include "kernels/base/error.h"

namespace bragg::data {

/// A header that names something that can't be used. what() is the reason alone.
class HeaderRefused : public Error {
 public:
  HeaderRefused(std::size_t line_number, const std::string& reason) : Error(reason), line(line_number) {}
  std::size_t line;
};

struct ColumnChoice {
  AxisQuantity quantity = AxisQuantity::two_theta;
  Abscissa abscissa = Abscissa::two_theta;
  double to_unit = 1;  ///< the file's number x this = degrees of 2 theta, 1/A or A
  bool unit_is_stated = true;
  int axis_column = 0, intensity_column = 1;  ///< from 0
  bool intensity_is_named = false;            ///< false: the column beside the axis
  int uncertainty_column = -1;                ///< of the intensity; -1: none is named
  std::string label;                          ///< of the axis as written
  std::vector<std::string> warnings;
};

/// Looks for column names ("2Theta,d,I"), names alone on their lines (Fit2D), lines of units under names
/// (Origin), and keys ("x_units: q", "unit": "q_nm^-1"). Empty where the header names no axis. Throws
/// HeaderRefused: another quantity or an unknown name or unit, several columns that may be meant, names that
/// contradict a key.
std::optional<ColumnChoice> choose_columns(std::span<const HeaderLine> header, const Dialect&, int columns);

}  // namespace bragg::data
