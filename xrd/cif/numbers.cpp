#include "xrd/cif/numbers.h"

#include <charconv>
#include <cmath>
#include <vector>

#include "xrd/scattering/species.h"

namespace bragg::xrd {
namespace {

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
constexpr bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}

}  // namespace

std::optional<double> parse_cif_number(std::string_view text) {
  const char* begin = text.data();
  const char* const end = begin + text.size();
  double sign = 1;
  constexpr std::string_view minus = "\xe2\x88\x92";  // U+2212, as word processors write it
  if (text.starts_with(minus)) {
    sign = -1;
    begin += minus.size();
  } else if (begin != end && (*begin == '+' || *begin == '-')) {
    sign = *begin == '-' ? -1 : 1;
    ++begin;
  }
  if (begin == end || !(is_digit(*begin) || *begin == '.'))
    return std::nullopt;  // from_chars would read "nan"
  double value = 0;
  const auto result = std::from_chars(begin, end, value);
  if (result.ec != std::errc() || !std::isfinite(value)) return std::nullopt;
  const char* p = result.ptr;
  if (p != end && *p == '(') {
    const char* const first = ++p;
    while (p != end && (is_digit(*p) || *p == '.'))
      ++p;
    if (p == first || p == end || *p != ')') return std::nullopt;
    ++p;
  }
  if (p != end) return std::nullopt;
  return sign * value;
}

double last_decimal(std::string_view text) {
  text = text.substr(0, text.find('('));
  double unit = 1;
  if (const auto e = text.find_first_of("eE"); e != std::string_view::npos) {
    const auto exponent = parse_cif_number(text.substr(e + 1));
    unit = std::pow(10.0, exponent.value_or(0));
    text = text.substr(0, e);
  }
  const auto point = text.find('.');
  return point == std::string_view::npos ? unit : unit * std::pow(10.0, -double(text.size() - point - 1));
}

std::optional<std::array<double, 99>> parse_formula(std::string_view text) {
  using Counts = std::array<double, 99>;
  std::vector<Counts> open(1);  // the sum, and one for every bracket that is open
  bool any = false;
  std::size_t i = 0;
  const auto take_number = [&]() -> std::optional<double> {
    std::size_t end = i;
    while (end < text.size() && (is_digit(text[end]) || text[end] == '.'))
      ++end;
    if (end == i) return 1.0;
    const auto number = parse_cif_number(text.substr(i, end - i));
    i = end;
    return number;
  };
  while (i < text.size()) {
    const char c = text[i];
    if (c == ' ' || c == '\n' || c == '\r' || c == '\t') {
      ++i;
    } else if (c == '(') {
      if (open.size() > 8) return std::nullopt;
      open.emplace_back();
      ++i;
    } else if (c == ')') {
      if (open.size() < 2) return std::nullopt;
      ++i;
      const auto n = take_number();
      if (!n) return std::nullopt;
      const Counts group = open.back();
      open.pop_back();
      for (std::size_t z = 1; z < group.size(); ++z)
        open.back()[z] += *n * group[z];
    } else {
      if (!is_upper(c)) return std::nullopt;
      const std::size_t length = i + 1 < text.size() && is_lower(text[i + 1]) ? 2 : 1;
      const auto species = parse_species(text.substr(i, length));
      if (!species) return std::nullopt;
      i += length;
      const auto n = take_number();
      if (!n) return std::nullopt;
      open.back()[species->atomic_number] += *n;
      any = true;
    }
  }
  if (!any || open.size() != 1) return std::nullopt;
  return open.front();
}

}  // namespace bragg::xrd
