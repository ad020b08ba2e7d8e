// The search: structures find themselves, whatever the instrument, and nothing else is looked at.
#include "data/search/search.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include <gtest/gtest.h>

#include "data/search/element_filter.h"
#include "data/search/radiation_search.h"
#include "tests/data/search_fixture.h"

namespace bragg::tests {
namespace {

using data::MeasuredPattern;
using data::SearchMatch;
using data::SearchPattern;

class Search : public ::testing::Test {
 protected:
  const std::unique_ptr<Backend> backend_ = make_backend({"cpu", 2, ""});
  const data::SearchIndex index_{*backend_, library_of(searched_crystals()), {.enabled = false}};

  std::vector<SearchMatch> found(const MeasuredPattern& pattern, double wavelength = copper_k_alpha,
                                 const data::SearchSettings& settings = {},
                                 std::span<const std::uint8_t> allowed = {}) const {
    const SearchPattern one{&pattern, wavelength};
    return data::search(*backend_, index_, {&one, 1}, settings, allowed).front();
  }
  MeasuredPattern pattern(const std::string& block, double wavelength = copper_k_alpha,
                          double scale = 1) const {
    return pattern_of(*backend_, searched_crystals()[static_cast<std::size_t>(number_of(block))], wavelength,
                      scale);
  }
};

TEST_F(Search, EveryStructureFindsItself) {
  for (const xrd::Crystal& crystal : searched_crystals()) {
    SCOPED_TRACE(crystal.name);
    const auto matches = found(pattern_of(*backend_, crystal));
    ASSERT_FALSE(matches.empty());
    EXPECT_EQ(matches[0].structure, number_of(crystal.name));
    EXPECT_GT(matches[0].similarity, 0.9);
    EXPECT_LE(matches[0].similarity, 1.004);  // as far as bfloat16 goes
    EXPECT_NEAR(matches[0].scale, 1, 0.0031);
    EXPECT_TRUE(std::is_sorted(
        matches.begin(), matches.end(),
        [](const SearchMatch& a, const SearchMatch& b) { return a.similarity > b.similarity; }));
  }
}

TEST_F(Search, TheScaleIsThatOfTheSamplesCell) {
  for (const double scale : {0.991, 0.997, 1.006, 1.009}) {
    const auto matches = found(pattern("quartz_alpha", copper_k_alpha, scale));
    EXPECT_EQ(matches[0].structure, number_of("quartz_alpha"));
    EXPECT_NEAR(matches[0].scale, scale, 1e-5);
  }
}

TEST_F(Search, AnyWavelengthAndPartsOfTheRange) {
  for (const char* block : {"corundum", "gypsum", "albite"})
    for (const double wavelength : {0.71073, 1.79026, 2.29100}) {
      SCOPED_TRACE(std::string(block) + " " + std::to_string(wavelength));
      const MeasuredPattern whole = pattern(block, wavelength);
      EXPECT_EQ(found(whole, wavelength)[0].structure, number_of(block));
      EXPECT_EQ(found(part_of(whole, 18, 60), wavelength)[0].structure, number_of(block));
    }
}

TEST_F(Search, OnQAndDAsOnTwoTheta) {
  const MeasuredPattern angles = pattern("zircon");
  const auto expected = found(angles);
  MeasuredPattern q = angles, d = angles;
  q.abscissa = data::Abscissa::q;
  d.abscissa = data::Abscissa::d;
  for (std::size_t i = 0; i < angles.x.size(); ++i) {
    const double sine = std::sin(angles.x[i] * std::numbers::pi / 360);
    q.x[i] = 4 * std::numbers::pi * sine / copper_k_alpha;
    const std::size_t mirrored = angles.x.size() - 1 - i;  // ascending
    d.x[mirrored] = copper_k_alpha / (2 * sine);
    d.intensity[mirrored] = angles.intensity[i];
  }
  for (const MeasuredPattern* one : {&q, &d}) {
    const auto matches = found(*one, 0);
    EXPECT_EQ(matches[0].structure, expected[0].structure);
    EXPECT_NEAR(matches[0].similarity, expected[0].similarity, 1e-3);
  }
}

TEST_F(Search, MatchesDependNeitherOnTheBatchNorOnThreads) {
  std::vector<MeasuredPattern> patterns;
  for (const char* block : {"halite", "pyrite", "olivine", "rutile", "beryl"})
    patterns.push_back(pattern(block));
  patterns.push_back(part_of(patterns[2], 20, 70));  // another window between equal ones
  patterns.push_back(patterns[0]);
  std::vector<SearchPattern> all;
  for (const MeasuredPattern& one : patterns)
    all.push_back({&one, copper_k_alpha});
  const auto other = make_backend({"cpu", 3, ""});
  const data::SearchIndex other_index(*other, library_of(searched_crystals()), {.enabled = false}, 1);
  const auto together = data::search(*backend_, index_, all),
             elsewhere = data::search(*other, other_index, all);
  ASSERT_EQ(together.size(), all.size());
  const auto same = [](const std::vector<SearchMatch>& a, const std::vector<SearchMatch>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const SearchMatch& x, const SearchMatch& y) {
      return x.structure == y.structure && x.scale == y.scale && x.similarity == y.similarity;
    });
  };
  for (std::size_t n = 0; n < all.size(); ++n) {
    EXPECT_TRUE(same(together[n], found(patterns[n]))) << n;
    EXPECT_TRUE(same(together[n], elsewhere[n])) << n;
  }
}

