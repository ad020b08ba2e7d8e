// Many patterns in one call of refinement: each gets the bits that it gets alone, whatever the others are.
#include <array>
#include <bit>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "data/refinement/refined_structures.h"
#include "data/refinement/refiner.h"
#include "tests/data/search_fixture.h"
#include "tests/support/devices.h"
#include "xrd/reflections.h"

namespace bragg::tests {
namespace {

using data::CandidatesToRefine;
using data::MeasuredPattern;
using data::RefinedCandidate;
using data::RefinedCandidates;

const xrd::Crystal& crystal(const char* name) {
  return searched_crystals()[static_cast<std::size_t>(number_of(name))];
}

/// Each device with its numbers in single precision, once.
std::vector<DeviceOptions> devices() {
  std::vector<DeviceOptions> all;
  std::set<std::string> seen;
  for (const DeviceOptions& one : devices_under_test())
    if (one.precision == "fp32" && seen.insert(one.device).second)
      all.push_back({one.device, one.threads, ""});
  return all;
}

/// Every n-th point.
MeasuredPattern thinned(const MeasuredPattern& of, std::size_t n) {
  MeasuredPattern thin{.abscissa = of.abscissa, .x = {}, .intensity = {}};
  for (std::size_t i = 0; i < of.x.size(); i += n) {
    thin.x.push_back(of.x[i]);
    thin.intensity.push_back(of.intensity[i]);
  }
  return thin;
}

/// Patterns of other ranges, wavelengths and steps, one without candidates and one that is refused between them.
class RefinedTogether : public ::testing::TestWithParam<DeviceOptions> {
 protected:
  RefinedTogether() {
    const auto host = make_backend({"cpu", 2, ""});
    const auto measured = [&](const char* name, double wavelength, double first, double end) {
      return part_of(pattern_of(*host, crystal(name), wavelength), first, end);
    };
    patterns_ = {
        measured("calcite", copper_k_alpha, 20, 50),  measured("halite", 1.79026, 25, 70),
        measured("fluorite", copper_k_alpha, 20, 60), thinned(measured("rutile", copper_k_alpha1, 22, 57), 3),
        measured("copper", copper_k_alpha, 40, 40.6), measured("silicon", 0.71073, 10, 40)};
    add(0, {{"calcite", 1}, {"halite", 1.002}, {"gypsum", 1}});
    add(1, {{"halite", 1.003}});
    add(2, {});
    add(3, {{"rutile", 0.998}, {"copper", 1}});
    add(4, {{"copper", 1}});
    add(5, {{"silicon", 1}, {"calcite", 1}}, false);
    // The first once more, by other structures and one that it has, too.
    add(0, {{"rutile", 1}, {"calcite", 1.001}});
  }
  void add(std::size_t pattern, const std::vector<std::pair<const char*, double>>& starts,
           bool may_have_doublet = true) {
    constexpr double wavelengths[] = {copper_k_alpha,  1.79026,        copper_k_alpha,
                                      copper_k_alpha1, copper_k_alpha, 0.71073};
    CandidatesToRefine one{
        .pattern = {&patterns_[pattern], wavelengths[pattern], may_have_doublet},
        .starts = {},
        .lines_from = 5,
        .lines_to = 90,
    };
    for (const auto& [name, scale] : starts) {
      auto& known = crystals_[name];
      if (!known) known = std::make_shared<const xrd::Crystal>(crystal(name));
      one.starts.emplace_back(known, scale);
    }
    wanted_.push_back(std::move(one));
  }

