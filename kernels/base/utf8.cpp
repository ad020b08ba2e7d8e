#include "kernels/base/utf8.h"

#include <algorithm>

#include <fmt/format.h>

namespace bragg {
namespace {

/// The text with \xNN for every byte that is not part of UTF-8, and for those of every character of which
/// `is_foreign` says so.
template <typename IsForeign>
std::string escaped(std::string_view text, IsForeign is_foreign) {
  std::string all;
  while (!text.empty()) {
    const std::size_t bytes = utf8_length(text);
    const std::string_view character = text.substr(0, std::max<std::size_t>(bytes, 1));
    text.remove_prefix(character.size());
    if (bytes > 0 && !is_foreign(character)) {
      all += character;
      continue;
    }
    for (const char c : character)
      all += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  }
  return all;
}

}  // namespace

std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  if (text.empty()) return 0;
  const unsigned first = byte(0), second = byte(1);
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  const std::size_t bytes = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  for (std::size_t i = 1; i < bytes; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool surrogate = first == 0xed && second > 0x9f;
  const bool beyond = first == 0xf4 && second > 0x8f;
  return overlong || surrogate || beyond ? 0 : bytes;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t bytes = utf8_length(text);
    if (bytes == 0) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

std::string as_utf8(std::string_view text) {
  return escaped(text, [](std::string_view) { return false; });
}

std::string printable(std::string_view text) {
  // U+0080 to U+009F are control characters as well.
  return escaped(text, [](std::string_view character) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(character[i]); };
    return byte(0) < 0x20 || byte(0) == 0x7f || (byte(0) == 0xc2 && byte(1) < 0xa0);
  });
}

}  // namespace bragg
