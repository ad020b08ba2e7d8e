// What a TOML text must be before toml++ parses it: the parser recurses by dots and brackets, and where a
// text leaves the grammar its behaviour is not always defined (3.3.0 asks whether letters beyond ASCII are
// blanks).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bragg::data {

/// Largest recipe or config that is read.
inline constexpr std::size_t maximum_toml_bytes = std::size_t{1} << 20;

struct TomlFault {
  int line;  ///< 1-based
  std::string what;
};

/// The first reason not to parse a text: larger than maximum_toml_bytes, outside of TOML's grammar, a key of
/// more than 32 parts, brackets nested deeper than 32, a string of several lines or a time of day behind
/// a blank (no key takes either). What names, numbers and escaped characters mean, and what stands twice, is
/// left to the parser.
std::optional<TomlFault> toml_fault(std::string_view text);

/// The text of a recipe or config, one byte more than maximum_toml_bytes at most, which is too much to parse.
/// Throws UsageError naming the path and the reason.
std::string read_toml_text(const std::string& path);

}  // namespace bragg::data
