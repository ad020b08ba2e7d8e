#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

#include "kernels/error.h"
#include "xrd/form_factor_table.h"
#include "xrd/species.h"

namespace bragg::xrd {
namespace {

// All 210 rows were compared once with another copy of the table (IT92 of gemmi 0.7) at s = 0, 0.1, 0.5, 1
// and 2 1/A: equal within 2e-4. What stays is what a slip of the hand would break.
TEST(FormFactors, TableIsWholeAndCountsElectrons) {
  int elements = 0, ions = 0;
  for (const FormFactorRow& row : form_factor_table()) {
    (row.charge == 0 ? elements : ions) += 1;
    const double electrons = row.atomic_number - row.charge;
    // Tl and Pb are printed with 80.94 and 81.95 electrons.
    const bool short_of = row.charge == 0 && (row.atomic_number == 81 || row.atomic_number == 82);
    EXPECT_NEAR(evaluate(row.form_factor, 0), electrons, short_of ? 0.06 : 0.05)
        << int{row.atomic_number} << ' ' << int{row.charge};
    // Falls with the angle, and stays above 0 within the range of validity.
    double before = evaluate(row.form_factor, 0);
    for (double stol = 0.1; stol <= 1; stol += 0.1) {
      const double f = evaluate(row.form_factor, stol);
      EXPECT_LT(f, before + 0.01) << int{row.atomic_number} << ' ' << int{row.charge} << ' ' << stol;
      EXPECT_GT(f, 0);
      before = f;
    }
  }
  EXPECT_EQ(elements, 98);
  EXPECT_EQ(ions, 112);
}

TEST(FormFactors, ValuesOfTheTabulatedCurves) {
  // International Tables C, table 6.1.1.1, at sin(theta)/lambda = 0.5 1/A.
  const auto at = [](int z, int charge) {
    return evaluate(form_factor({static_cast<std::uint8_t>(z), static_cast<std::int8_t>(charge)}).form_factor,
                    0.5);
  };
  EXPECT_NEAR(at(6, 0), 1.685, 0.01);
  EXPECT_NEAR(at(8, 0), 2.338, 0.01);
  EXPECT_NEAR(at(14, 0), 6.24, 0.02);
  EXPECT_NEAR(at(26, 0), 11.47, 0.05);
}

TEST(FormFactors, IonsAndTheirFallback) {
  const FormFactorEntry iron3 = form_factor({26, 3}), iron = form_factor({26, 0}),
                        iron7 = form_factor({26, 7});
  EXPECT_FALSE(iron3.is_fallback);
  EXPECT_NEAR(evaluate(iron3.form_factor, 0), 23, 0.05);
  EXPECT_TRUE(iron7.is_fallback);
  EXPECT_EQ(evaluate(iron7.form_factor, 0.3), evaluate(iron.form_factor, 0.3));
  EXPECT_FALSE(form_factor({8, -2}).is_fallback);
  EXPECT_THROW(form_factor({99, 0}), Error);
}

}  // namespace
}  // namespace bragg::xrd
