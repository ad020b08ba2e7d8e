#include "data/search/ranking.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace bragg::data {
namespace {

using Groups = xrd::BySpaceGroup<double>;

constexpr double least_probability = 1e-9, least_second = 1e-6, least_misfit = 1e-3;
/// Bounds of how sure the best group can be: no figure excludes it, none proves it.
constexpr double least_sure = 0.02, most_sure = 0.995;
/// Of a space group in the library, on an average.
constexpr double mean_share = 1.0 / xrd::space_group_count;

/// Both groups of a pair count as the lower one.
Groups merged(const Groups& groups) {
  Groups result{};
  for (int number = 1; number <= xrd::space_group_count; ++number)
    result[xrd::modulo_enantiomorph(number)] += groups[number];
  return result;
}

void normalise(Groups& groups) {
  double sum = 0;
  for (const double p : groups)
    sum += p;
  for (int number = 1; number <= xrd::space_group_count; ++number)
    groups[number] /= sum;
}

/// Of the candidates alone: the share of each group, by a power mean over its members, so that many variants of a
/// structure do not outvote one.
Groups shares_of_groups(std::span<const RankingCandidate> candidates, std::span<const double> score,
                        double sharing, double& sum) {
  const double best = *std::max_element(score.begin(), score.end());
  Groups groups{};
  for (std::size_t i = 0; i < candidates.size(); ++i)
    groups[xrd::modulo_enantiomorph(candidates[i].space_group)] += std::exp(sharing * (score[i] - best));
  for (int number = 1; number <= xrd::space_group_count; ++number)
    groups[number] = std::pow(groups[number], 1 / sharing);
  sum = std::accumulate(groups.begin(), groups.end(), 0.0);
  normalise(groups);
  return groups;
}

struct Lead {
  int best = 0;
  double first = 0, second = 0;
};
/// `chance`: the share of a structure that is as like as any is by chance. It stands beside the groups, so that a single
/// one is not sure for want of others.
Lead lead_of(const Groups& groups, double chance) {
  Lead lead;
  for (int number = 1; number <= xrd::space_group_count; ++number) {
    const double p = groups[number];
    if (p > lead.first) {
      lead.second = lead.first;
      lead.first = p;
      lead.best = number;
    } else {
      lead.second = std::max(lead.second, p);
    }
  }
  lead.first /= 1 + chance;
  lead.second = std::max(lead.second, chance) / (1 + chance);
  return lead;
}

double well_fitted(const RankingCandidate& candidate) {
  return -std::log(std::max(candidate.misfit, least_misfit));
}

/// How much nearer its lattice came to one of a higher system by refinement: lines that split in this structure need not
/// split in the pattern, where the structure is of a lower system than what was measured. Below 0.1 degrees no powder
/// pattern tells.
double straightened(const RankingCandidate& candidate) {
  constexpr double unseen = 0.1;
  return std::max(0.0, std::log((candidate.obliquity + unseen) / (candidate.refined_obliquity + unseen)));
}

/// `share`: that its space group has of the library.
double score_of(const RankingCandidate& candidate, double share, const RankingWeights& weights) {
  return weights.similarity * closeness(candidate.similarity) +
         weights.root_cosine * closeness(candidate.root_cosine) + weights.misfit * well_fitted(candidate) +
         weights.symmetric_cell * straightened(candidate) + (candidate.calculated ? weights.calculated : 0) +
         weights.prior * std::log(std::max(share, least_probability));
}

/// The candidates' shares, as sure as the figures allow; what is left over goes to the others and to the prior.
Groups by_search(std::span<const RankingCandidate> candidates, std::span<const double> score,
                 const Groups& prior, const Sureness& sureness, const RankingWeights& weights) {
  double sum = 0;
  const Groups shares = shares_of_groups(candidates, score, weights.sharing, sum);
  const auto best = std::max_element(score.begin(), score.end());
  const double chance = std::exp(score_of(by_chance, mean_share, weights) - *best) / sum;
  const RankingCandidate& first = candidates[static_cast<std::size_t>(best - score.begin())];
  const Lead lead = lead_of(shares, chance);
  const auto& b = sureness.logit;
  const double logit = b[0] + b[1] * std::log(lead.first) +
                       b[2] * std::log(lead.first / std::max(lead.second, least_second)) +
                       b[3] * std::log(0.02 + std::clamp(1 - first.explained, 0.0, 1.0));
  const double sure = std::clamp(1 / (1 + std::exp(-logit)), least_sure, most_sure);
  const double rest = 1 - shares[lead.best];
  Groups result{};
  for (int number = 1; number <= xrd::space_group_count; ++number) {
    const double other = number == lead.best || rest <= 0 ? 0 : shares[number] / rest;
    // With one group alone there is nobody else to share with.
    const double of_others = rest > 0 ? sureness.others * other : sureness.others * prior[number];
    result[number] =
        (number == lead.best ? sure : 0) + (1 - sure) * (of_others + (1 - sureness.others) * prior[number]);
  }
  normalise(result);
  return result;
}

/// Of each group's likeliest candidate how much its lattice was straightened.
Groups straightened_groups(std::span<const RankingCandidate> candidates, std::span<const double> score) {
  xrd::BySpaceGroup<std::size_t> likeliest{};  // 1 for the first candidate
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    std::size_t& best = likeliest[xrd::modulo_enantiomorph(candidates[i].space_group)];
    if (best == 0 || score[i] > score[best - 1]) best = i + 1;
  }
  Groups result{};
  for (int number = 1; number <= xrd::space_group_count; ++number) {
    if (likeliest[number] > 0) result[number] = straightened(candidates[likeliest[number] - 1]);
  }
  return result;
}

