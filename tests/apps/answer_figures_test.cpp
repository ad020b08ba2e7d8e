#include "apps/evaluation/answer_figures.h"

#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "apps/evaluation/folds.h"
#include "apps/evaluation/temperature.h"

namespace bragg::apps {
namespace {

constexpr auto at(AnswerLevel level) {
  return static_cast<std::size_t>(level);
}

Answered answered(int truth, const std::map<int, double>& probabilities, std::int32_t group) {
  Answered one;
  one.truth = truth;
  one.group = group;
  for (const auto& [number, p] : probabilities) {
    one.space_group[number] = p;
    one.crystal_system[static_cast<std::size_t>(xrd::crystal_system(number))] += p;
  }
  return one;
}

TEST(AnswerLevels, CountWhatTheyMergeAsOne) {
  EXPECT_EQ(classes_at(AnswerLevel::space_group), 230);
  EXPECT_EQ(classes_at(AnswerLevel::modulo_pairs), 219);
  EXPECT_EQ(classes_at(AnswerLevel::crystal_system), 7);
  // P222, Pmm2 and Pmmm have no absences; Pnma and Pna21 have the same in other settings; I4/m and I4/mmm differ in their Laue class.
  const auto extinction = [](int number) { return class_at(AnswerLevel::extinction_group, number); };
  EXPECT_EQ(extinction(16), extinction(25));
  EXPECT_EQ(extinction(16), extinction(47));
  EXPECT_EQ(extinction(62), extinction(33));
  EXPECT_EQ(extinction(152), extinction(154));
  EXPECT_NE(extinction(87), extinction(139));
  EXPECT_NE(extinction(225), extinction(227));
  EXPECT_LT(classes_at(AnswerLevel::extinction_group), 219);
  for (const AnswerLevel level : answer_levels)
    for (int number = 1; number <= 230; ++number)
      EXPECT_LT(class_at(level, number), classes_at(level));
}

TEST(AnswerLevels, AddUpProbabilitiesOfTheirGroups) {
  const Answered one = answered(62, {{62, 0.3}, {33, 0.3}, {14, 0.4}}, 0);
  for (const AnswerLevel level : answer_levels) {
    const std::vector<double> sums = probabilities_at(level, one);
    EXPECT_EQ(static_cast<int>(sums.size()), classes_at(level));
    EXPECT_NEAR(std::accumulate(sums.begin(), sums.end(), 0.0), 1, 1e-12);
  }
  EXPECT_EQ(best_class(probabilities_at(AnswerLevel::space_group, one)), 13);
  EXPECT_EQ(best_class(probabilities_at(AnswerLevel::extinction_group, one)),
            class_at(AnswerLevel::extinction_group, 62));
}

TEST(AnsweredByLookup, DividesAPairAsItsCandidatesAre) {
  data::Ranking ranking;
  ranking.candidates = {0.6, 0.2, 0.1};
  ranking.space_group[152] = 0.8;
  ranking.space_group[76] = 0.2;
  const std::vector<data::RankingCandidate> candidates{
      {.space_group = 154}, {.space_group = 152}, {.space_group = 225}};
  xrd::BySpaceGroup<double> prior;
  for (int number = 1; number <= 230; ++number)
    prior[number] = 1.0 / 230;
  prior[78] = 3.0 / 230;
  const Answered one = answered_by_lookup(ranking, candidates, prior);
  EXPECT_NEAR(one.space_group[154], 0.6, 1e-12);
  EXPECT_NEAR(one.space_group[152], 0.2, 1e-12);
  // No candidate is of the other pair: the prior divides it.
  EXPECT_NEAR(one.space_group[76], 0.05, 1e-12);
  EXPECT_NEAR(one.space_group[78], 0.15, 1e-12);
}

/// Five answers: right; right modulo the pair; right extinctions; right system; wrong. Truths 225, 152, 62, 14, 225.
std::vector<Answered> five_answers() {
  return {answered(225, {{225, 0.9}, {227, 0.1}}, 0), answered(152, {{154, 0.8}, {152, 0.2}}, 1),
          answered(62, {{33, 0.7}, {62, 0.3}}, 2), answered(14, {{15, 0.6}, {12, 0.4}}, 3),
          answered(225, {{62, 0.5}, {33, 0.3}, {225, 0.2}}, 4)};
}

TEST(AnswerFigures, OfFiveAnswersByHand) {
  const AnswerFigures figures = figures_of(five_answers());
  EXPECT_EQ(figures.patterns, 5);
  EXPECT_EQ(figures.groups, 5);
  const auto accuracy = [&](AnswerLevel level) { return figures.levels[at(level)].accuracy.value; };
  EXPECT_DOUBLE_EQ(accuracy(AnswerLevel::space_group), 0.2);
  EXPECT_DOUBLE_EQ(accuracy(AnswerLevel::modulo_pairs), 0.4);
  EXPECT_DOUBLE_EQ(accuracy(AnswerLevel::extinction_group), 0.6);
  EXPECT_DOUBLE_EQ(accuracy(AnswerLevel::crystal_system), 0.8);
  // Plain: of four classes 225 has 1 right, 1 missed and none false: F1 2/3; the others 0. Recalls 1/2, 0, 0, 0.
  EXPECT_DOUBLE_EQ(figures.levels[at(AnswerLevel::space_group)].macro_f1, 2.0 / 3 / 4);
  EXPECT_DOUBLE_EQ(figures.levels[at(AnswerLevel::space_group)].balanced_accuracy, 0.5 / 4);
  // Systems: cubic 1 of 2 (F1 2/3), trigonal 1, orthorhombic 1 with one false (F1 2/3), monoclinic 1.
  EXPECT_NEAR(figures.levels[at(AnswerLevel::crystal_system)].macro_f1, (2.0 / 3 + 1 + 2.0 / 3 + 1) / 4,
              1e-12);
  EXPECT_DOUBLE_EQ(figures.levels[at(AnswerLevel::crystal_system)].balanced_accuracy, 3.5 / 4);
  // 14 has probability 0 and thirteen groups before it.
  EXPECT_DOUBLE_EQ(figures.levels[at(AnswerLevel::space_group)].top5->value, 0.8);
}

TEST(AnswerFigures, CoverageBeginsWithTheSurestAndEndsWithAll) {
  const AnswerFigures figures = figures_of(five_answers());
  ASSERT_EQ(figures.coverage.size(), 10u);
  // Sureness modulo pairs: 1 (right), 0.9 (right), 0.7, 0.6, 0.5 (wrong).
  const std::vector<std::int64_t> patterns{1, 1, 2, 2, 3, 3, 4, 4, 5, 5};
  for (std::size_t i = 0; i < 10; ++i) {
    EXPECT_EQ(figures.coverage[i].patterns, patterns[i]);
    EXPECT_NEAR(figures.coverage[i].accuracy, i < 4 ? 1 : 2.0 / static_cast<double>(patterns[i]), 1e-12);
  }
  EXPECT_NEAR(figures.coverage[0].least_confidence, 1, 1e-12);
  EXPECT_NEAR(figures.coverage[9].least_confidence, 0.5, 1e-12);
  EXPECT_DOUBLE_EQ(figures.coverage[9].accuracy,
                   figures.levels[at(AnswerLevel::modulo_pairs)].accuracy.value);
}

TEST(AnswerFigures, KindsAreCountedApart) {
  std::vector<Answered> answers = five_answers();
  for (std::size_t i = 0; i < answers.size(); ++i)
    answers[i].kind = i < 2 ? "small" : "large";
  const AnswerFigures figures = figures_of(answers);
  ASSERT_EQ(figures.kinds.size(), 2u);
  EXPECT_EQ(figures.kinds[0].kind, "small");
  EXPECT_EQ(figures.kinds[0].patterns, 2);
  EXPECT_DOUBLE_EQ(figures.kinds[0].modulo_pairs, 1);
  EXPECT_EQ(figures.kinds[1].patterns, 3);
  EXPECT_DOUBLE_EQ(figures.kinds[1].modulo_pairs, 0);
  EXPECT_DOUBLE_EQ(figures.kinds[1].crystal_system, 2.0 / 3);
}

TEST(AnswerFigures, OneGroupHasNoTemperature) {
  std::vector<Answered> answers = five_answers();
  for (Answered& one : answers)
    one.group = 7;
  const AnswerFigures figures = figures_of(answers);
  EXPECT_FALSE(figures.after_temperature);
  EXPECT_TRUE(figures.temperatures.empty());
}

TEST(Baselines, OfLabelsByHand) {
  const std::vector<int> truth{225, 225, 152, 62};
  const std::vector<std::int32_t> group{0, 1, 2, 3};
  const ByLevel most = most_frequent_figures(truth, group);
  for (const LevelFigures& level : most) {
    EXPECT_DOUBLE_EQ(level.accuracy.value, 0.5);
    EXPECT_DOUBLE_EQ(level.macro_f1, 2.0 / 3 / 3);
    EXPECT_DOUBLE_EQ(level.balanced_accuracy, 1.0 / 3);
    EXPECT_FALSE(level.top5);
  }
  const ByLevel nearest = neighbour_figures(std::vector<int>{225, 0, 154, 33}, truth, group);
  EXPECT_DOUBLE_EQ(nearest[at(AnswerLevel::space_group)].accuracy.value, 0.25);
  EXPECT_DOUBLE_EQ(nearest[at(AnswerLevel::modulo_pairs)].accuracy.value, 0.5);
  EXPECT_DOUBLE_EQ(nearest[at(AnswerLevel::extinction_group)].accuracy.value, 0.75);
  EXPECT_DOUBLE_EQ(nearest[at(AnswerLevel::crystal_system)].accuracy.value, 0.75);
}

TEST(Temperature, OfTwoClassesIsWhatTheShareOfRightAnswersSays) {
  // All answers are 0.9 sure, three of four are right: 0.9 must become 0.75, so T = ln 9 / ln 3 = 2.
  ProbabilityRows rows;
  std::vector<std::size_t> all;
  for (std::size_t i = 0; i < 40; ++i) {
    rows.probabilities.push_back({0.9, 0.1});
    rows.truth.push_back(i % 4 == 0 ? 1 : 0);
    all.push_back(i);
  }
  const double temperature = fitted_temperature(rows, all);
  EXPECT_NEAR(temperature, 2, 2e-3);
  const std::vector<double> cooled = at_temperature(rows.probabilities[0], temperature);
  EXPECT_NEAR(cooled[0], 0.75, 1e-3);
  EXPECT_NEAR(cooled[0] + cooled[1], 1, 1e-12);
  const std::vector<double> same = at_temperature(std::vector<double>{0.7, 0.3, 0}, 1);
  EXPECT_NEAR(same[0], 0.7, 1e-8);
  EXPECT_NEAR(same[2], 1e-9, 1e-12);
}

TEST(Temperature, OfAFoldIsFittedToTheOthers) {
  // One group is wrong throughout, the others right: whoever is fitted to the others alone is surer than with that one.
  ProbabilityRows rows;
  std::vector<std::int32_t> group;
  for (int i = 0; i < 50; ++i) {
    rows.probabilities.push_back({0.8, 0.2});
    rows.truth.push_back(i / 10 == 2 ? 1 : 0);
    group.push_back(i / 10);
  }
  const CrossFitted fitted = cross_fitted(rows, group);
  ASSERT_EQ(fitted.temperatures.size(), 5u);
  const std::vector<int> fold_of = folds_of(group, 5);
  for (int fold = 0; fold < 5; ++fold) {
    const double temperature = fitted.temperatures[static_cast<std::size_t>(fold)];
    // Three of four of the others are right, ln 4 / ln 3; without the wrong group all are.
    if (fold == fold_of[20])
      EXPECT_NEAR(temperature, lowest_temperature, 1e-3);
    else
      EXPECT_NEAR(temperature, std::log(4) / std::log(3), 2e-3);
  }
}

TEST(Folds, KeepGroupsTogetherAndAreEvenlyLarge) {
  std::vector<std::int32_t> group;
  for (int i = 0; i < 60; ++i)
    group.push_back(i * 7 % 23);
  const std::vector<int> fold_of = folds_of(group, 5);
  std::map<std::int32_t, std::set<int>> folds;
  std::map<int, std::set<std::int32_t>> groups;
  for (std::size_t i = 0; i < group.size(); ++i) {
    folds[group[i]].insert(fold_of[i]);
    groups[fold_of[i]].insert(group[i]);
  }
  for (const auto& [one, of_it] : folds)
    EXPECT_EQ(of_it.size(), 1u) << one;
  ASSERT_EQ(groups.size(), 5u);
  for (const auto& [fold, of_it] : groups)
    EXPECT_TRUE(of_it.size() == 4 || of_it.size() == 5) << fold;
}

}  // namespace
}  // namespace bragg::apps
