// Tables that say which phases measured mixtures have.
#include <gtest/gtest.h>

#include "apps/evaluation/mixture_evaluation.h"
#include "kernels/base/error.h"
#include "tests/support/temporary_folder.h"

namespace bragg::tests {
namespace {

using apps::LabelledMixture;

class MixtureLabels : public ::testing::Test {
 protected:
  std::vector<LabelledMixture> read(const std::string& table) {
    write_text(folder_ / "labels.tsv", table);
    return apps::read_labelled_mixtures(folder_.path().string(), found_in_);
  }

  const TemporaryFolder folder_;
  std::string found_in_;
};

TEST_F(MixtureLabels, BlanksAroundSemicolonsAreNoPartOfAFormula) {
  const auto labels =
      read("file\tphases\tscan\tweights\na.xy\tCaCO3; ZnO ;SiO2\tslow\t90; 3;7\nb.xy\tNaCl\t\t\n");
  ASSERT_EQ(labels.size(), 2u);
  EXPECT_EQ(found_in_, folder_.path().string());
  EXPECT_EQ(labels[0].phases, (std::vector<std::string>{"CaCO3", "ZnO", "SiO2"}));
  EXPECT_EQ(labels[0].weights, (std::vector<double>{90, 3, 7}));
  EXPECT_EQ(labels[0].kind, "slow");
  EXPECT_EQ(labels[1].weights, std::vector<double>{100});
}

TEST_F(MixtureLabels, WhatIsWrongIsNamedWithItsLine) {
  const auto expect_wrong = [&](const std::string& row, const std::string& said) {
    try {
      read("file\tphases\tweights\n" + row + "\n");
      FAIL() << row;
    } catch (const UsageError& error) {
      const std::string text = error.what();
      EXPECT_NE(text.find("labels.tsv:2: "), std::string::npos) << text;
      EXPECT_NE(text.find(said), std::string::npos) << text;
    }
  };
  expect_wrong("a.xy\t ; \t", "no phase");
  expect_wrong("a.xy\tCaCO3;Xx\t", "'Xx' is no symbol");
  expect_wrong("a.xy\tCaCO3;ZnO\t97", "1 weights of 2 phases");
  expect_wrong("a.xy\tCaCO3;ZnO\t97;much", "weight 'much'");
}

}  // namespace
}  // namespace bragg::tests
