#include "data/mixture/mixture_score.h"

#include <cmath>

#include <gtest/gtest.h>

namespace bragg::data {
namespace {

TEST(CandidateFigures, EvidenceCountsAsFarAsNoiseIsWhatLimits) {
  CandidateFigures figures;
  figures.set_joint(1000, 1100, 1000);
  EXPECT_DOUBLE_EQ(figures.joint_gain, std::log(1.1));
  EXPECT_DOUBLE_EQ(figures.misfit, 0);
  EXPECT_DOUBLE_EQ(figures.evidence, std::log(101.0));
  figures.set_joint(900, 1000, 1000);  // a fit that is better than noise lets is no surer
  EXPECT_DOUBLE_EQ(figures.evidence, std::log(101.0));
  figures.set_joint(2000, 2100, 1000);
  EXPECT_NEAR(figures.evidence, std::log(101.0) * std::exp(-std::log(2.0) / 0.1), 1e-12);
  figures.set_joint(1100, 1000, 1000);
  EXPECT_DOUBLE_EQ(figures.evidence, 0) << "nothing is gained";
}

TEST(Presence, IsLessLikelyTheMoreStructuresThereAreToChooseFrom) {
  CandidateFigures figures{.similarity = 1, .absent = 0.3};
  figures.set_joint(1000, 1050, 1000);
  figures.ln_choice = std::log(300.0);
  const double of_few = presence(figures);
  figures.ln_choice = std::log(50000.0);
  EXPECT_LT(presence(figures), of_few - 0.5);
}

TEST(Presence, OfAPolymorphIsLessLikely) {
  CandidateFigures figures{.similarity = 1, .absent = 0.3};
  figures.set_joint(1000, 1050, 1000);
  CandidateFigures polymorph = figures;
  polymorph.polymorph = 1;
  EXPECT_LT(presence(polymorph), presence(figures) - 1);
}

TEST(Presence, GrowsWithWhatIsGainedWithEvidenceAndWithFewerAbsentLines) {
  CandidateFigures figures{.similarity = 1, .absent = 0.3, .ln_choice = 8};
  figures.set_joint(1000, 1050, 1000);
  const double before = presence(figures);
  CandidateFigures better = figures;
  better.evidence += 1;
  EXPECT_GT(presence(better), before);
  better = figures;
  better.set_joint(1000, 1500, 1000);
  EXPECT_GT(presence(better), before);
  better = figures;
  better.absent = 0;
  EXPECT_GT(presence(better), before);
}

}  // namespace
}  // namespace bragg::data
