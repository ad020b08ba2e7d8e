#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "xrd/scattering/form_factor_table.h"
#include "xrd/scattering/species.h"

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

// Every species of the table, and ions that it does not have.
std::vector<Species> all_species() {
  std::vector<Species> all;
  for (const FormFactorRow& row : form_factor_table())
    all.push_back({row.atomic_number, row.charge});
  for (int z = 1; z <= 98; ++z) {
    for (const int charge : {-2, 7})
      all.push_back({static_cast<std::uint8_t>(z), static_cast<std::int8_t>(charge)});
  }
  return all;
}

TEST(FormFactors, UpTo2TheFourGaussiansToTheBit) {
  for (const FormFactorRow& row : form_factor_table()) {
    const FormFactor f = form_factor({row.atomic_number, row.charge}).form_factor;
    EXPECT_EQ(f.four_gaussians_to, 4);
    for (int i = 0; i <= 200; ++i) {
      const double stol = i / 100.0;
      ASSERT_EQ(evaluate(f, stol), evaluate(row.form_factor, stol)) << int{row.atomic_number} << ' ' << stol;
    }
  }
}

TEST(FormFactors, NoStepAtTheEndsOfTheTables) {
  for (const Species s : all_species()) {
    const FormFactor f = form_factor(s).form_factor;
    EXPECT_NEAR(evaluate(f, std::nextafter(2.0, 3)), evaluate(f, 2), 2e-5) << name_of(s);
    EXPECT_NEAR(evaluate(f, std::nextafter(6.0, 7)), evaluate(f, 6), 1e-9) << name_of(s);
  }
}

// To a wavelength of 0.1 A backwards, s = 10 1/A, and beyond.
TEST(FormFactors, FallToNothingAtHighAngles) {
  constexpr Species bismuth{83, 5};
  for (const Species s : all_species()) {
    const FormFactor f = form_factor(s).form_factor;
    // Three ions whose own four Gaussians miss at s = 2 by more than half an electron, or fall too early
    // (O1-), come up to their element's curve first.
    const bool comes_up = s == bismuth || s == Species{44, 4} || s == Species{8, -1};
    double before = evaluate(f, 2);
    for (double stol = 2.02; stol < 40; stol += 0.02) {
      const double value = evaluate(f, stol);
      ASSERT_TRUE(std::isfinite(value));
      const double lowest = s == bismuth && stol < 2.1 ? -0.7 : -1e-3;
      ASSERT_GT(value, lowest) << name_of(s) << ' ' << stol;
      if (!comes_up || stol > 3.5) {
        ASSERT_LT(value, before + 1e-3) << name_of(s) << ' ' << stol;
      }
      before = value;
    }
    EXPECT_LT(evaluate(f, 40), 0.02 * s.atomic_number) << name_of(s);
  }
}

// Another calculation (Hubbell et al. 1975, not relativistic): neutral atoms at s = 3, 5 and 10 1/A.
TEST(FormFactors, HighAnglesOfTheTabulatedCurves) {
  const struct {
    int z;
    double at_3, at_5, at_10;
  } table[] = {{6, 0.1288, 0.0243, 0.0018},
               {14, 0.8725, 0.3450, 0.0456},
               {26, 1.7578, 0.9789, 0.3048},
               {47, 4.4433, 2.0585, 0.8822},
               {82, 9.8351, 4.6825, 1.7534}};
  for (const auto& row : table) {
    const FormFactor f = form_factor({static_cast<std::uint8_t>(row.z), 0}).form_factor;
    EXPECT_NEAR(evaluate(f, 3), row.at_3, 0.07 * row.at_3 + 0.005) << row.z;
    EXPECT_NEAR(evaluate(f, 5), row.at_5, 0.13 * row.at_5 + 0.005) << row.z;
    EXPECT_NEAR(evaluate(f, 10), row.at_10, 0.17 * row.at_10 + 0.005) << row.z;
  }
  // Ti4+, 8e13 by its four Gaussians alone.
  EXPECT_NEAR(evaluate(form_factor({22, 4}).form_factor, 10), 0.1931, 0.02);
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
