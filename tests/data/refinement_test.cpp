// Structures refined against patterns: what their symmetry leaves free, and what a refinement finds.
#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "data/refinement/lattice_forms.h"
#include "data/refinement/refined_structures.h"
#include "data/refinement/refinement_levels.h"
#include "data/refinement/refiner.h"
#include "kernels/crystal/crystal_math.h"
#include "tests/data/search_fixture.h"
#include "xrd/crystal_batch.h"

namespace bragg::tests {
namespace {

using data::RefinedCandidate;
using data::RefinementStart;

class Refinement : public ::testing::Test {
 protected:
  const std::unique_ptr<Backend> backend_ = make_backend({"cpu", 2, ""});

  static const xrd::Crystal& crystal(const std::string& name) {
    return searched_crystals()[static_cast<std::size_t>(number_of(name))];
  }
  data::RefinedStructures structures(const std::string& name) {
    const xrd::Crystal& of = crystal(name);
    return data::refined_structures(*backend_, {&of, 1}, 1.1, 20, copper_k_alpha);
  }
  std::vector<RefinedCandidate> refined(const data::MeasuredPattern& measured,
                                        const std::vector<RefinementStart>& starts,
                                        double wavelength = copper_k_alpha) {
    return data::refine_candidates(*backend_, {&measured, wavelength}, starts, 5, 90);
  }
};

TEST_F(Refinement, EverySystemHasItsNumberOfStrains) {
  for (const auto& [name, strains] : {std::pair{"halite", 1},
                                      {"calcite", 2},
                                      {"quartz_alpha", 2},
                                      {"rutile", 2},
                                      {"aragonite", 3},
                                      {"gypsum", 4},
                                      {"albite", 6},
                                      {"kyanite", 6}}) {
    const data::RefinedStructures of = structures(name);
    EXPECT_EQ(of.structures[0].strains, strains) << name;
    EXPECT_EQ(of.structures[0].textures(), std::max(1, strains - 1)) << name;
  }
}

TEST_F(Refinement, FormsAreInvariantUnderTheLaueGroup) {
  for (const char* name : {"calcite", "rutile", "gypsum", "pyrite"}) {
    const CrystalBatch batch = xrd::make_batch({&crystal(name), 1});
    const LaueRotations laue = laue_rotations(crystal(name).group.operators);
    const data::LatticeForms forms = data::lattice_forms(batch.metric[0], laue);
    const auto value = [](const QuadraticForm& f, const std::array<int, 3>& h) {
      return double{f[0]} * h[0] * h[0] + double{f[1]} * h[1] * h[1] + double{f[2]} * h[2] * h[2] +
             double{f[3]} * h[1] * h[2] + double{f[4]} * h[0] * h[2] + double{f[5]} * h[0] * h[1];
    };
    const std::array<int, 3> hkl{3, -1, 2};
    for (const std::vector<QuadraticForm>& all : {forms.strain, forms.texture})
      for (const QuadraticForm& form : all)
        for (std::size_t n = 0; n < laue.count; ++n) {
          std::array<int, 3> image{};
          for (std::size_t j = 0; j < 3; ++j)
            for (std::size_t i = 0; i < 3; ++i)
              image[j] += hkl[i] * laue.rotation[n][3 * i + j];
          EXPECT_NEAR(value(form, image), value(form, hkl), 1e-6) << name;
        }
    // A growth alike in all directions, and terms of texture without a mean.
    for (std::size_t e = 0; e < 6; ++e)
      EXPECT_NEAR(forms.strain[0][e], -2 * batch.metric[0][e], 1e-6) << name;
    for (std::size_t i = 1; i < forms.tensors.size(); ++i)
      EXPECT_NEAR(forms.tensors[i][0] + forms.tensors[i][1] + forms.tensors[i][2], 0, 1e-9) << name;
  }
}

TEST_F(Refinement, ACellKeepsTheFormOfItsLattice) {
  const data::RefinedStructures calcite = structures("calcite");
  const float strains[most_strains] = {0.01f, 0.004f};
  const xrd::UnitCell cell = data::refined_cell(calcite.structures[0], strains),
                      before = crystal("calcite").cell;
  EXPECT_NEAR(cell.a, cell.b, 1e-5);
  EXPECT_EQ(cell.alpha, 90);
  EXPECT_NEAR(cell.gamma, 120, 1e-4);
  // Two strains without a trace beside the growth: the volume grows by three times that.
  EXPECT_NEAR(cell.volume() / before.volume(), 1.03, 2e-3);
  EXPECT_GT(std::abs(cell.c / before.c - cell.a / before.a), 2e-3);
  const float none[most_strains] = {};
  const xrd::UnitCell same = data::refined_cell(calcite.structures[0], none);
  EXPECT_NEAR(same.a, before.a, 1e-9);
  EXPECT_NEAR(same.c, before.c, 1e-9);
}

TEST_F(Refinement, LinesAreRankedAndInOrder) {
  const data::RefinedStructures of = structures("albite");
  ASSERT_GT(of.lines.size(), 100u);
  std::vector<std::uint16_t> ranks;
  double last = 0;
  for (const RefinedLine& line : of.lines) {
    const double q = inverse_d_squared(of.structures[0].metric, line.h, line.k, line.l);
    EXPECT_GE(q, last);
    last = q;
    ranks.push_back(line.rank);
  }
  std::sort(ranks.begin(), ranks.end());
  for (std::size_t i = 0; i < ranks.size(); ++i)
    EXPECT_EQ(ranks[i], i);
}

TEST_F(Refinement, ACellIsFound) {
  for (const char* name : {"halite", "calcite", "gypsum", "kyanite"}) {
    const data::MeasuredPattern measured = pattern_of(*backend_, crystal(name), copper_k_alpha1, 1.004);
    const auto candidate = refined(measured, {{crystal(name), 1.003}}, copper_k_alpha1).front();
    for (const double change : candidate.cell_change)
      EXPECT_NEAR(change, 0.004, 2e-4) << name;
    EXPECT_GT(candidate.figures.root_cosine, 0.98) << name;
    EXPECT_LT(candidate.misfit(), 0.05) << name;
    EXPECT_LT(candidate.residual, 0.15) << name;
    EXPECT_NEAR(candidate.zero(), 0, 0.02) << name;
    EXPECT_FALSE(candidate.is_dropped);
  }
}

TEST_F(Refinement, TheRightStructureFitsBest) {
  const data::MeasuredPattern measured = pattern_of(*backend_, crystal("calcite"), copper_k_alpha1);
  std::vector<RefinementStart> all;
  for (const xrd::Crystal& one : searched_crystals())
    all.push_back({one, 1});
  const auto candidates = refined(measured, all, copper_k_alpha1);
  const auto calcite = static_cast<std::size_t>(number_of("calcite"));
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (i == calcite) continue;
    EXPECT_GT(candidates[i].misfit(), 2 * candidates[calcite].misfit()) << all[i].crystal->name;
  }
}

TEST_F(Refinement, WhatWasNoAngleHasNoDoublet) {
  // One line at the mean of copper's doublet, as patterns on q and d are brought there.
  const data::MeasuredPattern measured = pattern_of(*backend_, crystal("calcite"));
  const std::vector<RefinementStart> start{{crystal("calcite"), 1}};
  const auto misfit = [&](bool may_have_doublet) {
    return data::refine_candidates(*backend_, {&measured, copper_k_alpha, may_have_doublet}, start, 5, 90)
        .front()
        .misfit();
  };
  EXPECT_LT(misfit(false), 0.05);
  EXPECT_GT(misfit(true), 2 * misfit(false));
}

TEST_F(Refinement, WhatFitsWorseIsDroppedOnTheWay) {
  const data::MeasuredPattern measured = pattern_of(*backend_, crystal("calcite"));
  std::vector<RefinementStart> starts;
  while (starts.size() < 60)
    for (const char* name : {"halite", "calcite", "rutile"})
      starts.push_back({crystal(name), 1});
  const auto candidates = refined(measured, starts);
  std::int64_t kept = 0;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    kept += !candidates[i].is_dropped;
    EXPECT_TRUE(i % 3 != 1 || !candidates[i].is_dropped) << i;
  }
  EXPECT_EQ(kept, data::candidate_levels().back().models);
}

