#include "data/formats/header_statement.h"

#include <algorithm>

#include "data/formats/header_keys.h"
#include "data/formats/header_region.h"
#include "xrd/folded_text.h"

namespace bragg::data {
namespace {

using Kind = RadiationStatement::Kind;
using Label = RadiationStatement::Label;
using KeyKind = RadiationKey::Kind;

Label label_of(const RadiationKey& key) {
  if (key.alpha1 && key.alpha2) return Label::none;
  return key.beta ? Label::beta : key.alpha1 ? Label::alpha1 : key.alpha2 ? Label::alpha2 : Label::none;
}

double in_angstrom(double value, const xrd::WrittenUnit& unit) {
  if (unit.kind == xrd::UnitKind::length) return value * unit.factor;
  return xrd::kev_angstrom / (value * unit.factor);
}

RadiationStatement value_statement(const Length& length, const std::optional<xrd::WrittenUnit>& before,
                                   Label label) {
  RadiationStatement result{.kind = Kind::value, .label = label, .odd_words = length.odd_words};
  result.has_unit = length.unit || before;
  result.unit = length.unit ? *length.unit : before.value_or(xrd::WrittenUnit{});
  result.value = in_angstrom(length.number.value, result.unit);
  return result;
}

/// `"unit": "nm"` behind a value, as JSON has it.
std::optional<xrd::WrittenUnit> unit_key_behind(const std::string& line, const std::string& lower,
                                                std::size_t i) {
  const std::size_t key = lower.find("unit", i);
  if (key == std::string::npos) return std::nullopt;
  std::size_t begin = key + 4;
  while (begin < line.size() && std::string_view("s\"' :=_,;\t").find(line[begin]) != std::string_view::npos)
    ++begin;
  const auto unit = xrd::scan_unit(line, begin);
  return unit && Region::is_radiation(*unit) ? unit : std::nullopt;
}

class LineReader {
 public:
  LineReader(const std::string& line, const std::string& next)
      : line_(line), lower_(xrd::lower_case(line)), next_(next) {}

  std::vector<RadiationStatement> read() {
    keys_ = radiation_keys(line_, lower_);
    for (std::size_t k = 0; k < keys_.size(); ++k)
      read_key(keys_[k], k + 1 < keys_.size() ? keys_[k + 1].begin : line_.size());
    if (removes_alpha2()) add({.kind = Kind::alpha2_removed});
    if (result_.empty() && has("synchrotron")) add({.kind = Kind::unclear});
    return std::move(result_);
  }

 private:
  void add(RadiationStatement statement) { result_.push_back(statement); }
  bool has(std::string_view word) const { return lower_.find(word) != std::string::npos; }

  bool removes_alpha2() const {
    const bool names_alpha2 =
        has("alpha2") || has("ka2") || has("alpha 2") || has("alpha-2") || has("alpha_2");
    const bool away = has("strip") || has("remov") || has("subtract") || has("eliminat") || has("rachinger");
    const bool denied = has(": no") || has("= no") || has("not ") || has(",no") || has("false") ||
                        has("none") || has("unstripped");
    if (names_alpha2 && away) return !denied;
    if (!has("monochrom") && !has("johans")) return false;
    return !denied && (has("johans") || has("germanium") || has("ge(") || has("ge (") || has("ge1") ||
                       has("ge 1") || has("ge2") || has("ge 2") || has("ge-1") || has("alpha1") ||
                       has("alpha 1") || has("ka1") || has("alpha-1"));
  }

  void read_key(const RadiationKey& key, std::size_t limit) {
    const auto part = [&](const std::string& text) {
      return std::string_view(text).substr(key.end, limit - key.end);
    };
    Region region(part(line_), part(lower_));
    switch (key.kind) {
      case KeyKind::ratio:
        return read_ratio(key, region);
      case KeyKind::anode:
      case KeyKind::source:
        return read_anode(key, region, limit);
      case KeyKind::energy:
      case KeyKind::bare_energy:
        return read_energy(key, region);
      case KeyKind::wavelength:
      case KeyKind::lambda:
      case KeyKind::k_line:
      case KeyKind::line:
        return read_wavelength(key, region);
    }
  }

