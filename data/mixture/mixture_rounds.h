// One pattern on its way to a mixture: the phases so far, what they leave, and candidates for the next one.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "data/mixture/isotypes.h"
#include "data/mixture/mixture_finder.h"
#include "data/mixture/mixture_models.h"

namespace bragg::data {

/// A structure in a round, or a phase of the mixture.
struct MixtureCandidate {
  SearchMatch match;
  MixtureModel model;  ///< of one phase
  CandidateFigures figures;
  StructureType type;
  std::vector<std::int32_t> alternatives;
};

/// Whether a structure is a polymorph of one of `phases` that gains more than `gain`.
bool is_polymorph(const StructureType&, std::span<const MixtureCandidate> phases, double gain);

/// Phases that were refined together, on the finest level.
struct MixtureState {
  std::vector<MixtureCandidate> phases;  ///< `model` is what a phase was alone
  MixtureModel model;                    ///< of all of them, in their order
  ModelFit fit;
  double score = 0;  ///< the sum of candidate_score() when each phase came in

  double chi_squared() const { return double{fit.figures.chi_squared}; }
};

class MixtureRounds {
 public:
  MixtureRounds(const MixtureTools&, const MixtureSettings&, const ElementPrior&, const MeasuredPattern&,
                double wavelength, bool may_have_doublet);

  /// No phase.
  MixtureState nothing();
  /// The best phases to come after those of `state`, each with all of them refined together, best first. `first`: matches of the
  /// whole pattern, for the first phase; empty: it is searched.
  std::vector<MixtureState> extended(const MixtureState& state, std::span<const SearchMatch> first = {});
  /// The same by one of the structures that `among` searches, of which so many are tried as `breadth` says.
  std::vector<MixtureState> extended_by_one_of(Searcher& among, const MixtureSettings& breadth,
                                               const MixtureState& state);
  /// The same phases but one, refined anew; for each of them.
  std::vector<MixtureState> each_without_one(const MixtureState&);
  /// The same of one phase alone.
  MixtureState without_one(const MixtureState&, std::size_t which);
  /// What a phase that is in one of two states gains.
  void set_gain(CandidateFigures&, const MixtureState& with, const MixtureState& without) const;
  /// The phases' own patterns, on the finest level, without background.
  std::vector<std::vector<float>> parts(const MixtureState&);

  const RefinementPattern& pattern() const { return prepared_; }
  const RefinementPattern::OnGrid& finest() const { return grids_.back(); }
  const StructurePool& pool() const { return pool_; }

 private:
  std::vector<SearchMatch> search_rest(Searcher&, const MixtureState&);
  /// By one of `matches`, which a search of so many structures gave.
  std::vector<MixtureState> extended_by(std::span<const SearchMatch> matches, std::int64_t structures,
                                        const MixtureSettings& breadth, const MixtureState&);
  std::vector<MixtureCandidate> chosen(const MixtureState&, std::span<const SearchMatch>,
                                       std::int64_t structures, std::int64_t most);
  /// Level by level against what `state` leaves; those that are left, best first.
  void refine_alone(const MixtureState&, const MixtureSettings& breadth, std::vector<MixtureCandidate>&);
  RefinementPattern::OnGrid rest_on(std::size_t level, const MixtureState&);
  std::vector<MixtureState> refined_together(std::vector<MixtureState>);

  const MixtureTools& tools_;
  const MixtureSettings& settings_;
  const ElementPrior& prior_;
  const MeasuredPattern& measured_;
  double wavelength_;
  RefinementPattern prepared_;
  std::array<RefinementLevel, 3> levels_;
  std::vector<RefinementPattern::OnGrid> grids_;  ///< of each level
  StructurePool pool_;
};

}  // namespace bragg::data