TEST_F(Refinement, CandidatesDoNotDependOnOneAnotherNorOnThreads) {
  const data::MeasuredPattern measured = pattern_of(*backend_, crystal("gypsum"));
  const auto both = refined(measured, {{crystal("gypsum"), 1}, {crystal("calcite"), 1}});
  const auto alone = refined(measured, {{crystal("calcite"), 1}}).front();
  EXPECT_EQ(both[1].parameters, alone.parameters);
  const auto one_thread = make_backend({"cpu", 1, ""});
  const auto again = data::refine_candidates(*one_thread, {&measured, copper_k_alpha},
                                             std::vector<RefinementStart>{{crystal("calcite"), 1}}, 5, 90);
  EXPECT_EQ(again.front().parameters, alone.parameters);
}

TEST_F(Refinement, TooLittleOfAPatternIsRefused) {
  const data::MeasuredPattern measured = pattern_of(*backend_, crystal("halite"));
  try {
    data::refine_candidates(*backend_, {&measured, copper_k_alpha},
                            std::vector<RefinementStart>{{crystal("halite"), 1}}, 30, 30.5);
    ADD_FAILURE() << "not refused";
  } catch (const data::PatternRefused& refused) {
    EXPECT_STREQ(refused.what(),
                 "26 points lie between 30.00 and 30.50 degrees, at least 50 are needed to refine");
  }
}

}  // namespace
}  // namespace bragg::tests
