// What the phases of a mixture have to hold together, and the structures that hold what is still missing.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>

#include "data/mixture/mixture_rounds.h"
#include "data/search/element_filter.h"
#include "data/search/search.h"

namespace bragg::data {

class RequiredElements {
 public:
  /// Of `tools.filter`. The tools outlive it.
  explicit RequiredElements(const MixtureTools&);

  /// That none of `phases` holds.
  ElementSet missing(std::span<const MixtureCandidate> phases) const;
  /// What is required and phase `which` holds alone.
  ElementSet held_alone_by(std::span<const MixtureCandidate> phases, std::size_t which) const;
  bool needs(std::span<const MixtureCandidate> phases, std::size_t which) const {
    return !held_alone_by(phases, which).is_empty();
  }
  bool holds(std::int32_t structure, const ElementSet& elements) const;
  /// With phases for what those of the state lack, as far as there are such. They may be more than MixtureSettings::most_phases.
  MixtureState completed(MixtureRounds&, MixtureState);

 private:
  /// Searches the structures that pass the filter and hold something of `missing`.
  Searcher& holders(const ElementSet& missing);
  /// With the likeliest structure that holds something of `missing`; none where no such structure makes the fit better.
  std::optional<MixtureState> with_holder(MixtureRounds&, const MixtureState&, const ElementSet& missing);

  const MixtureTools& tools_;
  std::map<std::array<std::uint64_t, 2>, std::unique_ptr<Searcher>> searchers_;  ///< by what is missing
};

}  // namespace bragg::data