  void read_ratio(const RadiationKey& key, Region& region) {
    if (!key.alpha2 && keys_.size() < 2) return;
    region.approach();
    const auto number = xrd::scan_number(region.text(), region.position());
    if (!number || number->value < 0 || number->value > 1) return;
    add({.kind = Kind::ratio, .value = number->value});
  }

  void read_wavelength(const RadiationKey& key, Region& region) {
    const std::size_t sign = region.text().find_first_not_of(' ');
    if (key.kind == KeyKind::k_line && sign != std::string_view::npos && key.begin > 0 &&
        std::string_view(")]").find(region.text()[sign]) != std::string_view::npos &&
        std::string_view("([").find(line_[key.begin - 1]) != std::string_view::npos) {
      return;  // "1.54056 (Ka1), 1.54439 (Ka2)": the label of what stands before it
    }
    region.approach();
    bool odd_key = false;
    if (is_number_here(region) && !region.is_explicit() && key.kind == KeyKind::wavelength) {
      // "calibrated 2026-03-01: 1.54"
      const auto number = xrd::scan_number(region.text(), region.position());
      if (number && number->is_whole && region.jump_behind_sign()) {
        odd_key = true;
        region.approach();
      }
    }
    if (!region.at_end() && !is_number_here(region) && !region.is_explicit()) {
      if (is_other_thing(region.word_here())) return unit_of_key(key);
      if (names_wavelength(key) &&
          (region.is_separated() || !is_letter(char_at(region.text(), region.position())) ||
           key.kind == KeyKind::wavelength)) {
        odd_key = region.jump_behind_sign();
        region.approach();
      }
    }
    if (is_number_here(region)) return read_numbers(key, region, odd_key);
    const bool separated = region.is_separated();
    if (key.line.anode) {  // "Wavelength: Co Ka1", "with Co Ka1"
      const bool is_key = names_wavelength(key);
      if (key.line.line != xrd::KLine::beta || is_key)
        add({.kind = Kind::line, .is_key = is_key, .line = key.line});
      return;
    }
    if (!names_wavelength(key)) return;
    if (const auto line = xrd::scan_spectral_line(region.text(), region.position()); line && separated)
      return add({.kind = Kind::line, .line = *line});
    if (!separated && read_value_before(key)) return;
    if (region.at_end()) {
      if (read_next_line(key)) return;
      if (key.alpha1 || key.alpha2) {
        // "Used wavelength: K-Alpha 1"; "lambda 2" alone says nothing.
        if (key.kind == KeyKind::wavelength) add({.kind = Kind::line, .line = {nullptr, line_of(key), 0}});
      }
      return;
    }
    if (region.is_explicit() && !odd_key) {
      if (is_other_thing(region.word_here())) return;
      add({.kind = Kind::unclear, .is_length = true});
    } else if (separated && key.kind == KeyKind::wavelength && !odd_key) {
      add({.kind = Kind::unclear, .is_length = true});
    }
  }

  static xrd::KLine line_of(const RadiationKey& key) {
    if (key.alpha1 == key.alpha2) return xrd::KLine::alpha;
    return key.alpha1 ? xrd::KLine::alpha1 : xrd::KLine::alpha2;
  }
  static bool names_wavelength(const RadiationKey& key) {
    return key.kind == KeyKind::wavelength || key.kind == KeyKind::lambda;
  }
  static bool is_number_here(const Region& region) {
    const char c = char_at(region.text(), region.position());
    return is_digit(c) ||
           ((c == '-' || c == '+' || c == '.') && (is_digit(char_at(region.text(), region.position() + 1)) ||
                                                   char_at(region.text(), region.position() + 1) == '.'));
  }

  /// "wavelength units: nm", "_WL_UNIT='A'".
  void unit_of_key(const RadiationKey& key) {
    if (!names_wavelength(key)) return;
    if (const auto unit = unit_key_behind(line_, lower_, key.end)) add({.kind = Kind::unit, .unit = *unit});
  }

