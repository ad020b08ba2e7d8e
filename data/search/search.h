// Which known structures look like a measured pattern: the similarity of drawn patterns, no refinement.
//
// Two passes. The first compares one coarse view of every structure that is allowed (a matrix product, op
// match_views) and keeps a hundred or so of either kind; these are drawn (draw_views) and compared in all views and at all scales.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "data/patterns/resample.h"
#include "data/search/search_index.h"
#include "kernels/backend.h"
#include "kernels/base/thread_pool.h"

namespace bragg::data {

/// Cells from `first` to `last` times as long as the structure's, in even steps.
struct ScaleRange {
  double first, last, step;
};

struct SearchSettings {
  ScaleRange experimental_scales{0.991, 1.009, 0.003};
  ScaleRange dft_scales{0.976, 1.008, 0.004};
  std::int64_t experimental = 50;  ///< matches of that kind, at most
  std::int64_t dft = 30;
  std::int64_t per_name = 2;  ///< of one name and space group, at most, among the experimental
  /// What the first pass leaves of either kind.
  std::int64_t experimental_candidates = 160, dft_candidates = 128;

  /// Throws UsageError naming the setting and its value.
  void validate() const;
};

/// A pattern to look up. `wavelength` in A, of a K-alpha doublet the mean; means nothing for q and d.
struct SearchPattern {
  const MeasuredPattern* measured = nullptr;
  double wavelength = copper_k_alpha;
  /// What other phases account for at each point, above the background: the rest is looked up. Empty: nothing.
  std::span<const double> explained{};
};

struct SearchMatch {
  std::int32_t structure = -1;
  float scale = 1;       ///< of the cell: the sample's over the structure's
  float similarity = 0;  ///< mean of the views' cosines, 0..1
};

/// What was found for a pattern: of both kinds, by descending similarity, of equal ones the lower structure first.
struct SearchResult {
  std::vector<SearchMatch> matches;       ///< none where it is refused
  std::optional<PatternRefused> refused;  ///< as views_of() refuses it
};

/// Patterns that one call of search or refinement takes at a time: what they need at once is bounded, and more bring next to nothing.
/// On CPUs those that are compared with a row of the library while it is near; a GPU's many multiprocessors wait for the last
/// models, and for the host, less often the more patterns there are (256: a few percent by counts). On the device a pattern takes some
/// 3 MB for the search and 1 for its refinement.
std::int64_t patterns_at_once(const Backend&);

/// Searches with the same settings, one call after the other: what they share is made once. For one thread.
class Searcher {
 public:
  /// `allowed`: 1 for each structure that is searched, (index.size()); empty: all. Backend and index outlive it.
  /// Throws UsageError for settings, and an `allowed` of another size than the index.
  Searcher(Backend&, const SearchIndex&, const SearchSettings& = {},
           std::span<const std::uint8_t> allowed = {});
  ~Searcher();
  Searcher(Searcher&&) noexcept;
  Searcher& operator=(Searcher&&) noexcept;

  /// For each pattern what is found. It doesn't depend on the others of the call, nor on the number of threads; those of the pool
  /// share the host's part. Patterns of one window are compared together, wherever they stand.
  std::vector<SearchResult> search(std::span<const SearchPattern>, ThreadPool&);
  /// The matches of each, by this thread alone. Throws PatternRefused as views_of(), naming the pattern where there are several.
  std::vector<std::vector<SearchMatch>> search(std::span<const SearchPattern>);

  /// Structures that are searched.
  std::int64_t size() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The same once.
std::vector<std::vector<SearchMatch>> search(Backend&, const SearchIndex&, std::span<const SearchPattern>,
                                             const SearchSettings& = {},
                                             std::span<const std::uint8_t> allowed = {});

}  // namespace bragg::data
