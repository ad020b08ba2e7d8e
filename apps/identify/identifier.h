// Names the phase of measured patterns: the search among known structures, a network beside it where one is given, and the
// verdict that follows from both.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "apps/evaluation/classifier.h"
#include "apps/evaluation/measured_item.h"
#include "apps/identify/candidate_lines.h"
#include "apps/identify/identification.h"
#include "apps/identify/verdict.h"
#include "data/library/joined_library.h"
#include "data/mixture/mixture_finder.h"
#include "data/patterns/bragg_lines.h"
#include "data/refinement/refiner.h"
#include "data/search/element_filter.h"
#include "data/search/radiation_search.h"
#include "data/search/ranking.h"
#include "data/search/search.h"
#include "data/search/search_index.h"
#include "kernels/backend.h"
#include "kernels/base/thread_pool.h"

namespace bragg::apps {

struct IdentifierSettings {
  std::vector<std::string> libraries{};  ///< files beside the built-in library
  bool built_in = true;
  std::string model{};  ///< a file; empty: the built-in model, where there is one
  bool with_network = true;
  data::ElementFilter filter{};
  data::SearchCache cache{};
  bool with_lines = false;  ///< all candidates' lines, for a page
  int threads = 0;  ///< that share the host's part of search and refinement; 0: all that the process may use
};

/// What was found for a pattern before a verdict: what a ranking is fitted to.
struct Findings {
  std::vector<data::SearchMatch> matches;          ///< those that were refined to the end, most similar first
  std::vector<data::RankingCandidate> candidates;  ///< of the same
  data::BraggLines lines;                          ///< of the pattern
  std::vector<data::RefinedCandidate> refined;     ///< the same, refined
  /// What a network says, empty without one: of the space groups (230) and the crystal systems (7).
  std::vector<float> network, network_system;

  /// Whether the structures were searched that hold what is required only together with others, in place of those that hold it alone.
  bool may_lack_required = false;

  float best_similarity() const { return matches.empty() ? 0 : matches.front().similarity; }
};

class Identifier {
 public:
  /// Throws UsageError where there is no library to search, Error naming the file of a library or model that can't be
  /// read, or of a model that has other classes than the space groups.
  Identifier(Backend&, IdentifierSettings);

  /// What read_measured() is to bring patterns to.
  const ModelFacts& facts() const { return facts_; }
  const data::JoinedLibrary& library() const { return *library_; }
  /// The network; null without one.
  Classifier* classifier() const { return classifier_.get(); }
  /// Name of its file; empty without one.
  std::string network() const { return classifier_ ? classifier_->path().string() : std::string(); }
  const data::SearchIndex& index() const { return *index_; }
  /// Shares of the space groups among the library's structures.
  const xrd::BySpaceGroup<double>& prior() const { return prior_; }

  /// Whether so many patterns with so many measured points in all are as much as is searched and refined together. Of more that are
  /// given at once, so much at a time.
  bool is_full(std::size_t patterns, std::size_t points) const;

  /// The answers to patterns read with MeasuredReading::keep_measured, in their order. None depends on the others of the call.
  std::vector<Identification> identify(std::vector<MeasuredItem>);

  /// The first step of identify(): of items that are not refused; others get none. Where the search refuses a pattern, the item is
  /// refused. An item without a stated wavelength gets the one that fits best.
  std::vector<Findings> find(std::vector<MeasuredItem>&);
  /// The same of items that find() has had, with the structures left out whose similarity is above `most_similar`.
  std::vector<Findings> find_unlike(std::vector<MeasuredItem>&, float most_similar);

 private:
  std::vector<std::uint8_t> allowed_structures() const;
  /// An item, and what is found of it. Where something refuses the pattern, the item says so, and is left out of what follows.
  struct LookUp {
    MeasuredItem* item;
    Findings* found;
  };
  static std::vector<LookUp> not_refused(std::span<const LookUp>);
  /// Some at a time, until is_full(): the memory that they need at once is bounded.
  void in_parts(std::vector<MeasuredItem>&, std::vector<Findings>&,
                const std::function<void(std::span<const LookUp>)>& work) const;
  /// Work on each, by the threads of the pool.
  void each(std::span<const LookUp>, const std::function<void(std::size_t i, const LookUp&)>& work);
  void look_up(std::span<const LookUp>);
  /// Fills their matches.
  void search(data::Searcher&, std::span<const LookUp>);
  /// Where nothing states the radiation and copper's fits badly: the anode whose K alpha fits best.
  void try_radiations(std::span<const LookUp>);
  void take_radiation(const LookUp&, std::span<const data::RadiationMatches>) const;
  using Crystals = std::unordered_map<std::int32_t, std::shared_ptr<const xrd::Crystal>>;
  /// Each structure that any of their matches names.
  Crystals crystals_of(std::span<const LookUp>);
  /// Fills `refined` and `candidates` from `matches`, of which those that were dropped go, and the lines.
  void refine_matches(std::span<const LookUp>);
  void take_refined(const data::CandidatesToRefine&, std::vector<data::RefinedCandidate>, Findings&) const;
  void ask_network(const std::vector<MeasuredItem>&, std::vector<Findings>&);
  Identification answer(const MeasuredItem&, const Findings&);
  void set_verdict(const MeasuredItem&, const Findings&, Identification&);
  /// The phases of a mixture where several explain the pattern, with their fractions; false where they don't.
  bool take_apart(const MeasuredItem&, const Findings&, Identification&);
  /// Names the best candidate and, where there are any, those that are there in traces beside it, then with the fractions of all.
  /// None where they don't hold what is required.
  void accept(const MeasuredItem&, const Findings&, Identification&);
  /// `made`, which is made for the first pattern that needs it.
  data::MixtureFinder& finder(std::unique_ptr<data::MixtureFinder>& made, const data::MixtureSettings&);
  /// Searches for one phase of perhaps several, which only together hold what is required.
  data::Searcher& mixture_searcher();
  bool holds_required(const data::Mixture&) const;
  /// As the answer, with what is to be said of them.
  void name_phases(const data::Mixture&, Identification&) const;
  /// What the library says of a structure.
  Candidate known(std::int64_t structure) const;
  Candidate candidate_of(const data::SearchMatch&, const data::RefinedCandidate&, double probability) const;

  Backend& backend_;
  IdentifierSettings settings_;
  ThreadPool pool_;
  std::unique_ptr<data::JoinedLibrary> library_;
  std::unique_ptr<Classifier> classifier_;
  std::unique_ptr<data::SearchIndex> index_;
  std::unique_ptr<data::Searcher> searcher_;          ///< of one phase
  std::unique_ptr<data::Searcher> mixture_searcher_;  ///< of one of several
  std::unique_ptr<data::MixtureFinder> mixtures_, minors_;
  ModelFacts facts_;
  xrd::BySpaceGroup<double> prior_{};
};

}  // namespace bragg::apps
