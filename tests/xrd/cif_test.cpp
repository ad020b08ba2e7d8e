// CIF -> Crystal: what is accepted, and that every malformed case gets its fault, with file, block, line, tag
// and value.
#include "xrd/cif/cif.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <zlib.h>

#include "tests/support/temporary_folder.h"
#include "tests/xrd/cif_text.h"
#include "xrd/cif/numbers.h"

namespace bragg::xrd {
namespace {

TEST(Cif, ReadsAPlainBlock) {
  const Result result = read(Cif().text());
  ASSERT_EQ(result.crystals.size(), 1u);
  EXPECT_TRUE(result.warnings.empty());
  const Crystal& c = result.crystals[0];
  EXPECT_EQ(c.name, "test");
  EXPECT_EQ(c.cell, (UnitCell{4, 5, 6, 90, 90, 90}));
  EXPECT_EQ(c.group.number, 2);
  EXPECT_EQ(c.group.hm, "P -1");
  ASSERT_EQ(c.sites.size(), 2u);
  EXPECT_EQ(c.sites[0].label, "Si1");
  EXPECT_EQ(c.sites[0].species, (Species{14, 4}));
  EXPECT_EQ(c.sites[0].multiplicity, 2);
  EXPECT_EQ(c.sites[1].occupancy, 1);
  EXPECT_EQ(c.sites[1].position.z, 0.25);
  EXPECT_EQ(c.atoms_per_cell(), 4);
  EXPECT_EQ(c.formula(), "O2 Si2");
  // 2 (28.085 + 15.999) u in 120 A^3.
  EXPECT_NEAR(c.density(), 2 * 44.084 * 1.66053906660 / 120, 1e-12);
}

TEST(Cif, FormulaIsInHillsOrder) {
  const Crystal c = crystal_of(with_sites(
      with_occupancy, "Na1 0.1 0.1 0.1 0.3333\nC1 0.3 0.1 0.1 1\nH1 0.5 0.1 0.1 1\nBr1 0 0 0 1\n"));
  EXPECT_EQ(c.formula(), "C2 H2 Br Na0.667");
}

TEST(Cif, NamesOfFaults) {
  EXPECT_EQ(name_of(CifFault::unreadable_file), "unreadable_file");
  EXPECT_EQ(name_of(CifFault::contradictory_symmetry), "contradictory_symmetry");
  EXPECT_EQ(name_of(CifFault::bad_displacement), "bad_displacement");
  EXPECT_EQ(name_of(CifFault::too_large), "too_large");
  const CifError e(CifFault::bad_cell, "f.cif", "b", 7, "why");
  EXPECT_STREQ(e.what(), "f.cif:7: data_b: bad_cell: why");
}

TEST(CifNumbers, WithUncertaintiesAndWithoutSurprises) {
  EXPECT_EQ(parse_cif_number("0.123(4)"), 0.123);
  EXPECT_EQ(parse_cif_number("-.5"), -0.5);
  EXPECT_EQ(parse_cif_number("+5."), 5.0);
  EXPECT_EQ(parse_cif_number("1e-3"), 1e-3);
  EXPECT_EQ(parse_cif_number("12(1)"), 12.0);
  for (const char* bad : {"", "-", "nan", "NaN", "inf", "-inf", "1e999", "0,5", "1/3", "0.1(", "0.1()",
                          "0.1(2", "0.1(2)x", "0x10", "1 2", "--1", "?"})
    EXPECT_FALSE(parse_cif_number(bad)) << bad;
}

TEST(CifNumbers, Formulas) {
  const auto count = parse_formula("Ca0.5 (Fe.8 Mg.2)2 Si2O6 D2");
  ASSERT_TRUE(count);
  EXPECT_DOUBLE_EQ((*count)[20], 0.5);
  EXPECT_DOUBLE_EQ((*count)[26], 1.6);
  EXPECT_DOUBLE_EQ((*count)[12], 0.4);
  EXPECT_DOUBLE_EQ((*count)[8], 6);
  EXPECT_DOUBLE_EQ((*count)[1], 2);
  for (const char* bad : {"", "?", "(Fe", "Fe)", "Xx2", "[RuCl]", "Fe1/3", "2Fe"})
    EXPECT_FALSE(parse_formula(bad)) << bad;
}

TEST(CifFaults, Cell) {
  Cif cif;
  cif.cell.clear();
  expect_refused(cif.text(), CifFault::no_cell, 1, {"_cell_length_a"});
  cif.cell =
      "_cell_length_a 4\n_cell_length_b 5\n_cell_length_c 6\n_cell_angle_alpha 90\n_cell_angle_beta 90\n";
  expect_refused(cif.text(), CifFault::bad_cell, 1, {"_cell_angle_gamma", "missing"});
  expect_refused(with_cell("_cell_length_b", "?"), CifFault::bad_cell, 3, {"_cell_length_b", "'?'"});
  expect_refused(with_cell("_cell_length_b", "nan"), CifFault::bad_cell, 3, {"_cell_length_b", "'nan'"});
  expect_refused(with_cell("_cell_length_b", "inf"), CifFault::bad_cell, 3, {"'inf'"});
  expect_refused(with_cell("_cell_length_c", "5,43"), CifFault::bad_cell, 4, {"'5,43'"});
  expect_refused(with_cell("_cell_length_a", "-4"), CifFault::bad_cell, 2, {"_cell_length_a -4"});
  expect_refused(with_cell("_cell_length_a", "0"), CifFault::bad_cell, 2, {"_cell_length_a 0"});
  expect_refused(with_cell("_cell_length_a", "4000"), CifFault::bad_cell, 2, {"4000", "0.5..1000"});
  expect_refused(with_cell("_cell_angle_beta", "180"), CifFault::bad_cell, 6, {"_cell_angle_beta 180"});
  cif.cell =
      "_cell_length_a 4\n_cell_length_b 5\n_cell_length_c 6\n"
      "_cell_angle_alpha 60\n_cell_angle_beta 60\n_cell_angle_gamma 130\n";
  expect_refused(cif.text(), CifFault::bad_cell, 5, {"60 60 130"});
}

TEST(CifFaults, Symmetry) {
  Cif cif;
  cif.symmetry.clear();
  expect_refused(cif.text(), CifFault::no_symmetry, 1, {"no operators"});
  cif.symmetry =
      "_symmetry_equiv_pos_as_xyz ?\n_symmetry_space_group_name_H-M ?\n_symmetry_Int_Tables_number .\n";
  expect_refused(cif.text(), CifFault::no_symmetry, 1, {"no operators"});

  const auto with_symmetry = [](const std::string& symmetry) {
    Cif c;
    c.symmetry = symmetry;
    return c.text();
  };
  expect_refused(with_symmetry("loop_\n_symmetry_equiv_pos_as_xyz\nx,y,z\n-x,-y,w\n"), CifFault::bad_symmetry,
                 11, {"_symmetry_equiv_pos_as_xyz", "'-x,-y,w'"});
  expect_refused(with_symmetry("loop_\n_symmetry_equiv_pos_as_xyz\nx,y,z\n-x,-y,-z+1/5\n"),
                 CifFault::bad_symmetry, 11, {"0.2 is no multiple of 1/24"});
  expect_refused(with_symmetry("loop_\n_symmetry_equiv_pos_as_xyz\nx,y,z\n-x,-y,z\n-x,y,-z\n"),
                 CifFault::bad_symmetry, 10, {"not a group", "'x,-y,-z'"});
  expect_refused(with_symmetry("_symmetry_space_group_name_Hall 'P 9'\n"), CifFault::bad_symmetry, 8,
                 {"Hall", "'P 9'"});
  expect_refused(with_symmetry("_symmetry_space_group_name_H-M 'P 9'\n"), CifFault::bad_symmetry, 8,
                 {"'P 9'"});
  expect_refused(with_symmetry("_symmetry_Int_Tables_number 0\n"), CifFault::bad_symmetry, 8,
                 {"'0'", "1..230"});
  expect_refused(with_symmetry("_symmetry_Int_Tables_number 2.5\n"), CifFault::bad_symmetry, 8, {"'2.5'"});
  // The two tags for operators with unequal lists.
  expect_refused(with_symmetry("loop_\n_symmetry_equiv_pos_as_xyz\nx,y,z\n"
                               "loop_\n_space_group_symop_operation_xyz\nx,y,z\n-x,-y,-z\n"),
                 CifFault::contradictory_symmetry, 10, {"(1)", "(2)"});
  const std::string inversion = "loop_\n_space_group_symop_operation_xyz\nx,y,z\n-x,-y,-z\n";
  expect_refused(with_symmetry(inversion + "_space_group_IT_number 1\n"), CifFault::contradictory_symmetry,
                 12, {"_space_group_IT_number '1'", "P -1", "2"});
  expect_refused(with_symmetry(inversion + "_space_group_name_Hall 'P 1'\n"),
                 CifFault::contradictory_symmetry, 12, {"_space_group_name_Hall 'P 1'"});
  expect_refused(with_symmetry(inversion + "_space_group_name_H-M_alt 'P n m a'\n"),
                 CifFault::contradictory_symmetry, 12, {"'P n m a'"});
  expect_refused(with_symmetry("_space_group_name_Hall '-P 2ac 2n'\n_space_group_name_H-M_alt 'P b n m'\n"),
                 CifFault::contradictory_symmetry, 9, {"'P b n m'", "P n m a"});  // right number, wrong axes
  expect_refused(with_symmetry("_space_group_name_H-M_alt 'P -1'\n_space_group_IT_number 1\n"),
                 CifFault::contradictory_symmetry, 9, {"_space_group_IT_number '1'"});
  // The cell is orthorhombic.
  expect_refused(with_symmetry("_space_group_name_Hall '-P 4 2 3'\n"), CifFault::contradictory_symmetry, 8,
                 {"4 5 6 90 90 90"});
  expect_refused(with_symmetry("_space_group_name_H-M_alt 'P m -3 m'\n"), CifFault::contradictory_symmetry, 8,
                 {"'P m -3 m'"});
  expect_refused(with_symmetry("_space_group_IT_number 221\n"), CifFault::contradictory_symmetry, 8, {"221"});
  expect_refused(with_symmetry("_space_group_IT_number 62\n"), CifFault::ambiguous_symmetry, 8,
                 {"62", "P n m a, P m n b"});
  expect_refused(with_symmetry("_space_group_name_H-M_alt 'P n n n'\n"), CifFault::ambiguous_symmetry, 8,
                 {"P n n n:1, P n n n:2"});
}

TEST(CifFaults, NamedOriginAgainstTheOperators) {
  Cif cif;
  cif.cell =
      "_cell_length_a 20\n_cell_length_b 20\n_cell_length_c 20\n_cell_angle_alpha 90\n_cell_angle_beta "
      "90\n_cell_angle_gamma 90\n";
  cif.symmetry = "_space_group_name_Hall '-F 4vw 2vw 3'\n_space_group_name_H-M_alt 'F d -3 m:1'\n";
  expect_refused(cif.text(), CifFault::contradictory_symmetry, 9, {"'F d -3 m:1'", "F d -3 m:2"});
  cif.symmetry =
      "_space_group_name_Hall '-F 4vw 2vw 3 (3 0 0)'\n_space_group_name_H-M_alt "
      "'Fd3m'\n_space_group_IT_number 227\n";
  const Result result = read(cif.text());
  EXPECT_EQ(result.crystals.size(), 1u);
  ASSERT_EQ(result.warnings.size(), 1u);
  EXPECT_NE(result.warnings[0].detail.find("another origin"), std::string::npos);
}

TEST(CifFaults, Sites) {
  Cif cif;
  cif.sites.clear();
  expect_refused(cif.text(), CifFault::no_sites, 1, {"_atom_site_"});
  expect_refused(with_sites("_atom_site_label\n_atom_site_fract_x\n_atom_site_fract_y\n", "Si1 0 0\n"),
                 CifFault::bad_coordinates, 16, {"_atom_site_fract_z"});
  for (const char* value : {"?", "."})
    expect_refused(with_sites(plain, std::string("Si1 0 ") + value + " 0\n"), CifFault::bad_coordinates, 17,
                   {"_atom_site_fract_y", value});
  expect_refused(with_sites(plain, "Si1 0 nan 0\n"), CifFault::bad_coordinates, 17,
                 {"_atom_site_fract_y 'nan'"});
  expect_refused(with_sites(plain, "Si1 0 0.1x 0\n"), CifFault::bad_coordinates, 17, {"'0.1x'"});
  expect_refused(with_sites(plain, "Si1 0 4000 0\n"), CifFault::bad_coordinates, 17, {"4000"});
  for (const char* label : {"X1", "Wit", "Q", "1", "?", "max", "CA1"})
    expect_refused(with_sites(plain, std::string(label) + " 0 0 0\n"), CifFault::unknown_species, 17,
                   {"_atom_site_label", label});
  expect_refused(with_sites(std::string("_atom_site_type_symbol\n") + plain, "Xx Si1 0 0 0\n"),
                 CifFault::unknown_species, 18, {"_atom_site_type_symbol 'Xx'"});
  expect_refused(with_sites(std::string("_atom_site_type_symbol\n") + plain, "Es Es1 0 0 0\n"),
                 CifFault::unknown_species, 18, {"'Es'"});
  for (const char* value : {"1.2", "-0.1", "nan", "half"})
    expect_refused(with_sites(with_occupancy, std::string("Si1 0.1 0 0 ") + value + "\n"),
                   CifFault::bad_occupancy, 18, {"_atom_site_occupancy", value});
  expect_refused(with_sites(with_occupancy, "Si1 0.1 0 0 0.6\nAl1 0.1 0 0 0.5\n"), CifFault::bad_occupancy,
                 18, {"Si1", "1.1"});
  expect_refused(with_sites(with_occupancy, "Si1 0.1 0 0 1\nAl1 -0.1 0 0 1\n"), CifFault::bad_occupancy, 18,
                 {"add up to 2"});
  expect_refused(with_sites(plain, "Si1 0.1 0 0\nO1 0.15 0 0\n"), CifFault::atoms_too_close, 17,
                 {"Si1", "O1", "0.2 A"});
  expect_refused(with_sites(plain, "Si1 0.04 0 0\n"), CifFault::atoms_too_close, 17,
                 {"Si1", "0.32 A"});  // from its image
  // Through the cell's face, and through a lattice translation in y.
  expect_refused(with_sites(plain, "Si1 0.97 0.1 0.2\nO1 0.03 0.1 0.2\n"), CifFault::atoms_too_close, 17,
                 {"0.24 A"});
  expect_refused(with_sites(plain, "Si1 0.2 0.98 0.2\nO1 0.2 0.01 0.2\n"), CifFault::atoms_too_close, 17,
                 {"0.15 A"});
  expect_refused(with_sites(with_occupancy, "Si1 0.1 0 0 0.6\nO1 0.15 0 0 0.5\n"), CifFault::atoms_too_close,
                 18, {"0.6", "0.5"});
}

TEST(CifFaults, Displacements) {
  const std::string iso = std::string("_atom_site_U_iso_or_equiv\n") + plain;
  for (const char* value : {"nan", "0.0l", "500", "-0.2"})
    expect_refused(with_sites(iso, std::string(value) + " Si1 0 0 0\n"), CifFault::bad_displacement, 18,
                   {"_atom_site_U_iso_or_equiv", value});
  const auto aniso = [](const std::string& kind, const std::string& row) {
    Cif cif;
    cif.rest = "loop_\n_atom_site_aniso_label\n";
    for (const char* ij : {"11", "22", "33", "12", "13", "23"})
      cif.rest += "_atom_site_aniso_" + kind + "_" + ij + "\n";
    cif.rest += row;
    return cif.text();
  };
  expect_refused(aniso("U", "Si1 0.01 0.01 0.01 0 ? 0\n"), CifFault::bad_displacement, 29,
                 {"_atom_site_aniso_U_13", "'?'"});
  expect_refused(aniso("U", "Si1 0.01 0.01 0.01 0 9.1 0\n"), CifFault::bad_displacement, 29, {"9.1", "Si1"});
  expect_refused(aniso("U", "Si1 0.01 -0.4 0.01 0 0 0\n"), CifFault::bad_displacement, 29, {"-0.4"});
  expect_refused(aniso("U", "Si1 1 1 1 0 0 0\nSi1 1 1 1 0 0 0\n"), CifFault::bad_displacement, 30,
                 {"Si1", "2 times"});
  Cif cif;
  cif.rest = "loop_\n_atom_site_aniso_label\n_atom_site_aniso_U_11\nSi1 0.1\n";
  expect_refused(cif.text(), CifFault::bad_displacement, 24, {"22"});
}

TEST(CifFaults, Grammar) {
  Cif cif;
  cif.sites =
      "loop_\n_atom_site_label\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\nSi1 0 0 0\nO1 "
      "0.5 0\n";
  expect_refused(cif.text(), CifFault::grammar, 12,
                 {"truncated loop", "7 values", "4 tags", "_atom_site_label"});
  cif.sites = "loop_\n_atom_site_label\n_atom_site_fract_x\n";
  expect_refused(cif.text(), CifFault::grammar, 12, {"0 values"});
  cif = {};
  cif.symmetry += "_space_group_name_Hall\n_space_group_name_H-M_alt 'P -1'\n";
  expect_refused(cif.text(), CifFault::grammar, 13, {"_space_group_name_Hall has no value"});
  cif = {};
  cif.rest = "_chemical_name 'one\ntwo'\n";
  expect_refused(cif.text(), CifFault::grammar, 21, {"unterminated"});
  cif.rest = "_space_group_name_H-M_alt P -1\n";
  expect_refused(cif.text(), CifFault::grammar, 21, {"'-1'", "_space_group_name_H-M_alt", "quotes"});
  cif.rest = "_cell_length_a 4.1\n";
  expect_refused(cif.text(), CifFault::grammar, 21, {"_cell_length_a", "twice"});
  cif.rest = "loop_\n_x\n_atom_site_B_iso_or_equiv\n1 0.5\n";
  expect_refused(cif.text(), CifFault::grammar, 24, {"_atom_site_B_iso_or_equiv"});
  expect_refused("no block at all\n", CifFault::grammar, 1, {"data_", "'no block at all'"});
  expect_refused("# only a comment\n", CifFault::grammar, 1, {"data_"});
}

TEST(Cif, FaultsOfWhatNoCrystalNeedsArePassedOver) {
  for (const auto& [rest, words] : std::vector<std::pair<std::string, std::string>>{
           {"_cell_volume\n_cell_formula_units_Z 2\n", "_cell_volume has no value"},
           {"_chemical_name one two\n", "'two' follows the value of _chemical_name"},
           {"loop_\n_geom_a\n_geom_b\n1 2 3\n", "truncated loop: 3 values for the 2 tags"},
           {"_cell_length_a 4.00\n", "_cell_length_a is there twice, with the same values"}}) {
    Cif cif;
    cif.rest = rest;
    const Result result = read(cif.text());
    EXPECT_EQ(result.crystals.size(), 1u) << rest;
    ASSERT_EQ(result.warnings.size(), 1u) << rest;
    EXPECT_NE(result.warnings[0].detail.find(words), std::string::npos) << result.warnings[0].detail;
  }
}

TEST(Cif, HydrogenMayBeCloseWhereItIsAskedFor) {
  const std::string rows = "O1 0.1 0.1 0.1\nH1 0.1 0.1 0.15\n";
  Result result;
  CifHandlers handlers = result.handlers();
  read_cif_text(with_sites(plain, rows), "a.cif", handlers);
  EXPECT_EQ(result.errors.size(), 1u);
  handlers.accept_close_hydrogen = true;
  read_cif_text(with_sites(plain, rows), "a.cif", handlers);
  ASSERT_EQ(result.crystals.size(), 1u);
  EXPECT_EQ(result.crystals[0].sites.size(), 2u);
  ASSERT_EQ(result.warnings.size(), 1u);
  EXPECT_NE(result.warnings[0].detail.find("0.3 A apart"), std::string::npos);
  read_cif_text(with_sites(plain, "O1 0.1 0.1 0.1\nN1 0.1 0.1 0.15\n"), "a.cif", handlers);
  EXPECT_EQ(result.errors.size(), 2u);
}

TEST(Cif, NamesOfTheCrystal) {
  Cif cif;
  cif.rest =
      "_chemical_name_mineral Halite\n_chemical_name_common '<missing>'\n_chemical_name_systematic\n;\n "
      "sodium\n "
      "chloride\n;\n_database_code_amcsd 0000123\nloop_\n_publ_author_name\n'Abrahams S C'\n'Bernstein J "
      "L'\n_journal_name_full 'Acta Cryst.'\n_journal_volume 18\n_journal_year 1965\n_journal_page_first "
      "926\n";
  CrystalNames names = crystal_of(cif.text()).names;
  EXPECT_EQ(names.mineral, "Halite");
  EXPECT_EQ(names.common, "");
  EXPECT_EQ(names.systematic, "sodium chloride");
  EXPECT_EQ(names.database_code, "AMCSD 0000123");
  EXPECT_EQ(names.citation, "Abrahams S C et al., Acta Cryst. 18 (1965) 926");
  EXPECT_EQ(names.title(), "sodium chloride");
  cif.rest =
      "_chemical_name_mineral ?\n_chemical_name_common .\n_chemical_name_systematic '?'\n_journal_year "
      "1965\n";
  EXPECT_EQ(crystal_of(cif.text()).names, CrystalNames{});
  for (const char* doi :
       {"10.1107/S0108270185003456", "https://doi.org/10.1107/S0108270185003456",
        "http://dx.doi.org/10.1107/S0108270185003456", "'doi: 10.1107/S0108270185003456'"}) {
    cif.rest = std::string("_journal_paper_doi ") + doi + "\n";
    EXPECT_EQ(crystal_of(cif.text()).names.doi, "10.1107/S0108270185003456") << doi;
  }
  cif.rest = "_journal_paper_doi 'in preparation'\n";
  EXPECT_EQ(crystal_of(cif.text()).names.doi, "");
  cif.rest = "_chemical_name_mineral Br\xf6ggerite\n_chemical_name_common 'Br\xc3\xb6ggerite'\n";
  names = crystal_of(cif.text()).names;
  EXPECT_EQ(names.mineral, "Br\xc3\xb6ggerite");  // Latin-1 in the file
  EXPECT_EQ(names.common, names.mineral);
}

TEST(CifFaults, Bytes) {
  const std::string good = Cif().text();
  expect_refused("", CifFault::unreadable_file, 0, {"empty"});
  expect_refused("\xef\xbb\xbf", CifFault::unreadable_file, 0, {"empty"});
  expect_refused(std::string("\x89PNG\r\n\x1a\n\0\0", 10), CifFault::unreadable_file, 0, {"binary"});
  expect_refused(std::string("\x7f"
                             "ELF\x02\x01"),
                 CifFault::unreadable_file, 0, {"binary"});
  expect_refused(good + std::string(1, '\0'), CifFault::unreadable_file, 0, {"NUL"});
  std::string utf16 = "\xff\xfe";
  for (const char c : good)
    utf16 += {c, '\0'};
  expect_refused(utf16, CifFault::unreadable_file, 0, {"UTF-16"});
}

TEST(Cif, AcceptsByteOrderMarkAndEveryLineEnding) {
  const std::string good = Cif().text();
  std::string crlf, cr = good;
  for (const char c : good) {
    if (c == '\n') crlf += '\r';
    crlf += c;
  }
  std::replace(cr.begin(), cr.end(), '\n', '\r');
  for (const std::string& text : {"\xef\xbb\xbf" + good, crlf, cr, good + "\x1a"}) {
    const Crystal c = crystal_of(text);
    EXPECT_EQ(c.sites.size(), 2u);
    EXPECT_EQ(c.name, "test");
  }
}

TEST(Cif, TagsWithoutCaseOrWithDots) {
  Cif cif;
  for (std::string* part : {&cif.cell, &cif.sites})
    for (char& c : *part)
      if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  cif.sites =
      "LOOP_\n_ATOM_SITE.LABEL\n_Atom_Site.Fract_X\n_atom_site.fract_y\n_atom_site.fract_z\nSi1 0 0 0\n";
  EXPECT_EQ(crystal_of(cif.text()).sites[0].species.atomic_number, 14);
}

TEST(Cif, ABadBlockDoesNotStopTheRest) {
  Cif bad;
  bad.head = "data_bad\n";
  bad.sites =
      "loop_\n_atom_site_label\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\nSi1 0 0\n";
  Cif unterminated;
  unterminated.head = "data_unterminated\n;never closed\n";
  Cif good;
  good.head = "data_good\n_note\n;\ndata_not_a_block\n;\n";
  const Result result = read(Cif().text() + bad.text() + "data_words\n_journal_name 'a journal'\n" +
                             good.text() + unterminated.text() + Cif().text());
  ASSERT_EQ(result.crystals.size(), 3u);
  EXPECT_EQ(result.crystals[1].name, "good");
  ASSERT_EQ(result.errors.size(), 2u);
  EXPECT_EQ(result.errors[0].block, "bad");
  EXPECT_EQ(result.errors[0].fault, CifFault::grammar);
  EXPECT_EQ(result.errors[1].block, "unterminated");
  // The lines after it are counted on.
  const auto blocks = split_blocks(unterminated.text() + Cif().text());
  ASSERT_EQ(blocks.size(), 2u);
  const std::string first = unterminated.text();
  EXPECT_EQ(blocks[1].first_line, 1 + std::count(first.begin(), first.end(), '\n'));
}

TEST(Cif, BlocksKeepTheirLines) {
  const std::string one = Cif().text();
  const std::string three = one + one + one;
  const auto blocks = split_blocks(three);
  ASSERT_EQ(blocks.size(), 3u);
  const int lines = static_cast<int>(std::count(one.begin(), one.end(), '\n'));
  std::string joined;
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(blocks[i].first_line, 1 + static_cast<int>(i) * lines);
    joined += blocks[i].text;
  }
  EXPECT_EQ(joined, three);
  Cif bad;
  bad.sites =
      "loop_\n_atom_site_label\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\nXx 0 0 0\n";
  const Result result = read(one + bad.text());
  ASSERT_EQ(result.errors.size(), 1u);
  EXPECT_EQ(result.errors[0].line, lines + 17);
}

TEST(Cif, FilesPlainAndCompressed) {
  const tests::TemporaryFolder folder;
  const std::string text = Cif().text();
  const auto plain_path = folder / "plain.cif", gz_path = folder / "packed.cif.gz",
             cut_path = folder / "cut.cif.gz";
  std::ofstream(plain_path, std::ios::binary) << text;
  gzFile gz = gzopen(gz_path.c_str(), "wb");
  gzwrite(gz, text.data(), static_cast<unsigned>(text.size()));
  gzclose(gz);
  std::string packed(std::filesystem::file_size(gz_path), '\0');
  std::ifstream(gz_path, std::ios::binary).read(packed.data(), static_cast<std::streamsize>(packed.size()));
  std::ofstream(cut_path, std::ios::binary) << packed.substr(0, packed.size() - 12);

  EXPECT_EQ(read_crystal(plain_path).sites.size(), 2u);
  EXPECT_EQ(read_crystal(gz_path).sites.size(), 2u);
  for (const auto& path : {cut_path, folder / "absent.cif", folder.path()}) {
    const Result result = read_file(path);
    EXPECT_TRUE(result.crystals.empty());
    ASSERT_EQ(result.errors.size(), 1u) << path;
    EXPECT_EQ(name_of(result.errors[0].fault), "unreadable_file");
    EXPECT_EQ(result.errors[0].file, path.string());
    EXPECT_THROW(read_crystal(path), CifError);
  }
  std::ofstream(plain_path, std::ios::binary) << text << text;
  EXPECT_THROW(read_crystal(plain_path), Error);
}

TEST(CifSymmetry, PrecedenceAndWarnings) {
  Cif cif;
  cif.symmetry = "_symmetry_equiv_pos_as_xyz 'x,y,z'\n_symmetry_space_group_name_H-M 'P 1'\n";
  EXPECT_EQ(crystal_of(cif.text()).group.number, 1);
  cif.symmetry = "_symmetry_space_group_name_Hall '-P 2ac 2n'\n";
  EXPECT_EQ(crystal_of(cif.text()).group.hm, "P n m a");
  cif.symmetry = "_symmetry_space_group_name_H-M Pbnm\n";
  EXPECT_EQ(crystal_of(cif.text()).group.hm, "P b n m");
  cif.symmetry = "_space_group_IT_number 19\n";
  EXPECT_EQ(crystal_of(cif.text()).group.hm, "P 21 21 21");

  cif = {};
  cif.symmetry += "_space_group_name_H-M_alt 'X c'\n_space_group_name_Hall 'X 9'\n";
  Result result = read(cif.text());
  EXPECT_EQ(result.crystals.size(), 1u);
  EXPECT_EQ(result.warnings.size(), 2u);  // neither is known; the operators stand
  cif = {};
  cif.symmetry = "loop_\n_symmetry_equiv_pos_as_xyz\nx,y,z\n-x,-y,-z\nx,y,z\n";
  result = read(cif.text());
  ASSERT_EQ(result.crystals.size(), 1u);
  EXPECT_EQ(result.crystals[0].group.operators.size(), 2u);
  EXPECT_EQ(result.warnings.size(), 1u);
  // A cell that is off within the tolerance is brought to its symmetry, and that is said.
  cif = {};
  cif.cell =
      "_cell_length_a 4\n_cell_length_b 4.01\n_cell_length_c 4\n_cell_angle_alpha 90\n_cell_angle_beta "
      "90.2\n_cell_angle_gamma 90\n";
  cif.symmetry = "_space_group_name_H-M_alt 'P m -3 m'\n";
  cif.sites = std::string("loop_\n") + plain + "Si1 0 0 0\n";
  result = read(cif.text());
  ASSERT_EQ(result.crystals.size(), 1u);
  EXPECT_EQ(result.crystals[0].cell.a, result.crystals[0].cell.b);
  EXPECT_EQ(result.crystals[0].cell.beta, 90);
  EXPECT_EQ(result.warnings.size(), 1u);
}

TEST(CifWarnings, WhatABlockSaysTwiceAndDifferently) {
  const auto warnings = [](const std::string& rest) {
    Cif cif;
    cif.rest = rest;
    const Result result = read(cif.text());
    EXPECT_EQ(result.crystals.size(), 1u);
    return result.warnings.size();
  };
  EXPECT_EQ(warnings("_chemical_formula_sum 'Si O'\n"), 0u);
  EXPECT_EQ(warnings("_chemical_formula_sum 'Si O2'\n"), 1u);
  EXPECT_EQ(warnings("_chemical_formula_sum 'Si O H'\n"), 1u);
  EXPECT_EQ(warnings("_chemical_formula_sum '[Si]'\n"), 1u);
  EXPECT_EQ(warnings("_exptl_crystal_density_diffrn 1.22\n"), 0u);
  EXPECT_EQ(warnings("_exptl_crystal_density_diffrn 2.44\n"), 1u);
  Cif cif;
  cif.sites = std::string("loop_\n_atom_site_type_symbol\n") + plain + "S2- S1 0 0 0\nS2- S2 0.5 0 0\n";
  const Result result = read(cif.text());
  ASSERT_EQ(result.warnings.size(), 1u);  // once for the ion
  EXPECT_EQ(result.warnings[0].file, "a.cif");
  EXPECT_EQ(result.warnings[0].line, 18);
  EXPECT_NE(result.warnings[0].detail.find("S2-"), std::string::npos);
}

}  // namespace
}  // namespace bragg::xrd
