// The page of `bragg identify --report`: complete in itself, harmless whatever files say, and bounded.
#include "apps/report/identification_page.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <regex>

#include <gtest/gtest.h>

#include "apps/report/pattern_view.h"
#include "kernels/base/utf8.h"
#include "tests/apps/identification_samples.h"
#include "tests/apps/well_formed.h"

namespace bragg::apps::report {
namespace {

using bragg::apps::tests::external_reference;
using bragg::apps::tests::hostile_name;
using bragg::apps::tests::why_not_well_formed;

std::string page_of(const std::vector<Identification>& answers) {
  return identification_page(answers, static_cast<std::int64_t>(answers.size()));
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size()))
    ++count;
  return count;
}

/// The page without the script that bragg put there, and without links within the page.
std::string without_own_script(std::string page) {
  const std::size_t at = page.find(zoom_script());
  EXPECT_NE(at, std::string::npos);
  if (at != std::string::npos) page.erase(at, zoom_script().size());
  return std::regex_replace(page, std::regex("href=\"#p[0-9]+\""), "");
}

std::vector<std::pair<int, int>> curve_of(const std::string& html) {
  const std::string before = "<polyline class=\"trace\" points=\"";
  const std::size_t from = html.find(before) + before.size();
  std::vector<std::pair<int, int>> points;
  std::istringstream stream(html.substr(from, html.find('"', from) - from));
  for (std::string pair; stream >> pair;)
    points.emplace_back(std::stoi(pair), std::stoi(pair.substr(pair.find(',') + 1)));
  return points;
}

TEST(IdentificationPage, SaysTheVerdictAndShowsEachCandidatesLines) {
  const std::string page = page_of({tests::quartz()});
  EXPECT_EQ(why_not_well_formed(page), "");
  EXPECT_NE(page.find("<p class=\"verdict\">quartz, SiO2, P3221 (or P3121): 94 %</p>"), std::string::npos);
  EXPECT_NE(page.find("<title>quartz (1 0 1), 26.64\xC2\xB0, 100 %</title>"), std::string::npos);
  EXPECT_NE(page.find("<title>quartz (1 0 0), 20.86\xC2\xB0, 21 %</title>"), std::string::npos);
  EXPECT_EQ(count_of(page, "<g class=\"sticks "), 2u);
  EXPECT_EQ(count_of(page, "<input type=\"radio\" name=\"p1\""), 2u);
  EXPECT_EQ(count_of(page, " checked=\"checked\""), 1u) << "one is shown without a script";
  EXPECT_EQ(count_of(page, "<label class=\"card l"), 2u);
  EXPECT_NE(page.find("for=\"p1c2\""), std::string::npos);
  EXPECT_NE(page.find("id=\"p1c2\" class=\"c2\""), std::string::npos);
  for (const char* part :
       {"extinction symbol P 31 - -", "trigonal, 154 P3221 (or P3121)", "similarity 0.953", "AMCSD 0000789",
        "as like: quartz low (152), berlinite (152)", "calculated, not measured",
        "warning: the first warning", "intensity, %", "name=\"viewport\"", "prefers-color-scheme: dark",
        "aria-label=\"Diffraction pattern"}) {
    EXPECT_NE(page.find(part), std::string::npos) << part;
  }
  EXPECT_EQ(count_of(page, "<table>"), 0u) << "no list of a single pattern, no other candidates";
}

TEST(IdentificationPage, ACandidatesRefinedPatternIsDrawnOverTheMeasuredOne) {
  Identification answer = tests::quartz();
  const std::size_t without = count_of(page_of({answer}), "<polyline");
  Candidate& candidate = answer.candidates[1];
  candidate.calculated_curve = answer.values;
  candidate.background_curve.assign(answer.values.size(), 0.02f);
  // What the refinement did not look at is not drawn.
  candidate.calculated_curve[0] = candidate.background_curve[0] = std::numeric_limits<float>::quiet_NaN();
  const std::string page = page_of({answer});
  EXPECT_EQ(why_not_well_formed(page), "");
  EXPECT_EQ(count_of(page, "<polyline"), without + 3);
  for (const char* part :
       {"class=\"calculated sticks s2\"", "class=\"difference sticks s2\"", "class=\"background sticks s2\"",
        "edges +0.10, +0.10, -0.20 %", "residual 12.5 %, 75 % explained"})
    EXPECT_NE(page.find(part), std::string::npos) << part;
  EXPECT_EQ(page.find("nan"), std::string::npos);
  // The same curve leaves nothing: the difference is a straight line.
  const std::size_t from = page.find("class=\"difference sticks s2\" points=\"");
  const std::string points = page.substr(from, page.find("\">", from) - from);
  const std::string first = points.substr(points.find(',') + 1);
  const std::string level = first.substr(0, first.find(' '));
  EXPECT_EQ(count_of(points, "," + level), count_of(points, ","));
}

