// The two passes of a search over the structures of one kind: all of them in one coarse view, then the best of them in all
// views.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/search/index_content.h"
#include "data/search/pattern_views.h"
#include "data/search/search.h"
#include "kernels/backend.h"
#include "kernels/base/thread_pool.h"

namespace bragg::data {

class SearchPass {
 public:
  /// rows: the structures that are searched, ascending. `candidates` are left of them by the first pass.
  SearchPass(Backend&, const SearchIndex::Content&, std::vector<std::int32_t> rows, const ScaleRange&,
             std::int64_t candidates);

  /// Patterns of one window -> for each all candidates by descending similarity, of equal ones the lower structure
  /// first; those without any similarity are left out. The host's part is shared by the threads of the pool.
  std::vector<std::vector<SearchMatch>> run(std::span<const PatternViews* const> patterns, ThreadPool&);

  /// Structures that are searched.
  std::int64_t size() const { return std::ssize(rows_); }

 private:
  void upload_patterns(std::span<const PatternViews* const> patterns, ThreadPool&);
  void run_coarse(const PatternViews& window, std::int64_t N);
  void run_fine(const PatternViews& window, std::int64_t N);
  void reserve(std::int64_t N);

  Backend& backend_;
  const SearchIndex::Content& content_;
  std::vector<std::int32_t> rows_;
  std::vector<CellScale> scales_;
  std::int64_t top_ = 0;
  std::int64_t room_ = 0;  ///< patterns that the memory is for
  Buffer rows_on_device_;
  Buffer coarse_patterns_,
      fine_patterns_;  ///< bf16 (room, scales, coarse_bins), (room, scales, views x bins)
  Buffer candidates_, coarse_scale_, coarse_similarity_;  ///< (room, top)
  Buffer drawn_;                                          ///< bf16 (room, top, views x bins)
  Buffer row_, scale_, similarity_;                       ///< (room, top)
};

/// By descending similarity, of equal ones the lower structure first.
bool is_before(const SearchMatch&, const SearchMatch&);

/// Whole steps from first to last.
std::vector<double> values_of(const ScaleRange&);

}  // namespace bragg::data
