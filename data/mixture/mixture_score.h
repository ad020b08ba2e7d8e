// What a candidate for the next phase of a mixture is worth, from how it fits what the phases so far have left.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <map>

#include "data/search/search_index.h"

namespace bragg::data {

/// Of a structure that was refined against a remainder.
struct CandidateFigures {
  double similarity = 0;    ///< closeness() of the drawn pattern, ranking.h
  double root_cosine = 0;   ///< closeness() of the refined pattern's, of square roots
  double gain = 0;          ///< ln of chi^2 of the background over that of the structure
  double calculated = 0;    ///< 1 for a relaxed structure
  double absent = 0;        ///< share of the structure's lines that the remainder lacks
  double ln_volume = 0;     ///< of the primitive cell, A^3
  double low_symmetry = 0;  ///< 1 in the triclinic groups
  double cell_change = 0;   ///< of the edges, relative, per 0.01
  double elements = 0;      ///< how many it has
  double rarity = 0;        ///< -ln of the share of measured structures that hold its rarest element
  double kin = 0;           ///< ln(1 + measured structures of the same elements)
  double light = 0;         ///< 1 for H, C, N, O, P and S alone, which heavier phases outshine
  double joint_gain = 0;    ///< ln of chi^2 without it over that with it, all phases refined together
  double misfit =
      0;  ///< ln of chi^2 of all phases over the number of points: 0 where noise is all that is left
  double evidence =
      0;  ///< ln(1 + what chi^2 falls by with it), as far as noise is what limits: e-fold in 0.1 of misfit
  double ln_choice =
      0;  ///< of how many structures it is one, 100 at least: the more, the likelier one of them fits by chance
  double polymorph = 0;  ///< 1 beside a phase of the same composition that gains more

  /// Relative gains count where noise limits, absolute ones where the model does.
  double log_gain() const { return std::log(least_gain + std::max(joint_gain, 0.0)); }
  static constexpr double least_gain = 2e-3;
  /// Sets joint_gain, misfit and evidence. `points`: that weigh something.
  void set_joint(double chi_squared_with, double chi_squared_without, double points);
};
inline constexpr std::size_t candidate_figures = 18;
std::array<double, candidate_figures> values_of(const CandidateFigures&);

/// What a library says of how usual a structure's elements are. Keeps nothing of the index.
class ElementPrior {
 public:
  explicit ElementPrior(const SearchIndex&);
  /// Sets elements, rarity, kin and light.
  void describe(const ElementSet&, CandidateFigures&) const;

 private:
  std::array<double, 128> share_{};
  std::map<std::array<std::uint64_t, 2>, std::int64_t> kin_;
};

/// Which candidate is the best: a conditional logit.
double candidate_score(const CandidateFigures&);
/// Whether a phase that was refined with all others is there: the log odds.
double presence(const CandidateFigures&);

}  // namespace bragg::data
