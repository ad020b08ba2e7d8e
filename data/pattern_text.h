// Measured patterns as people keep them: text files of two or three columns (.xy .xye .csv .txt .dat .asc
// .prn). Not here: instrument formats, and layouts that leave the positions out (rows of counts after start,
// step and end).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "data/resample.h"

namespace bragg::data {

/// What the reader took the text for. Everything that a file does not say itself stands here.
struct TextReading {
  std::string separator;  ///< "blank", "tab", "comma", "semicolon", "bar"
  char decimal_sign = '.';
  int columns = 2;                ///< 3: the last one is taken as an uncertainty and not used
  bool descending = false;        ///< in the file; the pattern is ascending
  std::int64_t header_lines = 0;  ///< lines before the first row, comments included
  std::int64_t rows = 0;
  std::int64_t merged_rows = 0;  ///< rows at a position that stood there already: the mean is kept
  std::string axis_label;  ///< the header's word that named the axis; empty: degrees of 2 theta were assumed
  std::optional<double> wavelength;  ///< A, where the header states exactly one ("wavelength = 1.5406")
};

struct TextPattern {
  MeasuredPattern pattern;
  TextReading reading;
};

/// Larger files are refused before they are read.
inline constexpr std::uintmax_t largest_text_bytes = std::uintmax_t{64} << 20;
/// Fewer rows are a list or a fragment, not a pattern.
inline constexpr std::int64_t fewest_text_rows = 20;

/// Lines that begin with # ! ; % ' / or * are comments, as is what follows # or ! in a line; lines before the
/// first row are its header. A header whose column names begin with q or d (in 1/A, 1/nm, A or nm) makes that
/// the axis; one that names another quantity (energy, time, wavelength ...) is refused; everything else is
/// degrees of 2 theta. Throws Error "FILE:LINE: reason" with the offending value: unreadable, binary, UTF-16,
/// no two or three columns, a broken row, NaN or infinite, neither ascending nor descending, impossible
/// angles, too few rows, too large.
TextPattern read_pattern_text(const std::filesystem::path&);
/// The same from memory; `name` stands in messages for the file.
TextPattern parse_pattern_text(std::string_view text, const std::string& name);

}  // namespace bragg::data
