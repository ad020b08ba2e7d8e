// What headers say about radiation, in the words of many programs and people.
#include "data/formats/header_radiation.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "data/formats/text_rows.h"

namespace bragg::data {
namespace {

Radiation find(const std::string& text) {
  std::vector<HeaderLine> lines;
  for (const std::string_view line : split_lines(text))
    lines.push_back({line, lines.size()});
  return find_radiation(lines);
}

std::string all(const std::vector<std::string>& list) {
  std::string text;
  for (const std::string& one : list)
    text += one + "\n";
  return text;
}

TEST(HeaderRadiation, ReadsTheWavelength) {
  struct Case {
    const char* header;
    double wavelength;  // A, K alpha 1 of a pair
  };
  for (const Case& c : std::vector<Case>{
           {"# wavelength: 1,5418", 1.5418},
           {"# wavelength: 1.5418(1)", 1.5418},
           {"# wavelength = 0.15418 nm", 1.5418},
           {"# wavelength: 154.18 pm", 1.5418},
           {"# wavelength 1.5418e-10 m", 1.5418},
           {"# wavelength: 8.048 keV", 1.540559},
           {"# Energy = 8048 eV", 1.540559},
           {"WL1=1.5418", 1.5418},
           {"*MEAS_COND_XG_WAVE_LENGTH \"1.5418\"", 1.5418},
           {"_WL1=1.5418", 1.5418},
           {";Anode: Co", 1.788996},
           {"Wavelength[\xc3\x85]: 1.5418", 1.5418},
           {"# \xce\xbb = 1.5418", 1.5418},
           {"# Wavelength: 1.5418 \xc3\x85", 1.5418},
           {"# Wavelength: 1.5418 \xc5", 1.5418},
           {"# Radiation: CuKa", 1.54056},
           {"# Radiation: Cu K\\alpha", 1.54056},
           {"# Radiation = Co K\xce\xb1\xe2\x82\x81", 1.788996},
           {"Anode,Mo", 0.7093171},
           {"# X-ray source: Mo", 0.7093171},
           {"# Calibrated wavelength = 0.413529", 0.413529},
           {"# lambda1: 1.54056\n# lambda2: 1.54439", 1.54056},
           {"# lambda2: 1.54439\n# lambda1: 1.54056", 1.54056},
           {"K-Alpha2 wavelength,1.79290\nK-Alpha1 wavelength,1.78901", 1.78901},
           {"*HW_XG_TARGET_NAME \"Co\"\n*HW_XG_WAVE_LENGTH_ALPHA1 \"1.788965\"\n*HW_XG_WAVE_LENGTH_ALPHA2 "
            "\"1.792850\"\n*HW_XG_WAVE_LENGTH_BETA \"1.620790\"",
            1.788965},
           {"_WL_UNIT='A'\n_WL1=1.540600\n_WL2=1.544390\n_WL3=1.392220\n_WLRATIO=0.500000\n_ANODE='Cu'",
            1.5406},
           {"# Lam1: 1.5405\n# Lam2: 1.5443\n# I(L2)/I(L1): 0.5", 1.5405},
           {"# Lam: 0.4133", 0.4133},
           {"Alpha1=1.540600\nAlpha2=1.544390\nAlphaRatio=0.5\nBeta=1.39222\nAnode=Cu", 1.5406},
           {"LabdaAlpha1, 1.54056, /\nLabdaAlpha2, 1.54439, /\nRatioAlpha21, 0.50000, /", 1.54056},
           {"Anode, Cu, /", 1.54056},
           {"# Wavelength: Cu/K-alpha1+2", 1.54056},
           {"# {\"wavelength\": 4.1327e-11, \"unit\": \"q\"}", 0.41327},
           {"# \"wavelength\": 0.1788996, \"unit\": \"nm\"", 1.788996},
           {"# Cu K\xce\xb1 (\xce\xbb = 1.5418 \xc3\x85)", 1.5418},
           {"# Wavelength (A)\n# 1.788996", 1.788996},
           {"# wavelength units: nm\n# wavelength: 0.1788996", 1.788996},
           {"_diffrn_radiation_wavelength 1.788996", 1.788996},
           {"_diffrn_radiation_type 'Co K\\a'", 1.788996},
           {"# wavelengths: 1.54056, 1.54439", 1.54056},
           {"# Wavelength: 1.54056 (Ka1), 1.54439 (Ka2)", 1.54056},
           {"# Wavelength in Angstrom: 0.7107", 0.7107},
           {"# xrayWavelength=0.7107", 0.7107},
           {"# photon energy (keV): 12.398", 1.0000339},
           {"# incident wavelength is 0.7107 A", 0.7107},
           {"# Wellenl\xc3\xa4nge: 1,789", 1.789},
           {"# Wavelength: 1.5418 \xe2\x84\xab", 1.5418},
           {"# Wavelength: 1.789 x 10^-10 m", 1.789},
           {"# Tube: Co", 1.788996},
           {"# Cobalt radiation", 1.788996},
           {"# measured with Co-K\xce\xb1 radiation", 1.788996},
           {"# Target: Cr", 2.289726},
           {"\"Wavelength\",\"1.788996\"", 1.788996},
           {"Wavelength\t1.788996", 1.788996},
           {"# Wavelength | 1.788996", 1.788996},
           {"# used wavelength: 1.788996 Angstroms, anode Co", 1.788996},
           {"#LAMBDA=1.788996", 1.788996},
           {"# Kalpha1 1.788996 Kalpha2 1.792835", 1.788996},
           {"Anode,Wavelength\nCo,1.788996", 1.788996},
           {"# WAVELENGTH : 1.540598\n# MONOCHROMATOR: Ge 111", 1.540598}}) {
    const Radiation found = find(c.header);
    ASSERT_TRUE(found.wavelength.has_value()) << c.header << "\n"
                                              << all(found.warnings) << found.fault.value_or("");
    EXPECT_NEAR(*found.wavelength, c.wavelength, 2e-6) << c.header;
    EXPECT_FALSE(found.fault.has_value()) << c.header << ": " << *found.fault;
  }
}

TEST(HeaderRadiation, WordsThatAreNoKeyOfAValueAreNoRadiation) {
  for (const char* header : {"# wavelength dispersive, 3 spots",
                             "# detector LAMBDA 2M",
                             "# LAMBDA 750K",
                             "# sample lambda-Ti3O5 batch 4",
                             "# wavelength dispersive spectrometer: 3",
                             "# Lambda detector, 2.0M",
                             "# time: 12 s",
                             "# Energy range: 5-20 keV",
                             "# threshold energy: 4.02 keV",
                             "# Energy resolution: 150 eV",
                             "# alpha: 90 beta: 90",
                             "# SOURCE=University of Arizona",
                             "# Source: Co3O4 from supplier",
                             "# sample: CoO, kappa phase",
                             "# Concentration: 0.3",
                             "'Id: \"\" Comment: \"\" Anode: \"\" Scantype: \"Coupled\"",
                             "# lambda phage prep 3.5",
                             "# Radiation: X-ray",
                             "# Anode current: 40 mA",
                             "# wavelength range 0.5-2",
                             "# beamline energy: high"}) {
    const Radiation found = find(header);
    EXPECT_FALSE(found.wavelength.has_value()) << header << ": " << *found.wavelength;
    EXPECT_EQ(all(found.warnings), "") << header;
    EXPECT_FALSE(found.fault.has_value()) << header << ": " << *found.fault;
  }
}

TEST(HeaderRadiation, WhatIsNamedAndNotUnderstoodIsQuoted) {
  for (const std::string header :
       {"# Radiation: synchrotron", "# Wavelength: about one", "# Anode: Unobtainium",
        "# wavelength 2: unknown", "# Anode: Au", "# wavelength: 1.54 furlongs", "# wavelength 1",
        "# Used wavelength: K-alpha1"}) {
    const Radiation found = find(header);
    const std::string warnings = all(found.warnings);
    EXPECT_NE(warnings.find(header.substr(0, 60)), std::string::npos) << header << ": " << warnings;
    EXPECT_TRUE(warnings.find("wavelength") != std::string::npos ||
                warnings.find("anode") != std::string::npos ||
                warnings.find("radiation") != std::string::npos)
        << warnings;
  }
}

TEST(HeaderRadiation, WhatCannotBeIsAFault) {
  for (const char* header :
       {"# wavelength 1, 5406", "# Wavelength: 154", "# wavelength 0.05 A", "# Wavelength: 0",
        "# wavelength: 15.4 nm", "# Radiation: neutrons", "# wavelength: 1.5406\n# wavelength: 0.7107",
        "# wavelength: 0.15406", "# Anode: Cu\n# Anode: Co", "# X-ray energy: 1 keV"})
    EXPECT_TRUE(find(header).fault.has_value()) << header;
  EXPECT_NE(find("# Wavelength: 154").fault->find("line 1: wavelength 154 A is outside 0.1..3 A"),
            std::string::npos);
}

TEST(HeaderRadiation, PositionsGoByTheMeanOfAPairUnlessAlpha2WasRemoved) {
  const std::string pair = "K-Alpha1 wavelength,1.54060\nK-Alpha2 wavelength,1.54440\n";
  const auto both = find(pair + "Ratio K-Alpha2/K-Alpha1,0.5\n");
  EXPECT_EQ(both.wavelength, 1.5406);
  EXPECT_EQ(both.alpha2, 1.5444);
  EXPECT_NEAR(*both.position_wavelength, (1.5406 + 0.5 * 1.5444) / 1.5, 1e-12);
  EXPECT_NEAR(*find(pair).position_wavelength, (1.5406 + 0.5 * 1.5444) / 1.5, 1e-12);
  EXPECT_EQ(find(pair + "Ratio K-Alpha2/K-Alpha1,0\n").position_wavelength, 1.5406);
  for (const char* removed : {"Monochromator: Ge 111", "# Johansson monochromator", "K-Alpha2 stripped: yes",
                              "*HW_MONOCHROMATOR \"Ge(220)x2\""})
    EXPECT_EQ(find(pair + removed).position_wavelength, 1.5406) << removed;
  for (const char* kept : {"MonochromatorUsed YES", "Monochromator: graphite", "K-Alpha2 stripped: no"})
    EXPECT_NE(find(pair + kept).position_wavelength, 1.5406) << kept;
  EXPECT_EQ(find("K-Alpha2,1.54439\nK-Alpha1,1.54056").wavelength, 1.54056);
  EXPECT_EQ(find("Alpha1,1.54056\nAlpha2,1.54439").wavelength, 1.54056);
  EXPECT_EQ(find("lambda1,1.54056\nlambda2,1.54439").alpha2, 1.54439);
  EXPECT_EQ(find("lambda 1,54056").wavelength, 1.54056);
  const auto cobalt = find("Anode: Co");
  EXPECT_EQ(cobalt.wavelength, 1.788996);
  EXPECT_EQ(cobalt.alpha2, 1.792835);
}

}  // namespace
}  // namespace bragg::data
