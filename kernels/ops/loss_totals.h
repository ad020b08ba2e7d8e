// What losses add up over batches.
#pragma once

#include <cstdint>

namespace bragg {

/// Sums that a loss op adds to, in device memory. loss_sum / count is the mean of what is trained, pattern by
/// pattern. Rows that hold a NaN or an infinity make loss_sum NaN and never count as correct. Ties of the maximum
/// count for the lowest class.
struct LossTotals {
  double loss_sum;
  std::uint64_t correct;  ///< 0 where no answer is right or wrong
  std::uint64_t count;
};

}  // namespace bragg
