// Text as people have it, after public reports of misread files: tests/data/wild/expected.tsv says what is
// right.
#include <algorithm>
#include <cctype>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "data/formats/pattern_text.h"
#include "kernels/base/error.h"
#include "tests/support/shared_data.h"
#include "xrd/scattering/wavelength.h"

namespace bragg::data {
namespace {

struct Case {
  std::string file, outcome, axis, intensity_column, wavelength, first, last, words;
};

std::vector<Case> cases() {
  std::ifstream table(bragg::tests::project_file("tests/data/wild/expected.tsv"));
  std::vector<Case> list;
  std::string line;
  std::getline(table, line);
  while (std::getline(table, line)) {
    std::istringstream fields(line);
    Case c;
    for (std::string* field :
         {&c.file, &c.outcome, &c.axis, &c.intensity_column, &c.wavelength, &c.first, &c.last, &c.words})
      std::getline(fields, *field, '\t');
    list.push_back(c);
  }
  return list;
}

class WildText : public ::testing::TestWithParam<Case> {};

TEST_P(WildText, IsReadAsMeantOrRefusedWithItsReason) {
  const Case& c = GetParam();
  const auto path = bragg::tests::project_file("tests/data/wild/" + c.file);
  std::string refused;
  TextPattern read;
  try {
    read = read_pattern_text(path);
    const auto& radiation = read.reading.radiation;
    if (radiation.fault) throw Error(*radiation.fault);
    prepare_pattern(read.pattern, radiation.position_wavelength.value_or(copper_k_alpha),
                    {.grid = {5, 0.02, 4251}});
  } catch (const Error& error) {
    refused = error.what();
  }
  if (c.outcome == "refused") {
    EXPECT_NE(refused.find(c.words), std::string::npos) << "'" << refused << "' should say " << c.words;
    EXPECT_NE(refused, "");
    return;
  }
  ASSERT_EQ(refused, "");
  EXPECT_EQ(name_of(read.reading.axis), c.axis);
  EXPECT_EQ(read.reading.intensity_column, std::stoi(c.intensity_column));
  const auto& radiation = read.reading.radiation;
  if (c.wavelength == "-") {
    EXPECT_FALSE(radiation.wavelength.has_value()) << *radiation.wavelength;
  } else {
    ASSERT_TRUE(radiation.wavelength.has_value());
    EXPECT_NEAR(*radiation.wavelength, std::stod(c.wavelength), 1e-5);
  }
  // The files are thinned to a tenth of their rows: the ends may be off by ten steps.
  const double step = c.axis == "two_theta" || c.axis == "theta" ? 0.21 : 0;
  EXPECT_NEAR(read.pattern.x.front(), std::stod(c.first),
              std::max(step, 0.011 * std::abs(std::stod(c.first))));
  EXPECT_NEAR(read.pattern.x.back(), std::stod(c.last), std::max(step, 0.011 * std::abs(std::stod(c.last))));
  std::string warnings;
  for (const std::string& warning : read.reading.warnings)
    warnings += warning + "\n";
  for (const std::string& warning : radiation.warnings)
    warnings += warning + "\n";
  // A lattice spacing without a unit is said to be taken in A.
  if (c.words != "-") {
    EXPECT_NE(warnings.find(c.words), std::string::npos) << warnings;
  } else if (c.axis != "d") {
    EXPECT_EQ(warnings, "");
  }
}

INSTANTIATE_TEST_SUITE_P(PatternText, WildText, ::testing::ValuesIn(cases()), [](const auto& test) {
  std::string name;
  for (const char c : test.param.file)
    name += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
});

}  // namespace
}  // namespace bragg::data
