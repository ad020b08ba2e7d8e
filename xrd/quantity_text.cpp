#include "xrd/quantity_text.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

#include "kernels/base/parse_whole.h"
#include "xrd/folded_text.h"

namespace bragg::xrd {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

char at(std::string_view text, std::size_t i) {
  return i < text.size() ? text[i] : '\0';
}

std::size_t skip_digits(std::string_view text, std::size_t i) {
  while (is_digit(at(text, i)))
    ++i;
  return i;
}
std::size_t skip_blanks(std::string_view text, std::size_t i) {
  while (at(text, i) == ' ' || at(text, i) == '\t')
    ++i;
  return i;
}

/// Behind "10^-10", "10**-10", "10-10" at `i`, with the power; 0 where no power of ten stands there.
struct PowerOfTen {
  int power = 0;
  std::size_t end = 0;
};
PowerOfTen scan_power_of_ten(std::string_view text, std::size_t i) {
  if (text.substr(std::min(i, text.size()), 2) != "10") return {};
  i += 2;
  if (at(text, i) == '^')
    ++i;
  else if (text.substr(std::min(i, text.size()), 2) == "**")
    i += 2;
  else if (at(text, i) != '-')
    return {};
  if (at(text, i) == '(') ++i;
  const bool negative = at(text, i) == '-';
  if (negative || at(text, i) == '+') ++i;
  const std::size_t end = skip_digits(text, i);
  if (end == i || end - i > 2) return {};
  int power = 0;
  for (; i < end; ++i)
    power = 10 * power + (text[i] - '0');
  return {negative ? -power : power, at(text, end) == ')' ? end + 1 : end};
}

std::size_t skip_uncertainty(std::string_view text, std::size_t i) {
  if (at(text, i) == '(') {
    const std::size_t end = skip_digits(text, i + 1);
    if (end > i + 1 && at(text, end) == ')') return end + 1;
  }
  std::size_t sign = skip_blanks(text, i);
  for (const std::string_view plus_minus : {"+-", "+/-"}) {
    if (text.substr(std::min(sign, text.size()), plus_minus.size()) != plus_minus) continue;
    sign = skip_blanks(text, sign + plus_minus.size());
    std::size_t end = skip_digits(text, sign);
    if (at(text, end) == '.' || at(text, end) == ',') end = skip_digits(text, end + 1);
    if (end > sign) return end;
  }
  return i;
}

struct UnitName {
  std::string_view name;
  UnitKind kind;
  double factor;
};
constexpr double degree_of_radian = 180 / std::numbers::pi;
constexpr UnitName unit_names[] = {
    {"a", UnitKind::length, 1},
    {"aa", UnitKind::length, 1},
    {"ang", UnitKind::length, 1},
    {"angs", UnitKind::length, 1},
    {"angstrom", UnitKind::length, 1},
    {"angstroms", UnitKind::length, 1},
    {"angstroem", UnitKind::length, 1},
    {"nm", UnitKind::length, 10},
    {"nanometre", UnitKind::length, 10},
    {"nanometres", UnitKind::length, 10},
    {"nanometer", UnitKind::length, 10},
    {"nanometers", UnitKind::length, 10},
    {"pm", UnitKind::length, 0.01},
    {"picometre", UnitKind::length, 0.01},
    {"picometres", UnitKind::length, 0.01},
    {"picometer", UnitKind::length, 0.01},
    {"picometers", UnitKind::length, 0.01},
    {"um", UnitKind::length, 1e4},
    {"mm", UnitKind::length, 1e7},
    {"cm", UnitKind::length, 1e8},
    {"m", UnitKind::length, 1e10},
    {"metre", UnitKind::length, 1e10},
    {"metres", UnitKind::length, 1e10},
    {"meter", UnitKind::length, 1e10},
    {"meters", UnitKind::length, 1e10},
    {"ev", UnitKind::energy, 1e-3},
    {"kev", UnitKind::energy, 1},
    {"kiloelectronvolt", UnitKind::energy, 1},
    {"kiloelectronvolts", UnitKind::energy, 1},
    {"deg", UnitKind::angle, 1},
    {"degs", UnitKind::angle, 1},
    {"degree", UnitKind::angle, 1},
    {"degrees", UnitKind::angle, 1},
    {"grad", UnitKind::angle, 1},
    {"rad", UnitKind::angle, degree_of_radian},
    {"radian", UnitKind::angle, degree_of_radian},
    {"radians", UnitKind::angle, degree_of_radian},
    {"mrad", UnitKind::angle, degree_of_radian / 1000},
};

const UnitName* find_unit(std::string_view word) {
  if (word == "M") return nullptr;  // a mega-something, as in "LAMBDA 2M"
  const std::string name = lower_case(word);
  for (const UnitName& unit : unit_names) {
    if (unit.name == name) return &unit;
  }
  return nullptr;
}

/// Behind "^-1", "^(-1)", "**-1", "-1" at `i`; 0 where no such exponent stands there.
std::size_t scan_minus_one(std::string_view text, std::size_t i) {
  i = skip_blanks(text, i);
  for (const std::string_view exponent : {"^-1", "^(-1)", "**-1", "**(-1)", "^ -1", "-1", "_-1", "(-1)"}) {
    if (text.substr(std::min(i, text.size()), exponent.size()) != exponent) continue;
    return is_digit(at(text, i + exponent.size())) ? 0 : i + exponent.size();
  }
  return 0;
}

}  // namespace

