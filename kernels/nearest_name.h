// "Did you mean ...?": the known name that an unknown one most resembles.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace bragg {

/// The element of `known` with the smallest edit distance to `name` (insertions, deletions, substitutions and
/// swaps of neighbours count 1, letter case counts nothing); the first of several. Empty where `known` is.
std::string nearest_name(std::string_view name, std::span<const std::string> known);

}  // namespace bragg