TEST_F(Search, AmongManyEachPatternIsRefusedForItselfAndGetsItsOwnBits) {
  MeasuredPattern flat = pattern("halite");
  std::fill(flat.intensity.begin(), flat.intensity.end(), 7.0);
  const MeasuredPattern olivine = pattern("olivine"), beryl = pattern("beryl", 1.79026);
  const std::vector<MeasuredPattern> patterns{
      olivine, part_of(olivine, 20, 70), flat, beryl, pattern("zircon"), part_of(pattern("rutile"), 20, 70)};
  std::vector<SearchPattern> all;
  for (int copies = 0; copies < 9; ++copies)  // more of a window than are compared at a time
    for (const MeasuredPattern& one : patterns)
      all.push_back({&one, &one == &patterns[3] ? 1.79026 : copper_k_alpha});
  data::Searcher searcher(*backend_, index_);
  for (const int threads : {1, 3}) {
    ThreadPool pool(threads);
    const std::vector<data::SearchResult> results = searcher.search(all, pool);
    ASSERT_EQ(results.size(), all.size());
    for (std::size_t n = 0; n < all.size(); ++n) {
      SCOPED_TRACE(n);
      ASSERT_EQ(results[n].refused.has_value(), n % patterns.size() == 2);
      if (results[n].refused) {
        EXPECT_STREQ(results[n].refused->what(),
                     "nothing rises above the noise: there is nothing to search for");
        EXPECT_TRUE(results[n].matches.empty());
        continue;
      }
      const auto alone = found(*all[n].measured, all[n].wavelength);
      ASSERT_EQ(results[n].matches.size(), alone.size());
      for (std::size_t i = 0; i < alone.size(); ++i) {
        EXPECT_EQ(results[n].matches[i].structure, alone[i].structure);
        EXPECT_EQ(results[n].matches[i].scale, alone[i].scale);
        EXPECT_EQ(results[n].matches[i].similarity, alone[i].similarity);
      }
    }
  }
}

TEST_F(Search, OnlyWhatIsAllowedIsSearched) {
  std::vector<std::uint8_t> allowed(searched_crystals().size(), 0);
  for (const char* block : {"halite", "silicon"})
    allowed[static_cast<std::size_t>(number_of(block))] = 1;
  for (const SearchMatch& match : found(pattern("zircon"), copper_k_alpha, {}, allowed))
    EXPECT_EQ(allowed[static_cast<std::size_t>(match.structure)], 1);
  EXPECT_EQ(found(pattern("halite"), copper_k_alpha, {}, allowed)[0].structure, number_of("halite"));
  EXPECT_TRUE(
      found(pattern("halite"), copper_k_alpha, {}, std::vector<std::uint8_t>(allowed.size(), 0)).empty());
}