  std::map<std::string, std::shared_ptr<const xrd::Crystal>> crystals_;  ///< that patterns share
  std::vector<MeasuredPattern> patterns_;
  std::vector<CandidatesToRefine> wanted_;
};
INSTANTIATE_TEST_SUITE_P(Devices, RefinedTogether, ::testing::ValuesIn(devices()),
                         [](const auto& device) { return name_of(device.param); });

void expect_same(const RefinedCandidate& got, const RefinedCandidate& expected) {
  EXPECT_EQ(got.is_dropped, expected.is_dropped);
  const auto numbers = [](const RefinedFigures& of) {
    return std::bit_cast<std::array<float, refined_figures>>(of);
  };
  EXPECT_EQ(numbers(got.figures), numbers(expected.figures));
  EXPECT_EQ(got.background_chi_squared, expected.background_chi_squared);
  EXPECT_EQ(got.residual, expected.residual);
  EXPECT_EQ(got.parameters, expected.parameters);
  EXPECT_EQ(got.cell, expected.cell);
  EXPECT_EQ(got.cell_change, expected.cell_change);
  EXPECT_EQ(got.curves.grid.points, expected.curves.grid.points);
  EXPECT_EQ(got.curves.calculated, expected.curves.calculated);
  EXPECT_EQ(got.curves.background, expected.curves.background);
}

TEST_P(RefinedTogether, EachPatternGetsTheBitsThatItGetsAlone) {
  const auto backend = make_backend(GetParam());
  std::vector<RefinedCandidates> alone;
  ThreadPool one_thread(1);
  for (const CandidatesToRefine& one : wanted_)
    alone.push_back(std::move(data::refine_candidates(*backend, one_thread, {&one, 1}, true).front()));
  EXPECT_FALSE(alone[0].refused);
  EXPECT_GT(alone[0].candidates[0].figures.root_cosine, 0.9);
  EXPECT_FALSE(alone[2].refused);
  ASSERT_TRUE(alone[4].refused);
  EXPECT_STREQ(alone[4].refused->what(),
               "30 points lie between 5.00 and 90.00 degrees, at least 50 are needed to refine");
  for (const int threads : {1, 3}) {
    ThreadPool pool(threads);
    const auto together = data::refine_candidates(*backend, pool, wanted_, true);
    ASSERT_EQ(together.size(), wanted_.size());
    for (std::size_t n = 0; n < wanted_.size(); ++n) {
      SCOPED_TRACE(n);
      EXPECT_EQ(together[n].refused.has_value(), alone[n].refused.has_value());
      ASSERT_EQ(together[n].candidates.size(), n == 4 ? 0 : wanted_[n].starts.size());
      for (std::size_t i = 0; i < together[n].candidates.size(); ++i)
        expect_same(together[n].candidates[i], alone[n].candidates[i]);
    }
  }
}

/// Candidates `first` to `end` of a pattern: halite with a cell of another length each.
CandidatesToRefine many_halites(const MeasuredPattern& pattern,
                                std::span<const std::shared_ptr<const xrd::Crystal>> all, std::size_t first,
                                std::size_t end) {
  CandidatesToRefine many{
      .pattern = {&pattern, 1.79026, true}, .starts = {}, .lines_from = 5, .lines_to = 90};
  for (std::size_t i = first; i < end; ++i)
    many.starts.emplace_back(all[i], 1.0);
  return many;
}

TEST_P(RefinedTogether, MoreCrystalsOfARangeThanOneListHolds) {
  const auto backend = make_backend(GetParam());
  std::vector<std::shared_ptr<const xrd::Crystal>> all;
  for (int i = 0; i < 90; ++i) {
    xrd::Crystal halite = crystal("halite");
    for (double* const edge : {&halite.cell.a, &halite.cell.b, &halite.cell.c})
      *edge *= 1 + 1e-4 * i;
    all.push_back(std::make_shared<const xrd::Crystal>(std::move(halite)));
  }
  // 70 crystals are more than a list holds; the next pattern of that range knows ten of them, and fills what the second list has left.
  const MeasuredPattern pattern = part_of(patterns_[1], 29, 40);
  const std::vector<CandidatesToRefine> wanted{many_halites(pattern, all, 0, 70), wanted_[1],
                                               many_halites(pattern, all, 60, 90)};
  ThreadPool pool(3);
  const auto together = data::refine_candidates(*backend, pool, wanted);
  ASSERT_EQ(together.size(), wanted.size());
  for (const std::size_t n : {std::size_t{0}, std::size_t{2}}) {
    SCOPED_TRACE(n);
    const auto alone = data::refine_candidates(*backend, pool, {&wanted[n], 1}).front();
    ASSERT_EQ(together[n].candidates.size(), wanted[n].starts.size());
    std::int64_t kept = 0;
    for (std::size_t i = 0; i < wanted[n].starts.size(); ++i) {
      SCOPED_TRACE(i);
      const RefinedCandidate& candidate = together[n].candidates[i];
      expect_same(candidate, alone.candidates[i]);
      if (candidate.is_dropped) continue;
      // By itself a crystal is the first of a list.
      if (kept++ % 12 == 0) {
        const CandidatesToRefine single =
            many_halites(pattern, std::span(&wanted[n].starts[i].crystal, 1), 0, 1);
        expect_same(candidate, data::refine_candidates(*backend, pool, {&single, 1}).front().candidates[0]);
      }
    }
    EXPECT_GE(kept, 20);
  }
}

TEST_P(RefinedTogether, NobodyIsLeftWhereAllAreRefusedOrHaveNothing) {
  const auto backend = make_backend(GetParam());
  ThreadPool pool(2);
  EXPECT_TRUE(data::refine_candidates(*backend, pool, {}).empty());
  const std::vector<CandidatesToRefine> rest{wanted_[2], wanted_[4]};
  const auto refined = data::refine_candidates(*backend, pool, rest);
  ASSERT_EQ(refined.size(), 2u);
  EXPECT_TRUE(!refined[0].refused && refined[0].candidates.empty());
  EXPECT_TRUE(refined[1].refused && refined[1].candidates.empty());
}

TEST_P(RefinedTogether, LinesAreThoseOfEachRangeAlone) {
  const auto backend = make_backend(GetParam());
  const std::vector<xrd::Crystal> first{crystal("halite"), crystal("albite")}, second{crystal("titanite")},
      third{crystal("albite")};
  struct Range {
    const std::vector<xrd::Crystal>& crystals;
    double least_d, most_d, wavelength;
  };
  // The second reaches a little less far than the first and shares its call, the third has one of its own.
  const std::vector<Range> ranges{
      {first, 1.2, 10, copper_k_alpha}, {second, 1.22, 6, 1.79026}, {third, 2.1, 12, 0.71073}};
  std::vector<data::LinesWanted> wanted;
  for (const Range& range : ranges) {
    data::LinesWanted& one = wanted.emplace_back();
    one = {.crystals = {}, .least_d = range.least_d, .most_d = range.most_d, .wavelength = range.wavelength};
    for (const xrd::Crystal& of : range.crystals)
      one.crystals.push_back(&of);
  }
  for (const std::int64_t most_lines : {std::int64_t{65535}, std::int64_t{40}}) {
    ThreadPool pool(3);
    const auto together = data::refined_structures(*backend, pool, wanted, most_lines);
    ASSERT_EQ(together.size(), ranges.size());
    for (std::size_t n = 0; n < ranges.size(); ++n) {
      const auto alone = data::refined_structures(*backend, ranges[n].crystals, ranges[n].least_d,
                                                  ranges[n].most_d, ranges[n].wavelength);
      EXPECT_EQ(together[n].area_unit, alone.area_unit);
      ASSERT_EQ(together[n].structures.size(), alone.structures.size());
      for (std::size_t i = 0; i < alone.structures.size(); ++i) {
        SCOPED_TRACE(ranges[n].crystals[i].name);
        const RefinedStructure &got = together[n].structures[i], &expected = alone.structures[i];
        std::vector<RefinedLine> lines(alone.lines.begin() + expected.first_line,
                                       alone.lines.begin() + expected.first_line + expected.lines);
        std::erase_if(lines, [&](const RefinedLine& line) { return line.rank >= most_lines; });
        ASSERT_EQ(got.lines, std::ssize(lines));
        EXPECT_GT(got.lines, 4);
        EXPECT_EQ(std::memcmp(together[n].lines.data() + got.first_line, lines.data(),
                              lines.size() * sizeof(RefinedLine)),
                  0);
        EXPECT_EQ(got.metric, expected.metric);
        EXPECT_EQ(got.strains, expected.strains);
      }
    }
  }
}

}  // namespace
}  // namespace bragg::tests
