// CrystalBatch against the plain sum over all operators: reduction by centring and inversion, moved origins,
// special positions, turned displacement tensors.
#include "xrd/crystal_batch.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>
#include <random>

#include <gtest/gtest.h>

#include "tests/support/compare.h"
#include "xrd/symmetry/site_symmetry.h"
#include "xrd/symmetry/symmetry_tables.h"

namespace bragg::xrd {
namespace {

constexpr double two_pi = 2 * std::numbers::pi;

/// A cell that the setting's operators allow: a general one made symmetric.
UnitCell cell_for(const std::vector<SymmetryOperator>& operators) {
  return symmetrised({7.1, 8.3, 9.7, 82, 97, 104}, operators);
}

Site place(const UnitCell& cell, const std::vector<SymmetryOperator>& operators, const Fractional& p,
           Species species, double occupancy, double u_iso, bool anisotropic) {
  Site site;
  site.species = species;
  site.occupancy = occupancy;
  site.u_iso = u_iso;
  const SitePlacement placement = place_site(cell, operators, p);
  site.position = placement.position;
  site.multiplicity = placement.multiplicity;
  if (anisotropic)
    site.u_aniso =
        symmetrised_u(cell, operators, placement, Tensor{0.010, 0.014, 0.018, 0.003, -0.002, 0.004});
  return site;
}

double f_of(const FormFactor& f, double s2) {
  double sum = f.c;
  for (std::size_t i = 0; i < 4; ++i)
    sum += f.a[i] * std::exp(-f.b[i] * s2);
  return sum;
}

/// sum over all operators and sites, each weighted so that an atom on a special position counts once.
std::complex<double> plain_sum(const Crystal& crystal, const std::array<int, 3>& hkl, double& magnitude) {
  const double d = crystal.cell.d_spacing(hkl[0], hkl[1], hkl[2]), s2 = 0.25 / (d * d);
  const auto r = crystal.cell.reciprocal_lengths();
  std::complex<double> F = 0;
  magnitude = 0;
  for (const Site& site : crystal.sites) {
    const double weight =
        site.occupancy * site.multiplicity / static_cast<double>(crystal.group.operators.size());
    const double f = weight * f_of(form_factor(site.species).form_factor, s2);
    for (const SymmetryOperator& op : crystal.group.operators) {
      const Fractional x = xrd::apply(op, site.position);
      double exponent = 8 * std::numbers::pi * std::numbers::pi * site.u_iso * s2;
      if (site.u_aniso) {
        const auto& u = *site.u_aniso;
        const auto k = xrd::apply(op, hkl);  // T of the image at h is T of the site at h R
        const double h = k[0] * r[0], i = k[1] * r[1], l = k[2] * r[2];
        exponent =
            two_pi * std::numbers::pi *
            (u[0] * h * h + u[1] * i * i + u[2] * l * l + 2 * (u[3] * i * l + u[4] * h * l + u[5] * h * i));
      }
      const double phase = two_pi * (hkl[0] * x.x + hkl[1] * x.y + hkl[2] * x.z);
      F += f * std::exp(-exponent) * std::complex(std::cos(phase), std::sin(phase));
      magnitude += f * std::exp(-exponent);
    }
  }
  return F;
}

/// |F| as problems.h says for the reduced atoms. For hkl that the centring extinguishes the batch's formula
/// has no meaning.
double batch_sum(const CrystalBatch& batch, std::size_t i, const std::array<int, 3>& hkl) {
  const double h = hkl[0], k = hkl[1], l = hkl[2];
  const auto& g = batch.metric[i];
  const double s2 =
      (g[0] * h * h + g[1] * k * k + g[2] * l * l + g[3] * k * l + g[4] * h * l + g[5] * h * k) / 4;
  std::complex<double> F = 0;
  for (auto j = batch.atom_offset[i]; j < batch.atom_offset[i + 1]; ++j) {
    const ScatteringAtom& atom = batch.atoms[j];
    double exponent = 8 * std::numbers::pi * std::numbers::pi * static_cast<double>(atom.u_iso) * s2;
    if (atom.anisotropic >= 0) {
      const auto& b = batch.beta.at(static_cast<std::size_t>(atom.anisotropic));
      exponent = b[0] * h * h + b[1] * k * k + b[2] * l * l + b[3] * k * l + b[4] * h * l + b[5] * h * k;
    }
    const double phase = two_pi * (h * atom.x + k * atom.y + l * atom.z);
    F += static_cast<double>(atom.occupancy) *
         f_of(batch.form_factors.at(static_cast<std::size_t>(atom.form_factor)), s2) * std::exp(-exponent) *
         std::complex(std::cos(phase), std::sin(phase));
  }
  const double centring = batch.centring[i];
  return batch.centrosymmetric[i] ? std::abs(2 * centring * F.real()) : std::abs(centring * F);
}

bool centring_extinguishes(const Crystal& crystal, const std::array<int, 3>& hkl) {
  for (const SymmetryOperator& op : crystal.group.operators) {
    if (op.rotation != std::array<std::int8_t, 9>{1, 0, 0, 0, 1, 0, 0, 0, 1}) continue;
    if ((hkl[0] * op.translation[0] + hkl[1] * op.translation[1] + hkl[2] * op.translation[2]) % 24 != 0)
      return true;
  }
  return false;
}

TEST(CrystalBatch, GivesThePlainSumInEveryTabulatedSetting) {
  constexpr unsigned seed = 559;
  RecordProperty("seed", static_cast<int>(seed));
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> uniform(0, 1);
  std::vector<Crystal> crystals;
  for (const TabulatedSetting& t : tabulated_settings()) {
    const auto& operators = t.setting.operators;
    Crystal crystal{.name = t.setting.hm, .cell = cell_for(operators), .group = t.setting, .sites = {}};
    const auto add = [&](const Fractional& p, Species species, double occupancy, double u, bool anisotropic) {
      crystal.sites.push_back(place(crystal.cell, operators, p, species, occupancy, u, anisotropic));
      ASSERT_GT(crystal.sites.back().multiplicity, 0) << t.setting.hm;
    };
    add({uniform(random), uniform(random), uniform(random)}, {26, 3}, 0.75, 0.011, false);
    add({uniform(random), uniform(random), uniform(random)}, {8, -2}, 1, 0, true);
    // Corners, centres and quarters: on special positions in most settings.
    add({0, 0, 0}, {14, 0}, 1, 0.004, true);
    add({0.5, 0.5, 0.5}, {13, 0}, 0.5, 0, false);
    add({0.25, 0.25, 0.25}, {20, 2}, 1, 0.008, true);
    add({0.125, 0.125, 0.125}, {12, 0}, 1, 0, true);
    add({0.5, 0, uniform(random)}, {16, 0}, 1, 0, true);
    crystals.push_back(std::move(crystal));
  }
  const CrystalBatch batch = make_batch(crystals);
  batch.validate();
  ASSERT_EQ(batch.crystals(), static_cast<std::int64_t>(crystals.size()));
  std::vector<double> got, expected, bounds;
  for (std::size_t i = 0; i < crystals.size(); ++i) {
    for (const std::array<int, 3>& hkl :
         {std::array{1, 2, 3}, {2, 0, 4}, {-3, 1, 2}, {4, -4, 2}, {0, 2, 2}, {5, 3, 1}}) {
      if (centring_extinguishes(crystals[i], hkl)) continue;
      double magnitude = 0;
      expected.push_back(std::abs(plain_sum(crystals[i], hkl, magnitude)));
      got.push_back(batch_sum(batch, i, hkl));
      // occupancy, u_iso and beta are floats (2^-24 relative, the exponents below 4).
      bounds.push_back(magnitude * 6e-8 * 5);
    }
  }
  EXPECT_TRUE(tests::within(got, expected, bounds));
}

TEST(CrystalBatch, MovedOperatorsStillExtinguishAndCentre) {
  for (const TabulatedSetting& t : tabulated_settings()) {
    Crystal crystal{
        .name = t.setting.hm, .cell = cell_for(t.setting.operators), .group = t.setting, .sites = {}};
    crystal.sites.push_back(
        place(crystal.cell, t.setting.operators, {0.13, 0.27, 0.41}, {14, 0}, 1, 0, false));
    const CrystalBatch batch = make_batch(std::span(&crystal, 1));
    std::vector<SymmetryOperator> moved = batch.operators;
    ASSERT_EQ(moved.size(), t.setting.operators.size());
    EXPECT_EQ(triplet(moved[0]), "x,y,z");
    EXPECT_EQ(space_group_type(moved), t.setting.number) << t.setting.hm;
    if (batch.centrosymmetric[0]) {
      const auto key = operator_key(moved);
      const auto inversion = pack(parse_operator("-x,-y,-z"));
      EXPECT_TRUE(std::find(key.begin(), key.end(), inversion) != key.end()) << t.setting.hm;
    }
    // A general position: as many reduced atoms as rotations modulo inversion.
    const std::size_t per_lattice_point = moved.size() / batch.centring[0];
    EXPECT_EQ(batch.atoms.size(), batch.centrosymmetric[0] ? per_lattice_point / 2 : per_lattice_point)
        << t.setting.hm;
  }
}

TEST(CrystalBatch, AtomsOnInversionCentresCountHalf) {
  const auto& t = reference_setting(225);
  Crystal salt{.name = "NaCl", .cell = {5.64, 5.64, 5.64, 90, 90, 90}, .group = t.setting, .sites = {}};
  salt.sites.push_back(place(salt.cell, t.setting.operators, {0, 0, 0}, {11, 1}, 1, 0, false));
  salt.sites.push_back(place(salt.cell, t.setting.operators, {0.5, 0.5, 0.5}, {17, -1}, 1, 0, false));
  EXPECT_EQ(salt.sites[0].multiplicity, 4);
  const CrystalBatch batch = make_batch(std::span(&salt, 1));
  ASSERT_EQ(batch.atoms.size(), 2u);
  EXPECT_EQ(batch.centring[0], 4);
  EXPECT_EQ(batch.atoms[0].occupancy, 0.5f);
  EXPECT_EQ(batch.form_factors.size(), 2u);
}

TEST(CrystalBatch, FormFactorsAreSharedAndTheBuilderStartsAgain) {
  const auto& t = reference_setting(2);
  Crystal crystal{.name = "a", .cell = {5, 6, 7, 80, 85, 95}, .group = t.setting, .sites = {}};
  crystal.sites.push_back(place(crystal.cell, t.setting.operators, {0.1, 0.2, 0.3}, {14, 0}, 1, 0, true));
  crystal.sites.push_back(place(crystal.cell, t.setting.operators, {0.4, 0.2, 0.3}, {14, 0}, 0, 0, true));
  CrystalBatchBuilder builder;
  builder.add(crystal);
  builder.add(crystal);
  const CrystalBatch first = builder.take();
  EXPECT_EQ(first.form_factors.size(), 1u);
  EXPECT_EQ(first.atoms.size(), 2u);  // an occupancy of zero scatters nothing
  EXPECT_EQ(builder.take().crystals(), 0);
  builder.add(crystal);
  EXPECT_EQ(builder.take().form_factors.size(), 1u);
}

// Sums go by form factors: in which order may not depend on the other crystals of the batch.
TEST(CrystalBatch, FormFactorsAreInTheOrderOfSpecies) {
  const auto& t = reference_setting(1);
  const auto of = [&](const std::vector<std::uint8_t>& elements) {
    Crystal crystal{.name = "a", .cell = {5, 6, 7, 80, 85, 95}, .group = t.setting, .sites = {}};
    for (const std::uint8_t Z : elements)
      crystal.sites.push_back(
          place(crystal.cell, t.setting.operators, {0.1, 0.2, 0.01 * Z}, {Z, 0}, 1, 0, true));
    return crystal;
  };
  const CrystalBatch alone = make_batch(std::vector{of({14, 8, 26})}),
                     after = make_batch(std::vector{of({26, 6}), of({14, 8, 26})});
  ASSERT_EQ(alone.form_factors.size(), 3u);
  ASSERT_EQ(after.form_factors.size(), 4u);
  std::vector<int> order;
  for (std::size_t j = 0; j < 3; ++j) {
    order.push_back(alone.atoms[j].form_factor);
    const std::size_t behind = after.atom_offset[1] + j;
    EXPECT_EQ(after.atoms[behind].form_factor, alone.atoms[j].form_factor + 1);  // carbon is before oxygen
    EXPECT_EQ(after.form_factors[after.atoms[behind].form_factor].a,
              alone.form_factors[alone.atoms[j].form_factor].a);
  }
  EXPECT_EQ(order, (std::vector{1, 0, 2}));
}

TEST(CrystalBatch, OneBehindAnother) {
  const auto& t = reference_setting(2);
  Crystal first{.name = "a", .cell = {5, 6, 7, 80, 85, 95}, .group = t.setting, .sites = {}};
  first.sites.push_back(place(first.cell, t.setting.operators, {0.1, 0.2, 0.3}, {14, 0}, 1, 0, true));
  first.sites.back().u_aniso = Tensor{0.01, 0.02, 0.03, 0, 0, 0};
  Crystal second = first;
  second.cell.a = 8;
  second.sites.front().species = {8, 0};
  const CrystalBatch expected = make_batch(std::vector{first, second, first});
  CrystalBatch batch;
  append_batch(batch, make_batch(std::vector{first}));
  append_batch(batch, make_batch(std::vector<Crystal>{}));
  append_batch(batch, make_batch(std::vector{second, first}));
  batch.validate();
  EXPECT_EQ(batch.metric, expected.metric);
  EXPECT_EQ(batch.centrosymmetric, expected.centrosymmetric);
  EXPECT_EQ(batch.centring, expected.centring);
  EXPECT_EQ(batch.atom_offset, expected.atom_offset);
  EXPECT_EQ(batch.operator_offset, expected.operator_offset);
  EXPECT_EQ(batch.operators, expected.operators);
  EXPECT_EQ(batch.beta, expected.beta);
  ASSERT_EQ(batch.atoms.size(), expected.atoms.size());
  for (std::size_t j = 0; j < batch.atoms.size(); ++j) {
    EXPECT_EQ(batch.atoms[j].x, expected.atoms[j].x);
    EXPECT_EQ(batch.atoms[j].anisotropic, expected.atoms[j].anisotropic);
    EXPECT_EQ(batch.form_factors[static_cast<std::size_t>(batch.atoms[j].form_factor)].a,
              expected.form_factors[static_cast<std::size_t>(expected.atoms[j].form_factor)].a);
  }
}

}  // namespace
}  // namespace bragg::xrd
