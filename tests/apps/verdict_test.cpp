#include "apps/identify/verdict.h"

#include <gtest/gtest.h>

namespace bragg::apps {
namespace {

/// A pattern that its best structure fits in every respect.
constexpr VerdictFigures good{.has_candidate = true,
                              .confidence = 0.95,
                              .similarity = 0.92,
                              .line_share = 0.6,
                              .explained = 0.97,
                              .fitted = 0.97,
                              .remainder = 0};

TEST(Verdict, WhatFitsIsAMatch) {
  const Verdict verdict = verdict_of(good);
  EXPECT_FALSE(verdict.no_match);
  EXPECT_TRUE(verdict.reason.empty());
}

TEST(Verdict, NextToNothingInLinesIsAmorphousUnlessItIsSure) {
  VerdictFigures figures = good;
  figures.line_share = 0.5 * amorphous_line_share;
  EXPECT_FALSE(verdict_of(figures).no_match);
  figures.confidence = 0.9 * least_confidence;
  EXPECT_EQ(verdict_of(figures).no_match, NoMatch::amorphous);
}

TEST(Verdict, LinesThatAnotherStructureHasAreASecondPhase) {
  VerdictFigures figures = good;
  figures.explained = 0.5;
  figures.remainder = 0.8;
  // Where the refined structure accounts for all that rises above the noise, those lines are its own, displaced or broad.
  EXPECT_FALSE(verdict_of(figures).no_match);
  figures.fitted = 0.6;
  EXPECT_EQ(verdict_of(figures).no_match, NoMatch::several_phases);
  // Lines that nobody has are an impurity, not several known phases.
  figures.remainder = 0.2;
  EXPECT_FALSE(verdict_of(figures).no_match);
}

TEST(Verdict, WhatIsUnsureIsUnknownAndSaysWhy) {
  VerdictFigures figures = good;
  figures.confidence = 0.3;
  figures.similarity = 0.55;
  const Verdict verdict = verdict_of(figures);
  EXPECT_EQ(verdict.no_match, NoMatch::unknown_phase);
  EXPECT_NE(verdict.reason.find("0.55"), std::string::npos);
}

TEST(Verdict, NothingIsAcceptedThatIsUnlikeOrOfAnotherGroup) {
  VerdictFigures figures = good;
  figures.similarity = 0.3;
  EXPECT_EQ(verdict_of(figures).no_match, NoMatch::unknown_phase);
  figures = good;
  figures.has_candidate = false;
  EXPECT_EQ(verdict_of(figures).no_match, NoMatch::unknown_phase);
}

}  // namespace
}  // namespace bragg::apps
