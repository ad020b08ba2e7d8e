// Text from outside, paths and names: UTF-8 or not.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace bragg {

/// Bytes of the character that the text begins with; 0 where that is none, or the text is empty.
std::size_t utf8_length(std::string_view);

/// Whether all of it is UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing beyond U+10FFFF).
bool is_utf8(std::string_view);
/// The text with every byte that is not part of UTF-8 as \xNN: what JSON and TOML can hold.
std::string as_utf8(std::string_view);
/// The same, and control characters, too: what a terminal can be shown on one line.
std::string printable(std::string_view);

}  // namespace bragg