Groups with_network(const Groups& search, std::span<const float> network, double best_closeness,
                    const Groups& straightening, const RankingWeights& weights) {
  const auto exponent = [&](const std::array<double, 2>& line) {
    return std::max(0.0, line[0] + line[1] * best_closeness);
  };
  const double by_search = exponent(weights.search_exponent), by_network = exponent(weights.network_exponent);
  Groups of_network{};
  for (int number = 1; number <= xrd::space_group_count; ++number)
    of_network[number] = network[static_cast<std::size_t>(number - 1)];
  of_network = merged(of_network);
  Groups log_result{};
  double largest = -1e300;
  for (int number = 1; number <= xrd::space_group_count; ++number) {
    if (xrd::modulo_enantiomorph(number) != number) continue;
    log_result[number] = by_search * std::log(std::max(search[number], least_probability)) +
                         by_network * std::log(std::max(of_network[number], least_probability)) +
                         weights.symmetric_cell_beside * straightening[number];
    largest = std::max(largest, log_result[number]);
  }
  Groups result{};
  for (int number = 1; number <= xrd::space_group_count; ++number) {
    if (xrd::modulo_enantiomorph(number) == number) result[number] = std::exp(log_result[number] - largest);
  }
  normalise(result);
  return result;
}

}  // namespace

double closeness(double similarity) {
  return -std::log(1.02 - std::clamp(similarity, 0.0, 1.0));
}

Ranking rank_candidates(std::span<const RankingCandidate> candidates, const Groups& prior,
                        std::span<const float> network, const RankingWeights& weights) {
  Ranking ranking;
  const Groups merged_prior = merged(prior);
  double best_closeness = 0;
  std::vector<double> score;
  for (const RankingCandidate& candidate : candidates) {
    best_closeness = std::max(best_closeness, closeness(candidate.similarity));
    score.push_back(
        score_of(candidate, merged_prior[xrd::modulo_enantiomorph(candidate.space_group)], weights));
  }
  const Sureness& sureness = network.empty() ? weights.alone : weights.beside_network;
  ranking.space_group =
      candidates.empty() ? merged_prior : by_search(candidates, score, merged_prior, sureness, weights);
  if (!network.empty())
    ranking.space_group = with_network(ranking.space_group, network, best_closeness,
                                       straightened_groups(candidates, score), weights);
  for (int number = 1; number <= xrd::space_group_count; ++number)
    ranking.crystal_system[static_cast<std::size_t>(xrd::crystal_system(number))] +=
        ranking.space_group[number];

  // A group's probability belongs to its candidates as they score.
  if (candidates.empty()) return ranking;
  const double best = *std::max_element(score.begin(), score.end());
  Groups of_candidates{};
  for (std::size_t i = 0; i < candidates.size(); ++i)
    of_candidates[xrd::modulo_enantiomorph(candidates[i].space_group)] += std::exp(score[i] - best);
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const int group = xrd::modulo_enantiomorph(candidates[i].space_group);
    const double share = of_candidates[group] > 0 ? std::exp(score[i] - best) / of_candidates[group] : 0;
    ranking.candidates.push_back(ranking.space_group[group] * share);
  }
  return ranking;
}

}  // namespace bragg::data
