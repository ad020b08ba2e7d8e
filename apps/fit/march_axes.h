// Which axis crystallites of each phase prefer, as --march-dollase says it.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace bragg::apps {

using MarchAxis = std::array<int, 3>;

/// Of each of `phases`, named as --phase does. `given`: H,K,L for all phases that are not named, or PHASE:H,K,L. `texture`: whether
/// phases without an axis have their lattice's terms of texture. Throws UsageError, with the value, for what is no direction, names
/// no phase, or says it of one twice; and where with `texture` every phase has an axis.
std::vector<std::optional<MarchAxis>> march_axes(std::span<const std::string> given,
                                                 std::span<const std::string> phases, bool texture);

/// "(0 0 1)"
std::string axis_text(const MarchAxis&);

}  // namespace bragg::apps
