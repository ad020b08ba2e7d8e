// The device's part of a search alone, on numbers of no meaning: no data is needed.
#pragma once

#include <cstdint>
#include <string>

namespace bragg::bench {

struct PassesOptions {
  std::string device = "cpu";
  int threads = 0;
  std::int64_t structures = 65000;
  std::int64_t patterns = 256;  ///< at once
  std::int64_t candidates = 128;
};

/// Prints microseconds a pattern of match_views over all structures, of drawing the candidates and of comparing them, and
/// what that makes of searches a second.
void time_passes(const PassesOptions&);

}  // namespace bragg::bench
