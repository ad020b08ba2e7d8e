// f' and f'' against another calculation, and in |F|^2 against sums by hand.
#include "xrd/scattering/anomalous_dispersion.h"

#include <cmath>
#include <complex>
#include <fstream>

#include <gtest/gtest.h>

#include "tests/support/compare.h"
#include "tests/support/shared_data.h"
#include "tests/xrd/cif_text.h"
#include "xrd/crystal_batch.h"
#include "xrd/reflections.h"

namespace bragg::xrd {
namespace {

using tests::within;

// The two calculations differ by relativistic corrections, which grow as Z^2, and by their cross sections.
TEST(AnomalousDispersion, AgreesWithChantler) {
  std::ifstream file(tests::project_file("tests/xrd/dispersion.tsv"));
  std::vector<double> real, imaginary, expected_real, expected_imaginary, real_bound, imaginary_bound;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream fields(line);
    int z = 0;
    double wavelength = 0, f1 = 0, f2 = 0;
    ASSERT_TRUE(fields >> z >> wavelength >> f1 >> f2) << line;
    const auto found = anomalous_dispersion(z, wavelength);
    ASSERT_TRUE(found) << line;
    real.push_back(found->real);
    imaginary.push_back(found->imaginary);
    expected_real.push_back(f1);
    expected_imaginary.push_back(f2);
    real_bound.push_back(0.06 + 1.2e-4 * z * z);
    imaginary_bound.push_back(0.02 + 0.04 * f2);
  }
  ASSERT_GT(real.size(), 450u);
  EXPECT_TRUE(within(real, expected_real, real_bound));
  EXPECT_TRUE(within(imaginary, expected_imaginary, imaginary_bound));
}

// International Tables C, table 4.2.6.8, Cu K-alpha: Cromer and Liberman's own values.
TEST(AnomalousDispersion, ValuesOfTheInternationalTables) {
  const struct {
    int z;
    double real, imaginary;
  } table[] = {{8, 0.0492, 0.0322}, {26, -1.1336, 3.1974}, {27, -2.3653, 3.6143}};
  for (const auto& row : table) {
    const auto found = anomalous_dispersion(row.z, 1.54184);
    ASSERT_TRUE(found);
    EXPECT_NEAR(found->real, row.real, 0.025) << row.z;
    EXPECT_NEAR(found->imaginary, row.imaginary, 0.01) << row.z;
  }
}

TEST(AnomalousDispersion, SaysWhatItDoesNotKnow) {
  for (const int z : {1, 2, 93, 98})
    EXPECT_FALSE(anomalous_dispersion(z, 1.54184)) << z;
  for (const int z : {3, 26, 92}) {
    EXPECT_TRUE(anomalous_dispersion(z, 1.54184)) << z;
    EXPECT_FALSE(anomalous_dispersion(z, 0.099)) << z;
    EXPECT_FALSE(anomalous_dispersion(z, 12.5)) << z;
  }
  EXPECT_TRUE(anomalous_dispersion(78, 0.11));
  EXPECT_FALSE(anomalous_dispersion(82, 0.11)) << "beyond the K edge of lead, 0.141 A";
  EXPECT_TRUE(anomalous_dispersion(82, 0.15));

  const Crystal hydride = crystal_of(
      "data_x\n_cell_length_a 4\n_cell_length_b 4\n_cell_length_c 4\n_cell_angle_alpha 90\n"
      "_cell_angle_beta 90\n_cell_angle_gamma 90\n_space_group_name_H-M_alt 'P m -3 m'\nloop_\n"
      "_atom_site_label\n_atom_site_type_symbol\n_atom_site_fract_x\n_atom_site_fract_y\n"
      "_atom_site_fract_z\nFe1 Fe 0 0 0\nH1 H 0.5 0.5 0.5\nNp1 Np 0.5 0 0\n");
  EXPECT_EQ(without_dispersion(hydride, 1.54184), (std::vector<int>{1, 93}));
  EXPECT_EQ(without_dispersion(hydride, 20), (std::vector<int>{1, 26, 93}));
  const CrystalBatch batch = make_batch(std::span(&hydride, 1), 1.54184);  // by species: H, Fe, Np
  ASSERT_EQ(batch.form_factors.size(), 3u);
  EXPECT_EQ(batch.form_factors[0].dispersion_imaginary, 0);
  EXPECT_NEAR(batch.form_factors[1].dispersion_imaginary, 3.2, 0.01);
  EXPECT_EQ(batch.form_factors[2].dispersion_real, 0);
}

// On and beside edges, and where a Gauss-Legendre node of gemmi's sums has a pole.
TEST(AnomalousDispersion, FiniteEverywhere) {
  std::vector<double> wavelengths;
  for (int i = 0; i <= 1500; ++i)
    wavelengths.push_back(0.1 * std::pow(30, i / 1500.0));
  constexpr double hc = 12398.41984;
  for (const double pole : {4645.8, 5655.1, 6758.4, 7112.0, 7709.0, 9297.3, 10712.2, 16945.0, 33246.6}) {
    for (const double offset : {-1e-5, -1e-7, 0.0, 1e-7, 1e-5})
      wavelengths.push_back(hc / (pole * (1 + offset)));
  }
  for (int z = first_dispersive_element; z <= last_dispersive_element; ++z) {
    for (const double wavelength : wavelengths) {
      const auto found = anomalous_dispersion(z, wavelength);
      if (!found) continue;
      ASSERT_GT(found->real, -80) << z << ' ' << wavelength;
      ASSERT_LT(found->real, 2) << z << ' ' << wavelength;
      ASSERT_GE(found->imaginary, 0) << z << ' ' << wavelength;
      ASSERT_LT(found->imaginary, 60) << z << ' ' << wavelength;
    }
  }
}

// What gemmi's own binding energies make of these: -1.6 (Bi, at the pole), -18.7 (Ar) and -233 (Ce).
TEST(AnomalousDispersion, OrbitalsAreConsistent) {
  EXPECT_NEAR(anomalous_dispersion(83, 1.5257)->real, -3.9, 0.4);
  EXPECT_NEAR(anomalous_dispersion(83, 1.54056)->real, -4.26, 0.4);
  EXPECT_NEAR(anomalous_dispersion(18, 2.105)->real, 0.27, 0.1);
  EXPECT_NEAR(anomalous_dispersion(58, 0.644)->real, -0.4, 0.2);
  EXPECT_NEAR(anomalous_dispersion(58, 2.99)->real, -5.4, 0.5);
}

// Atoms of one element, written out: positions are of the whole cell.
struct Atoms {
  Species species;
  std::complex<double> dispersion;  // f' + i f'', by hand
  std::vector<std::array<double, 3>> positions;
};

using Positions = std::vector<std::array<double, 3>>;

Positions face_centred(const Positions& of_one_point) {
  Positions all;
  for (const auto& shift : Positions{{0, 0, 0}, {0, 0.5, 0.5}, {0.5, 0, 0.5}, {0.5, 0.5, 0}}) {
    for (const auto& p : of_one_point)
      all.push_back({p[0] + shift[0], p[1] + shift[1], p[2] + shift[2]});
  }
  return all;
}

// Mean of |F|^2 of hkl and -h -k -l, a cubic cell.
double friedel_mean(const std::vector<Atoms>& cell, double a, const std::array<int, 3>& hkl) {
  const double s = std::hypot(hkl[0], hkl[1], hkl[2]) / (2 * a);
  double mean = 0;
  for (const double sign : {1.0, -1.0}) {
    std::complex<double> F = 0;
    for (const Atoms& atoms : cell) {
      const std::complex<double> f = evaluate(form_factor(atoms.species).form_factor, s) + atoms.dispersion;
      for (const auto& p : atoms.positions)
        F += f * std::polar(1.0, sign * 2 * M_PI * (hkl[0] * p[0] + hkl[1] * p[1] + hkl[2] * p[2]));
    }
    mean += std::norm(F) / 2;
  }
  return mean;
}

Crystal cubic(const std::string& group, double a, const std::string& sites) {
  return crystal_of("data_x\n_cell_length_a " + std::to_string(a) + "\n_cell_length_b " + std::to_string(a) +
                    "\n_cell_length_c " + std::to_string(a) +
                    "\n_cell_angle_alpha 90\n_cell_angle_beta 90\n_cell_angle_gamma 90\n"
                    "_space_group_name_H-M_alt '" +
                    group +
                    "'\nloop_\n_atom_site_label\n_atom_site_type_symbol\n_atom_site_fract_x\n"
                    "_atom_site_fract_y\n_atom_site_fract_z\n" +
                    sites);
}

constexpr double copper = 1.54184, cobalt = 1.7903;

class AnomalousReflections : public ::testing::TestWithParam<const char*> {
 protected:
  void expect_by_hand(const Crystal& crystal, const std::vector<Atoms>& cell, double wavelength) {
    const auto ours =
        reflections(*backend, crystal, {.wavelength = wavelength, .range = {5, 120}, .anomalous = true});
    ASSERT_GT(ours.size(), 5u);
    std::vector<double> f2, expected;
    for (const Reflection& r : ours) {
      f2.push_back(r.f2);
      expected.push_back(friedel_mean(cell, crystal.cell.a, r.hkl));
    }
    // f' and f'' by hand have three decimals.
    EXPECT_TRUE(within(f2, expected, 1e-3 * *std::max_element(expected.begin(), expected.end())));
  }
  double intensity(const Crystal& crystal, double wavelength, bool anomalous) {
    for (const Reflection& r :
         peaks(*backend, crystal, {.wavelength = wavelength, .range = {5, 90}, .anomalous = anomalous})) {
      if (r.hkl == std::array{1, 1, 1}) return r.intensity;
    }
    return 0;
  }

