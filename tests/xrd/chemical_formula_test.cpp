// Formulas as tables of mixtures write them.
#include "xrd/chemical_formula.h"

#include <gtest/gtest.h>

#include "kernels/base/error.h"

namespace bragg::tests {
namespace {

using xrd::Composition;
using xrd::composition_of_formula;

TEST(ChemicalFormula, CountsAtoms) {
  const Composition calcite = composition_of_formula("CaCO3");
  EXPECT_EQ(calcite[20], 1);
  EXPECT_EQ(calcite[6], 1);
  EXPECT_EQ(calcite[8], 3);
  const Composition hydroxide = composition_of_formula("La(OH)3");
  EXPECT_EQ(hydroxide[57], 1);
  EXPECT_EQ(hydroxide[8], 3);
  EXPECT_EQ(hydroxide[1], 3);
  const Composition hydrate = composition_of_formula("NaAlO2-1.5H2O");
  EXPECT_EQ(hydrate[8], 3.5);
  EXPECT_EQ(hydrate[1], 3);
  EXPECT_EQ(composition_of_formula("Fe0.95O")[26], 0.95);
  EXPECT_EQ(composition_of_formula("CaSO4*2H2O")[1], 4);
}

TEST(ChemicalFormula, APointBeforeWaterJoinsIt) {
  EXPECT_EQ(composition_of_formula("CuSO4.5H2O"), composition_of_formula("CuSO4-5H2O"));
  EXPECT_EQ(composition_of_formula("CaSO4.H2O"), composition_of_formula("CaSO4-H2O"));
  EXPECT_EQ(composition_of_formula("MgCl2.6H2O-beta"), composition_of_formula("MgCl2*6H2O"));
  // What is before water as a part's number may be broken, and a number at the end is one.
  EXPECT_EQ(composition_of_formula("CaSO4.0.5H2O"), composition_of_formula("CaSO4-0.5H2O"));
  EXPECT_EQ(composition_of_formula("YBa2Cu3O6.5")[8], 6.5);
  EXPECT_EQ(composition_of_formula("NaAlO2-1.5H2O")[8], 3.5);
}

TEST(ChemicalFormula, TheNameOfAFormCountsNothing) {
  EXPECT_EQ(composition_of_formula("Bi2O3-alpha"), composition_of_formula("Bi2O3"));
}

TEST(ChemicalFormula, SaysWhatIsWrong) {
  for (const char* wrong : {"", "Xx2", "Ca(OH", "calcite", "Ca+", "CaCO3-", "2"})
    EXPECT_THROW(composition_of_formula(wrong), UsageError) << wrong;
}

}  // namespace
}  // namespace bragg::tests
