// Measured patterns as people keep them: text of two columns or more (.xy .xye .csv .txt .dat .asc .prn
// .chi), also compressed by gzip. Not here: instrument formats, and layouts that leave the positions out
// (rows of counts after start, step and end).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/formats/column_name.h"
#include "data/formats/header_radiation.h"
#include "data/patterns/resample.h"

namespace bragg::data {

/// What the reader took the text for. Everything that a file does not say itself stands here.
struct TextReading {
  std::string separator;  ///< "blank", "tab", "comma", "semicolon", "bar"
  char decimal_sign = '.';
  int columns = 2;
  bool descending = false;        ///< in the file; the pattern is ascending
  std::int64_t header_lines = 0;  ///< lines before the first row, comments included
  std::int64_t rows = 0;
  std::int64_t merged_rows = 0;  ///< rows at a position that stood there already: the mean is kept
  /// What the file holds; the pattern holds 2 theta for theta, q for s.
  AxisQuantity axis = AxisQuantity::two_theta;
  std::string axis_label;      ///< the header's words that named it; empty: degrees of 2 theta were assumed
  int intensity_column = 2;    ///< from 1
  int uncertainty_column = 0;  ///< from 1; 0: none is used
  bool uncertainty_is_named = false;  ///< false: the last of three columns without names is taken for it
  Radiation radiation;
  /// About the axis, its unit, uncertainties that are none, an end within a number; those about radiation stand there.
  std::vector<std::string> warnings;
};

struct TextPattern {
  MeasuredPattern pattern;
  std::vector<double> uncertainty;  ///< of each intensity; empty: the text has none that can be used
  TextReading reading;
};

/// Larger files are refused before they are read.
inline constexpr std::uintmax_t largest_text_bytes = std::uintmax_t{64} << 20;
/// Fewer rows are a list or a fragment, not a pattern.
inline constexpr std::int64_t fewest_text_rows = 20;

/// Lines that begin with # ! ; % ' / or * are comments, as is what follows # or ! in a line; lines before the
/// first row are its header. The header's names choose the columns and the quantity (header_axis.h); without
/// names the first column is degrees of 2 theta and the second the intensity. Header and comments tell the
/// radiation (header_radiation.h), whose faults do not stop the reading. Throws Error "FILE:LINE: reason"
/// with the offending value: unreadable, binary, UTF-16, XML, GSAS, no two columns or more without names, a
/// broken row, NaN or infinite, neither ascending nor descending, impossible angles, too few rows, too large,
/// axis or columns that are named otherwise or not clearly.
TextPattern parse_pattern_text(std::string_view text, const std::string& name);
/// The same from a file, a pipe or ("-") the standard input, unpacked where it is compressed by gzip.
TextPattern read_pattern_text(const std::filesystem::path&);

}  // namespace bragg::data
