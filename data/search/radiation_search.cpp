#include "data/search/radiation_search.h"

#include <array>
#include <optional>

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

std::vector<RadiationMatches> search_radiations(Searcher& searcher, const MeasuredPattern& measured) {
  if (measured.abscissa != Abscissa::two_theta)
    throw UsageError(
        fmt::format("a pattern on {} says nothing of its radiation", name_of(measured.abscissa)));
  std::vector<RadiationMatches> found;
  std::optional<PatternRefused> refused;
  for (const std::string_view symbol : tried) {
    const xrd::Anode& anode = anode_of(symbol);
    const SearchPattern pattern{&measured, anode.k_alpha()};
    try {
      auto matches = searcher.search({&pattern, 1});
      found.push_back({anode.symbol, pattern.wavelength, std::move(matches.front())});
    } catch (const PatternRefused& reason) {
      if (!refused) refused = reason;
    }
  }
  if (found.empty()) throw *refused;
  return found;
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