TEST_F(Search, ByElements) {
  const auto names = [&](const char* elements, const char* exclude) {
    std::vector<std::string> passed;
    const auto allowed = data::allowed_structures(index_, data::parse_element_filter(elements, exclude));
    for (std::size_t i = 0; i < allowed.size(); ++i)
      if (allowed[i] != 0) passed.push_back(searched_crystals()[i].name);
    return passed;
  };
  EXPECT_EQ(names("Ti, O", ""), (std::vector<std::string>{"anatase", "rutile"}));
  EXPECT_EQ(names("Ca C O Mg!", ""), (std::vector<std::string>{"aragonite", "calcite", "dolomite"}));
  EXPECT_EQ(names("Ca,C,O", "Mg ,Na"), (std::vector<std::string>{"aragonite", "calcite"}));
  EXPECT_EQ(names("", "O"),
            (std::vector<std::string>{"copper", "fluorite", "halite", "pyrite", "silicon", "wurtzite"}));
  EXPECT_TRUE(data::allowed_structures(index_, data::parse_element_filter("", "")).empty());
}

/// Copies of a structure under few names, some of them DFT.
TEST_F(Search, FewOfANameAreKept) {
  std::vector<xrd::Crystal> copies(7, searched_crystals()[static_cast<std::size_t>(number_of("rutile"))]);
  data::SearchLibrary library = library_of(copies);
  library.name = {5, 5, 5, 9, 9, 9, 9};
  library.kind[1] = library.kind[6] = data::StructureKind::dft;
  const data::SearchIndex index(*backend_, library, {.enabled = false});
  const MeasuredPattern measured = pattern("rutile");
  const SearchPattern one{&measured, copper_k_alpha};
  const auto structures = [&](const data::SearchSettings& settings) {
    std::vector<std::int32_t> list;
    const auto matches = data::search(*backend_, index, {&one, 1}, settings);
    for (const SearchMatch& match : matches.front())
      list.push_back(match.structure);
    std::sort(list.begin(), list.end());
    return list;
  };
  EXPECT_EQ(structures({}), (std::vector<std::int32_t>{0, 1, 2, 3, 4, 6}));
  EXPECT_EQ(structures({.experimental = 3, .dft = 1}), (std::vector<std::int32_t>{0, 1, 2, 3}));
  EXPECT_EQ(structures({.per_name = 1}), (std::vector<std::int32_t>{0, 1, 3, 6}));
}

TEST_F(Search, TheRadiationThatFitsIsFound) {
  data::Searcher searcher(*backend_, index_);
  for (const auto& [symbol, wavelength] :
       {std::pair{"Cu", copper_k_alpha}, {"Co", 1.79026}, {"Mo", 0.71073}}) {
    const auto all = data::search_radiations(searcher, pattern("calcite", wavelength));
    const auto& best = all[data::best_radiation(all)];
    EXPECT_EQ(all[0].anode, "Cu");
    EXPECT_EQ(best.anode, symbol);
    EXPECT_NEAR(best.wavelength, wavelength, 2e-4);
    EXPECT_EQ(best.matches[0].structure, number_of("calcite"));
  }
  // Of several at once each has its own, and one of too little is refused.
  const MeasuredPattern cobalt = pattern("calcite", 1.79026), copper = pattern("beryl"),
                        little = part_of(cobalt, 60, 61);
  const std::vector<const MeasuredPattern*> several{&cobalt, &little, &copper};
  ThreadPool pool(2);
  const auto results = data::search_radiations(searcher, several, pool);
  ASSERT_EQ(results.size(), 3u);
  EXPECT_EQ(results[0].found[data::best_radiation(results[0].found)].anode, "Co");
  EXPECT_TRUE(results[1].refused && results[1].found.empty());
  EXPECT_EQ(results[2].found[data::best_radiation(results[2].found)].anode, "Cu");
  EXPECT_EQ(results[2].found[0].best_similarity(),
            data::search_radiations(searcher, copper)[0].best_similarity());
  MeasuredPattern q = pattern("calcite");
  q.abscissa = data::Abscissa::q;
  EXPECT_THROW(data::search_radiations(searcher, q), UsageError);
}

