#include "data/mixture/required_elements.h"

#include <vector>

namespace bragg::data {
namespace {

ElementSet held_by(const SearchIndex& index, std::span<const MixtureCandidate> phases) {
  ElementSet all;
  for (const MixtureCandidate& phase : phases)
    all = all.united(index.elements(phase.match.structure));
  return all;
}

}  // namespace

RequiredElements::RequiredElements(const MixtureTools& tools) : tools_(tools) {}

ElementSet RequiredElements::missing(std::span<const MixtureCandidate> phases) const {
  return tools_.filter.required.without(held_by(tools_.index, phases));
}

ElementSet RequiredElements::held_alone_by(std::span<const MixtureCandidate> phases,
                                           std::size_t which) const {
  const ElementSet others =
      held_by(tools_.index, phases.first(which)).united(held_by(tools_.index, phases.subspan(which + 1)));
  return tools_.filter.required.without(others).shared_with(
      tools_.index.elements(phases[which].match.structure));
}

bool RequiredElements::holds(std::int32_t structure, const ElementSet& elements) const {
  return elements.is_subset_of(tools_.index.elements(structure));
}

Searcher& RequiredElements::holders(const ElementSet& missing) {
  std::unique_ptr<Searcher>& searcher = searchers_[missing.bits];
  if (!searcher) {
    std::vector<std::uint8_t> allowed(static_cast<std::size_t>(tools_.index.size()));
    for (std::int64_t i = 0; i < tools_.index.size(); ++i) {
      const ElementSet& elements = tools_.index.elements(i);
      allowed[static_cast<std::size_t>(i)] =
          tools_.filter.passes(elements) && elements.shares_any_with(missing) ? 1 : 0;
    }
    searcher = std::make_unique<Searcher>(tools_.backend, tools_.index, SearchSettings{}, allowed);
  }
  return *searcher;
}

}  // namespace bragg::data
