// Wavelengths as people write them: names, numbers, units.
#include "xrd/scattering/wavelength.h"

#include <cmath>
#include <string>

#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "xrd/folded_text.h"
#include "xrd/quantity_text.h"

namespace bragg::xrd {
namespace {

std::string message(std::string_view text) {
  try {
    parse_wavelength(text);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

TEST(Wavelength, Names) {
  EXPECT_EQ(parse_wavelength("CuKa"), 1.54184);
  EXPECT_EQ(parse_wavelength("cuka1"), 1.54056);
  EXPECT_EQ(parse_wavelength("CuKa2"), 1.54439);
  // Weighted means as instruments' manuals list them, to 1e-4 A.
  EXPECT_NEAR(parse_wavelength("MoKa"), 0.7107, 1e-4);
  EXPECT_NEAR(parse_wavelength("CoKa"), 1.7903, 1e-4);
  EXPECT_NEAR(parse_wavelength("FeKa"), 1.9374, 1e-4);
  EXPECT_NEAR(parse_wavelength("CrKa"), 2.2910, 1e-4);
  EXPECT_NEAR(parse_wavelength("AgKa"), 0.5609, 1e-4);
  EXPECT_NEAR(parse_wavelength("CuKb1"), 1.3922, 1e-4);
  for (const char* cobalt : {"Co", "co", "cobalt", "Kobalt", "Co Ka", "Co-Ka", "CoK\\alpha", "Co K\xCE\xB1",
                             "Co K-alpha", "CoKa12", "Co K\xCE\xB1\xE2\x82\x81+\xCE\xB1\xE2\x82\x82"}) {
    EXPECT_EQ(parse_wavelength(cobalt), parse_wavelength("CoKa")) << cobalt;
  }
  for (const char* line :
       {"CoKa1", "Co K-alpha1", "Co K\\a1", "Co K\xCE\xB1\xE2\x82\x81", "cobalt K_alpha_1", "Co Kalpha 1"})
    EXPECT_EQ(parse_wavelength(line), 1.788996) << line;
}

TEST(Wavelength, EveryAnodesLinesLieInOrder) {
  for (const Anode& anode : anodes()) {
    EXPECT_LT(anode.k_beta1, anode.k_alpha1) << anode.symbol;
    EXPECT_LT(anode.k_alpha1, anode.k_alpha2) << anode.symbol;
    // K alpha's doublet: 3.6 to 4.9 mA apart from Ti to W.
    EXPECT_NEAR(anode.k_alpha2 - anode.k_alpha1, 0.0042, 0.0007) << anode.symbol;
  }
}

TEST(Wavelength, NumbersWithAndWithoutUnits) {
  EXPECT_EQ(parse_wavelength("1.5406"), 1.5406);
  for (const char* written :
       {"1,5418", "1.5418(1)", "1.5418 A", "1.5418\xC3\x85", "1.5418 \xC5", "0.15418 nm", "154.18 pm",
        "1.5418e-10 m", "15.418e-1", "1.5418 Angstrom", "1.5418 x 10^-10 m", "0,15418 nm", "1.5418 +- 0.0001",
        "1.5418E-10 m", "0.15418 nanometres", " 1.5418 "})
    EXPECT_NEAR(parse_wavelength(written), 1.5418, 1e-12) << written;
  for (const char* written : {"8.048 keV", "8048 eV", "8,048keV"})
    EXPECT_NEAR(parse_wavelength(written), 12.39841984 / 8.048, 1e-8) << written;
}

TEST(Wavelength, MistakesAreNamed) {
  EXPECT_NE(message("CuK").find("the nearest is CuKa"), std::string::npos);
  for (const char* outside : {"-1", "0", "154", "3.1", "0.09", "15.4 nm", "1 keV", "0.05 A"}) {
    EXPECT_NE(message(outside).find("'" + std::string(outside) + "'"), std::string::npos) << message(outside);
    EXPECT_NE(message(outside).find("outside 0.1..3 A"), std::string::npos) << message(outside);
  }
  for (const char* unknown :
       {"", "nan", "1.54x", "1,54,56", "inf", "1.54 furlongs", "Au", "0 keV", "Unobtainium", "2M"})
    EXPECT_NE(message(unknown).find("unknown wavelength"), std::string::npos)
        << unknown << ": " << message(unknown);
  EXPECT_NE(message("0.15406").find("may be A or nm"), std::string::npos);
  EXPECT_EQ(parse_wavelength("0.15406 A"), 0.15406);
}

TEST(Wavelength, HelpListsTheNames) {
  for (const char* part : {"CuKa", "Co", "Mo", "nm", "keV", "0.1..3"})
    EXPECT_NE(wavelength_names().find(part), std::string::npos) << part;
}

TEST(Wavelength, BraggsLaw) {
  EXPECT_NEAR(two_theta_from_d(1.54184, 1.54184), 60, 1e-12);
  EXPECT_NEAR(d_from_two_theta(60, 1.54184), 1.54184, 1e-14);
  EXPECT_NEAR(stol_from_two_theta(60, 2), 0.25, 1e-15);
  EXPECT_TRUE(std::isnan(two_theta_from_d(0.5, 1.54184)));
}

TEST(QuantityText, Units) {
  const auto factor = [](std::string_view text, UnitKind kind) {
    const auto unit = parse_unit(fold_to_ascii(text));
    return unit && unit->kind == kind ? unit->factor : -1;
  };
  for (const char* text :
       {"1/A", "A^-1", "A-1", "inverse Angstrom", "\xC3\x85\xE2\x81\xBB\xC2\xB9", "1/\xC3\x85", "a^-1",
        "Inverse Angstroms", "A^(-1)", "1 / A", "\\AA^{-1}", "reciprocal angstrom"})
    EXPECT_DOUBLE_EQ(factor(text, UnitKind::inverse_length), 1) << text;
  for (const char* text :
       {"1/nm", "nm^-1", "nm-1", "nanometer^-1", "nm\xE2\x81\xBB\xC2\xB9", "Inverse Nanometres", "(nm**-1)"})
    EXPECT_DOUBLE_EQ(factor(text, UnitKind::inverse_length), 0.1) << text;
  EXPECT_EQ(factor("nm", UnitKind::length), 10);
  EXPECT_EQ(factor("\xC3\x85", UnitKind::length), 1);
  EXPECT_EQ(factor("\xB0", UnitKind::angle), 1);
  EXPECT_EQ(factor("deg.", UnitKind::angle), 1);
  EXPECT_NEAR(factor("rad", UnitKind::angle), 57.29577951308232, 1e-12);
  EXPECT_NEAR(factor("10^-10 m", UnitKind::length), 1, 1e-12);
  for (const char* text : {"", "M", "counts", "a.u.", "1", "nm^-2", "furlong", "1/deg"})
    EXPECT_FALSE(parse_unit(text).has_value()) << text;
}

}  // namespace
}  // namespace bragg::xrd
