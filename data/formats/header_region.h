// The part of a header's line behind a key, in which the key's value is sought. Part of header_statement.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "xrd/quantity_text.h"

namespace bragg::data {

/// "in", "of", "incident": words between a key and its value that change nothing.
bool is_filler(std::string_view lower_word);
/// "dispersive", "range", "current": words that make "wavelength", "anode" or "energy" something else.
bool is_other_thing(std::string_view lower_word);

class Region {
 public:
  /// The same part of the line as written and in lower case; both must outlive it.
  Region(std::string_view text, std::string_view lower) : text_(text), lower_(lower) {}

  /// Moves over separators, fillers, brackets and units up to what may be the value.
  void approach();
  /// The letters at the position, in lower case.
  std::string_view word_here() const;
  /// Behind the last ':' or '=', if there is one still to come.
  bool jump_behind_sign();

  bool at_end() const { return i_ >= text_.size(); }
  bool is_explicit() const { return explicit_; }              ///< ':' or '=' was met
  bool is_separated() const { return explicit_ || listed_; }  ///< or another sign between fields
  std::size_t position() const { return i_; }
  std::string_view text() const { return text_; }
  std::string_view lower() const { return lower_; }
  const std::optional<xrd::WrittenUnit>& unit() const { return unit_; }  ///< met before the value

  /// Of a wavelength or a photon's energy.
  static bool is_radiation(const xrd::WrittenUnit&);

 private:
  void bracket();
  bool is_last_word(std::size_t end) const;

  std::string_view text_, lower_;
  std::size_t i_ = 0;
  bool explicit_ = false, listed_ = false, filled_ = false;
  std::optional<xrd::WrittenUnit> unit_;
};

/// One number with its unit at `i`; empty where it is no wavelength. Moves `i` behind it.
struct Length {
  xrd::WrittenNumber number;
  std::optional<xrd::WrittenUnit> unit;
  bool odd_words = false;
};
std::optional<Length> scan_length(std::string_view text, std::string_view lower, std::size_t& i);

}  // namespace bragg::data
