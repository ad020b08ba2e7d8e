// Structure types of known structures: data/crystals, in whatever setting the files are, and small blocks.
#include "xrd/symmetry/structure_type.h"

#include <filesystem>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/support/shared_data.h"
#include "tests/xrd/cif_text.h"
#include "xrd/symmetry/space_groups.h"
#include "xrd/symmetry/symmetry_search.h"

namespace bragg::xrd {
namespace {

std::string type_of(const Crystal& crystal) {
  return StructureTypes().type_of(crystal);
}

/// Of a file of data/crystals.
std::string type_of_file(const std::string& name) {
  const Result result = read_file(tests::project_file("data/crystals/" + name + ".cif"));
  if (result.crystals.size() != 1) throw Error(name + ": expected one crystal");
  return type_of(result.crystals[0]);
}

std::string block(double a, const std::string& hm, const std::string& atoms) {
  return fmt::format(
      "data_t\n_cell_length_a {0}\n_cell_length_b {0}\n_cell_length_c {0}\n_cell_angle_alpha 90\n"
      "_cell_angle_beta 90\n_cell_angle_gamma 90\n_symmetry_space_group_name_H-M "
      "'{1}'\nloop_\n_atom_site_label\n"
      "_atom_site_type_symbol\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n"
      "_atom_site_occupancy\n{2}",
      a, hm, atoms);
}

TEST(StructureType, PointGroupsOfAllSpaceGroups) {
  std::set<std::string> symbols;
  for (int number = 1; number <= space_group_count; ++number)
    symbols.insert(point_group(reference_setting(number).setting.operators));
  EXPECT_EQ(symbols.size(), 32u);
  const auto of = [](int number) { return point_group(reference_setting(number).setting.operators); };
  EXPECT_EQ(of(2), "-1");
  EXPECT_EQ(of(14), "2/m");
  EXPECT_EQ(of(62), "mmm");
  EXPECT_EQ(of(122), "-42m");
  EXPECT_EQ(of(136), "4/mmm");
  EXPECT_EQ(of(154), "32");
  EXPECT_EQ(of(174), "-6");
  EXPECT_EQ(of(186), "6mm");
  EXPECT_EQ(of(216), "-43m");
  EXPECT_EQ(of(230), "m-3m");
}

TEST(StructureType, IsWhatKnownStructuresShare) {
  EXPECT_EQ(type_of_file("halite"), "AB /225 1(m-3m):A 1(m-3m):B");
  EXPECT_EQ(type_of_file("periclase"), type_of_file("halite"));
  EXPECT_EQ(type_of_file("rutile"), "AB2 /136 2(mmm):A 4(mm2):B");
  EXPECT_EQ(type_of_file("quartz_alpha"), "AB2 /152 3(2):A 6(1):B");
  EXPECT_EQ(type_of_file("quartz_beta"), "AB2 /180 3(222):A 6(2):B");
  EXPECT_EQ(type_of_file("calcite"), type_of_file("magnesite"));
  EXPECT_EQ(type_of_file("spinel"), "AB2C4 /227 2(-43m):A 4(-3m):B 8(3m):C");
  EXPECT_EQ(type_of_file("magnetite"), "A3B4 /227 2(-43m):A 4(-3m):A 8(3m):B");  // iron on both
  EXPECT_EQ(type_of_file("diamond"), type_of_file("silicon"));
  EXPECT_EQ(type_of_file("corundum"), type_of_file("hematite"));
  EXPECT_EQ(type_of_file("pyrope"), type_of_file("almandine"));
  EXPECT_NE(type_of_file("corundum"), type_of_file("ilmenite"));
  EXPECT_NE(type_of_file("rutile"), type_of_file("anatase"));
  EXPECT_NE(type_of_file("halite"), type_of_file("cesium_chloride"));
  EXPECT_NE(type_of_file("sphalerite"), type_of_file("diamond"));
}

TEST(StructureType, CassiteriteIsRutileWhateverItsOrigin) {
  const std::string header =
      "data_t\n_cell_length_a 4.737\n_cell_length_b 4.737\n_cell_length_c 3.186\n_cell_angle_alpha 90\n"
      "_cell_angle_beta 90\n_cell_angle_gamma 90\n_symmetry_space_group_name_H-M 'P 42/m n m'\nloop_\n"
      "_atom_site_label\n_atom_site_type_symbol\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_"
      "z\n";
  EXPECT_EQ(type_of(crystal_of(header + "Sn Sn 0 0 0\nO O 0.307 0.307 0\n")), type_of_file("rutile"));
  // The same with its origin on the other 2/m of the group: tin on 2b, oxygen on 4g.
  EXPECT_EQ(type_of(crystal_of(header + "Sn Sn 0 0 0.5\nO O 0.307 0.307 0.5\n")), type_of_file("rutile"));
}

TEST(StructureType, DoesNotDependOnTheChoiceOfCell) {
  const std::string expected = type_of_file("halite");
  const auto salt = [](const std::string& first, const std::string& second) {
    return type_of(crystal_of(block(5.64, "F m -3 m", first + second)));
  };
  EXPECT_EQ(salt("Na Na 0 0 0 1\n", "Cl Cl 0.5 0.5 0.5 1\n"), expected);
  EXPECT_EQ(salt("Cl Cl 0 0 0 1\n", "Na Na 0.5 0 0 1\n"), expected);
  // The primitive cell, its symmetry found: whatever setting that is.
  const Crystal primitive = crystal_of(
      "data_t\n_cell_length_a 3.98808\n_cell_length_b 3.98808\n_cell_length_c 3.98808\n_cell_angle_alpha 60\n"
      "_cell_angle_beta 60\n_cell_angle_gamma 60\n_symmetry_space_group_name_H-M 'P "
      "1'\nloop_\n_atom_site_label\n"
      "_atom_site_type_symbol\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\nNa Na 0 0 0\nCl "
      "Cl "
      "0.5 0.5 0.5\n");
  const auto found = with_symmetry_found(primitive);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->group.number, 225);
  EXPECT_EQ(type_of(*found), expected);
  // Both origins of the diamond's group.
  EXPECT_EQ(type_of(crystal_of(block(3.567, "F d -3 m:1", "C C 0 0 0 1\n"))), type_of_file("diamond"));
  EXPECT_EQ(type_of(crystal_of(block(3.567, "F d -3 m:2", "C C 0.125 0.125 0.125 1\n"))),
            type_of_file("diamond"));
}

TEST(StructureType, SolidSolutionsAreOfTheirEndMembersType) {
  const std::string expected = type_of_file("halite");
  EXPECT_EQ(
      type_of(crystal_of(block(4.25, "F m -3 m", "Mg Mg 0 0 0 0.9\nFe Fe 0 0 0 0.1\nO O 0.5 0.5 0.5 1\n"))),
      expected);
  // Vacancies.
  EXPECT_EQ(type_of(crystal_of(block(4.3, "F m -3 m", "Fe Fe 0 0 0 0.92\nO O 0.5 0.5 0.5 1\n"))), expected);
  // Half and half: the lower atomic number's, whatever their order.
  EXPECT_EQ(
      type_of(crystal_of(block(4.3, "F m -3 m", "Mg Mg 0 0 0 0.5\nFe Fe 0 0 0 0.5\nO O 0.5 0.5 0.5 1\n"))),
      type_of(crystal_of(block(4.3, "F m -3 m", "Fe Fe 0 0 0 0.5\nMg Mg 0 0 0 0.5\nO O 0.5 0.5 0.5 1\n"))));
}

TEST(StructureType, HydrogenCountsWhereThereIsNothingElse) {
  const std::string metal = "Pd Pd 0 0 0 1\n", hydrogen = "H H 0.5 0.5 0.5 1\n";
  EXPECT_EQ(type_of(crystal_of(block(4.09, "F m -3 m", metal + hydrogen))),
            type_of(crystal_of(block(3.89, "F m -3 m", metal))));
  EXPECT_EQ(type_of(crystal_of(block(4.0, "F m -3 m", "H H 0 0 0 1\n"))), "A /225 1(m-3m):A");
}

TEST(StructureType, ElementsOfEqualAmountsHaveNoOrder) {
  // A half-Heusler alloy: three elements of equal amounts on positions that differ by their neighbours alone.
  const auto heusler = [](const char* a, const char* b, const char* c) {
    return type_of(crystal_of(
        block(5.9, "F -4 3 m",
              fmt::format("A {0} 0 0 0 1\nB {1} 0.5 0.5 0.5 1\nC {2} 0.25 0.25 0.25 1\n", a, b, c))));
  };
  EXPECT_EQ(heusler("Ti", "Sn", "Ni"), "ABC /216 1(-43m):A 1(-43m):B 1(-43m):C");
  EXPECT_EQ(heusler("Sn", "Ni", "Ti"), heusler("Ti", "Sn", "Ni"));
  // Two elements that share a position, and two that do not.
  const auto pair = [](const char* first, const char* second) {
    return type_of(crystal_of(
        block(8, "P m -3 m", fmt::format("A {0} 0.2 0.2 0.2 1\nB {1} 0.35 0.35 0.35 1\n", first, second))));
  };
  EXPECT_EQ(pair("Na", "Cl"), "AB /221 8(3m):AB");
  EXPECT_EQ(pair("Cl", "Na"), "AB /221 8(3m):AB");
}

TEST(StructureType, EveryCrystalOfTheLibraryHasOne) {
  std::set<std::string> types;
  int crystals = 0;
  StructureTypes all;
  for (const auto& entry : std::filesystem::directory_iterator(tests::project_file("data/crystals"))) {
    if (entry.path().extension() != ".cif") continue;
    for (const Crystal& crystal : read_file(entry.path()).crystals) {
      const std::string type = all.type_of(crystal);
      EXPECT_NE(type.find(fmt::format(" /{} ", modulo_enantiomorph(crystal.group.number))), std::string::npos)
          << type;
      types.insert(type);
      ++crystals;
    }
  }
  EXPECT_EQ(crystals, 173);
  RecordProperty("types", static_cast<int>(types.size()));
  EXPECT_GT(types.size(), 100u);
}

}  // namespace
}  // namespace bragg::xrd
