// What the lines before the first row say: which quantity the first column is, and the wavelength. Part of
// pattern_text.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "data/resample.h"
#include "data/text_rows.h"

namespace bragg::data {

/// The quantity that a header's last lines name for the first column.
struct AxisName {
  bool usable = true;  ///< false: it names something that is no diffraction axis
  Abscissa abscissa = Abscissa::two_theta;
  double to_unit = 1;  ///< file's number x this = degrees, 1/A or A
  std::string label;   ///< as written
  std::size_t line = 0;
};

/// Looks at the last two non-blank lines of the header for names of `columns` columns. Empty where none is
/// recognised. Throws Error (the reason alone) where it names something that is no diffraction axis.
std::optional<AxisName> find_axis(std::span<const std::string_view> header, const Dialect&, int columns);

/// The wavelength in A where exactly one line says one: "wavelength: 1.5406", "Lambda=1.54 A".
std::optional<double> find_wavelength(std::span<const std::string_view> header);

}  // namespace bragg::data
