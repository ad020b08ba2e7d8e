// All 230 groups: |F|^2 of the asymmetric unit against the sum over a cell that another program expanded to
// P1 (p1_expansion.tsv, make_p1_expansion.py), and what must not change it: the origin and the setting.
#include <cmath>
#include <complex>
#include <fstream>
#include <numbers>
#include <set>
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/support/compare.h"
#include "tests/support/shared_data.h"
#include "tests/xrd/cif_text.h"
#include "tests/xrd/p1_crystal.h"
#include "xrd/crystal_batch.h"
#include "xrd/reflections.h"
#include "xrd/scattering/wavelength.h"
#include "xrd/symmetry/symmetry_search.h"

namespace bragg::xrd {
namespace {

using tests::within;

constexpr int unit = 24000;  // of the table's coordinates
constexpr ReflectionOptions options{.wavelength = 1.54184, .range = {2, 32}, .ignore_displacements = false};

struct TableSite {
  std::string element;
  double occupancy, u_iso;
  std::array<int, 3> x;
};
struct TableAtom {
  std::size_t site;
  std::array<int, 3> x;
};
struct TableEntry {
  int number = 0;
  std::string hall, choice;
  UnitCell cell;
  std::vector<TableSite> sites;
  std::vector<TableAtom> atoms;
};

std::vector<TableEntry> read_table() {
  std::ifstream file(tests::project_file("tests/xrd/p1_expansion.tsv"));
  std::vector<TableEntry> entries;
  for (std::string line; std::getline(file, line);) {
    std::vector<std::string> field;
    std::istringstream fields(line);
    for (std::string text; std::getline(fields, text, '\t');)
      field.push_back(text);
    const auto position = [&](std::size_t first) {
      return std::array{std::stoi(field.at(first)), std::stoi(field.at(first + 1)),
                        std::stoi(field.at(first + 2))};
    };
    if (field.at(0) == "group") {
      entries.push_back({std::stoi(field.at(1)), field.at(2), field.at(3), {}, {}, {}});
    } else if (field[0] == "cell") {
      UnitCell& c = entries.back().cell;
      double* values[] = {&c.a, &c.b, &c.c, &c.alpha, &c.beta, &c.gamma};
      for (int i = 0; i < 6; ++i)
        *values[i] = std::stod(field.at(1 + i));
    } else if (field[0] == "site") {
      entries.back().sites.push_back(
          {field.at(1), std::stod(field.at(2)), std::stod(field.at(3)), position(4)});
    } else {
      entries.back().atoms.push_back({std::stoul(field.at(1)), position(2)});
    }
  }
  return entries;
}

std::string cif_of(const TableEntry& entry) {
  const UnitCell& c = entry.cell;
  std::string cif = fmt::format(
      "data_entry\n_cell_length_a {}\n_cell_length_b {}\n_cell_length_c {}\n_cell_angle_alpha "
      "{}\n_cell_angle_beta {}\n"
      "_cell_angle_gamma "
      "{}\n_space_group_name_Hall\n;{}\n;\nloop_\n_atom_site_label\n_atom_site_type_symbol\n"
      "_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n_atom_site_occupancy\n_atom_site_U_iso_or_"
      "equiv\n",
      c.a, c.b, c.c, c.alpha, c.beta, c.gamma, entry.hall);
  for (const TableSite& s : entry.sites) {
    cif += fmt::format("{0}1 {0} {1} {2} {3} {4} {5}\n", s.element, s.x[0] / double{unit},
                       s.x[1] / double{unit}, s.x[2] / double{unit}, s.occupancy, s.u_iso);
  }
  return cif;
}

// |F|^2 of the P1 cell, phases modulo 1 in integers.
double p1_sum(const TableEntry& entry, const std::array<int, 3>& hkl) {
  const double stol = 1 / (2 * entry.cell.d_spacing(hkl[0], hkl[1], hkl[2]));
  std::vector<double> weight;
  for (const TableSite& site : entry.sites) {
    const double u = static_cast<float>(site.u_iso);
    weight.push_back(site.occupancy * evaluate(form_factor(*parse_species(site.element)).form_factor, stol) *
                     std::exp(-8 * std::numbers::pi * std::numbers::pi * u * stol * stol));
  }
  std::complex<double> sum = 0;
  for (const TableAtom& atom : entry.atoms) {
    const int phase = (hkl[0] * atom.x[0] + hkl[1] * atom.x[1] + hkl[2] * atom.x[2]) % unit;
    sum += weight[atom.site] * std::polar(1.0, 2 * std::numbers::pi * phase / unit);
  }
  return std::norm(sum);
}

TEST(P1Expansion, EverySpaceGroupInDoublePrecision) {
  const auto backend = make_backend({"reference", 0, ""});
  std::set<int> numbers;
  for (const TableEntry& entry : read_table()) {
    SCOPED_TRACE(fmt::format("{} {} {}", entry.number, entry.hall, entry.choice));
    numbers.insert(entry.number);
    const Crystal crystal = crystal_of(cif_of(entry));
    EXPECT_EQ(crystal.group.number, entry.number);
    double electrons = 0;
    for (const TableAtom& atom : entry.atoms) {
      electrons +=
          entry.sites[atom.site].occupancy * parse_species(entry.sites[atom.site].element)->atomic_number;
    }
    const auto found = reflections(*backend, crystal, options);
    ASSERT_FALSE(found.empty());
    std::vector<double> got, expected;
    double total = 0, p1_total = 0;
    for (const Reflection& r : found) {
      got.push_back(r.f2);
      expected.push_back(p1_sum(entry, r.hkl));
      total += r.multiplicity * r.f2;
    }
    EXPECT_TRUE(within(got, expected, 1e-10 * electrons * electrons));
    // Nothing is missing and every multiplicity is right: the sum over the whole sphere is the same.
    const double d_max = d_from_two_theta(options.range.start, options.wavelength);
    const double d_min = d_from_two_theta(options.range.end, options.wavelength);
    int in_sphere = 0;
    for (int h = -7; h <= 7; ++h) {
      for (int k = -7; k <= 7; ++k) {
        for (int l = -7; l <= 7; ++l) {
          if (h == 0 && k == 0 && l == 0) continue;
          const double d = entry.cell.d_spacing(h, k, l);
          if (d < d_min || d > d_max) continue;
          ++in_sphere;
          p1_total += p1_sum(entry, {h, k, l});
        }
      }
    }
    EXPECT_TRUE(within({{total}}, {{p1_total}}, 1e-10 * in_sphere * electrons * electrons));
  }
  EXPECT_EQ(numbers.size(), 230u);
}

TEST(P1Expansion, CpuFindsTheSameInEverySetting) {
  const auto reference = make_backend({"reference", 0, ""}), cpu = make_backend({"cpu", 1, ""});
  for (const TableEntry& entry : read_table()) {
    SCOPED_TRACE(fmt::format("{} {} {}", entry.number, entry.hall, entry.choice));
    const Crystal crystal = crystal_of(cif_of(entry));
    const auto expected = reflections(*reference, crystal, options),
               got = reflections(*cpu, crystal, options);
    ASSERT_EQ(got.size(), expected.size());
    std::vector<double> f2, expected_f2;
    double strongest = 0;
    for (std::size_t i = 0; i < got.size(); ++i) {
      ASSERT_EQ(got[i].hkl, expected[i].hkl);
      ASSERT_EQ(got[i].multiplicity, expected[i].multiplicity);
      f2.push_back(got[i].f2);
      expected_f2.push_back(expected[i].f2);
      strongest = std::max(strongest, expected[i].f2);
    }
    EXPECT_TRUE(within(f2, expected_f2, 1e-5 * strongest));
  }
}

// |F|^2 by d, multiplicities added: what powder shows.
std::vector<double> powder(const std::vector<Reflection>& peaks) {
  std::vector<double> values;
  for (const Reflection& p : peaks) {
    values.push_back(p.d);
    values.push_back(p.multiplicity);
    values.push_back(p.f2);
  }
  return values;
}

TEST(Invariance, ShiftOfTheOrigin) {
  // A crystal in P1 may be moved anywhere.
  const auto backend = make_backend({"reference", 0, ""});
  const TableEntry entry = read_table().at(0);
  ASSERT_EQ(entry.number, 1);
  const Crystal crystal = crystal_of(cif_of(entry));
  Crystal moved = crystal;
  for (Site& site : moved.sites)
    site.position = {site.position.x + 0.1234, site.position.y - 0.77, site.position.z + 3.3};
  EXPECT_TRUE(
      within(powder(peaks(*backend, moved, options)), powder(peaks(*backend, crystal, options)), 1e-8));
}

TEST(Invariance, OriginChoices) {
  // Magnetite, Fd-3m: origin choice 1 at -43m, choice 2 at -3m, apart by (1/8, 1/8, 1/8).
  const auto backend = make_backend({"reference", 0, ""});
  const auto cif = [](const char* hall, double shift) {
    return fmt::format(
        "data_m\n_cell_length_a 8.397\n_cell_length_b 8.397\n_cell_length_c 8.397\n_cell_angle_alpha 90\n"
        "_cell_angle_beta 90\n_cell_angle_gamma 90\n_space_group_name_Hall '{0}'\nloop_\n_atom_site_label\n"
        "_atom_site_type_symbol\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n"
        "Fe1 Fe {1} {1} {1}\nFe2 Fe {2} {2} {2}\nO1 O {3} {3} {3}\n",
        hall, 0.125 + shift, 0.5 + shift, 0.2549 + shift);
  };
  const std::string second = cif("-F 4vw 2vw 3", 0), first = cif("F 4d 2 3 -1d", 0.125);
  const auto a = peaks(*backend, crystal_of(second), options),
             b = peaks(*backend, crystal_of(first), options);
  ASSERT_GT(a.size(), 1u);
  EXPECT_TRUE(within(powder(a), powder(b), 1e-6));
}

TEST(Invariance, HexagonalAndRhombohedralAxes) {
  // Calcite, R-3c, a_h = 4.990, c_h = 17.061: a_r = sqrt(3 a^2 + c^2) / 3, sin(alpha / 2) = 3 a / (2 sqrt(3
  // a^2 + c^2)).
  const auto backend = make_backend({"reference", 0, ""});
  const double a = 4.990, c = 17.061, s = std::sqrt(3 * a * a + c * c), x = 0.2578;
  const double ar = s / 3, alpha = 2 * std::asin(1.5 * a / s) * 180 / std::numbers::pi;
  const auto cif = [](double la, double lc, double al, double ga, const char* hall,
                      const std::string& atoms) {
    return fmt::format(
        "data_c\n_cell_length_a {0}\n_cell_length_b {0}\n_cell_length_c {1}\n_cell_angle_alpha "
        "{2}\n_cell_angle_beta {2}\n"
        "_cell_angle_gamma {3}\n_space_group_name_Hall "
        "'{4}'\nloop_\n_atom_site_label\n_atom_site_type_symbol\n"
        "_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n{5}",
        la, lc, al, ga, hall, atoms);
  };
  const Crystal hexagonal = crystal_of(
      cif(a, c, 90, 120, "-R 3 2\"c", fmt::format("Ca1 Ca 0 0 0\nC1 C 0 0 0.25\nO1 O {} 0 0.25\n", x)));
  const Crystal rhombohedral = crystal_of(
      cif(ar, ar, alpha, alpha, "-P 3* 2n",
          fmt::format("Ca1 Ca 0 0 0\nC1 C 0.25 0.25 0.25\nO1 O {} {} 0.25\n", 0.25 + x, 0.25 - x)));
  const auto h = peaks(*backend, hexagonal, {}), r = peaks(*backend, rhombohedral, {});
  ASSERT_GT(h.size(), 20u);
  ASSERT_EQ(h.size(), r.size());
  std::vector<double> d_h, d_r, i_h, i_r;
  for (std::size_t i = 0; i < h.size(); ++i) {
    EXPECT_EQ(h[i].multiplicity, r[i].multiplicity);
    d_h.push_back(h[i].d);
    d_r.push_back(r[i].d);
    // F is that of the cell: the hexagonal one holds three rhombohedral ones.
    i_h.push_back(h[i].f2);
    i_r.push_back(9 * r[i].f2);
  }
  EXPECT_TRUE(within(d_r, d_h, 1e-7));
  EXPECT_TRUE(within(i_r, i_h, 1e-3));
}

TEST(Invariance, SymmetryFoundInP1) {
  // Every group written in P1, in its own cell and in a skew one, about another origin: the search finds the
  // group, and powder shows the same lines.
  const auto backend = make_backend({"cpu", 1, ""});
  const IntMatrix bases[] = {unit_matrix, from_columns({0, 1, 0}, {-1, 1, 0}, {1, 0, 1})};
  for (const TableEntry& entry : read_table()) {
    SCOPED_TRACE(fmt::format("{} {} {}", entry.number, entry.hall, entry.choice));
    const Crystal whole = crystal_of(cif_of(entry));
    EXPECT_FALSE(with_symmetry_found(whole));
    if (entry.number == 1) continue;
    for (const IntMatrix& basis : bases) {
      const Crystal p1 = written_in_p1(whole, basis, {0.137, 0.291, 0.773});
      const auto found = with_symmetry_found(p1);
      ASSERT_TRUE(found);
      EXPECT_EQ(found->group.number, entry.number);
      EXPECT_EQ(found->space_group_declared, 1);
      EXPECT_EQ(found->sites.size(), whole.sites.size());
      const auto got = peaks(*backend, *found, options), expected = peaks(*backend, whole, options);
      ASSERT_EQ(got.size(), expected.size());
      const double cells = found->cell.volume() / whole.cell.volume();
      std::vector<double> d, d_expected, f2, f2_expected;
      double strongest = 0;
      for (std::size_t i = 0; i < got.size(); ++i) {
        d.push_back(got[i].d);
        d_expected.push_back(expected[i].d);
        f2.push_back(got[i].multiplicity * got[i].f2);
        f2_expected.push_back(expected[i].multiplicity * expected[i].f2 * cells * cells);
        strongest = std::max(strongest, f2_expected.back());
      }
      EXPECT_TRUE(within(d, d_expected, 1e-7));
      EXPECT_TRUE(within(f2, f2_expected, 1e-5 * strongest));  // single precision
    }
  }
}

}  // namespace
}  // namespace bragg::xrd
