// Parts of a set that share no group: what is fitted to the others says nothing of a part that it has seen.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace bragg::apps {

/// For each pattern the part, 0 .. folds - 1, that its group belongs to. Groups are dealt out one after the other in the
/// order of a hash of their number, so that parts have equally many, give or take one.
std::vector<int> folds_of(std::span<const std::int32_t> group, int folds);

}  // namespace bragg::apps
