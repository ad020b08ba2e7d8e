// Mixtures: phases that were mixed are found again, in their shares, and no others.
#include <algorithm>
#include <cmath>
#include <random>

#include <gtest/gtest.h>

#include "data/formats/format.h"
#include "data/formats/scan.h"
#include "data/mixture/isotypes.h"
#include "data/mixture/mixture_finder.h"
#include "data/refinement/refined_structures.h"
#include "kernels/base/error.h"
#include "kernels/crystal/crystal_math.h"
#include "tests/data/search_fixture.h"
#include "tests/support/shared_data.h"
#include "xrd/cif/cif.h"
#include "xrd/reflections.h"
#include "xrd/scattering/wavelength.h"

namespace bragg::tests {
namespace {

using data::MeasuredPattern;
using data::Mixture;
using data::MixturePhase;

struct Part {
  std::string block;
  double weight;
};

const xrd::Crystal& crystal_of(const std::string& block) {
  return searched_crystals()[static_cast<std::size_t>(number_of(block))];
}

/// Lines of 0.1 degrees with the intensities of these weights over a background, and counting noise; the highest point
/// has `counts`.
MeasuredPattern mixed(Backend& backend, std::span<const Part> parts, double counts, double stretch = 0) {
  constexpr double fwhm = 0.1;
  const auto copper = std::find_if(xrd::anodes().begin(), xrd::anodes().end(),
                                   [](const xrd::Anode& one) { return one.symbol == "Cu"; });
  const xrd::Anode& anode = *copper;
  MeasuredPattern pattern;
  for (int i = 0; i < 4250; ++i)
    pattern.x.push_back(5 + 0.02 * i);
  pattern.intensity.assign(pattern.x.size(), 0);
  for (const Part& part : parts) {
    const xrd::Crystal& crystal = crystal_of(part.block);
    const data::RefinedStructures lines =
        data::refined_structures(backend, {&crystal, 1}, 1.05, 20, copper_k_alpha);
    // Of a weight: 1 / (density x volume^2) unit cells' worth of multiplicity |F|^2 LP (Hill & Howard 1987).
    const double volume = crystal.cell.volume();
    const double unit = part.weight * lines.area_unit[0] / (crystal.density() * volume * volume);
    for (const RefinedLine& line : lines.lines) {
      const double q = inverse_d_squared(lines.structures[0].metric, line.h, line.k, line.l);
      for (const auto& [wavelength, share] :
           {std::pair(anode.k_alpha1, 2.0 / 3), std::pair(anode.k_alpha2, 1.0 / 3)}) {
        const double two_theta = xrd::two_theta_from_d(1 / std::sqrt(q), wavelength);
        if (std::isnan(two_theta)) continue;
        const double area = share * unit * double{line.area} * xrd::lorentz_polarisation(two_theta);
        for (std::size_t i = 0; i < pattern.x.size(); ++i) {
          const double away = (pattern.x[i] - two_theta) / fwhm;
          if (std::abs(away) < 3) pattern.intensity[i] += area * std::exp2(-4 * away * away);
        }
      }
    }
  }
  const double highest = *std::max_element(pattern.intensity.begin(), pattern.intensity.end());
  std::mt19937 random(7);
  for (double& y : pattern.intensity)
    y = std::poisson_distribution<int>(counts * (y / highest + 0.02))(random);
  for (double& x : pattern.x)
    x = (x - 5) / (1 + stretch) + 5;
  return pattern;
}

class MixtureTest : public ::testing::Test {
 protected:
  const std::unique_ptr<Backend> backend_ = make_backend({"cpu", 2, ""});
  const data::SearchIndex index_{*backend_, library_of(searched_crystals()), {.enabled = false}};

