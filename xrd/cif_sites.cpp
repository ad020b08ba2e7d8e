// The atom sites of a block: species, coordinates, occupancies and displacement parameters, each checked;
// then what the symmetry makes of them: special positions, mixed sites, atoms that are too close.
#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <optional>
#include <set>
#include <unordered_map>

#include <fmt/format.h>

#include "xrd/cif_numbers.h"
#include "xrd/cif_reader.h"
#include "xrd/site_symmetry.h"

namespace bragg::xrd {
namespace {

/// Occupancies on one position may add up to this much more than 1: they are published with two decimals.
constexpr double occupancy_rounding = 0.02;
/// U (A^2) outside of this is a typing error: no atom that still scatters into Bragg peaks moves by more than
/// 2 A. Slightly negative values come out of refinements and are kept as published, with a warning.
constexpr double smallest_u = -0.05, largest_u = 4.0;
/// Coordinates outside of this many cells from the origin are typing errors.
constexpr double largest_coordinate = 100.0;
constexpr double eight_pi_squared = 8 * std::numbers::pi * std::numbers::pi;

constexpr bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
constexpr bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}

struct Row {
  Site site;
  int line = 0;
};

/// The element that a site's label starts with, as CIF core asks. The formula decides what is open: "CA1"
/// (calcium or a carbon), "Ala", "Pbl". Without it "Ca1" is calcium, "Ow1" oxygen, and capitals or words that
/// could be either nothing.
std::optional<Species> species_from_label(std::string_view label,
                                          const std::optional<std::array<double, 99>>& formula) {
  std::size_t letters = 0;
  while (letters < label.size() && (is_upper(label[letters]) || is_lower(label[letters])))
    ++letters;
  if (letters == 0 || !is_upper(label[0])) return std::nullopt;
  const auto one = parse_species(label.substr(0, 1));
  if (letters == 1) return one;
  const auto two = parse_species(label.substr(0, 2));
  if (formula) {
    const bool has_one = one && (*formula)[one->atomic_number] > 0;
    const bool has_two = two && (*formula)[two->atomic_number] > 0;
    if (has_one != has_two) return has_one ? one : two;
  }
  const bool is_word = letters > 2 && is_lower(label[1]) && is_lower(label[2]);
  if (is_word || (one && two && is_upper(label[1]))) return std::nullopt;
  return two ? two : one;
}

class SiteReader {
 public:
  SiteReader(const CifReader& reader, const UnitCell& cell, const SpaceGroupSetting& group)
      : reader_(reader), cell_(cell), group_(group) {}

  std::vector<Site> read() {
    read_rows();
    read_tensors();
    place();
    merge_and_check();
    std::vector<Site> sites;
    sites.reserve(rows_.size());
    for (Row& row : rows_)
      sites.push_back(std::move(row.site));
    return sites;
  }

