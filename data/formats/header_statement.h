// What one line of a header says about radiation, in whatever words: vendors' keys, lab notes, JSON. Part of
// header_radiation.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "xrd/quantity_text.h"
#include "xrd/scattering/wavelength.h"

namespace bragg::data {

struct RadiationStatement {
  enum class Kind {
    value,           ///< a wavelength
    line,            ///< an anode, a K line or both by name
    ratio,           ///< intensity of K alpha 2 over K alpha 1
    alpha2_removed,  ///< by a monochromator or by calculation
    unit,            ///< of wavelengths that have none themselves
    foreign,         ///< no X-rays
    unclear,         ///< radiation is named, but not in words known here
  };
  enum class Label { none, alpha1, alpha2, beta };

  Kind kind = Kind::unclear;
  Label label = Label::none;
  double value = 0;         ///< as written x `unit`'s factor: A; the ratio
  bool has_unit = false;    ///< false: `value` is in A by default
  bool odd_words = false;   ///< a value between words that are not known here
  bool is_key = true;       ///< false: named in passing ("with Co Ka")
  bool is_length = false;   ///< unclear: it is a wavelength that is
  xrd::WrittenLine line{};  ///< anode nullptr: the K line alone
  xrd::WrittenUnit unit{};
};

/// Statements of a line, in order. `next` is the line after it, for values that stand there; both without
/// their comment signs and folded to ASCII. A line where "wavelength" or "lambda" is no key of a value says
/// nothing.
std::vector<RadiationStatement> radiation_statements(const std::string& line, const std::string& next);

}  // namespace bragg::data
