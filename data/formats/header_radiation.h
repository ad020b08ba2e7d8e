// The radiation of a measurement from what its file says: one wavelength, a K alpha pair, an anode. Part of
// pattern_text.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bragg::data {

/// A line of text and where it stands.
struct HeaderLine {
  std::string_view text;
  std::size_t number = 0;  ///< from 0
};

struct Radiation {
  std::optional<double> wavelength;  ///< A: K alpha 1 where the file tells it, else the one that is stated
  std::optional<double> alpha2;      ///< A, where the file tells it or names its anode
  std::optional<double> position_wavelength;  ///< A, by which positions are converted: the mean of a pair
                                              ///< weighted by intensity, K alpha 1 where alpha 2 was removed
  std::optional<double> alpha2_ratio;         ///< intensity of K alpha 2 over K alpha 1, where it is stated
  bool is_of_anode = false;  ///< the wavelengths are those of an anode's name: no number is stated
  std::string anode;         ///< symbol, where a text names one; the other readers have it in their Scan
  bool is_no_xrays = false;  ///< neutrons and the like; `fault` says where
  std::vector<std::string> warnings;  ///< what was named but not understood or contradicts itself, quoted
  std::optional<std::string>
      fault;  ///< why the file's radiation can't be used: "line 3: wavelength 154 A ..."
};

/// Reads header and comment lines. Wavelengths outside 0.1..3 A, values or anodes that contradict each other
/// and neutrons are a fault, not an error: a wavelength given otherwise makes up for it. Nothing named: all
/// empty.
Radiation find_radiation(std::span<const HeaderLine>);

/// A line as messages quote it: printable ASCII, at most 60 characters, in single quotes.
std::string quoted_line(std::string_view);

}  // namespace bragg::data
