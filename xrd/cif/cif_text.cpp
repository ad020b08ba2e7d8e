#include "xrd/cif/cif_text.h"

#include <cmath>
#include <set>

#include <fmt/format.h>

namespace bragg::xrd {
namespace {

/// As many digits as the uncertainty has two of, in brackets.
std::string number(double value, double uncertainty, int decimals) {
  if (!(uncertainty > 0) || !std::isfinite(uncertainty)) return fmt::format("{:.{}f}", value, decimals);
  const int needed = 1 - static_cast<int>(std::floor(std::log10(uncertainty)));
  if (needed <= 0) return fmt::format("{:.0f}({:.0f})", value, std::ceil(uncertainty));
  return fmt::format("{:.{}f}({:.0f})", value, needed, uncertainty * std::pow(10, needed));
}

/// Without what ends a word, a comment or a line.
std::string word(std::string_view text) {
  std::string plain;
  for (const char c : text)
    plain += c > ' ' && c < 127 && c != '\'' && c != '"' && c != '#' && c != ';' ? c : '_';
  return plain;
}

/// A word that is no tag and none of CIF's own words.
std::string label_of(const Site& site) {
  const std::string element(element_symbol(site.species.atomic_number));
  const std::string label = word(site.label);
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const bool is_plain = !label.empty() && is_letter(label.front()) && label.find('_') == std::string::npos;
  return is_plain ? label : element + label;
}

std::string in_quotes(std::string_view text) {
  std::string plain;
  for (const char c : text)
    plain += c == '\'' || static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  return "'" + plain + "'";
}

std::string cell_of(const Crystal& crystal, const std::array<double, 6>& uncertainty) {
  const UnitCell& cell = crystal.cell;
  return fmt::format(
      "_cell_length_a {}\n_cell_length_b {}\n_cell_length_c {}\n_cell_angle_alpha {}\n_cell_angle_beta {}\n"
      "_cell_angle_gamma {}\n_cell_volume {:.3f}\n",
      number(cell.a, uncertainty[0], 6), number(cell.b, uncertainty[1], 6), number(cell.c, uncertainty[2], 6),
      number(cell.alpha, uncertainty[3], 5), number(cell.beta, uncertainty[4], 5),
      number(cell.gamma, uncertainty[5], 5), cell.volume());
}

std::string symmetry_of(const SpaceGroupSetting& group) {
  std::string text;
  if (!group.hm.empty()) text += fmt::format("_space_group_name_H-M_alt {}\n", in_quotes(group.hm));
  text += fmt::format("_space_group_IT_number {}\nloop_\n_space_group_symop_operation_xyz\n", group.number);
  for (const SymmetryOperator& op : group.operators)
    text += fmt::format("'{}'\n", triplet(op));
  return text;
}

/// Labels that tell the sites apart.
std::vector<std::string> labels_of(const Crystal& crystal) {
  std::vector<std::string> labels;
  std::set<std::string> taken;
  for (const Site& site : crystal.sites) {
    const std::string own = label_of(site);
    std::string label = own;
    for (int n = 2; !taken.insert(label).second; ++n)
      label = fmt::format("{}_{}", own, n);
    labels.push_back(label);
  }
  return labels;
}

std::string sites_of(const Crystal& crystal) {
  const std::vector<std::string> labels = labels_of(crystal);
  std::string text =
      "loop_\n_atom_site_label\n_atom_site_type_symbol\n_atom_site_fract_x\n_atom_site_fract_y\n"
      "_atom_site_fract_z\n_atom_site_occupancy\n_atom_site_U_iso_or_equiv\n";
  bool any_tensor = false;
  for (std::size_t i = 0; i < crystal.sites.size(); ++i) {
    const Site& site = crystal.sites[i];
    any_tensor = any_tensor || site.u_aniso.has_value();
    text += fmt::format("{} {} {:.8f} {:.8f} {:.8f} {:.6g} {:.6g}\n", labels[i], name_of(site.species),
                        site.position.x, site.position.y, site.position.z, site.occupancy, site.u_iso);
  }
  if (!any_tensor) return text;
  text +=
      "loop_\n_atom_site_aniso_label\n_atom_site_aniso_U_11\n_atom_site_aniso_U_22\n_atom_site_aniso_U_33\n"
      "_atom_site_aniso_U_23\n_atom_site_aniso_U_13\n_atom_site_aniso_U_12\n";
  for (std::size_t i = 0; i < crystal.sites.size(); ++i) {
    if (const auto& u = crystal.sites[i].u_aniso)
      text += fmt::format("{} {:.6g} {:.6g} {:.6g} {:.6g} {:.6g} {:.6g}\n", labels[i], (*u)[0], (*u)[1],
                          (*u)[2], (*u)[3], (*u)[4], (*u)[5]);
  }
  return text;
}

std::string comment(std::string_view remark) {
  std::string text;
  while (!remark.empty()) {
    const std::size_t end = std::min(remark.find('\n'), remark.size());
    text += "# ";
    for (const char c : remark.substr(0, end))
      text += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
    text += '\n';
    remark.remove_prefix(std::min(end + 1, remark.size()));
  }
  return text;
}

}  // namespace

std::string cif_text(const Crystal& crystal, const std::array<double, 6>& cell_uncertainty,
                     std::string_view remark) {
  std::string names;
  if (!crystal.names.mineral.empty())
    names += fmt::format("_chemical_name_mineral {}\n", in_quotes(crystal.names.mineral));
  if (!crystal.names.common.empty())
    names += fmt::format("_chemical_name_common {}\n", in_quotes(crystal.names.common));
  return comment(remark) + fmt::format("data_{}\n", word(crystal.name)) + names +
         fmt::format("_chemical_formula_sum {}\n", in_quotes(crystal.formula())) +
         cell_of(crystal, cell_uncertainty) + symmetry_of(crystal.group) + sites_of(crystal);
}

}  // namespace bragg::xrd
