// Drawing rows with unequal chances from a list that is drawn from uniformly.
#pragma once

#include <cstdint>
#include <vector>

namespace bragg::data {

/// A list in which every row stands in proportion to its weight (>= 0, not all 0): at least 16 times as long
/// as `rows`, up to 2^24 entries, cut at equal steps of the cumulative weight, so that no count is off by
/// more than one. `rows` itself where all weights are equal.
std::vector<std::int32_t> weighted_rows(const std::vector<std::int32_t>& rows,
                                        const std::vector<double>& weights);

}  // namespace bragg::data
