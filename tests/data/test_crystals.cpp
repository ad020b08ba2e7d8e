#include "tests/data/test_crystals.h"

#include <stdexcept>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "xrd/cif/cif.h"

namespace bragg::tests {

std::string rock_salt_cif(const std::string& block, double a) {
  return fmt::format(R"(data_{0}
_space_group_name_H-M_alt 'F m -3 m'
_cell_length_a {1}
_cell_length_b {1}
_cell_length_c {1}
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Na1 Na1+ 0 0 0
Cl1 Cl1- 0.5 0.5 0.5
)",
                     block, a);
}

std::vector<xrd::Crystal> three_crystals() {
  const std::string text = rock_salt_cif("rock_salt") + R"(
data_quartz
_space_group_name_H-M_alt 'P 32 2 1'
_cell_length_a 4.9137
_cell_length_b 4.9137
_cell_length_c 5.4047
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 120
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_U_iso_or_equiv
Si1 Si4+ 0.4697 0 0.66667 0.0065
O1 O2- 0.4133 0.2672 0.7855 0.0122
loop_
_atom_site_aniso_label
_atom_site_aniso_U_11
_atom_site_aniso_U_22
_atom_site_aniso_U_33
_atom_site_aniso_U_23
_atom_site_aniso_U_13
_atom_site_aniso_U_12
O1 0.0156 0.0115 0.0119 -0.0029 -0.0047 0.0092
data_cscl_half
_space_group_name_H-M_alt 'P m -3 m'
_cell_length_a 4.123
_cell_length_b 4.123
_cell_length_c 4.123
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
Cs1 Cs 0 0 0 0.5
Cl1 Cl 0.5 0.5 0.5 1
)";
  std::vector<xrd::Crystal> crystals;
  xrd::read_cif_text(text, "three_crystals",
                     {.crystal = [&](xrd::Crystal&& crystal) { crystals.push_back(std::move(crystal)); },
                      .rejected = [](const xrd::CifError& error) { ADD_FAILURE() << error.what(); },
                      .warning = {}});
  if (crystals.size() != 3) throw std::runtime_error("three_crystals: not three");
  return crystals;
}

std::string caesium_chloride_cif(const std::string& block, const std::string& group) {
  return fmt::format(
      "data_{}\n_cell_length_a 4.12\n_cell_length_b 4.12\n_cell_length_c 4.12\n_cell_angle_alpha 90\n"
      "_cell_angle_beta 90\n_cell_angle_gamma 90\n_symmetry_space_group_name_H-M '{}'\nloop_\n"
      "_atom_site_label\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\nCs1 0 0 0\n"
      "Cl1 0.5 0.5 0.5\n",
      block, group);
}

}  // namespace bragg::tests
