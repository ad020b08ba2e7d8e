// What a TOML text must be before toml++ parses it: the parser recurses by dots and brackets, and takes for
// granted what a text from outside need not keep.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bragg::xrd {

/// Largest recipe or config that is read.
inline constexpr std::size_t maximum_toml_bytes = std::size_t{1} << 20;

struct TomlFault {
  int line;  ///< 1-based
  std::string what;
};

/// The first reason not to parse a text: larger than maximum_toml_bytes, a key of more than 32 parts,
/// brackets nested deeper than 32, a table header that begins with no key, a control or non-ASCII character
/// outside of strings and comments. Nothing about the grammar beyond that.
std::optional<TomlFault> toml_fault(std::string_view text);

}  // namespace bragg::xrd
