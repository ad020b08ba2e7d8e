// From similarities and refinements to probabilities: which of the structures found, which space group, and how sure.
//
// A conditional logit over the candidates, and a logistic model of whether its best group is right (an own formula;
// the form of both was found on measured patterns, docs/measured.md). A network's probabilities come in log-linearly,
// and weigh the more the less the best structure fits.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "xrd/symmetry/space_groups.h"

namespace bragg::data {

/// What the ranking knows of a structure that was found.
struct RankingCandidate {
  int space_group = 0;      ///< 1..230
  double similarity = 0;    ///< 0..1
  bool calculated = false;  ///< a relaxed cell
  double root_cosine = 0;   ///< of the roots of intensities after refinement, 0..1
  double misfit = 1;        ///< chi^2 after refinement over that of the background alone
  double explained = 0;     ///< share of what rises above background and noise, 0..1
  /// Degrees, xrd::obliquity_beyond of the cell as it is known and as it was refined.
  double obliquity = 90, refined_obliquity = 90;
};

/// How sure the best group is, from the library alone.
struct Sureness {
  /// Logit that it is right: constant, ln of its share, ln of its lead over the second group, and
  /// ln(0.02 + what its best candidate leaves unexplained).
  std::array<double, 4> logit;
  double others;  ///< of what it leaves, the share of the other candidates; the library has the rest
};

/// Numbers that the ranking was fitted to (bench/identify/fit_ranking.py).
struct RankingWeights {
  double similarity;      ///< of closeness(similarity)
  double root_cosine;     ///< of closeness(root_cosine)
  double misfit;          ///< of -ln misfit
  double symmetric_cell;  ///< of how much nearer refinement took the lattice to one of a higher system
  double calculated;      ///< added where the cell is calculated
  double prior;           ///< of the ln of the share that the space group has of the library
  double sharing;         ///< exponent of the power mean over the candidates of a group, at least 1
  Sureness alone, beside_network;  ///< without a network, and with one
  /// Exponents of the library's and of the network's probabilities: constant and slope in closeness of the best.
  std::array<double, 2> search_exponent, network_exponent;
  /// Beside a network, of how much nearer refinement took the lattice of a group's likeliest candidate to one of a higher
  /// system: the network knows the cells that it was trained on, which nothing had straightened.
  double symmetric_cell_beside;
};
/// What is asked of the library alone was fitted without a network; how sure it is beside one, together with the exponents.
const RankingWeights& ranking_weights();

/// What the best of many structures reaches by chance where none is the right one.
inline constexpr RankingCandidate by_chance{.similarity = 0.6, .root_cosine = 0.65, .misfit = 0.75};

/// -ln(1.02 - similarity): 0.98 counts for much more beside 0.95 than 0.58 beside 0.55.
double closeness(double similarity);

struct Ranking {
  std::vector<double> candidates;         ///< probability of each, in their order
  xrd::BySpaceGroup<double> space_group;  ///< adds up to 1; of a pair the lower number has the sum
  std::array<double, xrd::crystal_system_count> crystal_system{};  ///< adds up to 1
};

/// `prior` are the shares of the space groups among the library's structures, which must add up to 1; without
/// candidates it is what the search says. `network` (230 probabilities) may be empty.
Ranking rank_candidates(std::span<const RankingCandidate>, const xrd::BySpaceGroup<double>& prior,
                        std::span<const float> network, const RankingWeights& = ranking_weights());

}  // namespace bragg::data
