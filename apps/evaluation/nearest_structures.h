// The structures whose stored patterns are most like a given one: what predict names and evaluate compares
// with.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "apps/evaluation/model_metadata.h"
#include "data/patterns/nearest_neighbour.h"
#include "data/patterns/pattern_set.h"
#include "kernels/backend.h"

namespace bragg::apps {

/// The set's name of a pattern; "pattern 12" where it has none.
std::string pattern_name(const data::PatternSet&, std::int64_t row);

/// Features of rows of a set on a model's grid; `usable` becomes 0 for each that is refused (its features are
/// 0). All three are kept by reference.
data::FeatureRows features_of(const data::PatternSet&, const std::vector<std::int64_t>& rows,
                              const ModelFacts&, std::vector<std::uint8_t>& usable);

/// For each of `patterns` (on the model's grid, maximum 1) the `count` most similar rows of the set, best
/// first, each of another group and with a cosine above 0; fewer where there are no more.
std::vector<std::vector<data::Neighbour>> nearest_structures(Backend&,
                                                             std::span<const std::vector<float>> patterns,
                                                             const data::PatternSet&, const ModelFacts&,
                                                             int count);

}  // namespace bragg::apps
