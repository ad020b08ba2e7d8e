// What the readers of instrument files share: positions from start and step, dates, and what
// every scan must hold.
#pragma once

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/formats/scan.h"

namespace bragg::data {

template <class List>
bool holds(const List& list, std::string_view name) {
  return std::find(std::begin(list), std::end(list), name) != std::end(list);
}

/// start, start + step, ...: the nearest numbers to the decimal ones where both have at most nine decimals.
std::vector<double> even_positions(double start, double step, std::size_t points);

/// Does a scan of the axis that an instrument's file calls so step 2 theta, alone or coupled: "Gonio", "2Theta/Omega",
/// "Locked Coupled", "PSD Fast Scan"?
bool steps_two_theta(std::string_view written);
/// The axis that an instrument's file calls so: "omega" of "Theta", "Omega" and "Rocking Curve", "phi" of "PHI" and "Phi
/// Scan"; empty for a diffraction axis and for what is not known. Angles in degrees, lengths in mm.
std::optional<OtherAxis> other_axis_of(std::string_view written);

/// Nothing is scanned so far, in degrees, mm, 1/A or A.
inline constexpr double largest_position = 1e6;
/// Throws Error with the reason alone: lengths that differ, fewer than two points, positions that are not finite, too
/// large, no angles, neither ascending nor descending throughout; intensities that are not finite, uncertainties that are
/// negative.
void check_scan(const Scan&);
/// Counts are whole numbers of at least 0.
bool are_counts(const std::vector<double>&);
/// Of intensities that the file calls counts and that nothing was done to: arbitrary where they are no whole numbers, since
/// corrections for dead time or an attenuator leave no counts with Poisson's errors.
IntensityUnit unit_of_counts(const std::vector<double>&);

/// The scan's texts, notes and warnings as plain_text and no longer than 200 characters: instruments' files may hold what
/// moves a terminal's cursor, and a text of a megabyte for thousands of scans.
void make_texts_plain(Scan&);
/// Printable ASCII as it is; anything else folded to ASCII, without control characters and blanks around it.
std::string plain_text(std::string_view);
/// "2008-09-24T10:09:34" of "24-Sep-2008 10:09:34" or "2008/09/24 ..."; what is not clear stays as it is.
std::string iso_date(std::string_view);

}  // namespace bragg::data
