// A pattern on 2 theta whose radiation nobody states: looked up with each of the usual anodes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "data/search/search.h"

namespace bragg::data {

struct RadiationMatches {
  std::string_view anode;  ///< "Cu", "Co", "Fe", "Cr" or "Mo"; of xrd::anodes()
  double wavelength = 0;   ///< A, its mean K-alpha
  std::vector<SearchMatch> matches;

  float best_similarity() const { return matches.empty() ? 0 : matches.front().similarity; }
};

/// The searches with each anode's K-alpha that the pattern can have been measured with, copper first, the others in that
/// order. An anode that leaves too little of the pattern on the search's grid is left out. Throws PatternRefused
/// where none is left, UsageError where the pattern is not on 2 theta.
std::vector<RadiationMatches> search_radiations(Searcher&, const MeasuredPattern&);

/// The same of many patterns, each of which is refused for itself; the pool's threads share the host's part.
struct RadiationResult {
  std::vector<RadiationMatches> found;
  std::optional<PatternRefused> refused;
};
std::vector<RadiationResult> search_radiations(Searcher&, std::span<const MeasuredPattern* const>,
                                               ThreadPool&);

/// The number of the one to believe: copper's unless another's best match is better by more than this (docs/measured.md).
inline constexpr float radiation_margin = 0.07f;
std::size_t best_radiation(std::span<const RadiationMatches>, float margin = radiation_margin);

}  // namespace bragg::data
