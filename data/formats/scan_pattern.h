// From the scans of a file to the pattern that the program works with: which of them, repeats together, in ascending order.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/formats/format.h"
#include "data/formats/scan.h"
#include "data/patterns/resample.h"

namespace bragg::data {

/// A scan of a file, or several that measured the same positions, added up.
struct ChosenScan {
  Scan scan;
  int number = 1;   ///< of the first one in the file, from 1
  int in_file = 1;  ///< scans that the file has
  int repeats = 1;  ///< scans that were added up
};

/// All scans of a file in its order; those with the same positions, radiation, unit and HeldValues are added up where they
/// stand together, which a note says: counts are summed, rates averaged. Scans over another axis (OtherAxis) are left out where
/// others are over a diffraction axis, which a warning says. With `number` (from 1) that scan alone, as it is.
/// Each has the file's warnings beside its own. Throws UsageError for a number that the file does not have, naming its
/// scans.
std::vector<ChosenScan> choose_scans(ReadScans, std::optional<int> number);

/// The pattern's number for one of the scan's: 2 theta for theta, q for s.
double pattern_factor(AxisQuantity);

/// Of what the positions are: "two_theta" in "deg", "q" in "1/A", "phi" in "deg".
std::string axis_name(const Scan&);
std::string axis_unit(const Scan&);

/// "2: two_theta 5..90, 8501 points, 1 s a point"
std::string describe_scan(const Scan&, int number);

/// Positions ascending, without repeated ones (their mean is kept), in the units of MeasuredPattern: 2 theta for theta,
/// q for s. Throws PatternRefused with the offending value: no points, lengths that differ, a value that is not finite, an
/// impossible position, neither ascending nor descending, a scan over something else ("Omega").
struct ScanPattern {
  MeasuredPattern pattern;
  std::vector<double> uncertainty;  ///< of each intensity; empty: none
};
ScanPattern to_pattern(const Scan&);

/// The same of a scan over any axis, in the units of MeasuredPattern or those of the other axis.
struct ScanRows {
  std::string axis, unit;  ///< "two_theta" in "deg", "q" in "1/A", "d" in "A", "phi" in "deg"
  std::vector<double> x, intensity, uncertainty;
};
ScanRows to_rows(const Scan&);

/// What the scan says of its radiation with what follows from it: K alpha lines of a named anode, the wavelength of
/// positions. A wavelength that cannot be is its fault.
Radiation radiation_of(const Scan&);

}  // namespace bragg::data
