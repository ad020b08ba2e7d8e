#include "data/formats/byte_reader.h"

#include <charconv>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "data/formats/scan_parts.h"

namespace bragg::data {

void ByteReader::need(std::size_t at, std::size_t length, const char* what) const {
  if (at <= bytes_.size() && length <= bytes_.size() - at) return;
  fail(at, fmt::format("{} needs {} bytes here, but the file ends at byte {}: it is cut off", what, length,
                       bytes_.size()));
}

void ByteReader::fail(std::size_t at, const std::string& reason) const {
  throw Error(fmt::format("{}: byte {}: {}", name_, at, reason));
}

std::string ByteReader::text(std::size_t at, std::size_t length, const char* what) const {
  need(at, length, what);
  const std::string_view field = bytes_.substr(at, length);
  return plain_text(field.substr(0, field.find('\0')));
}

double as_typed(float single) {
  const std::string digits = fmt::format("{}", single);
  double value = static_cast<double>(single);
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

double as_typed(double value) {
  // Converting what is beyond single precision is undefined.
  if (!(std::abs(value) <= static_cast<double>(std::numeric_limits<float>::max()))) return value;
  const auto single = static_cast<float>(value);
  return static_cast<double>(single) == value ? as_typed(single) : value;
}

}  // namespace bragg::data
