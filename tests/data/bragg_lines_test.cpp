#include "data/patterns/bragg_lines.h"

#include <cmath>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "data/formats/pattern_text.h"
#include "data/patterns/nothing_patterns.h"
#include "data/patterns/pattern_set.h"
#include "tests/support/shared_data.h"

namespace bragg::tests {
namespace {

using data::bragg_lines;
using data::BraggLines;
using data::DrawnScan;
using data::Nothing;
using data::nothing_kinds;
using data::nothing_there;
using data::NothingDraws;

struct Line {
  double two_theta, fwhm, height;
};

/// Gaussians on a background of `level` counts, with the noise of counting.
DrawnScan scan_of(const std::vector<Line>& lines, double level, double step, std::uint64_t index = 0,
                  double first = 5, double last = 90) {
  NothingDraws draws(11, 0, index);
  DrawnScan scan;
  for (int i = 0; first + i * step <= last; ++i) {
    const double x = first + i * step;
    double mean = level;
    for (const Line& line : lines)
      mean += line.height * std::exp2(-4 * std::pow((x - line.two_theta) / line.fwhm, 2));
    scan.two_theta.push_back(x);
    scan.intensity.push_back(draws.poisson(mean));
  }
  return scan;
}

BraggLines found_in(const DrawnScan& scan) {
  return bragg_lines(scan.two_theta, scan.intensity);
}

TEST(BraggLines, AreFoundWhereTheyAreAndAsTheyAre) {
  const std::vector<Line> lines{
      {20, 0.1, 400}, {31.7, 0.2, 1000}, {45.5, 0.25, 500}, {60, 0.2, 300}, {75, 0.9, 400}};
  for (const double step : {0.01, 0.02, 0.05}) {
    const BraggLines found = found_in(scan_of(lines, 100, step));
    ASSERT_EQ(found.lines.size(), lines.size()) << step;
    for (std::size_t i = 0; i < lines.size(); ++i) {
      EXPECT_NEAR(found.lines[i].two_theta, lines[i].two_theta, 0.25 * lines[i].fwhm + step);
      EXPECT_GT(found.lines[i].height, 0.5 * lines[i].height);
      EXPECT_LT(found.lines[i].height, 1.1 * lines[i].height);
      EXPECT_GT(found.lines[i].width, 0.5 * lines[i].fwhm);
      EXPECT_LT(found.lines[i].width, 2.1 * lines[i].fwhm);
    }
    EXPECT_EQ(found.sharp, 4);
    EXPECT_NEAR(found.noise, 10, 2.5);  // the larger of what neighbouring windows show
    EXPECT_EQ(nothing_there(found), "");
  }
}

TEST(BraggLines, OneChannelIsNone) {
  for (const double step : {0.01, 0.02, 0.05}) {
    DrawnScan scan = scan_of({}, 100, step);
    for (const double share : {0.1, 0.2, 0.35, 0.5, 0.7, 0.9})
      scan.intensity[static_cast<std::size_t>(share * static_cast<double>(scan.intensity.size()))] = 5000;
    EXPECT_EQ(found_in(scan).lines.size(), 0u) << step;
  }
  // Lines that a coarse step catches in two or three channels are.
  const BraggLines coarse = found_in(scan_of({{20.01, 0.08, 2000}, {33.335, 0.06, 2000}}, 100, 0.05));
  EXPECT_EQ(coarse.lines.size(), 2u);
}

TEST(BraggLines, EdgesAndKinksAreNone) {
  const auto shape = [](auto function) {
    DrawnScan scan;
    for (int i = 0; i < 8500; ++i) {
      scan.two_theta.push_back(5 + 0.01 * i);
      scan.intensity.push_back(function(scan.two_theta.back()));
    }
    return found_in(scan).lines.size();
  };
  EXPECT_EQ(shape([](double) { return 0.0; }), 0u);
  EXPECT_EQ(shape([](double) { return 65535.0; }), 0u);
  EXPECT_EQ(shape([](double x) { return 0.1 + 3 * x; }), 0u);
  EXPECT_EQ(shape([](double x) { return std::round(3 * x); }), 0u) << "a staircase";
  EXPECT_EQ(shape([](double x) { return std::min(1000.0, std::max(0.0, 200 * (x - 20))); }), 0u);
  EXPECT_EQ(shape([](double x) { return x < 40 ? 10.0 : 1000.0; }), 0u);
  EXPECT_EQ(shape([](double x) { return 1000 * std::exp(-std::abs(x - 40) / 10); }), 0u) << "a cusp";
  EXPECT_EQ(shape([](double x) { return std::min(700.0, 1000 * std::exp2(-std::pow((x - 25) / 4, 2))); }), 0u)
      << "a saturated hump";
}

TEST(BraggLines, OfAlmostNoPointsAreNone) {
  for (const std::size_t points : {0u, 1u, 2u, 3u, 10u, 60u}) {
    DrawnScan scan;
    for (std::size_t i = 0; i < points; ++i) {
      scan.two_theta.push_back(10 + 0.02 * static_cast<double>(i));
      scan.intensity.push_back(static_cast<double>(i % 3));
    }
    EXPECT_NE(nothing_there(found_in(scan)), "") << points;
  }
}

TEST(BraggLines, TheRefusalSaysTheFigures) {
  const std::string text = nothing_there(found_in(scan_of({{8, 6, 900}}, 50, 0.02)));
  EXPECT_NE(text.find("no Bragg lines"), std::string::npos) << text;
  EXPECT_NE(text.find("0 lines above the noise"), std::string::npos) << text;
  EXPECT_NE(text.find("0 % of the intensity in them"), std::string::npos) << text;
}

// Rock salt from 10 to 45 degrees shows 111 and 200, iron one line below 60.
TEST(BraggLines, FewOfThemAreEnough) {
  for (std::uint64_t k = 0; k < 20; ++k) {
    EXPECT_EQ(nothing_there(found_in(scan_of({{27.4, 0.12, 90}, {31.7, 0.12, 1000}}, 50, 0.02, k, 10, 45))),
              "");
    EXPECT_EQ(nothing_there(found_in(scan_of({{44.7, 0.2, 300}}, 20, 0.02, k, 10, 60))), "");
  }
}

class Nothings : public ::testing::TestWithParam<Nothing> {};

// Of 1,000 at least 990.
TEST_P(Nothings, AreRefused) {
  constexpr int count = 1000;
  int refused = 0;
  std::string answered;
  for (int i = 0; i < count; ++i) {
    const BraggLines found = found_in(draw_nothing(GetParam(), 1, static_cast<std::uint64_t>(i)));
    nothing_there(found).empty() ? static_cast<void>(answered += " " + std::to_string(i))
                                 : static_cast<void>(++refused);
  }
  EXPECT_GE(refused, 990) << "answered:" << answered;
}

INSTANTIATE_TEST_SUITE_P(BraggLines, Nothings, ::testing::ValuesIn(nothing_kinds),
                         [](const auto& kind) { return std::string(name_of(kind.param)); });

/// Patterns of a set that are refused.
std::vector<std::int64_t> refused_of(const std::filesystem::path& path) {
  const data::PatternSet set(path);
  std::vector<double> x;
  for (std::int64_t i = 0; i < set.instrument().grid.points; ++i)
    x.push_back(set.instrument().grid.at(i));
  std::vector<std::int64_t> refused;
  for (std::int64_t i = 0; i < set.size(); ++i) {
    const std::vector<float> pattern = set.pattern(i);
    if (!nothing_there(bragg_lines(x, std::vector<double>(pattern.begin(), pattern.end()))).empty())
      refused.push_back(i);
  }
  return refused;
}

TEST(BraggLinesMeasured, OfMineralsAreThere) {
  BRAGG_SHARED_DATA_OR_SKIP(dev, "rruff_dev.safetensors");
  BRAGG_SHARED_DATA_OR_SKIP(more, "rruff_more.safetensors");
  EXPECT_LE(refused_of(dev).size(), 4u) << "of 453";
  EXPECT_EQ(refused_of(more).size(), 0u) << "of 92";
}

TEST(BraggLinesMeasured, OfCrystalsOnOtherInstrumentsAreThereAndOfOrganicMatterNot) {
  BRAGG_SHARED_DATA_OR_SKIP(folder, "other_instruments");
  std::ifstream table(folder / "labels.tsv");
  std::string line;
  std::getline(table, line);
  int crystals = 0, amorphous = 0;
  while (std::getline(table, line)) {
    std::istringstream columns(line);
    std::string file, phase, space_group, kind;
    std::getline(columns, file, '\t');
    std::getline(columns, phase, '\t');
    std::getline(columns, space_group, '\t');
    std::getline(columns, kind, '\t');
    const data::MeasuredPattern pattern = data::read_pattern_text(folder / file).pattern;
    const std::string refusal = nothing_there(bragg_lines(pattern.x, pattern.intensity));
    if (kind == "crystal") {
      ++crystals;
      EXPECT_EQ(refusal, "") << file;
    } else if (kind == "amorphous") {
      ++amorphous;
      EXPECT_NE(refusal, "") << file;
    }
  }
  EXPECT_EQ(crystals, 28);
  EXPECT_EQ(amorphous, 2);
}

}  // namespace
}  // namespace bragg::tests
