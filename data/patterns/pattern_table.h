// Patterns in device memory from which batches are gathered: those of a file, or measured ones among
// simulated ones.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "kernels/backend.h"
#include "kernels/ops/rows.h"

namespace bragg::data {

class PatternTable {
 public:
  PatternTable() = default;
  /// Row i is pattern(i), `points` numbers, of class labels[i]; asked for in order, one at a time.
  PatternTable(Backend&, std::int64_t points, std::span<const std::int32_t> labels,
               const std::function<std::vector<float>(std::int64_t i)>& pattern);

  explicit operator bool() const { return static_cast<bool>(patterns_); }
  /// Draws draw.N of the rows (draw.candidates is theirs to say) and gathers their patterns and labels i32
  /// (N); where a share below 1 draws none, both stay as they are. rows i32 (N): scratch.
  void enqueue(Backend&, SampleRowsProblem draw, ConstTensor state, Tensor rows, const Activations& patterns,
               Tensor labels) const;

 private:
  std::int64_t count_ = 0, points_ = 0;
  Buffer patterns_;    ///< f32 (count, points)
  Buffer candidates_;  ///< i32 (count): 0, 1, 2, ...
  Buffer labels_;      ///< i32 (count)
};

}  // namespace bragg::data
