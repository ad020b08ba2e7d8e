// Formulas as tables of mixtures write them.
#include "apps/evaluation/chemical_formula.h"

#include <gtest/gtest.h>

#include "kernels/base/error.h"

namespace bragg::tests {
namespace {

using apps::parse_formula;

TEST(ChemicalFormula, CountsAtoms) {
  const xrd::Composition calcite = parse_formula("CaCO3");
  EXPECT_EQ(calcite[20], 1);
  EXPECT_EQ(calcite[6], 1);
  EXPECT_EQ(calcite[8], 3);
  const xrd::Composition hydroxide = parse_formula("La(OH)3");
  EXPECT_EQ(hydroxide[57], 1);
  EXPECT_EQ(hydroxide[8], 3);
  EXPECT_EQ(hydroxide[1], 3);
  const xrd::Composition hydrate = parse_formula("NaAlO2-1.5H2O");
  EXPECT_EQ(hydrate[8], 3.5);
  EXPECT_EQ(hydrate[1], 3);
  EXPECT_EQ(parse_formula("Fe0.95O")[26], 0.95);
  EXPECT_EQ(parse_formula("CaSO4*2H2O")[1], 4);
}

TEST(ChemicalFormula, APointBeforeWaterJoinsIt) {
  EXPECT_EQ(parse_formula("CuSO4.5H2O"), parse_formula("CuSO4-5H2O"));
  EXPECT_EQ(parse_formula("CaSO4.H2O"), parse_formula("CaSO4-H2O"));
  EXPECT_EQ(parse_formula("MgCl2.6H2O-beta"), parse_formula("MgCl2*6H2O"));
  // What is before water as a part's number may be broken, and a number at the end is one.
  EXPECT_EQ(parse_formula("CaSO4.0.5H2O"), parse_formula("CaSO4-0.5H2O"));
  EXPECT_EQ(parse_formula("YBa2Cu3O6.5")[8], 6.5);
  EXPECT_EQ(parse_formula("NaAlO2-1.5H2O")[8], 3.5);
}

TEST(ChemicalFormula, TheNameOfAFormCountsNothing) {
  EXPECT_EQ(parse_formula("Bi2O3-alpha"), parse_formula("Bi2O3"));
}

TEST(ChemicalFormula, SaysWhatIsWrong) {
  for (const char* wrong : {"", "Xx2", "Ca(OH", "calcite", "Ca+", "CaCO3-", "2"})
    EXPECT_THROW(parse_formula(wrong), UsageError) << wrong;
}

}  // namespace
}  // namespace bragg::tests
