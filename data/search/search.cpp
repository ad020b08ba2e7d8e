#include "data/search/search.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "data/search/pattern_views.h"
#include "data/search/search_pass.h"
#include "kernels/ops/match_views.h"

namespace bragg::data {
namespace {

void require_within(const char* name, std::int64_t value, std::int64_t least, std::int64_t most) {
  if (value < least || value > most)
    throw UsageError(fmt::format("search: {} {} is not in {}..{}", name, value, least, most));
}

void validate_scales(const char* name, const ScaleRange& s) {
  const bool is_range = s.first > 0.5 && s.last < 2 && s.first <= s.last && s.step > 0;
  if (!is_range || (s.last - s.first) / s.step + 1 > static_cast<double>(most_scales) + 0.5)
    throw UsageError(fmt::format("search: {} {} to {} by {} are not 1..{} scales between 0.5 and 2", name,
                                 s.first, s.last, s.step, most_scales));
}

/// By descending similarity, at most `most` and `per_name` of a name (0: as many as there are).
std::vector<SearchMatch> best_of(const SearchIndex& index, const std::vector<SearchMatch>& matches,
                                 std::int64_t most, std::int64_t per_name) {
  std::vector<SearchMatch> best;
  std::map<std::int32_t, std::int64_t> seen;
  for (const SearchMatch& match : matches) {
    if (std::ssize(best) == most) break;
    if (per_name > 0 && ++seen[index.name(match.structure)] > per_name) continue;
    best.push_back(match);
  }
  return best;
}

std::vector<std::int32_t> rows_of(const SearchIndex& index, StructureKind kind,
                                  std::span<const std::uint8_t> allowed) {
  std::vector<std::int32_t> rows;
  for (std::int64_t i = 0; i < index.size(); ++i)
    if (index.kind(i) == kind && (allowed.empty() || allowed[static_cast<std::size_t>(i)] != 0))
      rows.push_back(static_cast<std::int32_t>(i));
  return rows;
}

const SearchSettings& checked(const SearchSettings& settings, const SearchIndex& index,
                              std::span<const std::uint8_t> allowed) {
  settings.validate();
  if (!allowed.empty() && std::ssize(allowed) != index.size())
    throw UsageError(
        fmt::format("search: allowed says so of {} structures, not of {}", allowed.size(), index.size()));
  return settings;
}

using Window = std::pair<std::int64_t, std::int64_t>;

Window window_of(const PatternViews& views) {
  return {views.first_bin, views.end_bin};
}

}  // namespace

std::int64_t patterns_at_once(const Backend& backend) {
  return backend.name() == "cuda" ? 256 : 32;
}

void SearchSettings::validate() const {
  validate_scales("experimental_scales", experimental_scales);
  validate_scales("dft_scales", dft_scales);
  constexpr std::int64_t most = most_matches;
  require_within("experimental", experimental, 0, most);
  require_within("dft", dft, 0, most);
  require_within("per_name", per_name, 1, most);
  require_within("experimental_candidates", experimental_candidates, experimental, most);
  require_within("dft_candidates", dft_candidates, dft, most);
}

struct Searcher::Impl {
  const SearchIndex& index;
  const SearchSettings settings;
  const std::size_t at_once;  ///< patterns
  SearchPass experimental, dft;

  Impl(Backend& backend, const SearchIndex& index_, const SearchSettings& settings_,
       std::span<const std::uint8_t> allowed)
      : index(index_),
        settings(checked(settings_, index_, allowed)),
        at_once(static_cast<std::size_t>(patterns_at_once(backend))),
        experimental(backend, index_.content(), rows_of(index_, StructureKind::experimental, allowed),
                     settings_.experimental_scales, settings_.experimental_candidates),
        dft(backend, index_.content(), rows_of(index_, StructureKind::dft, allowed), settings_.dft_scales,
            settings_.dft_candidates) {}

  /// Of patterns with one window, the numbers `of` those of their results.
  void run(std::span<const PatternViews> views, std::span<const std::size_t> of, ThreadPool& pool,
           std::span<SearchResult> results) {
    std::vector<const PatternViews*> patterns;
    for (const std::size_t n : of)
      patterns.push_back(&views[n]);
    const auto of_experimental = experimental.run(patterns, pool), of_dft = dft.run(patterns, pool);
    pool.run(std::ssize(of), [&](std::int64_t i, int) {
      const auto at = static_cast<std::size_t>(i);
      std::vector<SearchMatch>& matches = results[of[at]].matches;
      matches = best_of(index, of_experimental[at], settings.experimental, settings.per_name);
      const std::vector<SearchMatch> others = best_of(index, of_dft[at], settings.dft, 0);
      matches.insert(matches.end(), others.begin(), others.end());
      std::stable_sort(matches.begin(), matches.end(), is_before);
    });
  }
};

Searcher::Searcher(Backend& backend, const SearchIndex& index, const SearchSettings& settings,
                   std::span<const std::uint8_t> allowed)
    : impl_(std::make_unique<Impl>(backend, index, settings, allowed)) {}
Searcher::~Searcher() = default;
Searcher::Searcher(Searcher&&) noexcept = default;
Searcher& Searcher::operator=(Searcher&&) noexcept = default;

std::int64_t Searcher::size() const {
  return impl_->experimental.size() + impl_->dft.size();
}

std::vector<SearchResult> Searcher::search(std::span<const SearchPattern> patterns, ThreadPool& pool) {
  std::vector<SearchResult> results(patterns.size());
  std::vector<PatternViews> views(patterns.size());
  pool.run(std::ssize(patterns), [&](std::int64_t i, int) {
    const auto n = static_cast<std::size_t>(i);
    try {
      views[n] = views_of(*patterns[n].measured, patterns[n].wavelength, patterns[n].explained);
    } catch (const PatternRefused& reason) {
      results[n].refused = reason;
    }
  });
  std::map<Window, std::vector<std::size_t>> of_window;
  for (std::size_t n = 0; n < patterns.size(); ++n)
    if (!results[n].refused) of_window[window_of(views[n])].push_back(n);
  for (const auto& [window, all] : of_window) {
    for (std::size_t first = 0; first < all.size(); first += impl_->at_once)
      impl_->run(views, std::span(all).subspan(first, std::min(impl_->at_once, all.size() - first)), pool,
                 results);
  }
  return results;
}

std::vector<std::vector<SearchMatch>> Searcher::search(std::span<const SearchPattern> patterns) {
  ThreadPool alone(1);
  std::vector<std::vector<SearchMatch>> matches;
  for (SearchResult& result : search(patterns, alone)) {
    if (result.refused && patterns.size() == 1) throw PatternRefused(*result.refused);
    if (result.refused)
      throw PatternRefused(fmt::format("pattern {}: {}", matches.size(), result.refused->what()));
    matches.push_back(std::move(result.matches));
  }
  return matches;
}

std::vector<std::vector<SearchMatch>> search(Backend& backend, const SearchIndex& index,
                                             std::span<const SearchPattern> patterns,
                                             const SearchSettings& settings,
                                             std::span<const std::uint8_t> allowed) {
  return Searcher(backend, index, settings, allowed).search(patterns);
}

}  // namespace bragg::data
