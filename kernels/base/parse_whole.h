// Numbers that are the whole of a text.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>

namespace bragg {

/// As std::from_chars reads it, whatever the locale: no blanks, no sign "+", and "inf" and "nan" are numbers.
/// Empty where anything is left over, and for a number that T does not hold.
template <typename T>
std::optional<T> parse_whole(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace bragg
