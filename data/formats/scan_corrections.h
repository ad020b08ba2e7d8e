// What turns the intensities that a detector counted into those of a powder pattern: factors of attenuators, counting times
// that vary, automatic slits. Every correction leaves a note in the scan and carries the uncertainty along.
#pragma once

#include <span>
#include <string>

#include "data/formats/scan.h"

namespace bragg::data {

/// Counts x factors. `from` says where the factors stand in the file. Factors of 1 throughout change nothing. Throws Error
/// with the reason alone: another number of factors, one that is not positive.
void apply_attenuation(Scan&, std::span<const double> factors, const std::string& from);
/// Intensities that are multiplied already: notes it, and gives counts their uncertainty.
void note_attenuation(Scan&, std::span<const double> factors, const std::string& from);
/// Sets the counting time to the mean of `seconds` a point; where they differ by more than 0.1 %, counts become counts per
/// second. Throws Error as above.
void apply_counting_times(Scan&, std::span<const double> seconds, const std::string& from);
/// For a file that does not say which slits it was measured with: notes that they are taken for fixed.
void note_unstated_slits(Scan&);
/// Poisson's, for counts that have none: sqrt(counts), with one count where there was none.
void give_counts_their_uncertainty(Scan&);
/// Intensities of slits that keep the illuminated length, divided by sin(theta): as fixed slits would have counted them,
/// but for a factor (Jenkins & Snyder, Introduction to X-ray Powder Diffractometry, 1996); a scan over another axis stays
/// as it is. Throws Error: 2 theta that is not above 0.
void convert_automatic_slits(Scan&, const std::string& which, const std::string& from);
}  // namespace bragg::data