TEST(IdentificationPage, OtherPhasesThatExplainItAsWellStandBelowTheVerdict) {
  const std::string page = page_of({tests::quartz_and_calcite()});
  EXPECT_EQ(why_not_well_formed(page), "");
  EXPECT_NE(
      page.find("About as well: quartz, SiO2, P3221 (or P3121); aragonite, CaCO3, Pnma: residual 13.1 %"),
      std::string::npos);
}

TEST(IdentificationPage, ASeriesIsShownAtAGlance) {
  Identification one = tests::quartz(), other = tests::quartz();
  other.phases[0].cell_change = {0.004, 0.004, 0.001};
  const std::string page = page_of({one, other, tests::refused_file()});
  EXPECT_EQ(why_not_well_formed(page), "");
  EXPECT_NE(page.find("<h2>The series</h2>"), std::string::npos);
  EXPECT_EQ(count_of(page, "class=\"edge-a\""), 1u + 2u) << "a line and a mark a scan";
  EXPECT_NE(page.find("scan 2: a = 4.9137"), std::string::npos);
  EXPECT_NE(page.find("refined cell"), std::string::npos);
  EXPECT_EQ(page_of({one}).find("The series"), std::string::npos);
}

TEST(IdentificationPage, RunsAndFetchesNothingThatFilesSay) {
  Identification answer = tests::quartz();
  for (Candidate* candidate : {&answer.phases[0], &answer.candidates[0], &answer.candidates[1]}) {
    candidate->name = candidate->formula = candidate->source = candidate->entry = hostile_name;
    candidate->variants = {hostile_name, "\"onmouseover=\"alert(1)"};
  }
  answer.file = std::string("</title><img src=x onerror=alert(1)>") + hostile_name;
  answer.warnings = {hostile_name};
  Identification strange = tests::unknown_phase();
  strange.reason = hostile_name;
  Identification refused = tests::refused_file();
  refused.refused = hostile_name;
  const std::string page = page_of({answer, strange, refused});
  EXPECT_EQ(why_not_well_formed(page), "");
  EXPECT_TRUE(is_utf8(page));
  const std::string rest = without_own_script(page);
  EXPECT_EQ(count_of(rest, "<script"), 0u);
  EXPECT_EQ(count_of(rest, "</script"), 0u);
  EXPECT_EQ(count_of(rest, "<img"), 0u);
  EXPECT_EQ(count_of(rest, "<b>"), 0u);
  EXPECT_EQ(count_of(rest, "\x1b"), 0u);
  EXPECT_EQ(count_of(rest, "\"onmouseover"), 0u);
  EXPECT_GT(count_of(rest, "&lt;/script&gt;&lt;b&gt;&amp;"), 10u);
  const std::string clean = without_own_script(page_of({tests::unknown_phase(), tests::refused_file()}));
  EXPECT_EQ(external_reference(clean), "");
}

TEST(IdentificationPage, TheScriptHoldsNothingOfTheAnswers) {
  EXPECT_EQ(count_of(std::string(zoom_script()), "<script>"), 1u);
  EXPECT_TRUE(zoom_script().ends_with("</script>\n"));
  EXPECT_EQ(count_of(std::string(zoom_script()), "innerHTML"), 0u);
  EXPECT_EQ(count_of(page_of({tests::quartz(), tests::quartz()}), "<script>"), 1u) << "once a page";
}

TEST(IdentificationPage, SeveralPatternsAreListedFirst) {
  const std::string page =
      identification_page(std::vector{tests::quartz(), tests::unknown_phase(), tests::refused_file()}, 250);
  EXPECT_EQ(why_not_well_formed(page), "");
  for (const char* part : {"<a href=\"#p2\">strange.xy [3]</a>", "id=\"p2\"", "id=\"p3\"", "name=\"p2\"",
                           "The first 3 of 250 patterns are shown.",
                           "no confident match: the most alike structure has a similarity of 0.51",
                           "refused: broken.txt:2: intensity nan"}) {
    EXPECT_NE(page.find(part), std::string::npos) << part;
  }
  EXPECT_EQ(count_of(page, "<div class=\"pattern\""), 2u) << "a refused one has nothing to draw";
  EXPECT_EQ(page_of({}).find("<div class=\"pattern\""), std::string::npos);
  EXPECT_EQ(why_not_well_formed(page_of({})), "");
}

TEST(IdentificationPage, ItsSizeIsBounded) {
  Identification answer = tests::quartz();
  answer.values.assign(200000, 0);
  for (std::size_t i = 0; i < answer.values.size(); ++i)
    answer.values[i] = static_cast<float>(i % 97) / 96;
  answer.step = 85.0 / 200000;
  Candidate candidate = answer.candidates[0];
  candidate.name = std::string(1 << 20, 'n');
  candidate.variants.assign(1000, std::string(1000, 'v'));
  candidate.lines.clear();
  for (int i = 0; i < 5000; ++i)
    candidate.lines.push_back({10 + 0.015 * i, 1 - 0.0001 * i, {i, 0, 0}});
  answer.candidates.assign(most_candidates, candidate);
  answer.warnings.assign(100, std::string(1 << 16, 'w'));
  const std::string empty = page_of({}), page = page_of({answer});
  EXPECT_EQ(why_not_well_formed(page), "");
  const std::size_t bytes = page.size() - empty.size();
  // 4000 points of at most 12 bytes, 6 x 300 lines of some 180 with a name of 80, cards and notes of texts cut at 300.
  RecordProperty("bytes", static_cast<int>(bytes));
  EXPECT_LT(bytes, 48000u + 1800 * 200 + 60000);
  EXPECT_EQ(count_of(page, "<g class=\"sticks "), most_stick_sets);
  EXPECT_EQ(count_of(page, "<path d=\"M"), most_stick_sets * 300);
  EXPECT_NE(page.find("14 more candidates"), std::string::npos);
}

