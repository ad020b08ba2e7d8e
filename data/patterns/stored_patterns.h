// Batches from patterns that are on disk: the other choice beside the on-the-fly stream, and what evaluation
// reads.
#pragma once

#include <cstdint>
#include <vector>

#include "data/patterns/pattern_set.h"
#include "data/patterns/pattern_table.h"
#include "kernels/backend.h"

namespace bragg::data {

struct StoredOptions {
  std::vector<std::int32_t> rows;  ///< of the set: what may be drawn
  SampleRowsProblem::Order order =
      SampleRowsProblem::Order::sequential;  ///< sequential: pattern i is rows[i % size]
  std::vector<std::int32_t> labels;          ///< class of every pattern of the set
  std::uint32_t seed = 0;
};

/// The same interface as PatternStream. All patterns of the set lie in device memory once planned.
class StoredPatterns {
 public:
  /// The set must outlive this. Throws Error for an empty list of rows or labels of another length than the
  /// set.
  StoredPatterns(const PatternSet&, StoredOptions);

  std::int64_t points() const { return set_.instrument().grid.points; }
  std::int64_t size() const { return static_cast<std::int64_t>(options_.rows.size()); }
  void plan(Backend&, std::int64_t N);
  void enqueue(Backend&, ConstTensor state, const Activations& patterns, Tensor labels);

 private:
  const PatternSet& set_;
  StoredOptions options_;
  std::int64_t N_ = 0;
  PatternTable table_;  ///< of the rows, each pattern with maximum 1
  Buffer rows_;         ///< i32 (N): of the batch at hand
};

}  // namespace bragg::data