 private:
  void read_rows() {
    const CifColumn x = reader_.find({"_atom_site_fract_x"}), y = reader_.find({"_atom_site_fract_y"}),
                    z = reader_.find({"_atom_site_fract_z"});
    const CifColumn label = reader_.find({"_atom_site_label"}),
                    type = reader_.find({"_atom_site_type_symbol"});
    if (!x && !y && !z && !label && !type)
      reader_.fail(CifFault::no_sites, reader_.block().line, "no _atom_site_ loop");
    if (!x || !y || !z)
      reader_.fail(CifFault::bad_coordinates, label ? label[0].line : reader_.block().line,
                   fmt::format("_atom_site_fract_{} is missing", !x   ? 'x'
                                                                 : !y ? 'y'
                                                                      : 'z'));
    if (!label && !type)
      reader_.fail(CifFault::unknown_species, x[0].line,
                   "neither _atom_site_label nor _atom_site_type_symbol");
    const CifColumn occupancy = reader_.find({"_atom_site_occupancy"}),
                    flag = reader_.find({"_atom_site_calc_flag"});
    const CifColumn u = reader_.find({"_atom_site_U_iso_or_equiv"}),
                    b = reader_.find({"_atom_site_B_iso_or_equiv"});
    for (const CifColumn& column : {y, z, label, type, occupancy, flag, u, b})
      if (column && column.rows() != x.rows())
        reader_.fail(CifFault::grammar, column[0].line,
                     fmt::format("{} is not in the loop of {}", column.tag(), x.tag()));

    std::optional<std::array<double, 99>> formula;
    if (const CifValue* text = reader_.value({"_chemical_formula_sum"})) formula = parse_formula(text->text);
    rows_.reserve(x.rows());
    for (std::size_t i = 0; i < x.rows(); ++i) {
      Row row;
      row.line = x[i].line;
      row.site.label = std::string(label && !label[i].is_null() ? label[i].text : type ? type[i].text : "?");
      if (flag && same_tag(flag[i].text, "dum")) {
        reader_.warn(row.line, fmt::format("site {} is a dummy (_atom_site_calc_flag dum) and left out",
                                           row.site.label));
        continue;
      }
      row.site.position = {coordinate(x, i), coordinate(y, i), coordinate(z, i)};
      row.site.species = species(type, label, i, formula);
      if (occupancy && !occupancy[i].is_null()) {
        const double value = reader_.number(occupancy, i, CifFault::bad_occupancy);
        if (!(value >= 0 && value <= 1 + 1e-9))
          reader_.fail(CifFault::bad_occupancy, row.line,
                       fmt::format("{} {} of site {} is not within 0..1", occupancy.tag(), occupancy[i].text,
                                   row.site.label));
        row.site.occupancy = std::min(value, 1.0);
      }
      row.site.u_iso = isotropic(u, i, 1, row.site.label);
      if (row.site.u_iso == 0) row.site.u_iso = isotropic(b, i, 1 / eight_pi_squared, row.site.label);
      rows_.push_back(std::move(row));
    }
    if (rows_.empty()) reader_.fail(CifFault::no_sites, reader_.block().line, "no atom but dummies");
  }

  double coordinate(const CifColumn& column, std::size_t i) const {
    const CifValue& value = column[i];
    if (value.is_null())
      reader_.fail(CifFault::bad_coordinates, value.line,
                   fmt::format("{} is '{}'", column.tag(), value.text));
    const double x = reader_.number(column, i, CifFault::bad_coordinates);
    if (!(std::abs(x) <= largest_coordinate))
      reader_.fail(CifFault::bad_coordinates, value.line,
                   fmt::format("{} {} is not within +-{}", column.tag(), value.text, largest_coordinate));
    return x;
  }

  Species species(const CifColumn& type, const CifColumn& label, std::size_t i,
                  const std::optional<std::array<double, 99>>& formula) {
    const bool has_type = type && !type[i].is_null();
    if (!has_type && !label)
      reader_.fail(CifFault::unknown_species, type[i].line,
                   fmt::format("{} is '{}'", type.tag(), type[i].text));
    const CifColumn& source = has_type ? type : label;
    const CifValue& value = source[i];
    auto found = has_type ? parse_species(value.text) : species_from_label(value.text, formula);
    if (!has_type && value.text.starts_with("Wat")) {  // American Mineralogist's name of a water molecule
      found = parse_species("O");
      reader_.warn(value.line, fmt::format("{} '{}' is taken for the oxygen of a water molecule",
                                           source.tag(), value.text));
    }
    if (!found)
      reader_.fail(CifFault::unknown_species, value.line,
                   fmt::format("{} '{}' is no element or ion{}", source.tag(), value.text,
                               has_type ? "" : ", or leaves open which"));
    if (found->charge != 0 && known_fallbacks_.insert(*found).second && form_factor(*found).is_fallback)
      reader_.warn(value.line, fmt::format("{} has no scattering factors of its own: {}'s are taken",
                                           name_of(*found), element_symbol(found->atomic_number)));
    return *found;
  }

  double isotropic(const CifColumn& column, std::size_t i, double factor, const std::string& label) const {
    if (!column || column[i].is_null()) return 0;
    const double u = factor * reader_.number(column, i, CifFault::bad_displacement);
    if (!(u >= smallest_u && u <= largest_u))
      reader_.fail(CifFault::bad_displacement, column[i].line,
                   fmt::format("{} {} of site {} is not within {}..{} A^2 (as U)", column.tag(),
                               column[i].text, label, smallest_u, largest_u));
    if (u < 0)
      reader_.warn(column[i].line,
                   fmt::format("{} {} of site {} is negative", column.tag(), column[i].text, label));
    return u;
  }

