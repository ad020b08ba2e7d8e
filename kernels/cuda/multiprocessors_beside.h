// How a GPU is dealt out among ops that run side by side: a rule that estimates share with the backend.
#pragma once

#include <algorithm>

namespace bragg::cuda {

/// Multiprocessors of `all` that work in a branch beside other work, an even number, for both to end together; 0: one after the other.
/// Both in clocks of one multiprocessor, or any unit of time.
inline int multiprocessors_beside(double branch, double other, int all) {
  constexpr int fewest = 4;
  // Where little else is there to do the branch would only be the slower: it needs all of them to be limited by memory.
  constexpr double least_other = 0.5;
  if (!(branch > 0) || other < least_other * branch || all < 4 * fewest) return 0;
  // Two blocks may work together.
  const int pairs = static_cast<int>(all / 2 * branch / (branch + other) + 0.5);
  return std::clamp(2 * pairs, fewest, all / 4 * 2);
}

}  // namespace bragg::cuda
