// A scan as a diffractometer records it, in the words of the file that it is read from. What a file does not say stays
// empty: nothing is assumed here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/formats/column_name.h"
#include "data/formats/header_radiation.h"

namespace bragg::data {

/// How an intensity is counted.
enum class IntensityUnit {
  unknown,
  counts,  ///< with the error of Poisson's statistics
  counts_per_second,
  arbitrary,
};
std::string_view name_of(IntensityUnit);  ///< "unknown", "counts", "counts_per_second", "arbitrary"

/// Divergence slits.
enum class SlitMode {
  unknown,
  fixed,
  automatic,  ///< constant illuminated length
};

/// An axis that was moved and is no diffraction axis, as in rocking curves and alignments.
struct OtherAxis {
  std::string name;  ///< "phi", "chi", "omega", "x"
  std::string unit;  ///< "deg", "mm"
};

/// What stood still during a scan, or the sample's temperature: two scans of the same positions are repeats only where
/// these agree.
struct HeldValue {
  std::string name;  ///< "omega", "phi", "z", "temperature"
  double value = 0;  ///< in the file's unit
};

/// What a reader did or took for granted, for the person whose file it is.
struct ReadingNote {
  std::string what;  ///< a key: "slits", "attenuator", "repeats", "wavelength"
  std::string how;   ///< a sentence: "automatic slits of 10 mm converted to fixed ones"
  std::string from;  ///< where the file says so: "<incidentBeamPath>", "line 3", "byte 326"; empty: nowhere
};

/// How a text in columns was read: everything that such a file does not say itself.
struct TextColumns {
  std::string separator;  ///< "blank", "tab", "comma", "semicolon", "bar"
  char decimal_sign = '.';
  int columns = 2, intensity_column = 2;  ///< the latter from 1
  bool descending = false;                ///< in the file; the scan is ascending
  std::int64_t header_lines = 0, merged_rows = 0;
  bool axis_is_named = false;  ///< false: degrees of 2 theta were assumed
};

/// Positions and intensities of one scan, and what the file says of the measurement. Lengths are equal.
struct Scan {
  AxisQuantity axis = AxisQuantity::two_theta;
  std::optional<OtherAxis> other_axis;  ///< what `x` is over instead; `axis` then means nothing
  std::vector<double> x;          ///< degrees, 1/A or A, as `axis` is; ascending or descending as measured
  std::vector<double> intensity;  ///< in `unit`
  std::vector<double>
      uncertainty;  ///< standard uncertainty of the intensity, same unit; empty: the file has none
  IntensityUnit unit = IntensityUnit::unknown;

  Radiation radiation;                 ///< A; by the file's numbers first, else by the anode's name
  std::optional<double> alpha2_ratio;  ///< intensity of K alpha 2 over K alpha 1
  std::string anode;                   ///< "Cu"; empty: not named
  std::string monochromator;           ///< or K beta filter, as the file calls it
  std::string geometry;                ///< "Bragg-Brentano", "Debye-Scherrer", as the file calls it
  SlitMode slits = SlitMode::unknown;
  std::string instrument, sample, date;  ///< as written; the date in ISO 8601 where it can be told
  std::optional<double> counting_time;   ///< seconds a point; the mean where it varies
  std::optional<double> attenuation;     ///< largest factor by which intensities were multiplied; 1: none
  std::string scan_axis;                 ///< what was moved: "Gonio", "2Theta", "Omega"
  std::vector<HeldValue> held;           ///< in the file's order
  std::optional<TextColumns> text;       ///< of a text in columns
  std::vector<ReadingNote> notes;
  std::vector<std::string> warnings;  ///< what was named but not understood, what is odd
};

}  // namespace bragg::data
