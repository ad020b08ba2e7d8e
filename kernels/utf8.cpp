#include "kernels/utf8.h"

#include <algorithm>

#include <fmt/format.h>

namespace bragg {
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
  std::string all;
  while (!text.empty()) {
    const std::size_t bytes = utf8_length(text);
    if (bytes == 0) {
      all += fmt::format("\\x{:02x}", static_cast<unsigned char>(text.front()));
      text.remove_prefix(1);
    } else {
      all += text.substr(0, bytes);
      text.remove_prefix(bytes);
    }
  }
  return all;
}

std::string printable(std::string_view text) {
  std::string all;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t bytes = utf8_length(text.substr(i));
    const auto first = static_cast<unsigned char>(text[i]);
    // U+0080 to U+009F are control characters as well.
    const bool is_control = first < 0x20 || first == 0x7f ||
                            (bytes == 2 && first == 0xc2 && static_cast<unsigned char>(text[i + 1]) < 0xa0);
    const std::size_t taken = std::max<std::size_t>(bytes, 1);
    for (std::size_t k = i; k < i + taken; ++k)
      all += bytes == 0 || is_control ? fmt::format("\\x{:02x}", static_cast<unsigned char>(text[k]))
                                      : std::string(1, text[k]);
    i += taken;
  }
  return all;
}

}  // namespace bragg
