// What the coarse rows are multiplied by where a pattern shows a part of the grid alone: a structure counts by what
// it has there.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <utility>

#include "kernels/backend.h"

namespace bragg::data {

/// Coarse bins [first, end).
struct CoarseWindow {
  std::int64_t first = 0, end = 0;
  bool operator==(const CoarseWindow&) const = default;
};

/// Those of the last few windows. Safe from several threads.
class WindowWeights {
 public:
  /// f32 (rows): 1 over the length of each row of `coarse`, bf16 (rows, coarse_bins), within the window; 0 where
  /// nothing is.
  std::shared_ptr<const Buffer> of(Backend&, const Buffer& coarse, std::int64_t rows, const CoarseWindow&);

 private:
  std::mutex mutex_;
  std::deque<std::pair<CoarseWindow, std::shared_ptr<const Buffer>>> kept_;
};

}  // namespace bragg::data
