#include "xrd/cif_numbers.h"

#include <charconv>
#include <cmath>

#include "xrd/species.h"

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
  if (begin != end && (*begin == '+' || *begin == '-')) {
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

std::optional<std::array<double, 99>> parse_formula(std::string_view text) {
  std::array<double, 99> count{};
  bool any = false;
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] == ' ' || text[i] == '\n' || text[i] == '\r' || text[i] == '\t') {
      ++i;
      continue;
    }
    if (!is_upper(text[i])) return std::nullopt;
    const std::size_t length = i + 1 < text.size() && is_lower(text[i + 1]) ? 2 : 1;
    const auto species = parse_species(text.substr(i, length));
    if (!species) return std::nullopt;
    i += length;
    std::size_t end = i;
    while (end < text.size() && (is_digit(text[end]) || text[end] == '.'))
      ++end;
    double n = 1;
    if (end > i) {
      const auto number = parse_cif_number(text.substr(i, end - i));
      if (!number) return std::nullopt;
      n = *number;
      i = end;
    }
    count[species->atomic_number] += n;
    any = true;
  }
  if (!any) return std::nullopt;
  return count;
}

}  // namespace bragg::xrd