  /// U_ij, B_ij or beta_ij by label.
  void read_tensors() {
    constexpr std::array<std::string_view, 6> indices{"11", "22", "33", "23", "13", "12"};
    const CifColumn label = reader_.find({"_atom_site_aniso_label"});
    if (!label) return;
    std::unordered_map<std::string_view, std::vector<Row*>> by_label;
    for (Row& row : rows_)
      by_label[row.site.label].push_back(&row);
    std::unordered_map<std::string_view, std::size_t> seen;

    const auto s = cell_.reciprocal_lengths();
    constexpr double two_pi_squared = eight_pi_squared / 4;
    const std::array<double, 6> beta_to_u{
        1 / (two_pi_squared * s[0] * s[0]), 1 / (two_pi_squared * s[1] * s[1]),
        1 / (two_pi_squared * s[2] * s[2]), 1 / (two_pi_squared * s[1] * s[2]),
        1 / (two_pi_squared * s[0] * s[2]), 1 / (two_pi_squared * s[0] * s[1])};
    std::array<double, 6> factor{};
    std::array<CifColumn, 6> columns;
    for (const std::string_view kind : {"U", "B", "beta"}) {
      for (std::size_t k = 0; k < 6; ++k) {
        columns[k] = reader_.find({fmt::format("_atom_site_aniso_{}_{}", kind, indices[k])});
        factor[k] = kind == "U" ? 1 : kind == "B" ? 1 / eight_pi_squared : beta_to_u[k];
      }
      if (columns[0]) break;
    }
    for (std::size_t k = 0; k < 6; ++k)
      if (!columns[k] || columns[k].rows() != label.rows()) {
        if (std::none_of(columns.begin(), columns.end(), [](const CifColumn& c) { return bool(c); })) return;
        reader_.fail(CifFault::bad_displacement, label[0].line,
                     fmt::format("component {} of the displacement tensors is missing", indices[k]));
      }
    for (std::size_t i = 0; i < label.rows(); ++i) {
      const auto nulls = std::count_if(columns.begin(), columns.end(),
                                       [&](const CifColumn& column) { return column[i].is_null(); });
      if (nulls == 6) continue;
      const auto found = by_label.find(label[i].text);
      if (found == by_label.end()) {
        reader_.warn(label[i].line, fmt::format("{} '{}' is no site's label", label.tag(), label[i].text));
        continue;
      }
      Tensor u;
      for (std::size_t k = 0; k < 6; ++k) {
        u[k] = factor[k] * reader_.number(columns[k], i, CifFault::bad_displacement);
        if (!(std::abs(u[k]) <= largest_u) || (k < 3 && u[k] < smallest_u))
          reader_.fail(
              CifFault::bad_displacement, columns[k][i].line,
              fmt::format("{} {} of site {} is not within {}..{} A^2 (as U)", columns[k].tag(),
                          columns[k][i].text, label[i].text, k < 3 ? smallest_u : -largest_u, largest_u));
      }
      // The n-th tensor of a label belongs to its n-th site (or to "label_n", as programs make labels
      // unique), a last one to all sites of the label that are left.
      const std::size_t n = seen[label[i].text]++;
      const std::vector<Row*>* sites = &found->second;
      std::size_t first = n;
      if (n >= sites->size()) {
        const auto renamed = by_label.find(fmt::format("{}_{}", label[i].text, n + 1));
        if (renamed == by_label.end())
          reader_.fail(CifFault::bad_displacement, label[i].line,
                       fmt::format("{} '{}' is there {} times, for {} site(s)", label.tag(), label[i].text,
                                   n + 1, sites->size()));
        sites = &renamed->second;
        first = 0;
      }
      for (std::size_t k = first; k < sites->size(); ++k)
        (*sites)[k]->site.u_aniso = u;
    }
  }

  void place() {
    for (Row& row : rows_) {
      Site& site = row.site;
      const SitePlacement placement = place_site(cell_, group_.operators, site.position);
      if (placement.multiplicity == 0)
        reader_.fail(
            CifFault::atoms_too_close, row.line,
            fmt::format("site {} at {} {} {}: its images lie about {} A apart and make no special position",
                        site.label, site.position.x, site.position.y, site.position.z, site_merge_tolerance));
      site.position = placement.position;
      site.multiplicity = placement.multiplicity;
      if (site.u_aniso) {
        site.u_aniso = symmetrised_u(cell_, group_.operators, placement, *site.u_aniso);
        check_definite(row);
      }
    }
  }