  void read_numbers(const RadiationKey& key, Region& region, bool odd_key) {
    if (const auto unit = unit_key_behind(line_, lower_, key.end);
        unit && names_wavelength(key) && !region.unit())
      json_unit_ = unit;
    std::size_t i = region.position();
    const auto first = scan_length(region.text(), region.lower(), i);
    const bool is_wordy = key.kind == KeyKind::k_line || key.kind == KeyKind::line;
    if (!first) {
      if (region.is_explicit() && !odd_key && names_wavelength(key))
        add({.kind = Kind::unclear, .is_length = true});
      return;
    }
    const bool unit_stands = first->unit || region.unit();
    if (first->number.is_whole && !unit_stands && !region.is_explicit() &&
        !(key.kind == KeyKind::wavelength && region.is_separated())) {
      if (key.kind == KeyKind::wavelength) add({.kind = Kind::unclear, .is_length = true});
      return;
    }
    if (is_wordy && !region.is_explicit() && first->odd_words) return;
    if (!unit_stands && json_unit_) {
      Length with_unit = *first;
      with_unit.unit = json_unit_;
      with_unit.odd_words = false;
      return add(value_statement(with_unit, {}, label_of(key)));
    }
    const auto second = read_second(region, i);
    if (second == Second::unclear) return add({.kind = Kind::unclear, .is_length = true});
    auto unit = region.unit();
    if (!first->unit && second_ && second_->unit) unit = second_->unit;
    RadiationStatement one = value_statement(*first, unit, label_of(key));
    one.odd_words |= odd_key;
    const bool both = key.alpha1 && key.alpha2;
    if (both && second_) one.label = Label::alpha1;
    if (key.line.anode) one.line = key.line;
    add(one);
    if (!second_) return;
    RadiationStatement two = value_statement(*second_, unit, both ? Label::alpha2 : Label::none);
    add(two);
  }

  enum class Second { none, found, unclear };
  /// "1.54056, 1.54439" and "1.54056/1.54439"; but "1, 5406" is unclear.
  Second read_second(Region& region, std::size_t i) {
    second_.reset();
    const std::size_t after = region.text().find_first_not_of(" \t)]", i);
    if (after == std::string_view::npos ||
        std::string_view(",;/&+").find(region.text()[after]) == std::string_view::npos)
      return Second::none;
    std::size_t begin = region.text().find_first_not_of(" \t", after + 1);
    if (begin == std::string_view::npos || !is_digit(region.text()[begin])) return Second::none;
    second_ = scan_length(region.text(), region.lower(), begin);
    if (second_ && !second_->number.is_whole) return Second::found;
    second_.reset();
    return region.text()[after] == ',' ? Second::unclear : Second::none;
  }

  void read_energy(const RadiationKey& key, Region& region) {
    region.approach();
    std::size_t i = region.position();
    if (!is_number_here(region)) return;
    const auto length = scan_length(region.text(), region.lower(), i);
    if (!length) return;
    const auto unit = length->unit ? length->unit : region.unit();
    if (!unit) {
      if (key.kind == KeyKind::energy || region.is_explicit()) add({.kind = Kind::unclear});
      return;
    }
    if (unit->kind != xrd::UnitKind::energy) return;
    const RadiationStatement value = value_statement(*length, unit, Label::none);
    if (key.kind == KeyKind::bare_energy && !xrd::is_usable_wavelength(value.value))
      return;  // of something else
    add(value);
  }

  void read_anode(const RadiationKey& key, Region& region, std::size_t limit) {
    region.approach();
    const bool names_radiation = key.kind == KeyKind::anode;
    if (region.at_end()) {
      if (limit < line_.size()) return strengthen_next(limit);
      if (names_radiation) read_next_line(key);
      return;
    }
    const std::string_view word = region.word_here();
    if (is_other_thing(word) || word == "none" || word == "no") return;
    if (const auto line = xrd::scan_spectral_line(region.text(), region.position())) {
      const char after = char_at(region.text(), line->end);
      const bool is_word = !is_digit(after) && after != '(';
      const bool alone = region.text().find_first_not_of(" \t\"',;/.)]", line->end) == std::string_view::npos;
      if (is_word || (names_radiation && after == '(' && is_digit(char_at(region.text(), line->end + 1)))) {
        if (names_radiation || alone) add({.kind = Kind::line, .line = *line});
        return;
      }
    }
    if (!names_radiation) {
      if (region.is_explicit() && (word == "synchrotron" || word == "neutron" || word == "neutrons"))
        foreign_or_unclear(word);
      return;
    }
    if (!region.is_separated() && lower_.compare(key.begin, 5, "anode") != 0) return;
    if (is_number_here(region)) {
      std::size_t i = region.position();
      const auto length = scan_length(region.text(), region.lower(), i);
      if (length && !length->number.is_whole)
        return add(value_statement(*length, region.unit(), Label::none));
    }
    foreign_or_unclear(word);
  }
  void foreign_or_unclear(std::string_view word) {
    const bool foreign = word.starts_with("neutron") || word.starts_with("electron");
    add({.kind = foreign ? Kind::foreign : Kind::unclear});
  }
  /// "Radiation: Co Ka1": the line that follows is the key's value.
  void strengthen_next(std::size_t begin) {
    for (RadiationKey& next : keys_) {
      if (next.begin != begin || next.kind != KeyKind::line) continue;
      add({.kind = Kind::line, .line = next.line});
    }
  }