PatternView view_of(const std::vector<float>& values) {
  return {.values = values, .first = 10, .step = 0.01, .label = "a pattern"};
}

TEST(PatternView, TheStyleSheetShowsTheChosenOneOfAllThatThereCanBe) {
  const std::string style(pattern_style());
  for (std::size_t i = 1; i <= most_stick_sets; ++i) {
    const std::string n = std::to_string(i);
    for (const char* rule :
         {":checked ~ .pattern .s", ":checked ~ .choice .l", ":focus-visible ~ .choice .l"})
      EXPECT_NE(style.find(std::string(".c").append(n).append(rule).append(n)), std::string::npos)
          << n << rule;
  }
  EXPECT_EQ(std::count(style.begin(), style.end(), '{'), std::count(style.begin(), style.end(), '}'));
}

TEST(PatternView, PeaksSurviveThinning) {
  std::vector<float> values(60001, 0.25f);
  values[12345] = 1;
  values[50001] = 0;
  const auto points = curve_of(pattern_view(view_of(values)));
  EXPECT_LE(points.size(), 4002u);
  const auto higher = [](const auto& a, const auto& b) { return a.second > b.second; };
  const auto peak = *std::max_element(points.begin(), points.end(), higher);
  const auto hole = *std::min_element(points.begin(), points.end(), higher);
  EXPECT_EQ(peak.first, std::lround(12345.0 / 60000 * 10000));
  EXPECT_EQ(peak.second, std::lround(10000 - 10000 / 1.03));
  EXPECT_EQ(hole.first, std::lround(50001.0 / 60000 * 10000));
  EXPECT_EQ(hole.second, 10000);
  EXPECT_TRUE(std::is_sorted(points.begin(), points.end(),
                             [](const auto& a, const auto& b) { return a.first < b.first; }));
  EXPECT_EQ(points.front().first, 0);
  EXPECT_EQ(points.back().first, 10000);
}

TEST(PatternView, FewPointsAreAllDrawnAndThoseThatAreNoNumbersAreNot) {
  const float nan = std::numeric_limits<float>::quiet_NaN(),
              infinite = std::numeric_limits<float>::infinity();
  const auto points = curve_of(pattern_view(view_of({0, 0.5f, nan, 1, infinite, -0.03f})));
  ASSERT_EQ(points.size(), 4u);
  EXPECT_EQ(points[1].first, 2000);
  EXPECT_EQ(points[3].second, 10000) << "the axis begins below zero where the pattern does";
  EXPECT_EQ(pattern_view(view_of({})), "");
  EXPECT_EQ(pattern_view(view_of({1})), "");
  EXPECT_EQ(pattern_view(view_of({nan, 1, nan})), "");
  EXPECT_EQ(curve_of(pattern_view(view_of({0, 0, 0}))).size(), 3u) << "a dead detector";
}

TEST(PatternView, LinesOutsideAndBelowOnePercentAreLeftOut) {
  const std::vector<float> values(1001, 0.5f);
  PatternView view = view_of(values);
  view.sticks = {{{15, 0.5, "in the middle"},
                  {9.99, 1, "before"},
                  {20.01, 1, "behind"},
                  {16, 0.0099, "weak"},
                  {17, 0.01, "just strong enough"},
                  {std::numeric_limits<double>::quiet_NaN(), 1, "nowhere"}}};
  const std::string html = pattern_view(view);
  EXPECT_NE(html.find("<path d=\"M5000 10250v1300\"><title>in the middle</title></path>"), std::string::npos)
      << html;
  EXPECT_NE(html.find("just strong enough"), std::string::npos);
  for (const char* left_out : {"before", "behind", "weak", "nowhere"})
    EXPECT_EQ(html.find(left_out), std::string::npos) << left_out;
  // Ticks of both axes: 10, 12 .. 20 degrees, 0 .. 50 %.
  EXPECT_NE(html.find("<span style=\"left:20.000%\">12</span>"), std::string::npos) << html;
  EXPECT_NE(html.find("<span style=\"bottom:23.077%\">0</span>"), std::string::npos) << html;
  EXPECT_NE(html.find("data-first=\"10\" data-last=\"20\""), std::string::npos);
}

}  // namespace
}  // namespace bragg::apps::report
