// Named phases refined against simulated mixtures, whose cells and fractions are known, and against measured ones of known powders.
#include "data/refinement/phase_fit.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <random>

#include <gtest/gtest.h>

#include "data/formats/format.h"
#include "data/formats/scan_pattern.h"
#include "data/patterns/render.h"
#include "tests/support/shared_data.h"
#include "xrd/cif/cif.h"
#include "xrd/reflections.h"
#include "xrd/scattering/wavelength.h"

namespace bragg::tests {
namespace {

using data::FittedPhase;
using data::MeasuredPattern;
using data::PhaseFit;

xrd::Crystal crystal_of(const std::string& name) {
  return xrd::read_crystal(project_file("data/crystals/" + name + ".cif"));
}

/// `sites`: rows of label, species, x, y, z.
xrd::Crystal crystal_of_text(const std::string& cell_and_group, const std::string& sites) {
  std::vector<xrd::Crystal> crystals;
  xrd::read_cif_text("data_typed\n_cell_angle_alpha 90\n_cell_angle_beta 90\n" + cell_and_group +
                         "loop_\n_atom_site_label\n_atom_site_type_symbol\n_atom_site_fract_x\n"
                         "_atom_site_fract_y\n_atom_site_fract_z\n" +
                         sites,
                     "typed",
                     {.crystal = [&](xrd::Crystal&& crystal) { crystals.push_back(std::move(crystal)); },
                      .rejected = {},
                      .warning = {}});
  return crystals.at(0);
}

xrd::Crystal grown(xrd::Crystal crystal, double along_a, double along_c) {
  crystal.cell.a *= along_a;
  crystal.cell.b *= along_a;
  crystal.cell.c *= along_c;
  return crystal;
}

struct Part {
  xrd::Crystal crystal;
  double weight_fraction;
  double march_r = 1;
  std::array<int, 3> axis{0, 0, 1};
};

/// The mean of March's function over the images of hkl under the group.
double march_factor(const Part& part, const std::array<int, 3>& hkl) {
  const ReciprocalMetric g = part.crystal.cell.reciprocal_metric();
  const auto product = [&](const std::array<int, 3>& a, const std::array<int, 3>& b) {
    return g[0] * a[0] * b[0] + g[1] * a[1] * b[1] + g[2] * a[2] * b[2] +
           (g[3] * (a[1] * b[2] + a[2] * b[1]) + g[4] * (a[0] * b[2] + a[2] * b[0]) +
            g[5] * (a[0] * b[1] + a[1] * b[0])) /
               2;
  };
  const double length2 = product(hkl, hkl) * product(part.axis, part.axis), r = part.march_r;
  double sum = 0;
  for (const SymmetryOperator& op : part.crystal.group.operators) {
    std::array<int, 3> image{};
    for (std::size_t j = 0; j < 3; ++j)
      for (std::size_t i = 0; i < 3; ++i)
        image[j] += hkl[i] * op.rotation[3 * i + j];
    const double cosine = product(image, part.axis) / std::sqrt(length2);
    sum += std::pow(r * r * cosine * cosine + (1 - cosine * cosine) / r, -1.5);
  }
  return sum / static_cast<double>(part.crystal.group.operators.size());
}

/// What a diffractometer is adjusted to and what it measures.
struct Drawing {
  double first = 15, last = 120, step = 0.02;
  double zero = 0, displacement = 0;
  double fwhm = 0.11, lorentz_share = 0.5;
  double highest = 20000, background = 150;  ///< counts
  std::uint32_t seed = 1;                    ///< of the noise; 0: none
  double factor = 1;                         ///< that counts are multiplied by
  data::FitRadiation radiation = data::fit_radiation(copper_k_alpha);
};

double profile(double away, double fwhm, double lorentz_share) {
  const double t = away / fwhm, ln2 = std::numbers::ln2;
  return (1 - lorentz_share) * 2 * std::sqrt(ln2 / std::numbers::pi) / fwhm * std::exp(-4 * ln2 * t * t) +
         lorentz_share * 2 / std::numbers::pi / fwhm / (1 + 4 * t * t);
}

/// Line by line, from the reflections that people are shown: nothing of the refinement's.
MeasuredPattern drawn(Backend& backend, std::span<const Part> parts, const Drawing& of) {
  MeasuredPattern pattern;
  const auto points = static_cast<std::size_t>(std::lround((of.last - of.first) / of.step)) + 1;
  std::vector<double> lines(points);
  for (std::size_t i = 0; i < points; ++i)
    pattern.x.push_back(of.first + of.step * static_cast<double>(i));
  for (const Part& part : parts) {
    const xrd::Crystal& crystal = part.crystal;
    const double volume = crystal.cell.volume(), mass = crystal.density() * volume;
    for (int which = 0; which < (of.radiation.second_share > 0 ? 2 : 1); ++which) {
      const double wavelength = of.radiation.wavelength[static_cast<std::size_t>(which)];
      const double share = which == 0 ? 1 : of.radiation.second_share;
      for (const xrd::Reflection& r : xrd::reflections(backend, crystal,
                                                       {.wavelength = wavelength,
                                                       .range = {std::max(of.first - 5, 1.0), of.last + 5},
                                                       .anomalous = true})) {
        const double half = r.two_theta * std::numbers::pi / 360;
        const double area = share * part.weight_fraction / (mass * volume) * r.multiplicity * r.f2 *
                            xrd::lorentz_polarisation(r.two_theta) * march_factor(part, r.hkl);
        const double at = r.two_theta + of.zero + of.displacement * std::cos(half);
        for (std::size_t i = 0; i < points; ++i) {
          const double away = pattern.x[i] - at;
          if (std::abs(away) < 60 * of.fwhm) lines[i] += area * profile(away, of.fwhm, of.lorentz_share);
        }
      }
    }
  }
  const double unit = of.highest / *std::max_element(lines.begin(), lines.end());
  std::mt19937 random(of.seed);
  for (std::size_t i = 0; i < points; ++i) {
    const double far = static_cast<double>(i) / static_cast<double>(points);
    const double expected = unit * lines[i] + of.background * (1 + 0.5 * std::exp(-4 * far));
    const double counts =
        of.seed == 0 ? expected : static_cast<double>(std::poisson_distribution<long>(expected)(random));
    pattern.intensity.push_back(of.factor * counts);
  }
  return pattern;
}

class PhaseFitTest : public ::testing::Test {
 protected:
  const std::unique_ptr<Backend> backend_ = make_backend({"cpu", 2, ""});

