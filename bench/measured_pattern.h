// What benchmarks on measured patterns share.
#pragma once

#include <cstdint>
#include <ctime>

#include "data/patterns/pattern_set.h"
#include "data/patterns/resample.h"

namespace bragg::bench {

/// CPU time of all threads, which a busy machine does not lengthen.
inline double cpu_seconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

/// Pattern i of a set as it was measured.
inline data::MeasuredPattern measured_pattern(const data::PatternSet& set, std::int64_t i) {
  const std::vector<float> values = set.pattern(i);
  data::MeasuredPattern pattern;
  for (std::size_t k = 0; k < values.size(); ++k) {
    pattern.x.push_back(set.instrument().grid.at(static_cast<std::int64_t>(k)));
    pattern.intensity.push_back(values[k]);
  }
  return pattern;
}

}  // namespace bragg::bench