std::optional<WrittenNumber> scan_number(std::string_view text, std::size_t begin) {
  std::size_t i = begin;
  std::string digits;
  if (at(text, i) == '-' || at(text, i) == '+') {
    if (text[i] == '-') digits += '-';
    ++i;
  }
  const std::size_t whole_end = skip_digits(text, i);
  digits += text.substr(i, whole_end - i);
  bool any = whole_end > i, is_whole = true;
  i = whole_end;
  const bool comma = at(text, i) == ',' && any && is_digit(at(text, i + 1));
  if (at(text, i) == '.' || comma) {
    const std::size_t end = skip_digits(text, i + 1);
    if (end == i + 1 && !any) return std::nullopt;
    any = true;
    is_whole = false;
    digits += '.';
    digits += text.substr(i + 1, end - i - 1);
    // A second sign makes it a list, a date or a thousand.
    if (comma && (at(text, end) == ',' || at(text, end) == '.') && is_digit(at(text, end + 1)))
      return std::nullopt;
    if (!comma && at(text, end) == '.' && is_digit(at(text, end + 1))) return std::nullopt;
    i = end;
  }
  if (!any) return std::nullopt;
  if (std::string_view("eEdD").find(at(text, i)) != std::string_view::npos && i < text.size()) {
    std::size_t power = i + 1;
    if (at(text, power) == '-' || at(text, power) == '+') ++power;
    const std::size_t end = skip_digits(text, power);
    if (end > power) {
      digits += 'e';
      if (text[i + 1] == '-') digits += '-';
      digits += text.substr(power, end - power);
      is_whole = false;
      i = end;
    }
  } else {
    const std::size_t sign = skip_blanks(text, i);
    if (std::string_view("xX*.").find(at(text, sign)) != std::string_view::npos && sign < text.size()) {
      const auto ten = scan_power_of_ten(text, skip_blanks(text, sign + 1));
      if (ten.end > 0) {
        digits += 'e';
        digits += std::to_string(ten.power);
        is_whole = false;
        i = ten.end;
      }
    }
  }
  const auto value = parse_whole<double>(digits);
  if (!value || !std::isfinite(*value)) return std::nullopt;
  return WrittenNumber{*value, skip_uncertainty(text, i), is_whole};
}

std::optional<WrittenUnit> scan_unit(std::string_view text, std::size_t begin) {
  std::size_t i = skip_blanks(text, begin);
  double scale = 1;
  if (const auto ten = scan_power_of_ten(text, i); ten.end > 0) {
    scale = std::pow(10.0, ten.power);
    i = skip_blanks(text, ten.end);
  }
  bool inverse = false;
  if (at(text, i) == '1' && at(text, skip_blanks(text, i + 1)) == '/') {
    inverse = true;
    i = skip_blanks(text, skip_blanks(text, i + 1) + 1);
  }
  for (int words = 0; words < 2; ++words) {
    std::size_t end = i;
    while (is_letter(at(text, end)))
      ++end;
    const std::string_view word = text.substr(std::min(i, text.size()), end - i);
    const std::string name = lower_case(word);
    if (words == 0 && (name == "inverse" || name == "inv" || name == "reciprocal" || name == "per")) {
      inverse = true;
      i = end;
      while (at(text, i) == ' ' || at(text, i) == '_' || at(text, i) == '.' || at(text, i) == '-')
        ++i;
      continue;
    }
    const UnitName* unit = find_unit(word);
    if (!unit) return std::nullopt;
    if (const std::size_t after = scan_minus_one(text, end); after > 0 && unit->kind == UnitKind::length) {
      if (inverse) return std::nullopt;
      inverse = true;
      end = after;
    }
    if (is_digit(at(text, end)) || is_letter(at(text, end))) return std::nullopt;
    if (!inverse) return WrittenUnit{unit->kind, unit->factor * scale, end};
    if (unit->kind != UnitKind::length) return std::nullopt;
    return WrittenUnit{UnitKind::inverse_length, scale / unit->factor, end};
  }
  return std::nullopt;
}

std::optional<WrittenUnit> parse_unit(std::string_view text) {
  constexpr std::string_view around = " \t()[]<>\"'.,;";
  const std::size_t begin = text.find_first_not_of(around);
  if (begin == std::string_view::npos) return std::nullopt;
  text = text.substr(begin, text.find_last_not_of(" \t[]<>\"'.,;") - begin + 1);
  // "(A^(-1))" keeps the exponent's own bracket.
  while (text.ends_with(')') &&
         std::count(text.begin(), text.end(), ')') > std::count(text.begin(), text.end(), '('))
    text.remove_suffix(1);
  const auto unit = scan_unit(text, 0);
  if (!unit || unit->end != text.size()) return std::nullopt;
  return unit;
}

}  // namespace bragg::xrd
