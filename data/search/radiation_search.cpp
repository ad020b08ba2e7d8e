#include "data/search/radiation_search.h"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "kernels/base/error.h"
#include "xrd/scattering/wavelength.h"

namespace bragg::data {
namespace {

constexpr std::array<std::string_view, 5> tried{"Cu", "Co", "Fe", "Cr", "Mo"};

const xrd::Anode& anode_of(std::string_view symbol) {
  for (const xrd::Anode& anode : xrd::anodes())
    if (anode.symbol == symbol) return anode;
  throw Error(fmt::format("[radiation_search] no K lines of {} are known", symbol));
}

}  // namespace

std::vector<RadiationResult> search_radiations(Searcher& searcher,
                                               std::span<const MeasuredPattern* const> measured,
                                               ThreadPool& pool) {
  std::vector<SearchPattern> patterns;
  for (const MeasuredPattern* const one : measured) {
    if (one->abscissa != Abscissa::two_theta)
      throw UsageError(fmt::format("a pattern on {} says nothing of its radiation", name_of(one->abscissa)));
    for (const std::string_view symbol : tried)
      patterns.push_back({one, anode_of(symbol).k_alpha()});
  }
  std::vector<SearchResult> searched = searcher.search(patterns, pool);
  std::vector<RadiationResult> results;
  for (std::size_t first = 0; first < patterns.size(); first += tried.size()) {
    RadiationResult& result = results.emplace_back();
    for (std::size_t i = 0; i < tried.size(); ++i) {
      SearchResult& one = searched[first + i];
      if (!one.refused)
        result.found.push_back(
            {anode_of(tried[i]).symbol, patterns[first + i].wavelength, std::move(one.matches)});
    }
    if (result.found.empty()) result.refused = searched[first].refused;
  }
  return results;
}

std::vector<RadiationMatches> search_radiations(Searcher& searcher, const MeasuredPattern& measured) {
  ThreadPool alone(1);
  const MeasuredPattern* const one = &measured;
  RadiationResult result = std::move(search_radiations(searcher, {&one, 1}, alone).front());
  if (result.refused) throw PatternRefused(*result.refused);
  return std::move(result.found);
}

std::size_t best_radiation(std::span<const RadiationMatches> found, float margin) {
  std::size_t best = 0;
  for (std::size_t i = 1; i < found.size(); ++i) {
    const float least = best == 0 && found[0].anode == tried[0] ? margin : 0;
    if (found[i].best_similarity() > found[best].best_similarity() + least) best = i;
  }
  return best;
}

}  // namespace bragg::data
