#include "data/formats/header_region.h"

#include <algorithm>
#include <array>

#include "data/formats/header_keys.h"
#include "xrd/scattering/wavelength.h"

namespace bragg::data {
namespace {

/// Words between a key and its value that change nothing.
constexpr std::array<std::string_view, 44> fillers = {
    "in",       "is",         "was",      "of",        "used",          "the",      "x",
    "ray",      "rays",       "xray",     "value",     "approx",        "ca",       "about",
    "equal",    "to",         "incident", "radiation", "beam",          "measured", "calibrated",
    "refined",  "determined", "selected", "set",       "for",           "at",       "mean",
    "average",  "avg",        "weighted", "primary",   "monochromatic", "source",   "nominal",
    "material", "name",       "type",     "element",   "and",           "line",     "lines",
    "from",     "wavelength"};
/// Words behind "wavelength", "anode" or "energy" that make it something else.
constexpr std::array<std::string_view, 41> other_things = {
    "dispersive", "range",     "resolution", "spread",      "detector", "filter",   "calibration",
    "shift",      "dependent", "dependence", "independent", "file",     "units",    "unit",
    "bandwidth",  "step",      "mode",       "scale",       "sensor",   "selector", "window",
    "threshold",  "scan",      "current",    "voltage",     "power",    "focus",    "kv",
    "ma",         "atomic",    "number",     "angle",       "size",     "distance", "damage",
    "protection", "generator", "count",      "counts",      "date",     "id"};

}  // namespace

bool is_filler(std::string_view word) {
  return std::find(fillers.begin(), fillers.end(), word) != fillers.end();
}
bool is_other_thing(std::string_view word) {
  return std::find(other_things.begin(), other_things.end(), word) != other_things.end();
}

void Region::approach() {
  while (i_ < text_.size()) {
    const char c = text_[i_];
    if (c == ':' || c == '=') {
      explicit_ = true;
      ++i_;
    } else if ((c == '"' || c == '\'') && char_at(text_, i_ + 1) == c) {
      i_ = text_.size();  // a value that is left empty
    } else if (c == ',' || c == ';' || c == '\t' || c == '|' || c == '"') {
      if (c != '\t' || !listed_) listed_ = true;
      ++i_;
    } else if (c == '(' || c == '[') {
      bracket();
    } else if (std::string_view(" '_/~<>)]{}").find(c) != std::string_view::npos) {
      ++i_;
    } else if (const auto unit = xrd::scan_unit(text_, i_);
               unit && is_radiation(*unit) && !is_last_word(unit->end)) {
      unit_ = *unit;
      i_ = unit->end;
    } else if (const std::string_view word = word_here(); !word.empty() && is_filler(word)) {
      i_ += word.size();
      filled_ = true;
    } else if (c == '-' && is_letter(char_at(text_, i_ + 1)) && filled_) {
      ++i_;  // "x-rays"
    } else {
      return;
    }
  }
}

std::string_view Region::word_here() const {
  std::size_t end = i_;
  while (is_letter(char_at(lower_, end)))
    ++end;
  return lower_.substr(std::min(i_, lower_.size()), end - i_);
}

bool Region::jump_behind_sign() {
  const std::size_t sign = text_.find_last_of(":=");
  if (sign == std::string_view::npos || sign < i_) return false;
  i_ = sign + 1;
  explicit_ = true;
  return true;
}

bool Region::is_radiation(const xrd::WrittenUnit& unit) {
  return unit.kind == xrd::UnitKind::length || unit.kind == xrd::UnitKind::energy;
}

void Region::bracket() {
  const std::size_t close = text_.find_first_of(")]", i_);
  const std::size_t end = std::min(close, text_.size());
  if (const auto unit = xrd::parse_unit(text_.substr(i_ + 1, end - i_ - 1))) {
    if (is_radiation(*unit)) unit_ = *unit;
    i_ = std::min(end + 1, text_.size());
  } else if (xrd::scan_number(text_, i_ + 1)) {
    ++i_;
  } else {
    i_ = std::min(end + 1, text_.size());
  }
}

bool Region::is_last_word(std::size_t end) const {
  return text_.find_first_of("0123456789", end) == std::string_view::npos;
}

std::optional<Length> scan_length(std::string_view text, std::string_view lower, std::size_t& i) {
  const auto number = xrd::scan_number(text, i);
  if (!number) return std::nullopt;
  Length length{*number, {}, false};
  std::size_t end = number->end;
  while (char_at(text, end) == ' ' || char_at(text, end) == '(' || char_at(text, end) == '[')
    ++end;
  if (const auto unit = xrd::scan_unit(text, end); unit && Region::is_radiation(*unit)) {
    length.unit = unit;
    i = unit->end;
    return length;
  }
  if (is_letter(char_at(text, number->end))) return std::nullopt;  // "2M"
  i = number->end;
  std::size_t word_end = end;
  while (is_letter(char_at(lower, word_end)))
    ++word_end;
  const std::string_view word =
      lower.substr(std::min(end, lower.size()), word_end - std::min(end, lower.size()));
  length.odd_words = !word.empty() && !is_filler(word) && !xrd::scan_spectral_line(text, end) &&
                     word.find("monochromat") == std::string_view::npos && word != "synchrotron" &&
                     word != "unit" && word != "ratio" && word != "anode" && word != "energy";
  return length;
}

}  // namespace bragg::data
