#include "data/formats/base64.h"

#include <cstdint>

namespace bragg::data {
namespace {

/// -1: no sign of the alphabet.
int value_of(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

}  // namespace

std::optional<std::string> decode_base64(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  std::uint32_t bits = 0;
  int signs = 0, padding = 0;
  for (const char c : text) {
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') continue;
    const int value = value_of(c);
    if (c == '=')
      ++padding;
    else if (value < 0 || padding > 0)
      return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(c == '=' ? 0 : value);
    if (++signs % 4 != 0) continue;
    if (padding > 2) return std::nullopt;
    for (int i = 0; i < 3 - padding; ++i)
      bytes += static_cast<char>(bits >> (16 - 8 * i) & 0xff);
    bits = 0;
  }
  if (signs % 4 != 0) return std::nullopt;
  return bytes;
}

}  // namespace bragg::data