  void check_definite(const Row& row) const {
    const Tensor& u = *row.site.u_aniso;
    const double minor = u[0] * u[1] - u[5] * u[5];
    const double determinant = u[0] * (u[1] * u[2] - u[3] * u[3]) - u[5] * (u[5] * u[2] - u[3] * u[4]) +
                               u[4] * (u[5] * u[3] - u[1] * u[4]);
    if (!(u[0] >= 0 && minor >= 0 && determinant >= 0))
      reader_.warn(row.line, fmt::format("the displacement tensor of site {} is not positive definite",
                                         row.site.label));
  }

  std::vector<Site> sites() const {
    std::vector<Site> out;
    out.reserve(rows_.size());
    for (const Row& row : rows_)
      out.push_back(row.site);
    return out;
  }

  void merge_and_check() {
    std::vector<Site> all = sites();
    const std::vector<Contact> close = contacts(cell_, group_.operators, all, minimum_distance);
    if (close.empty()) return;

    std::vector<bool> dropped(all.size(), false);
    const auto totals = [&] {
      std::vector<double> total(all.size());
      for (std::size_t i = 0; i < all.size(); ++i)
        total[i] = all[i].occupancy;
      for (const Contact& c : close)
        if (c.distance < site_merge_tolerance && !dropped[static_cast<std::size_t>(c.other)])
          total[static_cast<std::size_t>(c.site)] += all[static_cast<std::size_t>(c.other)].occupancy;
      return total;
    };
    const auto is_repetition = [&](const Contact& c) {
      const Site &a = all[static_cast<std::size_t>(c.site)], &b = all[static_cast<std::size_t>(c.other)];
      return c.site < c.other && c.distance < site_merge_tolerance && a.species == b.species &&
             std::abs(a.occupancy - b.occupancy) < 1e-6;
    };
    // The whole cell listed beside its operators: an equivalent of an earlier site that would fill its
    // position twice.
    std::vector<double> total = totals();
    std::size_t repetitions = 0;
    for (const Contact& c : close) {
      const auto i = static_cast<std::size_t>(c.site), j = static_cast<std::size_t>(c.other);
      if (!is_repetition(c) || dropped[i] || dropped[j] || total[i] <= 1 + occupancy_rounding) continue;
      dropped[j] = true;
      if (++repetitions == 1)
        reader_.warn(rows_[j].line,
                     fmt::format("site {} is equivalent to site {} and left out, as are others like it",
                                 all[j].label, all[i].label));
    }
    total = totals();
    for (std::size_t i = 0; i < all.size(); ++i)
      if (!dropped[i] && total[i] > 1 + occupancy_rounding)
        reader_.fail(CifFault::bad_occupancy, rows_[i].line,
                     fmt::format("the occupancies on the position of site {} add up to {:.4g}", all[i].label,
                                 total[i]));
    for (const Contact& c : close) {
      const auto i = static_cast<std::size_t>(c.site), j = static_cast<std::size_t>(c.other);
      if (dropped[i] || dropped[j]) continue;
      if (repetitions > 0 && is_repetition(c))
        reader_.fail(
            CifFault::bad_occupancy, rows_[j].line,
            fmt::format(
                "sites {} and {} are equivalent; other such sites of this block are repetitions, but the "
                "occupancy {} leaves it open for these",
                all[i].label, all[j].label, all[j].occupancy));
      if (c.distance >= site_merge_tolerance && total[i] + total[j] > 1 + occupancy_rounding)
        reader_.fail(CifFault::atoms_too_close, rows_[i].line,
                     fmt::format("sites {} and {} are {:.4g} A apart, with occupancies of {:.4g} and {:.4g}",
                                 all[i].label, all[j].label, c.distance, total[i], total[j]));
    }
    if (repetitions > 0) {
      std::size_t i = 0;
      std::erase_if(rows_, [&](const Row&) { return dropped[i++]; });
    }
  }

  const CifReader& reader_;
  const UnitCell& cell_;
  const SpaceGroupSetting& group_;
  std::vector<Row> rows_;
  std::set<Species> known_fallbacks_;
};

}  // namespace

std::vector<Site> read_sites(const CifReader& reader, const UnitCell& cell, const SpaceGroupSetting& group) {
  return SiteReader(reader, cell, group).read();
}

}  // namespace bragg::xrd
