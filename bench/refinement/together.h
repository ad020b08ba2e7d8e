// Search and refinement of many patterns in one call, and what of it is the host's own work.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "data/library/joined_library.h"
#include "data/patterns/resample.h"
#include "data/search/search_index.h"
#include "kernels/backend.h"

namespace bragg::bench {

/// Patterns of `count` structures of the library, at even distances: 5 to 90 degrees in steps of 0.02, copper, cells 2 parts in
/// 1,000 larger, counts of up to 5,000 above 100 with their noise. The same ones every time.
std::vector<data::MeasuredPattern> drawn_patterns(Backend&, const data::JoinedLibrary&, std::int64_t count);

struct Together {
  std::int64_t patterns = 0;  ///< of a call; those that are there again and again
  int rounds = 3, threads = 1;
  double wavelength = copper_k_alpha;  ///< A
};

/// Prints patterns and candidates a second, and milliseconds a pattern of each part; medians over the rounds. The host's parts are done
/// once more for themselves: what they take of the wall, and of one core.
void time_together(Backend&, const data::JoinedLibrary&, const data::SearchIndex&,
                   std::span<const data::MeasuredPattern>, const Together&);

}  // namespace bragg::bench