  PhaseFit fit(const MeasuredPattern& pattern, std::vector<data::PhaseToFit> phases,
               const data::FitRadiation& radiation = data::fit_radiation(copper_k_alpha)) const {
    return data::fit_phases(*backend_, {.measured = &pattern, .radiation = radiation}, phases, {});
  }
};

/// How far a figure is off in standard uncertainties, which is asked to be at most `most`.
void expect_within(double value, double uncertainty, double truth, double most, const std::string& what) {
  EXPECT_GT(uncertainty, 0) << what;
  EXPECT_LE(std::abs(value - truth), most * uncertainty)
      << what << " " << value << " (" << uncertainty << ") is not " << truth;
}

void expect_cell(const FittedPhase& phase, const xrd::UnitCell& truth, const std::string& what) {
  const double found[] = {phase.cell.a, phase.cell.b, phase.cell.c}, is[] = {truth.a, truth.b, truth.c};
  for (std::size_t e = 0; e < 3; ++e) {
    expect_within(found[e], phase.cell_uncertainty[e], is[e], 4, what);
    EXPECT_NEAR(found[e] / is[e], 1, 2e-4) << what;
  }
}

TEST_F(PhaseFitTest, AMixtureHasItsCellsAndFractions) {
  const xrd::Crystal corundum = crystal_of("corundum"), fluorite = crystal_of("fluorite");
  const Part parts[] = {{grown(corundum, 1.003, 0.998), 0.7}, {grown(fluorite, 0.996, 0.996), 0.3}};
  const Drawing drawing{.zero = 0.02, .displacement = -0.05};
  const PhaseFit found = fit(drawn(*backend_, parts, drawing), {{{corundum}}, {{fluorite}}});
  ASSERT_EQ(found.phases.size(), 2u);
  EXPECT_TRUE(found.is_converged);
  EXPECT_EQ(found.variance_from, data::VarianceFrom::counts);
  EXPECT_NEAR(found.chi_squared_per_degree, 1, 0.1);
  EXPECT_NEAR(found.residual, found.expected_residual, 0.1 * found.expected_residual);
  expect_within(found.zero.value, found.zero.uncertainty, 0.02, 4, "zero");
  expect_within(found.displacement.value, found.displacement.uncertainty, -0.05, 4, "displacement");
  for (std::size_t i = 0; i < 2; ++i) {
    const FittedPhase& phase = found.phases[i];
    SCOPED_TRACE(i);
    expect_cell(phase, parts[i].crystal.cell, "edge");
    expect_within(phase.weight_fraction.value, phase.weight_fraction.uncertainty, parts[i].weight_fraction, 4,
                  "weight fraction");
    EXPECT_LT(phase.weight_fraction.uncertainty, 0.01);
    expect_within(phase.b_overall.value, phase.b_overall.uncertainty, 0, 4, "B");
    expect_within(phase.fwhm.value, phase.fwhm.uncertainty, drawing.fwhm, 4, "FWHM");
    expect_within(phase.lorentz_share.value, phase.lorentz_share.uncertainty, drawing.lorentz_share, 4,
                  "share");
    EXPECT_FALSE(phase.is_absent);
    ASSERT_FALSE(phase.ticks.empty());
  }
  // What symmetry makes equal is equal, and what it fixes has no uncertainty.
  EXPECT_EQ(found.phases[0].cell.a, found.phases[0].cell.b);
  EXPECT_EQ(found.phases[0].cell.gamma, 120);
  EXPECT_EQ(found.phases[0].cell_uncertainty[5], 0);
  EXPECT_EQ(found.phases[1].cell.a, found.phases[1].cell.c);
  EXPECT_NEAR(found.phases[0].weight_fraction.value + found.phases[1].weight_fraction.value, 1, 1e-12);
}

TEST_F(PhaseFitTest, AStructureWithoutLinesInTheRangeIsNoChoice) {
  const xrd::Crystal copper = crystal_of("copper"), quartz = crystal_of("quartz_alpha");
  const Part parts[] = {{quartz, 1}};
  const MeasuredPattern pattern = drawn(*backend_, parts, {.last = 38});
  const PhaseFit found = fit(pattern, {{{copper, quartz}}});
  EXPECT_EQ(found.phases[0].structure, 1u) << "the second one, though the first is out";
  try {
    fit(pattern, {{{quartz}}, {{copper}}});
    ADD_FAILURE() << "not refused";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "phase 2: no structure of it has a line between 15.00 and 38.00 degrees");
  }
}

TEST_F(PhaseFitTest, UncertaintiesAreHowFarResultsScatter) {
  const xrd::Crystal rutile = crystal_of("rutile"), anatase = crystal_of("anatase");
  const Part parts[] = {{grown(rutile, 1.001, 1.001), 0.6}, {anatase, 0.4}};
  constexpr int times = 16;
  double cell = 0, fraction = 0;
  for (int n = 1; n <= times; ++n) {
    const Drawing drawing{.highest = 5000, .seed = static_cast<std::uint32_t>(n)};
    const PhaseFit found = fit(drawn(*backend_, parts, drawing), {{{rutile}}, {{anatase}}});
    cell +=
        std::pow((found.phases[0].cell.a - parts[0].crystal.cell.a) / found.phases[0].cell_uncertainty[0], 2);
    const auto& figure = found.phases[0].weight_fraction;
    fraction += std::pow((figure.value - 0.6) / figure.uncertainty, 2);
  }
  // chi^2 of 16 degrees of freedom: between 3.9 and 41 but for a thousandth on either side. Expectations of zero and
  // displacement, which the drawing meets exactly, only make it smaller for the cell.
  EXPECT_LT(cell, 41);
  EXPECT_GT(cell, 0.5);
  EXPECT_LT(fraction, 41);
  EXPECT_GT(fraction, 3.9);
  std::printf("chi^2 of 16: cell %.1f, fraction %.1f\n", cell, fraction);
}

TEST_F(PhaseFitTest, ScaledIntensitiesHaveTheSameUncertainties) {
  const xrd::Crystal quartz = crystal_of("quartz_alpha");
  const Part parts[] = {{quartz, 1}};
  const PhaseFit counts = fit(drawn(*backend_, parts, {}), {{{quartz}}}),
                 scaled = fit(drawn(*backend_, parts, {.factor = 0.0371}), {{{quartz}}});
  EXPECT_EQ(scaled.variance_from, data::VarianceFrom::scatter);
  EXPECT_NEAR(scaled.chi_squared_per_degree, 1, 0.2);
  expect_cell(scaled.phases[0], quartz.cell, "edge");
  const double ratio = scaled.phases[0].cell_uncertainty[0] / counts.phases[0].cell_uncertainty[0];
  EXPECT_NEAR(ratio, 1, 0.15);
  EXPECT_NEAR(scaled.phases[0].scale.value / (0.0371 * counts.phases[0].scale.value), 1, 0.01);
}

TEST_F(PhaseFitTest, StatedUncertaintiesAreTheWeights) {
  const xrd::Crystal halite = crystal_of("halite");
  const Part parts[] = {{halite, 1}};
  const MeasuredPattern pattern = drawn(*backend_, parts, {});
  std::vector<double> uncertainty;
  for (const double y : pattern.intensity)
    uncertainty.push_back(2 * std::sqrt(std::max(y, 1.0)));
  const data::PhaseToFit phase{{halite}};
  const PhaseFit found = data::fit_phases(
      *backend_,
      {.measured = &pattern, .uncertainty = uncertainty, .radiation = data::fit_radiation(copper_k_alpha)},
      {&phase, 1}, {});
  EXPECT_EQ(found.variance_from, data::VarianceFrom::uncertainties);
  EXPECT_NEAR(found.chi_squared_per_degree, 0.25, 0.05);
  expect_cell(found.phases[0], halite.cell, "edge");
}

TEST_F(PhaseFitTest, APatternWithoutNoiseIsRefinedToo) {
  const xrd::Crystal silicon = crystal_of("silicon");
  const Part parts[] = {{silicon, 1}};
  const PhaseFit found = fit(drawn(*backend_, parts, {.seed = 0}), {{{grown(silicon, 1.004, 1.004)}}});
  EXPECT_NEAR(found.phases[0].cell.a / silicon.cell.a, 1, 5e-5);
  EXPECT_TRUE(std::isfinite(found.chi_squared_per_degree));
}

TEST_F(PhaseFitTest, OfSeveralStructuresTheBestFittingOneIsTaken) {
  const xrd::Crystal corundum = crystal_of("corundum"), hematite = crystal_of("hematite"),
                     quartz = crystal_of("quartz_alpha");
  const Part parts[] = {{corundum, 0.5}, {quartz, 0.5}};
  const PhaseFit found =
      fit(drawn(*backend_, parts, {}),
          {{{hematite, grown(corundum, 1.03, 1.03), corundum}}, {{crystal_of("quartz_beta"), quartz}}});
  EXPECT_EQ(found.phases[0].structure, 2u);
  EXPECT_EQ(found.phases[1].structure, 1u);
}

TEST_F(PhaseFitTest, APhaseThatIsNotThereHasNoWeight) {
  const xrd::Crystal silicon = crystal_of("silicon"), halite = crystal_of("halite");
  const Part parts[] = {{silicon, 1}};
  const PhaseFit found = fit(drawn(*backend_, parts, {}), {{{silicon}}, {{halite}}});
  EXPECT_LT(found.phases[1].weight_fraction.value, 0.005);
  EXPECT_GT(found.phases[0].weight_fraction.value, 0.995);
  expect_cell(found.phases[0], silicon.cell, "edge");
}

TEST_F(PhaseFitTest, TheSameOnTheReference) {
  const xrd::Crystal silicon = crystal_of("silicon"), halite = crystal_of("halite");
  const Part parts[] = {{silicon, 0.5}, {halite, 0.5}};
  const MeasuredPattern pattern = drawn(*backend_, parts, {.first = 25, .last = 70});
  const std::vector<data::PhaseToFit> phases{{{silicon}}, {{halite}}};
  const auto reference = make_backend({.device = "reference", .instruction_set = "", .precision = "fp32"});
  const data::PatternToFit of{.measured = &pattern, .radiation = data::fit_radiation(copper_k_alpha)};
  const PhaseFit one = data::fit_phases(*backend_, of, phases, {}),
                 other = data::fit_phases(*reference, of, phases, {});
  for (std::size_t i = 0; i < 2; ++i) {
    const auto &a = one.phases[i], &b = other.phases[i];
    EXPECT_NEAR(a.cell.a, b.cell.a, 0.2 * b.cell_uncertainty[0]);
    EXPECT_NEAR(a.weight_fraction.value, b.weight_fraction.value, 0.2 * b.weight_fraction.uncertainty);
    EXPECT_NEAR(a.cell_uncertainty[0] / b.cell_uncertainty[0], 1, 0.05);
  }
}

TEST_F(PhaseFitTest, RangeAndStepAreThoseOfTheMeasurement) {
  const xrd::Crystal silicon = crystal_of("silicon");
  const Part parts[] = {{silicon, 1}};
  const MeasuredPattern pattern = drawn(*backend_, parts, {});
  const data::PhaseToFit phase{{silicon}};
  const PhaseFit found = data::fit_phases(
      *backend_,
      {.measured = &pattern, .radiation = data::fit_radiation(copper_k_alpha), .first = 40, .last = 80},
      {&phase, 1}, {.background_terms = 3});
  EXPECT_NEAR(found.start, 40, 1e-9);
  EXPECT_NEAR(found.step, 0.02, 1e-9);
  EXPECT_EQ(found.points, 2001);
  EXPECT_EQ(found.background.size(), 3u);
  EXPECT_THROW(data::fit_phases(*backend_, {.measured = &pattern, .first = 130}, {&phase, 1}, {}),
               data::PatternRefused);
}

// ---- March and Dollase's texture ----

/// A pattern of the simulator along one of its axes, with noise of counting.
MeasuredPattern simulated(Backend& backend, const xrd::Crystal& crystal, double r, std::array<int, 3> axis) {
  PatternParameters parameters{};
  parameters[Effect::W] = 0.012;
  parameters[Effect::k_alpha2] = 0.5;
  parameters[Effect::texture] = r;
  while (texture_axes.at(static_cast<std::size_t>(parameters.axis)) !=
         std::array{static_cast<std::int8_t>(axis[0]), static_cast<std::int8_t>(axis[1]),
                    static_cast<std::int8_t>(axis[2])})
    ++parameters.axis;
  const Instrument instrument{.grid = {15, 0.02, 5001}};
  data::ReflectionRequest request = reflections_on(instrument, data::recipe_of({&parameters, 1}));
  request.anomalous = instrument.wavelength;
  const std::vector<xrd::Crystal> one{crystal};
  const data::ReflectionStore store(backend, data::crystals_of(one), request);
  const data::GivenPattern given{.parameters = parameters};
  const std::vector<float> y = data::render_patterns(
      backend, store, {&given, 1}, {.instrument = instrument, .maximum = 20000, .processing = {}});
  MeasuredPattern pattern;
  std::mt19937 random(7);
  for (std::size_t i = 0; i < y.size(); ++i) {
    pattern.x.push_back(instrument.grid.at(static_cast<std::int64_t>(i)));
    pattern.intensity.push_back(
        static_cast<double>(std::poisson_distribution<long>(double{y[i]} + 150)(random)));
  }
  return pattern;
}

TEST_F(PhaseFitTest, TheSimulatorsTextureIsFound) {
  struct Case {
    const char* name;
    double r;
    std::array<int, 3> axis;
  };
  for (const Case& one : {Case{"halite", 0.6, {1, 0, 0}},
                          {"fluorite", 0.6, {1, 1, 1}},
                          {"fluorite", 1.6, {1, 0, 0}},
                          {"calcite", 0.6, {0, 0, 1}},
                          {"rutile", 1.5, {1, 0, 0}},
                          {"gypsum", 0.6, {0, 1, 0}}}) {
    SCOPED_TRACE(std::string(one.name) + " " + std::to_string(one.r));
    const xrd::Crystal crystal = crystal_of(one.name);
    const MeasuredPattern pattern = simulated(*backend_, crystal, one.r, one.axis);
    const PhaseFit found = fit(pattern, {{{crystal}, one.axis}}), without = fit(pattern, {{{crystal}}});
    ASSERT_TRUE(found.phases[0].march.has_value());
    const data::FittedMarch& march = *found.phases[0].march;
    EXPECT_EQ(march.axis, one.axis);
    expect_within(march.r.value, march.r.uncertainty, one.r, 4, "r");
    EXPECT_NEAR(march.r.value, one.r, 0.02);
    EXPECT_TRUE(found.phases[0].texture.empty());
    EXPECT_FALSE(without.phases[0].march.has_value());
    EXPECT_LT(found.chi_squared_per_degree, 1.3);
    EXPECT_GT(without.chi_squared_per_degree, 2 * found.chi_squared_per_degree);
    std::printf("%s: r %.4f (%.4f), chi^2 %.2f, %.2f without\n", one.name, march.r.value, march.r.uncertainty,
                found.chi_squared_per_degree, without.chi_squared_per_degree);
  }
}

TEST_F(PhaseFitTest, FractionsOfATexturedMixtureAreRightWithItsAxis) {
  const xrd::Crystal calcite = crystal_of("calcite"), quartz = crystal_of("quartz_alpha");
  const Part parts[] = {{calcite, 0.4, 0.5, {1, 0, 4}}, {quartz, 0.6}};
  const MeasuredPattern pattern = drawn(*backend_, parts, {});
  const PhaseFit found = fit(pattern, {{{calcite}, std::array{1, 0, 4}}, {{quartz}}}),
                 without = fit(pattern, {{{calcite}}, {{quartz}}});
  const FittedPhase& textured = found.phases[0];
  ASSERT_TRUE(textured.march.has_value());
  EXPECT_FALSE(found.phases[1].march.has_value());
  expect_within(textured.march->r.value, textured.march->r.uncertainty, 0.5, 4, "r");
  expect_within(textured.weight_fraction.value, textured.weight_fraction.uncertainty, 0.4, 4,
                "weight fraction");
  EXPECT_NEAR(textured.weight_fraction.value, 0.4, 0.01);
  EXPECT_GT(std::abs(without.phases[0].weight_fraction.value - 0.4), 0.05);
  // Ticks are as strong as the lines are drawn: the strongest is (1 0 4), and what lies across it is weaker than without.
  const auto strength = [](const FittedPhase& phase, std::array<int, 3> hkl) {
    for (const data::FittedTick& tick : phase.ticks)
      if (tick.hkl == hkl) return tick.intensity;
    return 0.0;
  };
  const double drawn_ratio = march_factor(parts[0], {2, -1, 0}) / march_factor(parts[0], {1, 0, 4});
  const Part even{calcite, 1};
  const MeasuredPattern untextured = drawn(*backend_, {&even, 1}, {});
  const PhaseFit plain = fit(untextured, {{{calcite}}});
  EXPECT_NEAR(strength(textured, {2, -1, 0}) / strength(plain.phases[0], {2, -1, 0}), drawn_ratio,
              0.05 * drawn_ratio);
  std::printf("calcite 0.4: %.4f (%.4f), without an axis %.4f; r %.4f (%.4f)\n",
              textured.weight_fraction.value, textured.weight_fraction.uncertainty,
              without.phases[0].weight_fraction.value, textured.march->r.value,
              textured.march->r.uncertainty);
}

/// A cubic powder without texture: r is 1 within what it can be told.
TEST_F(PhaseFitTest, WithoutTextureRIsOne) {
  for (const auto& [name, axis] :
       {std::pair{"corundum", std::array{0, 0, 1}}, {"fluorite", std::array{1, 0, 0}}}) {
    SCOPED_TRACE(name);
    const xrd::Crystal crystal = crystal_of(name);
    const Part parts[] = {{crystal, 1}};
    const PhaseFit found = fit(drawn(*backend_, parts, {}), {{{crystal}, axis}});
    const data::FittedFigure& r = found.phases[0].march->r;
    EXPECT_NEAR(r.value, 1, 0.1);
    EXPECT_LE(std::abs(r.value - 1), 4 * r.uncertainty);
    expect_cell(found.phases[0], crystal.cell, "edge");
    std::printf("%s: r %.4f (%.4f)\n", name, r.value, r.uncertainty);
  }
}

// ---- measured patterns ----

/// The first scan of a file, with K alpha of copper.
MeasuredPattern measured(const std::filesystem::path& path) {
  return data::to_pattern(data::choose_scans(data::read_scans(path), {}).front().scan).pattern;
}

/// IUCr's round robin on quantitative phase analysis: weighed fractions of corundum, fluorite and zincite in samples 1a to 1h
/// (Madsen et al., 2001, J. Appl. Cryst. 34, 409; Scarlett et al., 2002, 35, 383).
struct Weighed {
  const char* file;
  std::array<double, 3> percent;
};
constexpr Weighed weighed[] = {{"cpd-1a.dat", {1.15, 94.81, 4.04}},
                               {"cpd-1c.dat", {5.04, 1.36, 93.59}},
                               {"cpd-1e.dat", {55.12, 29.62, 15.25}},
                               {"cpd-1g.dat", {31.37, 34.42, 34.21}}};

/// K alpha of copper as published cells have it: Hoelzer et al., 1997, Phys. Rev. A 56, 4554.
constexpr data::FitRadiation copper{{1.5405929, 1.5444274}, 0.5};

/// A published cell: a and c, A.
struct Published {
  const char* name;
  double a, c;
};
/// NIST SRM 676, and what is usual for the others.
constexpr Published published[] = {
    {"corundum", 4.75919, 12.99183}, {"fluorite", 5.4631, 5.4631}, {"zincite", 3.2498, 5.2066}};

TEST_F(PhaseFitTest, WeighedPowdersHaveTheirFractionsAndCells) {
  BRAGG_SHARED_DATA_OR_SKIP(folder, "patterns/text");
  // Kihara and Donnay, 1985, The Canadian Mineralogist 23, 647.
  const std::vector<data::PhaseToFit> phases{
      {{crystal_of("corundum")}},
      {{crystal_of("fluorite")}},
      {{crystal_of_text(
          "_cell_length_a 3.2494\n_cell_length_b 3.2494\n_cell_length_c 5.2038\n_cell_angle_gamma 120\n"
          "_space_group_name_H-M_alt 'P 63 m c'\n",
          "Zn1 Zn 0.3333333 0.6666667 0\nO1 O 0.3333333 0.6666667 0.3821\n")}}};
  double error = 0;
  for (const Weighed& sample : weighed) {
    SCOPED_TRACE(sample.file);
    const PhaseFit found = fit(measured(folder / sample.file), phases, copper);
    for (std::size_t i = 0; i < 3; ++i) {
      const FittedPhase& phase = found.phases[i];
      error += std::abs(100 * phase.weight_fraction.value - sample.percent[i]) / 12;
      // A phase of a few per cent leaves its cell to that of its neighbours and to zero and displacement.
      const double most = sample.percent[i] > 10 ? 2e-4 : 6e-4;
      EXPECT_NEAR(phase.cell.a / published[i].a, 1, most) << published[i].name;
      EXPECT_NEAR(phase.cell.c / published[i].c, 1, most) << published[i].name;
    }
  }
  EXPECT_LT(error, 1);
  std::printf("mean error of weight fractions: %.2f %%\n", error);
}

TEST_F(PhaseFitTest, ALineStandardHasItsCell) {
  BRAGG_SHARED_DATA_OR_SKIP(path, "patterns/gsas/NIST660CBI.gsas");
  const xrd::Crystal crystal = crystal_of_text(
      "_cell_length_a 4.16\n_cell_length_b 4.16\n_cell_length_c 4.16\n_cell_angle_gamma 90\n"
      "_space_group_name_H-M_alt 'P m -3 m'\n",
      "La1 La 0 0 0\nB1 B 0.1993 0.5 0.5\n");
  const PhaseFit found = fit(measured(path), {{{crystal}}}, copper);
  EXPECT_NEAR(found.phases[0].cell.a / 4.156826, 1, 2e-4);  // NIST SRM 660c
  std::printf("LaB6: a = %.5f (%.5f) A\n", found.phases[0].cell.a, found.phases[0].cell_uncertainty[0]);
}

TEST_F(PhaseFitTest, QuartzHasItsCell) {
  BRAGG_SHARED_DATA_OR_SKIP(path, "other_instruments/QUA.1.xy");
  const PhaseFit found = fit(measured(path), {{{grown(crystal_of("quartz_alpha"), 1.003, 1.003)}}}, copper);
  EXPECT_NEAR(found.phases[0].cell.a / 4.9134, 1, 2e-4);
  EXPECT_NEAR(found.phases[0].cell.c / 5.4052, 1, 2e-4);
}

}  // namespace
}  // namespace bragg::tests