// ---- what is refused ----

template <typename Problem, typename Call>
void refused(const std::string& message, Call call) {
  try {
    call();
    ADD_FAILURE() << "not refused: " << message;
  } catch (const Problem& e) {
    EXPECT_EQ(e.what(), message);
  }
}

TEST_F(Search, SettingsAndMasksAreChecked) {
  const MeasuredPattern measured = pattern("halite");
  const auto with = [&](auto change) {
    data::SearchSettings settings;
    change(settings);
    found(measured, copper_k_alpha, settings);
  };
  refused<UsageError>("search: per_name 0 is not in 1..4096", [&] { with([](auto& s) { s.per_name = 0; }); });
  refused<UsageError>("search: dft_candidates 5 is not in 30..4096",
                      [&] { with([](auto& s) { s.dft_candidates = 5; }); });
  refused<UsageError>("search: dft_scales 0.9 to 1.1 by 0.001 are not 1..32 scales between 0.5 and 2", [&] {
    with([](auto& s) { s.dft_scales = {0.9, 1.1, 0.001}; });
  });
  refused<UsageError>("search: allowed says so of 2 structures, not of 26", [&] {
    found(measured, copper_k_alpha, {}, std::vector<std::uint8_t>{1, 1});
  });
  data::SearchLibrary library = library_of(searched_crystals());
  library.kind.pop_back();
  refused<UsageError>("search library: kinds of 25 structures, not of 26",
                      [&] { data::SearchIndex(*backend_, library, {.enabled = false}); });
}

TEST_F(Search, PatternsWithoutAnythingToSearchForAreRefused) {
  MeasuredPattern flat = pattern("halite");
  std::fill(flat.intensity.begin(), flat.intensity.end(), 7.0);
  refused<data::PatternRefused>("nothing rises above the noise: there is nothing to search for",
                                [&] { found(flat); });
  const MeasuredPattern little = part_of(pattern("halite"), 30, 32);
  refused<data::PatternRefused>(
      "40 bins of 0.05 degrees lie between d = 1.09 and 17.59 A, at least 50 are needed to search",
      [&] { found(little); });
  const MeasuredPattern good = pattern("halite");
  const std::vector<SearchPattern> two{{&good, copper_k_alpha}, {&flat, copper_k_alpha}};
  refused<data::PatternRefused>("pattern 1: nothing rises above the noise: there is nothing to search for",
                                [&] { data::search(*backend_, index_, two); });
}

TEST(ElementFilter, WordsThatAreNoElements) {
  refused<UsageError>("--elements: 'Xy' is no symbol of an element",
                      [] { data::parse_element_filter("Si,Xy", ""); });
  refused<UsageError>("--exclude: 'Si!' is no symbol of an element",
                      [] { data::parse_element_filter("", "Si!"); });
  refused<UsageError>("--elements: 'Fe3+' is no symbol of an element",
                      [] { data::parse_element_filter("Fe3+", ""); });
  refused<UsageError>("--elements: ', ' names no element", [] { data::parse_element_filter(", ", ""); });
  refused<UsageError>("--elements and --exclude both name O",
                      [] { data::parse_element_filter("Si,O", "O"); });
}

TEST(ElementFilter, WhatIsRequiredThePhasesHoldTogether) {
  const data::ElementFilter filter = data::parse_element_filter("Si!,O,Ca!,D", "");
  data::ElementSet quartz, lime, water;
  quartz.add(14);
  quartz.add(8);
  lime.add(20);
  lime.add(8);
  water.add(1);
  water.add(8);
  EXPECT_TRUE(filter.passes(quartz));
  EXPECT_TRUE(filter.passes(water));  // D is hydrogen
  EXPECT_TRUE(filter.is_satisfied_by(std::vector{quartz, lime}));
  EXPECT_FALSE(filter.is_satisfied_by(std::vector{quartz, water}));
}

}  // namespace
}  // namespace bragg::tests
