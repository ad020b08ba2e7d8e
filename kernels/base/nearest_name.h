// "Did you mean ...?": the known name that an unknown one most resembles.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace bragg {

/// The element of `known` with the smallest edit distance to `name` (insertions, deletions, substitutions and
/// swaps of neighbours count 1, letter case counts nothing); the first of several. Empty where `known` is.
std::string nearest_name(std::string_view name, std::span<const std::string> known);

/// nearest_name(), where a slip of the fingers explains the difference: one edit for every three letters of
/// the longer name, one at least, and fewer than the letters of `name`; otherwise empty.
std::string near_name(std::string_view name, std::span<const std::string> known);

/// What a message about an unknown name ends with: "; the nearest is X" for a near one; otherwise all of
/// them, "; there are A, B, C", up to 20, and nothing for more.
std::string suggestion(std::string_view name, std::span<const std::string> known);

}  // namespace bragg
