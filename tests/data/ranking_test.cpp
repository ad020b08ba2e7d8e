#include "data/search/ranking.h"

#include <cmath>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

namespace bragg::data {
namespace {

/// Confidence is the share of the best itself, at a logit of its ln; nothing for the others but the prior.
RankingWeights plain() {
  return {.similarity = 2,
          .root_cosine = 0,
          .misfit = 0,
          .symmetric_cell = 0,
          .calculated = -1,
          .prior = 0,
          .sharing = 1,
          .alone = {.logit = {0, 0, 0, 0}, .others = 0.75},
          .beside_network = {.logit = {0, 0, 0, 0}, .others = 0.75},
          .search_exponent = {1, 0},
          .network_exponent = {1, 0},
          .symmetric_cell_beside = 0};
}

xrd::BySpaceGroup<double> uniform_prior() {
  xrd::BySpaceGroup<double> prior;
  for (int number = 1; number <= xrd::space_group_count; ++number)
    prior[number] = 1.0 / xrd::space_group_count;
  return prior;
}

double sum(const xrd::BySpaceGroup<double>& groups) {
  return std::accumulate(groups.begin(), groups.end(), 0.0);
}

TEST(Ranking, OfTwoGroupsByHand) {
  const std::vector<RankingCandidate> candidates{{225, 0.9, false}, {227, 0.8, false}};
  const auto prior = uniform_prior();
  const Ranking ranking = rank_candidates(candidates, prior, {}, plain());
  // Logit 0: sure to one half; three quarters of the rest to the other group, a quarter to the prior.
  const double by_prior = 0.5 * 0.25 / 230;
  EXPECT_NEAR(ranking.space_group[225], 0.5 + by_prior, 1e-12);
  EXPECT_NEAR(ranking.space_group[227], 0.375 + by_prior, 1e-12);
  EXPECT_NEAR(ranking.space_group[14], by_prior, 1e-12);
  EXPECT_NEAR(sum(ranking.space_group), 1, 1e-12);
  EXPECT_NEAR(std::accumulate(ranking.crystal_system.begin(), ranking.crystal_system.end(), 0.0), 1, 1e-12);
  EXPECT_NEAR(ranking.crystal_system[6], 0.875 + 36 * by_prior, 1e-12);
  EXPECT_NEAR(ranking.candidates[0], ranking.space_group[225], 1e-12);
}

TEST(Ranking, MirrorImagesAreMergedBeforeTheBestIsChosen) {
  // Quartz: 152 and 154 share what together is more than 180 has.
  const std::vector<RankingCandidate> candidates{{152, 0.90, false}, {154, 0.90, false}, {180, 0.91, false}};
  const Ranking ranking = rank_candidates(candidates, uniform_prior(), {}, plain());
  EXPECT_GT(ranking.space_group[152], ranking.space_group[180]);
  EXPECT_EQ(ranking.space_group[154], 0);
  // Both structures of the pair share its probability.
  EXPECT_NEAR(ranking.candidates[0] + ranking.candidates[1], ranking.space_group[152], 1e-12);
  EXPECT_NEAR(ranking.candidates[0], ranking.candidates[1], 1e-12);
}

TEST(Ranking, CalculatedCellsCountLess) {
  const std::vector<RankingCandidate> candidates{{225, 0.9, true}, {227, 0.9, false}};
  const Ranking ranking = rank_candidates(candidates, uniform_prior(), {}, plain());
  EXPECT_GT(ranking.space_group[227], ranking.space_group[225]);
}

TEST(Ranking, WhatFitsBetterAfterRefinementIsTheLikelierOfTwo) {
  const RankingCandidate likely{.space_group = 225, .similarity = 0.9, .root_cosine = 0.9, .misfit = 0.2},
      other{.space_group = 227, .similarity = 0.9, .root_cosine = 0.8, .misfit = 0.4};
  RankingWeights weights = plain();
  weights.alone.others = 0;
  const auto ratio = [&] {
    // The share of the first one alone decides how sure it is.
    weights.alone.logit = {0, 0, 1, 0};
    const Ranking ranking = rank_candidates({{likely, other}}, uniform_prior(), {}, weights);
    const double sure = ranking.space_group[225] - (1 - ranking.space_group[225]) / 229;
    return sure / (1 - sure);
  };
  weights.root_cosine = 1;
  EXPECT_NEAR(ratio(), 0.22 / 0.12, 0.02);
  weights.root_cosine = 0;
  weights.misfit = 1;
  EXPECT_NEAR(ratio(), 2, 0.02);
}

TEST(Ranking, ACellThatRefinementMadeSymmetricCountsAsFarAsItWent) {
  // ln(2.2 / 0.4) of the first; the second one lay there before, the third one can't be nearer to a higher system.
  const std::vector<RankingCandidate> candidates{
      {.space_group = 2, .similarity = 0.9, .obliquity = 2.1, .refined_obliquity = 0.3},
      {.space_group = 14, .similarity = 0.9, .obliquity = 0.3, .refined_obliquity = 0.4},
      {.space_group = 225, .similarity = 0.9}};
  RankingWeights weights = plain();
  weights.symmetric_cell = -0.5;
  weights.alone = {.logit = {0, 0, 0, 0}, .others = 1};
  const Ranking ranking = rank_candidates(candidates, uniform_prior(), {}, weights);
  // One of the two alike is sure to one half; the others share the rest as they score.
  EXPECT_NEAR(ranking.space_group[2] / std::min(ranking.space_group[14], ranking.space_group[225]),
              std::sqrt(0.4 / 2.2), 1e-9);
  weights.symmetric_cell = 0;
  const Ranking plain_one = rank_candidates(candidates, uniform_prior(), {}, weights);
  EXPECT_GT(plain_one.space_group[2], ranking.space_group[2]);
}

TEST(Ranking, BesideANetworkAGroupsLikeliestCellIsAskedOnceMoreHowFarItWasStraightened) {
  // The second triclinic one, which was straightened more, is the less likely one of the group.
  const std::vector<RankingCandidate> candidates{
      {.space_group = 2, .similarity = 0.9, .obliquity = 2.1, .refined_obliquity = 0.3},
      {.space_group = 2, .similarity = 0.5, .obliquity = 9.9, .refined_obliquity = 0},
      {.space_group = 12, .similarity = 0.8, .obliquity = 0.3, .refined_obliquity = 0.4}};
  const std::vector<float> network(xrd::space_group_count, 1.0F / xrd::space_group_count);
  RankingWeights weights = plain();
  const auto ratio = [&] {
    const Ranking ranking = rank_candidates(candidates, uniform_prior(), network, weights);
    return ranking.space_group[2] / ranking.space_group[12];
  };
  const double before = ratio();
  weights.symmetric_cell_beside = -0.5;
  EXPECT_NEAR(ratio() / before, std::sqrt(0.4 / 2.2), 1e-6);
  // Without a network it says nothing.
  const Ranking alone = rank_candidates(candidates, uniform_prior(), {}, weights);
  EXPECT_EQ(alone.space_group[2], rank_candidates(candidates, uniform_prior(), {}, plain()).space_group[2]);
}

TEST(Ranking, WhatTheBestExplainsDecidesHowSureItIs) {
  RankingCandidate candidate{.space_group = 225, .similarity = 0.9, .explained = 0.9};
  RankingWeights weights = plain();
  weights.alone.logit = {0, 0, 0, -1};
  const auto sure = [&] {
    return rank_candidates({{candidate}}, uniform_prior(), {}, weights).space_group[225];
  };
  // Logit -ln 0.12; what is left goes to the prior.
  const double expected = 1 / 1.12;
  EXPECT_NEAR(sure(), expected + (1 - expected) / 230, 1e-9);
  candidate.explained = 0.5;
  EXPECT_LT(sure(), expected);
}

TEST(Ranking, AGroupThatManyStructuresHaveIsTheLikelierOfTwo) {
  const std::vector<RankingCandidate> candidates{{14, 0.9, false}, {198, 0.9, false}};
  auto prior = uniform_prior();
  prior[14] = 2.0 / 230;
  prior[198] = 0;
  RankingWeights weights = plain();
  weights.alone.others = 0;
  weights.prior = 0.5;
  const Ranking ranking = rank_candidates(candidates, prior, {}, weights);
  EXPECT_GT(ranking.space_group[14], 0.5);
  EXPECT_LT(ranking.space_group[198], 0.1);
}

TEST(Ranking, SharingKeepsManyVariantsFromOutvotingOne) {
  const std::vector<RankingCandidate> candidates{
      {14, 0.80, false}, {14, 0.80, false}, {14, 0.80, false}, {14, 0.80, false}, {62, 0.85, false}};
  RankingWeights weights = plain();
  EXPECT_GT(rank_candidates(candidates, uniform_prior(), {}, weights).space_group[14], 0.5);
  weights.sharing = 8;
  EXPECT_GT(rank_candidates(candidates, uniform_prior(), {}, weights).space_group[62], 0.5);
}

TEST(Ranking, OneGroupAloneLeavesTheRestToThePrior) {
  const std::vector<RankingCandidate> candidates{{62, 0.9, false}};
  const Ranking ranking = rank_candidates(candidates, uniform_prior(), {}, plain());
  EXPECT_NEAR(ranking.space_group[62], 0.5 + 0.5 / 230, 1e-12);
  EXPECT_NEAR(ranking.space_group[1], 0.5 / 230, 1e-12);
}

TEST(Ranking, HowSureIsAnotherThingBesideANetwork) {
  const std::vector<RankingCandidate> candidates{{225, 0.9, false}, {227, 0.8, false}};
  RankingWeights weights = plain();
  weights.beside_network = {.logit = {5, 0, 0, 0}, .others = 0};
  weights.network_exponent = {0, 0};
  const std::vector<float> network(230, 1.0f / 230);
  const double sure = 1 / (1 + std::exp(-5.0));
  EXPECT_NEAR(rank_candidates(candidates, uniform_prior(), network, weights).space_group[225],
              sure + (1 - sure) / 230, 1e-9);
  EXPECT_NEAR(rank_candidates(candidates, uniform_prior(), {}, weights).space_group[225], 0.5, 1e-3);
}

TEST(Ranking, ANetworkComesInByTheProduct) {
  const std::vector<RankingCandidate> candidates{{225, 0.9, false}, {227, 0.8, false}};
  const auto prior = uniform_prior();
  const Ranking search = rank_candidates(candidates, prior, {}, plain());
  std::vector<float> network(230, 0.1f / 228);
  network[226] = 0.5f;
  network[224] = 0.4f;
  const Ranking both = rank_candidates(candidates, prior, network, plain());
  EXPECT_NEAR(both.space_group[227] / both.space_group[225],
              search.space_group[227] / search.space_group[225] * 0.5 / 0.4, 1e-6);
  EXPECT_NEAR(sum(both.space_group), 1, 1e-12);
  // An exponent that the line makes negative is none.
  RankingWeights weights = plain();
  weights.network_exponent = {0, -1};
  const Ranking none = rank_candidates(candidates, prior, network, weights);
  EXPECT_NEAR(none.space_group[227], search.space_group[227], 1e-9);
}

TEST(Ranking, WithoutCandidatesThePriorAnswers) {
  auto prior = uniform_prior();
  prior[14] += prior[225];
  prior[225] = 0;
  const Ranking ranking = rank_candidates({}, prior, {}, plain());
  EXPECT_TRUE(ranking.candidates.empty());
  EXPECT_NEAR(ranking.space_group[14], 2.0 / 230, 1e-12);
  EXPECT_EQ(ranking.space_group[225], 0);
}

TEST(Ranking, SimilaritiesOutOfRangeAreBounded) {
  EXPECT_NEAR(closeness(1.5), -std::log(0.02), 1e-12);
  EXPECT_NEAR(closeness(-1), -std::log(1.02), 1e-12);
}

}  // namespace
}  // namespace bragg::data
