// Takes a measured pattern of several phases apart: the best structure, then the best of what it leaves, and so on; after
// each all of them are refined together. What came in for want of a better one is tried again, and a phase that explains too
// little goes out. For a single phase without a mixture see data/refinement/refiner.h.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "data/crystals/crystal_source.h"
#include "data/mixture/mixture_score.h"
#include "data/search/element_filter.h"
#include "data/search/search.h"
#include "data/search/search_index.h"
#include "kernels/backend.h"
#include "xrd/unit_cell.h"

namespace bragg::data {

class MixtureRounds;
class RequiredElements;
struct MixtureState;

struct MixtureSettings {
  std::int64_t most_phases = 5;
  std::int64_t candidates = 100;  ///< of a round that are refined, at least coarsely
  std::int64_t middle_candidates = 30, fine_candidates = 12;  ///< of those, that go on to the finer levels
  std::int64_t joint_candidates = 6;  ///< of those, that are refined together with the phases so far
  std::int64_t hypotheses = 3;        ///< ways to take the pattern apart that are followed side by side
  std::int64_t swap_passes = 1;       ///< in which each phase is searched anew against the rest
  /// Log odds below which a phase goes out again. Above 0 a phase with less ends the search for more, too.
  double least_presence = 0;
  bool tries_axes = true;  ///< whether the stated angles may be too near together, or too far apart
  bool keep_rounds = false;
  double from = 5, to = 90;  ///< degrees at copper's K-alpha that are looked at

  /// Throws UsageError naming the setting and its value.
  void validate() const;
};

struct MixturePhase {
  std::int32_t structure = -1;
  /// Isotypes of it, one of each composition, that fit about as well: one answer with it. Best first. Of what is there for an element
  /// also others that hold it and are as likely.
  std::vector<std::int32_t> alternatives;
  double weight_fraction = 0;  ///< of the crystalline phases that are named
  float similarity = 0;        ///< with what the others left
  CandidateFigures figures{};  ///< of the structure against what the others left
  double gain = 0;             ///< ln of chi^2 without it over that with it
  /// Named for an element that some phase has to hold: the pattern alone would not show it.
  bool is_for_element = false;
  xrd::UnitCell cell;  ///< refined
  std::vector<float> calculated;
};

/// Another answer that the pattern hardly tells from the first.
struct MixtureHypothesis {
  std::vector<std::int32_t> structures;
  double rwp = 0;
};

/// What there was to choose from: candidates for the next phase, best first, or the phases before any went out.
struct MixtureRound {
  struct Candidate {
    std::int32_t structure;
    CandidateFigures figures;
  };
  bool is_last = false;
  std::vector<Candidate> candidates;
};

struct Mixture {
  std::vector<MixturePhase> phases;  ///< by descending weight fraction
  std::vector<MixtureHypothesis> others;
  double start = 0, step = 0;  ///< degrees at the pattern's wavelength: where `measured` and `calculated` lie
  std::vector<float> measured;    ///< less its smooth background, the highest 1
  std::vector<float> calculated;  ///< the sum of the phases, and what the background lacked
  double axis_stretch = 0;        ///< share that angles were moved by, away from the first one; 0 as a rule
  double rwp = 0;
  double explained = 0;              ///< share of what rises above the noise
  std::vector<MixtureRound> rounds;  ///< where they were to be kept
};

/// By how much ln of chi^2 must fall to believe a stretched axis.
inline constexpr double stretch_margin = 0.08;

/// What mixtures are found with: outlives the finder. For one thread.
struct MixtureTools {
  Backend& backend;
  Searcher& searcher;
  const SearchIndex& index;
  CrystalSource crystals;
  ElementFilter
      filter{};  ///< that `searcher` was made by; the phases together hold what it requires, if some can
};

class MixtureFinder {
 public:
  explicit MixtureFinder(MixtureTools, const MixtureSettings& = {});
  ~MixtureFinder();

  /// `first`: what a search of the whole pattern gave; empty: it is searched. Throws PatternRefused as Searcher::search() and
  /// RefinementPattern.
  Mixture find(const SearchPattern&, std::span<const SearchMatch> first = {});

 private:
  /// A pattern with its angles moved by a share of their way from the first one, and its matches.
  struct Axis {
    double stretch = 0;
    MeasuredPattern measured;
    std::vector<SearchMatch> matches;
  };
  /// Some scans state angles that lie too near together, by percents (docs/measured.md): the change that makes a pattern most
  /// like a structure; `axis` itself where none does.
  Axis stretched(const Axis& axis, double wavelength) const;
  /// The likeliest ways to go on from states with `depth` phases until they have `end`, best first.
  std::vector<MixtureState> followed(MixtureRounds&, std::vector<MixtureState>, std::int64_t depth,
                                     std::int64_t end, std::span<const SearchMatch> first,
                                     std::vector<MixtureRound>& kept) const;

  MixtureTools tools_;
  MixtureSettings settings_;
  ElementPrior prior_;
  std::unique_ptr<RequiredElements> required_;
};

}  // namespace bragg::data
