// Symmetry that files do not declare: known structures written in P1 and in groups too small.
#include "xrd/symmetry/symmetry_search.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/support/compare.h"
#include "tests/support/shared_data.h"
#include "tests/xrd/cif_text.h"
#include "tests/xrd/p1_crystal.h"
#include "xrd/reflections.h"

namespace bragg::xrd {
namespace {

using tests::within;

std::string cif(const UnitCell& c, const std::string& symmetry, const std::string& atoms) {
  return fmt::format(
      "data_t\n_cell_length_a {}\n_cell_length_b {}\n_cell_length_c {}\n_cell_angle_alpha {}\n"
      "_cell_angle_beta {}\n_cell_angle_gamma {}\n{}\nloop_\n_atom_site_label\n_atom_site_type_symbol\n"
      "_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n_atom_site_occupancy\n"
      "_atom_site_U_iso_or_equiv\n{}",
      c.a, c.b, c.c, c.alpha, c.beta, c.gamma, symmetry, atoms);
}
std::string hm(const std::string& name) {
  return fmt::format("_symmetry_space_group_name_H-M '{}'", name);
}

Crystal rutile() {
  return crystal_of(
      cif({4.594, 4.594, 2.959}, hm("P 42/m n m"), "Ti1 Ti 0 0 0 1 0.005\nO1 O 0.3053 0.3053 0 1 0.006\n"));
}
Crystal quartz(int hand) {
  return hand == 152
             ? crystal_of(cif({4.913, 4.913, 5.405, 90, 90, 120}, hm("P 31 2 1"),
                              "Si1 Si 0.4697 0 0.333333333333333 1 0\nO1 O 0.4133 0.2672 0.2144 1 0\n"))
             : crystal_of(cif({4.913, 4.913, 5.405, 90, 90, 120}, hm("P 32 2 1"),
                              "Si1 Si 0.4697 0 0.666666666666667 1 0\nO1 O 0.4133 0.2672 0.7856 1 0\n"));
}

Crystal found(const Crystal& crystal, double tolerance = symmetry_tolerance) {
  auto out = with_symmetry_found(crystal, tolerance);
  EXPECT_TRUE(out) << crystal.name << ": nothing found";
  return out ? std::move(*out) : crystal;
}

/// d, multiplicity, |F|^2 of each line within `options`.
std::vector<double> powder(const Crystal& crystal) {
  const auto backend = make_backend({"reference", 0, ""});
  std::vector<double> out;
  for (const Reflection& r : peaks(*backend, crystal, {.wavelength = 1.54184, .range = {2, 70}}))
    if (r.f2 > 1e-6) out.insert(out.end(), {r.d, static_cast<double>(r.multiplicity), r.f2});
  return out;
}

/// Lines of a crystal whose cell is `cells` times as large: |F|^2 goes with the square, and where other
/// reflections share the line only multiplicity x |F|^2 is the crystal's.
void expect_equal_powder(const Crystal& a, const Crystal& b) {
  std::vector<double> pa = powder(a), pb = powder(b);
  const double cells = a.cell.volume() / b.cell.volume();
  ASSERT_EQ(pa.size(), pb.size());
  double strongest = 0;
  for (std::size_t i = 0; i < pa.size(); i += 3) {
    EXPECT_NEAR(pa[i], pb[i], 1e-7);
    pa[i + 2] *= pa[i + 1];
    pb[i + 2] *= pb[i + 1] * cells * cells;
    pa[i + 1] = pb[i + 1] = 1;
    strongest = std::max(strongest, pb[i + 2]);
  }
  for (std::size_t i = 0; i < pa.size(); i += 3)
    EXPECT_NEAR(pa[i + 2], pb[i + 2], 1e-6 * strongest) << "d " << pa[i];
}

double longest_shift(const Crystal& a, const Crystal& b) {
  double longest = 0;
  for (std::size_t i = 0; i < a.sites.size(); ++i)
    longest = std::max(longest, a.cell.distance(a.sites[i].position, b.sites[i].position));
  return longest;
}

TEST(SymmetrySearch, LeavesFullSymmetryAlone) {
  for (const Crystal& crystal : {rutile(), quartz(152), quartz(154)})
    EXPECT_FALSE(with_symmetry_found(crystal)) << crystal.group.hm;
  // P1 that is P1.
  EXPECT_FALSE(with_symmetry_found(
      crystal_of(cif({4, 5, 6, 80, 85, 95}, hm("P 1"),
                     "Si1 Si 0.1 0.2 0.3 1 0\nO1 O 0.4 0.1 0.25 1 0\nH1 H 0.7 0.6 0.9 1 0\n"))));
}

TEST(SymmetrySearch, DiamondInP1) {
  const Crystal diamond = crystal_of(cif({3.567, 3.567, 3.567}, hm("F d -3 m:1"), "C1 C 0 0 0 1 0.002\n"));
  const IntMatrix cells[] = {
      unit_matrix, {{{1, 1, 0}, {0, 1, 1}, {1, 0, 1}}}, {{{2, 0, 0}, {0, 1, 0}, {1, 0, 3}}}};
  for (const IntMatrix& basis : cells) {
    const Crystal got = found(written_in_p1(diamond, basis, {0.1, 0.22, 0.37}));
    EXPECT_EQ(got.group.number, 227);
    EXPECT_EQ(got.space_group_declared, 1);
    ASSERT_EQ(got.sites.size(), 1u);
    EXPECT_EQ(got.sites[0].multiplicity, 8);
    EXPECT_EQ(got.sites[0].label, "C1");
    EXPECT_DOUBLE_EQ(got.sites[0].u_iso, 0.002);
    EXPECT_NEAR(got.cell.a, 3.567, 1e-9);
    EXPECT_EQ(got.cell.alpha, 90);
    expect_equal_powder(got, diamond);
  }
  // The primitive cell of two atoms.
  const Crystal two =
      crystal_of(cif({3.567 / std::sqrt(2), 3.567 / std::sqrt(2), 3.567 / std::sqrt(2), 60, 60, 60},
                     hm("P 1"), "C1 C 0 0 0 1 0\nC2 C 0.25 0.25 0.25 1 0\n"));
  const Crystal got = found(two);
  EXPECT_EQ(got.group.number, 227);
  EXPECT_NEAR(got.cell.a, 3.567, 1e-9);
  EXPECT_EQ(got.sites.size(), 1u);
}

TEST(SymmetrySearch, SupercellOfRutile) {
  const Crystal got = found(written_in_p1(rutile(), {{{2, 0, 0}, {0, 1, 0}, {0, 0, 3}}}, {0.05, 0.3, 0.7}));
  EXPECT_EQ(got.group.number, 136);
  EXPECT_NEAR(got.cell.a, 4.594, 1e-9);
  EXPECT_NEAR(got.cell.c, 2.959, 1e-9);
  ASSERT_EQ(got.sites.size(), 2u);
  EXPECT_EQ(got.sites[0].multiplicity, 2);
  EXPECT_EQ(got.sites[1].multiplicity, 4);
  EXPECT_EQ(got.sites[1].label, "O1");
  expect_equal_powder(got, rutile());
}

TEST(SymmetrySearch, HandednessOfQuartz) {
  for (const int hand : {152, 154}) {
    const Crystal whole = quartz(hand);
    ASSERT_EQ(whole.group.number, hand);
    for (const IntMatrix& basis : {unit_matrix, IntMatrix{{{0, 0, 1}, {1, 0, 0}, {0, 1, 0}}},
                                   IntMatrix{{{1, 1, 0}, {0, 1, 1}, {0, 0, 1}}}}) {
      const Crystal got = found(written_in_p1(whole, basis, {0.3, 0.1, 0.2}));
      EXPECT_EQ(got.group.number, hand);
      EXPECT_EQ(got.sites.size(), 2u);
      expect_equal_powder(got, whole);
    }
  }
}

TEST(SymmetrySearch, KeepsAxesThatAreASettings) {
  // Rhombohedral axes stay; so do unusual choices of monoclinic and orthorhombic axes.
  const char* atoms = "Ca1 Ca 0.11 0.23 0.31 1 0\nO1 O 0.43 0.17 0.09 1 0\nSi1 Si 0.71 0.36 0.64 1 0\n";
  const struct {
    const char* name;
    UnitCell cell;
  } cases[] = {{"R -3 c:R", {6.36, 6.36, 6.36, 46.1, 46.1, 46.1}},
               {"R -3 c:H", {9.99, 9.99, 27.06, 90, 90, 120}},
               {"P 1 21/n 1", {6.1, 9.3, 8.2, 90, 97, 90}},
               {"P 1 21/c 1", {6.1, 9.3, 8.2, 90, 131, 90}},
               {"I 1 2/c 1", {6.1, 9.3, 8.2, 90, 97, 90}},
               {"A 1 2/n 1", {6.1, 9.3, 8.2, 90, 97, 90}},
               {"P 1 1 21/b", {6.1, 9.3, 8.2, 90, 90, 97}},
               {"P b n m", {5.2, 5.6, 7.7}},
               {"P m c n", {5.2, 5.6, 7.7}},
               {"F d d 2", {5.2, 9.6, 7.7}}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const Crystal whole = crystal_of(cif(c.cell, hm(c.name), atoms));
    const Crystal got = found(written_in_p1(whole));
    EXPECT_EQ(got.group.number, whole.group.number);
    EXPECT_EQ(got.group.hm, whole.group.hm);
    EXPECT_NEAR(got.cell.a, whole.cell.a, 1e-9);
    EXPECT_NEAR(got.cell.b, whole.cell.b, 1e-9);
    EXPECT_NEAR(got.cell.c, whole.cell.c, 1e-9);
    // The origin as well: the file's sites are among the images of those found.
    ASSERT_EQ(got.sites.size(), whole.sites.size());
    EXPECT_LT(longest_shift(got, whole), 1e-9);
    expect_equal_powder(got, whole);
  }
}

TEST(SymmetrySearch, EveryCellOfAMonoclinicCrystal) {
  const Crystal whole =
      crystal_of(cif({6.1, 9.3, 8.2, 90, 97, 90}, hm("C 1 2/c 1"),
                     "Ca1 Ca 0 0.3 0.25 1 0\nO1 O 0.43 0.17 0.09 1 0\nSi1 Si 0.71 0.36 0.64 1 0\n"));
  const IntMatrix bases[] = {{{{1, 0, 1}, {0, 1, 0}, {0, 0, 1}}},  {{{0, 1, 0}, {0, 0, 1}, {1, 0, 0}}},
                             {{{1, 2, 3}, {0, 1, -2}, {0, 0, 1}}}, {{{0, 0, 1}, {0, -1, 0}, {1, 0, 0}}},
                             {{{2, 0, 0}, {0, 1, 0}, {0, 0, 1}}},  {{{1, 0, 0}, {0, 1, 0}, {0, 1, 2}}}};
  for (const IntMatrix& basis : bases) {
    const Crystal got = found(written_in_p1(whole, basis, {0.31, 0.12, 0.05}));
    EXPECT_EQ(got.group.number, 15);
    EXPECT_EQ(got.sites.size(), 3u);
    EXPECT_NEAR(got.cell.volume(), whole.cell.volume(), 1e-8);
    expect_equal_powder(got, whole);
  }
}

TEST(SymmetrySearch, DeclaredSubgroups) {
  // Rutile in subgroups of its group, on its own axes.
  for (const char* name : {"P n n m", "P 42 n m", "P 1 1 2/m", "P -1"}) {
    SCOPED_TRACE(name);
    const Crystal less = crystal_of(cif(
        {4.594, 4.594, 2.959}, hm(name),
        "Ti1 Ti 0 0 0 1 0.005\nTi2 Ti 0.5 0.5 0.5 1 0.005\nO1 O 0.3053 0.3053 0 1 0.006\n"
        "O2 O 0.6947 0.6947 0 1 0.006\nO3 O 0.8053 0.1947 0.5 1 0.006\nO4 O 0.1947 0.8053 0.5 1 0.006\n"));
    const Crystal got = found(less);
    EXPECT_EQ(got.group.number, 136);
    EXPECT_EQ(got.space_group_declared, less.group.number);
    EXPECT_EQ(got.sites.size(), 2u);
    expect_equal_powder(got, rutile());
  }
}

TEST(SymmetrySearch, DistortionsAboutTheTolerance) {
  // Titanium of a cubic perovskite off its centre along z. The mirror that it breaks brings it 2 dz from
  // itself, less a fifth: the best translation follows the mean of the five atoms.
  const auto perovskite = [](double dz) {
    return crystal_of(cif({3.905, 3.905, 3.905}, hm("P 1"),
                          fmt::format("Sr1 Sr 0 0 0 1 0\nTi1 Ti 0.5 0.5 {} 1 0\nO1 O 0.5 0.5 0 1 0\n"
                                      "O2 O 0.5 0 0.5 1 0\nO3 O 0 0.5 0.5 1 0\n",
                                      0.5 + dz / 3.905)));
  };
  const double least = symmetry_tolerance / 1.6;
  EXPECT_EQ(found(perovskite(0)).group.number, 221);
  const Crystal nearly = found(perovskite(0.95 * least));
  EXPECT_EQ(nearly.group.number, 221);
  EXPECT_EQ(nearly.sites.size(), 3u);
  EXPECT_EQ(found(perovskite(1.05 * least)).group.number, 99);
  EXPECT_EQ(found(perovskite(1.05 * least), 0.03).group.number, 221);
  // The cell as well: c longer than a by a little, and by too much.
  const auto stretched = [](double dc) {
    return crystal_of(cif({3.905, 3.905, 3.905 + dc}, hm("P 1"),
                          "Sr1 Sr 0 0 0 1 0\nTi1 Ti 0.5 0.5 0.5 1 0\nO1 O 0.5 0.5 0 1 0\n"
                          "O2 O 0.5 0 0.5 1 0\nO3 O 0 0.5 0.5 1 0\n"));
  };
  const Crystal cubic = found(stretched(0.019));
  EXPECT_EQ(cubic.group.number, 221);
  EXPECT_EQ(cubic.cell.a, cubic.cell.c);
  EXPECT_EQ(found(stretched(0.021)).group.number, 123);
}

TEST(SymmetrySearch, GroupsStayGroupsUnderNoise) {
  // Atoms off their places by up to what the tolerance allows: whatever is found, its sites are an orbit each
  // and a second search finds nothing more.
  std::uint32_t state = 12345;
  const auto noise = [&] {
    state = state * 1664525u + 1013904223u;
    return (state >> 8) * 0x1p-24 - 0.5;
  };
  std::set<int> numbers;
  for (int i = 0; i < 200; ++i) {
    Crystal crystal = written_in_p1(rutile(), {{{2, 0, 0}, {0, 1, 0}, {0, 0, 2}}});
    const double size = 0.0005 * i;  // A
    for (Site& site : crystal.sites)
      site.position = {site.position.x + size * noise() / crystal.cell.a,
                       site.position.y + size * noise() / crystal.cell.b,
                       site.position.z + size * noise() / crystal.cell.c};
    const auto got = with_symmetry_found(crystal);
    numbers.insert(got ? got->group.number : 1);
    if (!got) continue;
    EXPECT_NEAR(got->density(), crystal.density(), 1e-9);
    for (const Site& site : got->sites)
      EXPECT_EQ(place_site(got->cell, got->group.operators, site.position).multiplicity, site.multiplicity);
  }
  EXPECT_TRUE(numbers.contains(136));
  EXPECT_TRUE(numbers.contains(1));
}

TEST(SymmetrySearch, OccupanciesAndIonsTellAtomsApart) {
  const auto salt = [](const char* first, const char* second) {
    return cif({4, 4, 4}, hm("P 1"),
               fmt::format("A1 {} 0 0 0 {}\nA2 {} 0.5 0.5 0.5 {}\n", first, "1 0", second, "1 0"));
  };
  EXPECT_EQ(found(crystal_of(salt("Fe", "Fe"))).group.number, 229);
  EXPECT_EQ(found(crystal_of(salt("Fe2+", "Fe3+"))).group.number, 221);
  const auto mixed = [](double first, double second) {
    return crystal_of(cif({4, 4, 4}, hm("P 1"),
                          fmt::format("A1 Fe 0 0 0 {0} 0\nA2 Mg 0 0 0 {1} 0\nB1 Fe 0.5 0.5 0.5 {2} 0\n"
                                      "B2 Mg 0.5 0.5 0.5 {3} 0\n",
                                      first, 1 - first, second, 1 - second)));
  };
  const Crystal disordered = found(mixed(0.333, 0.3333));
  EXPECT_EQ(disordered.group.number, 229);
  ASSERT_EQ(disordered.sites.size(), 2u);
  EXPECT_NEAR(disordered.sites[0].occupancy, 0.33315, 1e-12);
  EXPECT_NEAR(disordered.sites[1].occupancy, 0.66685, 1e-12);
  EXPECT_EQ(disordered.sites[0].multiplicity, 2);
  EXPECT_EQ(found(mixed(0.6, 0.4)).group.number, 221);
}

TEST(SymmetrySearch, DisplacementsFollow) {
  // Anisotropic ones come back as they were; small differences are averaged, large ones break the symmetry.
  Crystal whole = rutile();
  whole.sites[0].u_aniso = {0.006, 0.006, 0.004, 0, 0, -0.0005};
  whole.sites[1].u_aniso = {0.007, 0.007, 0.003, 0, 0, -0.0025};
  const Crystal p1 = written_in_p1(whole, {{{1, 1, 0}, {0, 1, 0}, {0, 2, 1}}}, {0.2, 0.3, 0.1});
  const Crystal got = found(p1);
  EXPECT_EQ(got.group.number, 136);
  ASSERT_EQ(got.sites.size(), 2u);
  ASSERT_TRUE(got.sites[0].u_aniso && got.sites[1].u_aniso);
  expect_equal_powder(got, whole);
  EXPECT_NEAR((*got.sites[1].u_aniso)[2], 0.003, 1e-12);
  EXPECT_NEAR(std::abs((*got.sites[1].u_aniso)[5]), 0.0025, 1e-12);

  Crystal salt = crystal_of(cif({4, 4, 4}, hm("P 1"), "A1 Fe 0 0 0 1 0.01\nA2 Fe 0.5 0.5 0.5 1 0.02\n"));
  const Crystal averaged = found(salt);
  EXPECT_EQ(averaged.group.number, 229);
  EXPECT_NEAR(averaged.sites[0].u_iso, 0.015, 1e-12);
  salt.sites[1].u_iso = 0.05;
  EXPECT_EQ(found(salt).group.number, 221);
  salt.sites[1].u_iso = 0;  // not given
  const Crystal one_given = found(salt);
  EXPECT_EQ(one_given.group.number, 229);
  EXPECT_NEAR(one_given.sites[0].u_iso, 0.01, 1e-12);
}

TEST(SymmetrySearch, SplitAtomsAreNotMerged) {
  // Two halves of an atom 0.04 A apart about a mirror: nearer than where the reader merges images, farther
  // than the tolerance. They stay two halves.
  const Crystal whole =
      crystal_of(cif({5, 6, 7}, hm("P m m m"), "Si1 Si 0.21 0.33 0.17 1 0\nNa1 Na 0.5 0.5 0.5 1 0\n"));
  Crystal p1 = written_in_p1(whole);
  Site half = p1.sites.back();
  half.species = *parse_species("K");
  half.occupancy = 0.5;
  for (const double x : {0.004, -0.004}) {
    half.position = {0.5 + x, 0.5, 0};
    p1.sites.push_back(half);
  }
  const Crystal got = found(p1);
  EXPECT_EQ(got.group.number, 47);
  EXPECT_NEAR(got.atoms_per_cell(), p1.atoms_per_cell(), 1e-12);
}

TEST(SymmetrySearch, LargeCellsEndInTime) {
  // A supercell of one kind of atom: every atom is a lattice point.
  Crystal copper = crystal_of(cif({3.615, 3.615, 3.615}, hm("F m -3 m"), "Cu1 Cu 0 0 0 1 0\n"));
  const Crystal got = found(written_in_p1(copper, {{{11, 0, 0}, {0, 11, 0}, {0, 0, 11}}}));
  EXPECT_EQ(got.group.number, 225);
  EXPECT_NEAR(got.cell.a, 3.615, 1e-9);
  EXPECT_EQ(got.sites.size(), 1u);
}

}  // namespace
}  // namespace bragg::xrd