  /// The value on the line after the key's: alone, or in the same column.
  bool read_next_line(const RadiationKey& key) {
    std::string_view value = next_;
    constexpr std::string_view separators = ",;\t|";
    if (line_.find_first_of(separators) != std::string::npos) {
      const auto is_separator = [&](char c) { return separators.find(c) != std::string_view::npos; };
      const auto column =
          std::count_if(line_.begin(), line_.begin() + static_cast<std::ptrdiff_t>(key.begin), is_separator);
      if (std::count_if(line_.begin(), line_.end(), is_separator) !=
          std::count_if(next_.begin(), next_.end(), is_separator))
        return false;
      for (std::ptrdiff_t i = 0; i < column; ++i)
        value.remove_prefix(value.find_first_of(separators) + 1);
      value = value.substr(0, value.find_first_of(separators));
    }
    constexpr std::string_view around = " \t\"'()[]";
    const std::size_t begin = value.find_first_not_of(around);
    if (begin == std::string_view::npos) return false;
    value = value.substr(begin, value.find_last_not_of(around) - begin + 1);
    if (const auto line = xrd::scan_spectral_line(value, 0); line && line->end == value.size()) {
      add({.kind = Kind::line, .line = *line});
      return true;
    }
    const std::string lower = xrd::lower_case(value);
    std::size_t i = 0;
    const auto length = scan_length(value, lower, i);
    if (!length || i != value.size() || (length->number.is_whole && !length->unit)) return false;
    Region region(std::string_view(line_).substr(key.end), std::string_view(lower_).substr(key.end));
    add(value_statement(*length, region_unit(key), label_of(key)));
    return true;
  }
  /// "Wavelength (nm)" with its value on the next line.
  std::optional<xrd::WrittenUnit> region_unit(const RadiationKey& key) const {
    const std::size_t open = line_.find_first_not_of(' ', key.end);
    if (open == std::string::npos) return std::nullopt;
    const std::size_t end = std::min(line_.find_first_of(")],;\t|", open), line_.size());
    const auto unit = xrd::parse_unit(std::string_view(line_).substr(open, end - open));
    return unit && Region::is_radiation(*unit) ? unit : std::nullopt;
  }

  /// "1.788996 A wavelength"
  bool read_value_before(const RadiationKey& key) {
    for (std::size_t begin = key.begin; begin-- > 0;) {
      if (!is_digit(line_[begin]) ||
          (begin > 0 && std::string_view(" (=:\t").find(line_[begin - 1]) == std::string_view::npos))
        continue;
      const auto text = std::string_view(line_).substr(0, key.begin);
      std::size_t end = begin;
      const auto length = scan_length(text, std::string_view(lower_).substr(0, key.begin), end);
      if (!length || (length->number.is_whole && !length->unit) || length->odd_words) return false;
      if (text.find_first_not_of(" )-", end) != std::string_view::npos) return false;
      add(value_statement(*length, {}, label_of(key)));
      return true;
    }
    return false;
  }

  const std::string& line_;
  const std::string lower_;
  const std::string& next_;
  std::vector<RadiationKey> keys_;
  std::vector<RadiationStatement> result_;
  std::optional<Length> second_;
  std::optional<xrd::WrittenUnit> json_unit_;
};

}  // namespace

std::vector<RadiationStatement> radiation_statements(const std::string& line, const std::string& next) {
  return LineReader(line, next).read();
}

}  // namespace bragg::data