  const std::unique_ptr<Backend> backend = make_backend({GetParam(), 1, ""});
};
INSTANTIATE_TEST_SUITE_P(Backends, AnomalousReflections, ::testing::Values("reference", "cpu"));

TEST_P(AnomalousReflections, CobaltOxideByHand) {
  const double a = 4.2612;
  const Crystal crystal = cubic("F m -3 m", a, "Co Co 0 0 0\nO O 0.5 0.5 0.5\n");
  const auto cell = [](std::complex<double> of_cobalt, std::complex<double> of_oxygen) {
    return std::vector<Atoms>{{{27, 0}, of_cobalt, face_centred({{0, 0, 0}})},
                              {{8, 0}, of_oxygen, face_centred({{0.5, 0.5, 0.5}})}};
  };
  expect_by_hand(crystal, cell({-2.385, 3.620}, {0.049, 0.032}), copper);
  expect_by_hand(crystal, cell({-2.015, 0.574}, {0.063, 0.044}), cobalt);
  // 71.0 without; 65.1 with f' and f'' of cobalt alone, and oxygen's take off another 0.8.
  EXPECT_NEAR(intensity(crystal, copper, false), 71.0, 0.1);
  EXPECT_NEAR(intensity(crystal, copper, true), 64.25, 0.1);
}

TEST_P(AnomalousReflections, MagnetiteByHand) {
  // F d -3 m, origin at the inversion centre: 8a, 16d, and 32e at x = 0.2549.
  const double a = 8.3969, x = 0.2549;
  const Crystal crystal =
      cubic("F d -3 m :2", a, "Fe1 Fe 0.125 0.125 0.125\nFe2 Fe 0.5 0.5 0.5\nO O 0.2549 0.2549 0.2549\n");
  const auto cell = [&](std::complex<double> of_iron, std::complex<double> of_oxygen) {
    const Positions iron{{0.125, 0.125, 0.125}, {0.875, 0.375, 0.375}, {0.5, 0.5, 0.5},
                         {0.25, 0.75, 0},       {0.75, 0, 0.25},       {0, 0.25, 0.75}};
    const Positions oxygen{{x, x, x},
                           {0.75 - x, 0.25 - x, x + 0.5},
                           {0.25 - x, x + 0.5, 0.75 - x},
                           {x + 0.5, 0.75 - x, 0.25 - x},
                           {x + 0.75, x + 0.25, 0.5 - x},
                           {-x, -x, -x},
                           {x + 0.25, 0.5 - x, x + 0.75},
                           {0.5 - x, x + 0.75, x + 0.25}};
    return std::vector<Atoms>{{{26, 0}, of_iron, face_centred(iron)},
                              {{8, 0}, of_oxygen, face_centred(oxygen)}};
  };
  expect_by_hand(crystal, cell({-1.139, 3.201}, {0.049, 0.032}), copper);
  expect_by_hand(crystal, cell({-3.303, 0.491}, {0.063, 0.044}), cobalt);
}

// Zinc blende has no centre: the two of a Friedel pair differ, and their mean is what a powder shows.
TEST_P(AnomalousReflections, ZincBlendeByHand) {
  const double a = 5.4093;
  const Crystal crystal = cubic("F -4 3 m", a, "Zn Zn 0 0 0\nS S 0.25 0.25 0.25\n");
  expect_by_hand(crystal,
                 {{{30, 0}, {-1.542, 0.679}, face_centred({{0, 0, 0}})},
                  {{16, 0}, {0.333, 0.558}, face_centred({{0.25, 0.25, 0.25}})}},
                 copper);
}

}  // namespace
}  // namespace bragg::xrd