  Mixture found(const MeasuredPattern& pattern, const data::MixtureSettings& settings = {},
                std::span<const std::uint8_t> allowed = {}, const data::ElementFilter& filter = {}) {
    data::Searcher searcher(*backend_, index_, {}, allowed);
    return data::MixtureFinder({*backend_, searcher, index_, data::crystals_of(searched_crystals()), filter},
                               settings)
        .find({&pattern, copper_k_alpha, {}});
  }
};

void expect_phases(const Mixture& mixture, std::span<const Part> parts, double bound) {
  EXPECT_EQ(mixture.phases.size(), parts.size());
  double sum = 0;
  for (const Part& part : parts) {
    SCOPED_TRACE(part.block);
    const auto phase =
        std::find_if(mixture.phases.begin(), mixture.phases.end(),
                     [&](const MixturePhase& one) { return one.structure == number_of(part.block); });
    ASSERT_NE(phase, mixture.phases.end());
    EXPECT_NEAR(phase->weight_fraction, part.weight, bound);
    EXPECT_NEAR(phase->cell.a / crystal_of(part.block).cell.a, 1, 1e-3);
    sum += phase->weight_fraction;
  }
  EXPECT_NEAR(sum, 1, 1e-9);
}

TEST_F(MixtureTest, PhasesAreFoundInTheirShares) {
  const std::vector<Part> three{{"corundum", 0.5}, {"fluorite", 0.2}, {"rutile", 0.3}};
  const Mixture mixture = found(mixed(*backend_, three, 10000));
  expect_phases(mixture, three, 0.03);
  EXPECT_LT(mixture.rwp, 0.3);  // 0.22: for the most part counting noise of the background
  EXPECT_GT(mixture.explained, 0.9);
  EXPECT_EQ(mixture.axis_stretch, 0);
  EXPECT_EQ(mixture.phases[0].structure, number_of("corundum"));  // by descending weight
  for (const MixturePhase& phase : mixture.phases)
    EXPECT_GT(phase.gain, 0.1);
}

TEST_F(MixtureTest, ThePhasesPatternsMakeUpTheWhole) {
  const std::vector<Part> two{{"calcite", 0.6}, {"quartz_alpha", 0.4}};
  const Mixture mixture = found(mixed(*backend_, two, 10000));
  ASSERT_EQ(mixture.phases.size(), 2u);
  double worst = 0;
  for (std::size_t i = 0; i < mixture.calculated.size(); ++i) {
    double sum = 0;
    for (const MixturePhase& phase : mixture.phases)
      sum += double{phase.calculated[i]};
    worst = std::max(worst, std::abs(sum - double{mixture.calculated[i]}));
  }
  EXPECT_LT(worst, 0.05);  // what the background lacked
}

TEST_F(MixtureTest, OnePhaseStaysOne) {
  for (const char* block : {"zircon", "halite", "quartz_alpha"}) {
    SCOPED_TRACE(block);
    const std::vector<Part> one{{block, 1}};
    expect_phases(found(mixed(*backend_, one, 10000)), one, 1e-9);
  }
}

TEST_F(MixtureTest, AMinorPhaseIsFound) {
  const std::vector<Part> two{{"calcite", 0.97}, {"fluorite", 0.03}};
  expect_phases(found(mixed(*backend_, two, 20000)), two, 0.01);
}

TEST_F(MixtureTest, OfPolymorphsTheLesserOneHasMoreToProve) {
  for (const auto& [larger, lesser] : {std::pair("anatase", "rutile"), std::pair("calcite", "aragonite")}) {
    SCOPED_TRACE(larger);
    const std::vector<Part> two{{larger, 0.8}, {lesser, 0.2}};
    const Mixture mixture = found(mixed(*backend_, two, 20000));
    expect_phases(mixture, two, 0.04);
    ASSERT_EQ(mixture.phases.size(), 2u);
    EXPECT_EQ(mixture.phases[0].figures.polymorph, 0);
    EXPECT_EQ(mixture.phases[1].figures.polymorph, 1);
  }
  const std::vector<Part> others{{"calcite", 0.8}, {"fluorite", 0.2}};
  for (const MixturePhase& phase : found(mixed(*backend_, others, 20000)).phases)
    EXPECT_EQ(phase.figures.polymorph, 0);
}

TEST_F(MixtureTest, WhatIsLessLikelyThereThanIsAskedForIsNot) {
  const std::vector<Part> two{{"calcite", 0.97}, {"fluorite", 0.03}};
  const MeasuredPattern pattern = mixed(*backend_, two, 20000);
  const Mixture all = found(pattern);
  ASSERT_EQ(all.phases.size(), 2u);
  const double odds = data::presence(all.phases[1].figures);
  EXPECT_EQ(found(pattern, {.least_presence = odds - 0.5}).phases.size(), 2u);
  EXPECT_EQ(found(pattern, {.least_presence = odds + 0.5}).phases.size(), 1u);
}

data::ElementFilter requiring(const char* elements) {
  data::ElementFilter filter = data::parse_element_filter(elements, "");
  filter.may_hold.reset();
  return filter;
}

TEST_F(MixtureTest, WhatIsRequiredIsNamedHoweverLittleItIs) {
  const std::vector<Part> two{{"calcite", 0.995}, {"fluorite", 0.005}};
  const MeasuredPattern pattern = mixed(*backend_, two, 3000);
  ASSERT_EQ(found(pattern, {.least_presence = 1}).phases.size(), 1u);
  const Mixture mixture = found(pattern, {.least_presence = 1}, {}, requiring("F!"));
  expect_phases(mixture, two, 0.01);
  EXPECT_TRUE(mixture.phases.back().is_for_element);
  EXPECT_FALSE(mixture.phases.front().is_for_element);
  EXPECT_LT(data::presence(mixture.phases.back().figures), 1);
}

// Phosphorus in the place of silicon scatters nearly alike: quartz that holds it is no second phase beside quartz.
TEST_F(MixtureTest, AnIsotypeThatHoldsWhatIsRequiredTakesThePlace) {
  std::vector<xrd::Crystal> crystals = searched_crystals();
  xrd::Crystal isotype = crystal_of("quartz_alpha");
  for (xrd::Site& site : isotype.sites)
    if (site.species.atomic_number == 14) site.species = xrd::parse_species("P").value();
  crystals.push_back(isotype);
  const auto of_isotype = static_cast<std::int32_t>(crystals.size() - 1);
  const data::SearchIndex index(*backend_, library_of(crystals), {.enabled = false});
  data::Searcher searcher(*backend_, index);
  const std::vector<Part> two{{"quartz_alpha", 0.6}, {"rutile", 0.4}};
  const MeasuredPattern pattern = mixed(*backend_, two, 1000);
  const auto structures = [&](const char* elements) {
    const Mixture mixture =
        data::MixtureFinder({*backend_, searcher, index, data::crystals_of(crystals), requiring(elements)})
            .find({&pattern, copper_k_alpha, {}});
    std::vector<std::int32_t> found;
    for (const MixturePhase& phase : mixture.phases)
      found.push_back(phase.structure);
    return found;
  };
  const std::int32_t quartz = number_of("quartz_alpha"), rutile = number_of("rutile");
  EXPECT_EQ(structures("Ti!"), (std::vector{quartz, rutile}));
  EXPECT_EQ(structures("Ti!,P!"), (std::vector{of_isotype, rutile}));
}

TEST_F(MixtureTest, WhatIsThereAnywayIsNotNamedForAnElement) {
  const std::vector<Part> two{{"calcite", 0.7}, {"fluorite", 0.3}};
  const MeasuredPattern pattern = mixed(*backend_, two, 10000);
  const Mixture all = found(pattern), required = found(pattern, {}, {}, requiring("F!,Ca!,C!"));
  expect_phases(required, two, 0.03);
  EXPECT_EQ(all.rwp, required.rwp);
  for (const MixturePhase& phase : required.phases)
    EXPECT_FALSE(phase.is_for_element);
}

TEST_F(MixtureTest, WhatNoStructureHoldsIsLeftOut) {
  const std::vector<Part> one{{"zircon", 1}};
  expect_phases(found(mixed(*backend_, one, 10000), {}, {}, requiring("Xe!")), one, 1e-9);
}

TEST_F(MixtureTest, StretchedAnglesArePutRight) {
  const std::vector<Part> three{{"corundum", 0.5}, {"fluorite", 0.2}, {"rutile", 0.3}};
  const MeasuredPattern pattern = mixed(*backend_, three, 10000, 0.02);
  const Mixture mixture = found(pattern);
  EXPECT_EQ(mixture.axis_stretch, 0.02);
  expect_phases(mixture, three, 0.05);
  EXPECT_EQ(found(pattern, {.tries_axes = false}).axis_stretch, 0);
}

TEST_F(MixtureTest, OnlyWhatIsAllowedIsNamed) {
  const std::vector<Part> two{{"calcite", 0.5}, {"quartz_alpha", 0.5}};
  std::vector<std::uint8_t> allowed(searched_crystals().size(), 1);
  allowed[static_cast<std::size_t>(number_of("calcite"))] = 0;
  const Mixture mixture = found(mixed(*backend_, two, 10000), {}, allowed);
  for (const MixturePhase& phase : mixture.phases)
    EXPECT_NE(phase.structure, number_of("calcite"));
}

TEST_F(MixtureTest, MatchesOfTheCallerAreTaken) {
  const std::vector<Part> two{{"calcite", 0.5}, {"quartz_alpha", 0.5}};
  const MeasuredPattern pattern = mixed(*backend_, two, 10000);
  data::Searcher searcher(*backend_, index_);
  const data::SearchPattern searched{&pattern, copper_k_alpha, {}};
  const auto matches = searcher.search({&searched, 1}).front();
  data::MixtureFinder finder({*backend_, searcher, index_, data::crystals_of(searched_crystals())});
  const Mixture with = finder.find(searched, matches), without = finder.find(searched);
  ASSERT_EQ(with.phases.size(), without.phases.size());
  EXPECT_EQ(with.rwp, without.rwp);
  for (std::size_t i = 0; i < with.phases.size(); ++i) {
    EXPECT_EQ(with.phases[i].structure, without.phases[i].structure);
    EXPECT_EQ(with.phases[i].weight_fraction, without.phases[i].weight_fraction);
  }
}

TEST_F(MixtureTest, SettingsAreChecked) {
  const MeasuredPattern pattern = pattern_of(*backend_, crystal_of("halite"));
  for (const data::MixtureSettings& settings :
       {data::MixtureSettings{.most_phases = 0}, data::MixtureSettings{.most_phases = 9},
        data::MixtureSettings{.candidates = 0}, data::MixtureSettings{.joint_candidates = 0},
        data::MixtureSettings{.hypotheses = 0}, data::MixtureSettings{.swap_passes = -1}})
    EXPECT_THROW(found(pattern, settings), UsageError);
}

TEST_F(MixtureTest, WhatIsExplainedIsNotSearched) {
  const MeasuredPattern both = pattern_of(*backend_, crystal_of("calcite"));
  MeasuredPattern lines = both;
  for (std::size_t i = 0; i < lines.x.size(); ++i)
    lines.intensity[i] -= 20 - 0.02 * lines.x[i];
  const MeasuredPattern quartz = pattern_of(*backend_, crystal_of("quartz_alpha"));
  MeasuredPattern sum = both;
  for (std::size_t i = 0; i < sum.x.size(); ++i)
    sum.intensity[i] += 0.3 * quartz.intensity[i];
  const data::SearchPattern rest{&sum, copper_k_alpha, lines.intensity};
  const auto matches = data::search(*backend_, index_, {&rest, 1});
  ASSERT_FALSE(matches[0].empty());
  EXPECT_EQ(matches[0][0].structure, number_of("quartz_alpha"));
}

TEST(Isotypes, ShareTheirGroupTheirFormulaAndTheirCell) {
  const data::StructureType corundum = data::structure_type(crystal_of("corundum")),
                            hematite = data::structure_type(crystal_of("hematite")),
                            rutile = data::structure_type(crystal_of("rutile"));
  EXPECT_FALSE(data::are_isotypes(corundum, hematite));  // edges 6 % apart
  EXPECT_TRUE(data::are_isotypes(corundum, hematite, 0.08));
  EXPECT_FALSE(data::are_isotypes(corundum, rutile, 1));
  EXPECT_TRUE(data::have_same_composition(corundum.composition, corundum.composition));
  EXPECT_FALSE(data::have_same_composition(corundum.composition, hematite.composition));
  EXPECT_TRUE(data::have_same_composition(rutile.composition,
                                          data::structure_type(crystal_of("anatase")).composition));
}

/// The round robin's sample 1 (Madsen et al. 2001, J. Appl. Cryst. 34, 409), as weighed.
TEST_F(MixtureTest, WeighedMixturesAreWithinPercents) {
  BRAGG_SHARED_DATA_OR_SKIP(zincite, "reference/ZnO-Zincite/structure.cif");
  std::vector<xrd::Crystal> crystals{crystal_of("corundum"), crystal_of("fluorite"), crystal_of("calcite"),
                                     crystal_of("quartz_alpha"), crystal_of("halite")};
  xrd::read_cif(zincite, {[&](xrd::Crystal&& crystal) { crystals.push_back(std::move(crystal)); },
                          [](const xrd::CifError&) {}, [](const xrd::CifWarning&) {}});
  ASSERT_EQ(crystals.size(), 6u);
  const data::SearchIndex index(*backend_, library_of(crystals), {.enabled = false});
  data::Searcher searcher(*backend_, index);
  data::MixtureFinder finder({*backend_, searcher, index, data::crystals_of(crystals)});
  struct Sample {
    const char* file;
    std::array<double, 3> weight;  ///< corundum, fluorite, zincite
  };
  for (const Sample& sample : {Sample{"patterns/text/cpd-1e.dat", {0.5512, 0.2962, 0.1525}},
                               Sample{"patterns/text/cpd-1g.dat", {0.3137, 0.3442, 0.3421}}}) {
    SCOPED_TRACE(sample.file);
    BRAGG_SHARED_DATA_OR_SKIP(path, sample.file);
    const data::Scan scan = data::read_scans(path).scans.at(0);
    const MeasuredPattern pattern{data::Abscissa::two_theta, scan.x, scan.intensity};
    const Mixture mixture = finder.find({&pattern, copper_k_alpha, {}});
    EXPECT_EQ(mixture.phases.size(), 3u);
    for (const MixturePhase& phase : mixture.phases) {
      const std::size_t number = phase.structure == 5 ? 2 : static_cast<std::size_t>(phase.structure);
      ASSERT_LT(number, 3u);
      EXPECT_NEAR(phase.weight_fraction, sample.weight[number], 0.07);
    }
  }
}

}  // namespace
}  // namespace bragg::tests
