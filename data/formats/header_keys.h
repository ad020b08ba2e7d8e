// Where a header's line names wavelengths, K lines, anodes and energies: keys, without their values. Part of
// header_statement.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "xrd/scattering/wavelength.h"

namespace bragg::data {

struct RadiationKey {
  enum class Kind {
    wavelength,  ///< "wavelength", "WAVE_LENGTH1", "Wellenlaenge"
    lambda,      ///< the short ones that mean other things, too: "lambda", "Lam1", "_WL1"
    k_line,      ///< "K-Alpha1", "alpha 2"
    line,        ///< "Co Ka1", "cobalt radiation"
    ratio,       ///< "Ratio", "I(L2)/I(L1)"
    anode,       ///< "Anode", "Radiation": a name of radiation must follow
    source,      ///< "Target", "Source", "Tube": it may follow
    energy,      ///< "photon energy"
    bare_energy  ///< "Energy"
  };
  Kind kind = Kind::wavelength;
  std::size_t begin = 0, end = 0;
  bool alpha1 = false, alpha2 = false, beta = false;  ///< labels that belong to it
  xrd::WrittenLine line{};                            ///< of a Kind::line and of what was merged with one
};

bool is_letter(char);
bool is_digit(char);
/// `text[i]`, or '\0' behind its end.
char char_at(std::string_view text, std::size_t i);

/// Keys in order; neighbours that make one name ("K-Alpha1 wavelength", "Wavelength: Co Ka1") are one key.
std::vector<RadiationKey> radiation_keys(const std::string& line, const std::string& lower);

}  // namespace bragg::data
