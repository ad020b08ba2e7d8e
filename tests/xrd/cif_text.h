// CIF blocks in parts, and reading them from memory: what the tests of the reader share.
#pragma once

#include <filesystem>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "xrd/cif/cif.h"

namespace bragg::xrd {

/// A good block in parts, any of which a test replaces.
struct Cif {
  std::string head = "data_test\n";
  std::string cell =
      "_cell_length_a 4.0\n_cell_length_b 5.0\n_cell_length_c 6.0\n"
      "_cell_angle_alpha 90\n_cell_angle_beta 90\n_cell_angle_gamma 90\n";
  std::string symmetry = "loop_\n_space_group_symop_operation_xyz\n'x,y,z'\n'-x,-y,-z'\n";
  std::string sites =
      "loop_\n_atom_site_label\n_atom_site_type_symbol\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_"
      "fract_z\n"
      "_atom_site_occupancy\nSi1 Si4+ 0.1 0.2 0.3 1\nO1 O2- 0.4 0.1 0.25(3) ?\n";
  std::string rest;

  std::string text() const { return head + cell + symmetry + sites + rest; }
};

struct Result {
  std::vector<Crystal> crystals;
  std::vector<CifError> errors;
  std::vector<CifWarning> warnings;

  CifHandlers handlers() {
    return {.crystal = [this](Crystal&& c) { crystals.push_back(std::move(c)); },
            .rejected = [this](const CifError& e) { errors.push_back(e); },
            .warning = [this](const CifWarning& w) { warnings.push_back(w); }};
  }
};

inline Result read(const std::string& text) {
  Result result;
  read_cif_text(text, "a.cif", result.handlers());
  return result;
}

inline Result read_file(const std::filesystem::path& path) {
  Result result;
  read_cif(path, result.handlers());
  return result;
}

/// One refusal with this fault, at this line (0: none known), whose detail holds every one of the words;
/// nothing else.
inline void expect_refused(const std::string& text, CifFault fault, int line,
                           std::initializer_list<const char*> words) {
  const Result result = read(text);
  SCOPED_TRACE(text.substr(0, 1500));
  EXPECT_TRUE(result.crystals.empty());
  ASSERT_EQ(result.errors.size(), 1u);
  const CifError& e = result.errors[0];
  EXPECT_EQ(name_of(e.fault), name_of(fault)) << e.what();
  EXPECT_EQ(e.line, line) << e.what();
  EXPECT_EQ(e.file, "a.cif");
  for (const char* word : words)
    EXPECT_NE(e.detail.find(word), std::string::npos) << word << " in " << e.what();
}

inline std::string with_cell(const std::string& tag, const std::string& value) {
  Cif cif;
  const auto at = cif.cell.find(tag);
  const auto end = cif.cell.find('\n', at);
  cif.cell.replace(at, end - at, tag + " " + value);
  return cif.text();
}

inline std::string with_sites(const std::string& columns, const std::string& rows) {
  Cif cif;
  cif.sites = "loop_\n" + columns + rows;
  return cif.text();
}

inline constexpr const char* plain =
    "_atom_site_label\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n";
inline constexpr const char* with_occupancy =
    "_atom_site_label\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n_atom_site_occupancy\n";

inline Crystal crystal_of(const std::string& text) {
  Result result = read(text);
  EXPECT_EQ(result.errors.size(), 0u) << (result.errors.empty() ? "" : result.errors[0].what());
  if (result.crystals.size() != 1) throw Error("expected one crystal");
  return std::move(result.crystals[0]);
}

}  // namespace bragg::xrd
