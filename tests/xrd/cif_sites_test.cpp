// The sites of a CIF: species from labels, special positions, mixed and repeated sites, displacement
// parameters.
#include <array>
#include <cstdio>
#include <numbers>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/compare.h"
#include "tests/xrd/cif_text.h"

namespace bragg::xrd {
namespace {

TEST(CifSites, SpeciesFromLabels) {
  const auto species = [](const std::string& label, const std::string& formula) {
    Cif cif;
    cif.sites = std::string("loop_\n") + plain + label + " 0.1 0.1 0.1\n";
    if (!formula.empty()) cif.rest = "_chemical_formula_sum '" + formula + "'\n";
    const Result result = read(cif.text());
    return result.crystals.empty() ? std::string("refused") : name_of(result.crystals[0].sites[0].species);
  };
  EXPECT_EQ(species("Si1", ""), "Si");
  EXPECT_EQ(species("O2A", ""), "O");
  EXPECT_EQ(species("OH", ""), "O");
  EXPECT_EQ(species("Ow1", ""), "O");
  EXPECT_EQ(species("D1", ""), "H");
  EXPECT_EQ(species("FE1", "Fe2 O3"), "Fe");
  EXPECT_EQ(species("CA1", "Ca C O3"), "refused");
  EXPECT_EQ(species("CA1", "C6 H6"), "C");
  EXPECT_EQ(species("Cs1", "C6 H6"), "C");
  EXPECT_EQ(species("Cs1", ""), "Cs");
  EXPECT_EQ(species("Ala", "Al2 O3"), "Al");
  EXPECT_EQ(species("Wat2", "Ca S O4"), "O");
  EXPECT_EQ(species("Tet", ""), "refused");
}

TEST(CifSites, SpecialPositionsAreExact) {
  Cif cif;
  cif.cell =
      "_cell_length_a 5\n_cell_length_b 5\n_cell_length_c 8\n_cell_angle_alpha 90\n_cell_angle_beta "
      "90\n_cell_angle_gamma 120\n";
  cif.symmetry = "_space_group_name_Hall '-P 6c 2c'\n_space_group_name_H-M_alt 'P 63/m m c'\n";
  cif.sites = std::string("loop_\n") + plain +
              "Zn1 0.3333 0.6667 0.25\nS1 0.333 0.667 0.6251\nO1 0.501 0.001 0.001\nH1 0.11 0.33 0.07\n";
  const Crystal c = crystal_of(cif.text());
  EXPECT_EQ(c.sites[0].multiplicity, 2);
  EXPECT_EQ(c.sites[1].multiplicity, 4);
  EXPECT_EQ(c.sites[2].multiplicity, 6);
  EXPECT_EQ(c.sites[3].multiplicity, 24);
  const auto& p = c.sites[0].position;
  EXPECT_TRUE(tests::within(std::array{p.x, p.y, p.z}, std::array{1 / 3.0, 2 / 3.0, 0.25}, 1e-15));
  EXPECT_DOUBLE_EQ(c.sites[1].position.z, 0.6251);
}

TEST(CifSites, WithinAndBeyondTheMergeTolerance) {
  // P -1, edges 4 5 6: an atom 0.024 A from the inversion centre has its image 0.048 A away, one 0.027 A away
  // 0.054 A.
  EXPECT_EQ(crystal_of(with_sites(plain, "Si1 0.006 0 0\n")).sites[0].multiplicity, 1);
  EXPECT_EQ(crystal_of(with_sites(plain, "Si1 0.006 0 0\n")).sites[0].position.x, 0);
  expect_refused(with_sites(plain, "Si1 0.00675 0 0\n"), CifFault::atoms_too_close, 17, {"0.054 A"});
  // Half occupied, the two images are alternatives.
  const Crystal split = crystal_of(with_sites(with_occupancy, "Si1 0.00675 0 0 0.5\n"));
  EXPECT_EQ(split.sites[0].multiplicity, 2);
  EXPECT_EQ(split.sites[0].position.x, 0.00675);
}

// 0.0225 A off the mirror of P m -3 m, half occupied: two parts of a whole atom, or an atom that is there in
// every second cell and whose coordinate was rounded. The formula says which.
TEST(CifSites, TheFormulaDecidesWhetherASiteBesideAMirrorIsAPartOrAnAtom) {
  Cif cif;
  cif.cell =
      "_cell_length_a 8\n_cell_length_b 8\n_cell_length_c 8\n"
      "_cell_angle_alpha 90\n_cell_angle_beta 90\n_cell_angle_gamma 90\n";
  cif.symmetry = "_symmetry_space_group_name_H-M 'P m -3 m'\n";
  cif.sites = std::string("loop_\n") + with_occupancy + "Ti1 0 0 0 1\nO1 0.5 0.5 0.0028 0.5\n";
  const auto atoms = [&](const char* formula) {
    cif.rest = formula;
    return crystal_of(cif.text()).atoms_per_cell();
  };
  EXPECT_DOUBLE_EQ(atoms(""), 4);
  EXPECT_DOUBLE_EQ(atoms("_chemical_formula_sum 'Ti O3'\n"), 4);
  EXPECT_DOUBLE_EQ(atoms("_chemical_formula_sum 'Ti O1.5'\n"), 2.5);
  EXPECT_DOUBLE_EQ(atoms("_chemical_formula_sum 'Ti2 O3'\n"), 2.5);
  EXPECT_DOUBLE_EQ(atoms("_chemical_formula_sum 'Ti O2'\n"), 4);  // neither: as without it
}

TEST(CifSites, MixedSitesAreKept) {
  const Crystal c = crystal_of(with_sites(
      with_occupancy,
      "Si1 0.1 0 0 0.6\nAl1 0.1 0 0 0.41\nFe1 0 0 0 0\nMg1 0.3 0.25 0 0.5\nCa1 0.35 0.25 0 0.5\n"));
  EXPECT_EQ(c.sites.size(), 5u);
  EXPECT_DOUBLE_EQ(c.atoms_per_cell(), 2 * (0.6 + 0.41 + 0.5 + 0.5));
}

TEST(CifSites, AWholeCellBesideItsOperatorsIsNotDoubled) {
  Result result = read(with_sites(plain, "Si1 0.1 0.2 0.3\nSi2 -0.1 -0.2 0.7\nO1 0 0.5 0\n"));
  ASSERT_EQ(result.crystals.size(), 1u);
  EXPECT_EQ(result.crystals[0].atoms_per_cell(), 3);
  ASSERT_EQ(result.warnings.size(), 1u);
  EXPECT_NE(result.warnings[0].detail.find("Si2"), std::string::npos);
  // Where some could be halves of a split occupancy, nobody knows.
  expect_refused(with_sites(with_occupancy,
                            "Si1 0.1 0.2 0.3 1\nSi2 -0.1 -0.2 0.7 1\nO1 0.3 0.5 0 0.5\nO2 -0.3 0.5 0 0.5\n"),
                 CifFault::bad_occupancy, 21, {"O1", "O2"});
}

TEST(CifSites, DummiesAreLeftOutWithAWord) {
  const Result result =
      read(with_sites(std::string("_atom_site_calc_flag\n") + plain, "d Si1 0 0 0\ndum Cp 0.3 0 0\n"));
  ASSERT_EQ(result.crystals.size(), 1u);
  EXPECT_EQ(result.crystals[0].sites.size(), 1u);
  EXPECT_EQ(result.warnings.size(), 1u);
}

TEST(CifDisplacements, IsotropicUAndB) {
  constexpr double eight_pi_squared = 8 * std::numbers::pi * std::numbers::pi;
  EXPECT_EQ(crystal_of(with_sites(std::string("_atom_site_U_iso_or_equiv\n") + plain, "0.012(3) Si1 0 0 0\n"))
                .sites[0]
                .u_iso,
            0.012);
  EXPECT_DOUBLE_EQ(
      crystal_of(with_sites(std::string("_atom_site_B_iso_or_equiv\n") + plain, "0.9 Si1 0 0 0\n"))
          .sites[0]
          .u_iso,
      0.9 / eight_pi_squared);
  EXPECT_EQ(crystal_of(with_sites(std::string("_atom_site_U_iso_or_equiv\n") + plain, "? Si1 0 0 0\n"))
                .sites[0]
                .u_iso,
            0);
}

TEST(CifDisplacements, TensorsInThreeNotations) {
  constexpr double pi2 = std::numbers::pi * std::numbers::pi;
  const std::array<double, 6> u{0.011, 0.012, 0.013, 0.004, 0.003, 0.002};  // 11 22 33 23 13 12
  const std::array<double, 3> s{1 / 4.0, 1 / 5.0, 1 / 6.0};
  const std::array<double, 6> scale{s[0] * s[0], s[1] * s[1], s[2] * s[2],
                                    s[1] * s[2], s[0] * s[2], s[0] * s[1]};
  for (const std::string kind : {"U", "B", "beta"}) {
    Cif cif;
    cif.rest = "loop_\n_atom_site_aniso_label\n";
    std::string row = "Si1";
    const char* names[] = {"11", "22", "33", "23", "13", "12"};
    for (std::size_t k = 0; k < 6; ++k) {
      cif.rest += "_atom_site_aniso_" + kind + "_" + names[k] + "\n";
      const double value = kind == "U" ? u[k] : kind == "B" ? u[k] * 8 * pi2 : u[k] * 2 * pi2 * scale[k];
      char text[40];
      std::snprintf(text, sizeof text, " %.17g", value);
      row += text;
    }
    cif.rest += row + "\nO1 ? ? ? ? ? ?\n";
    const Crystal c = crystal_of(cif.text());
    ASSERT_TRUE(c.sites[0].u_aniso) << kind;
    EXPECT_TRUE(tests::within(*c.sites[0].u_aniso, u, 1e-16)) << kind;
    EXPECT_FALSE(c.sites[1].u_aniso);
  }
}

TEST(CifDisplacements, TensorsTakeTheSymmetryOfTheirSite) {
  // On a threefold axis along z of a hexagonal cell: U11 = U22 = 2 U12, U13 = U23 = 0.
  Cif cif;
  cif.cell =
      "_cell_length_a 5\n_cell_length_b 5\n_cell_length_c 8\n_cell_angle_alpha 90\n_cell_angle_beta "
      "90\n_cell_angle_gamma 120\n";
  cif.symmetry = "_space_group_name_H-M_alt 'P 3'\n";
  cif.sites = std::string("loop_\n") + plain + "Si1 0 0 0.1\n";
  cif.rest =
      "loop_\n_atom_site_aniso_label\n_atom_site_aniso_U_11\n_atom_site_aniso_U_22\n_atom_site_aniso_U_33\n"
      "_atom_site_aniso_U_12\n_atom_site_aniso_U_13\n_atom_site_aniso_U_23\nSi1 0.011 0.011 0.02 0.0055 "
      "0.001 0\n";
  const auto u = *crystal_of(cif.text()).sites[0].u_aniso;
  EXPECT_TRUE(tests::within(u, std::array{0.011, 0.011, 0.02, 0.0, 0.0, 0.0055}, 1e-16));
}

TEST(CifDisplacements, RepeatedLabelsInOrder) {
  Cif cif;
  cif.sites = std::string("loop_\n") + plain + "Si 0.1 0 0\nSi 0.4 0 0\nO 0.1 0.5 0\nO_2 0.4 0.5 0\n";
  cif.rest =
      "loop_\n_atom_site_aniso_label\n_atom_site_aniso_U_11\n_atom_site_aniso_U_22\n_atom_site_aniso_U_33\n"
      "_atom_site_aniso_U_12\n_atom_site_aniso_U_13\n_atom_site_aniso_U_23\n"
      "Si .01 .01 .01 0 0 0\nSi .02 .02 .02 0 0 0\nO .03 .03 .03 0 0 0\nO .04 .04 .04 0 0 0\n";
  const Crystal c = crystal_of(cif.text());
  for (std::size_t i = 0; i < 4; ++i)
    EXPECT_EQ((*c.sites[i].u_aniso)[0], 0.01 * static_cast<double>(i + 1)) << i;
}

}  // namespace
}  // namespace bragg::xrd
