// The atom sites of a block: species, coordinates, occupancies and displacement parameters, each checked;
// then what the symmetry makes of them: special positions, mixed sites, atoms that are too close.
#include "xrd/cif/sites.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "xrd/cif/formula.h"
#include "xrd/cif/numbers.h"
#include "xrd/symmetry/site_symmetry.h"

namespace bragg::xrd {
namespace {

/// Occupancies on one position may add up to this much more than 1: they are published with two decimals.
constexpr double occupancy_rounding = 0.02;
/// Coordinates outside of this many cells from the origin are typing errors.
constexpr double largest_coordinate = 100.0;

class SiteReader {
 public:
  SiteReader(const CifReader& reader, const UnitCell& cell, const SpaceGroupSetting& group)
      : reader_(reader), cell_(cell), group_(group) {}

  std::vector<Site> read() {
    read_rows();
    read_tensors(reader_, cell_, rows_);
    place();
    add_up_parts();
    merge_and_check();
    std::vector<Site> sites;
    sites.reserve(rows_.size());
    for (CifSite& row : rows_)
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

    if (x.rows() > maximum_sites)
      reader_.fail(CifFault::too_large, x[0].line,
                   fmt::format("{} sites, more than {}", x.rows(), maximum_sites));
    CifSpecies species(reader_, type, label);
    std::vector<std::size_t> loop_rows;
    rows_.reserve(x.rows());
    for (std::size_t i = 0; i < x.rows(); ++i) {
      CifSite row;
      row.line = x[i].line;
      row.site.label = std::string(label && !label[i].is_null() ? label[i].text : type ? type[i].text : "?");
      if (flag && same_tag(flag[i].text, "dum")) {
        reader_.warn(row.line, fmt::format("site {} is a dummy (_atom_site_calc_flag dum) and left out",
                                           row.site.label));
        continue;
      }
      row.site.position = {coordinate(x, i), coordinate(y, i), coordinate(z, i)};
      const std::optional<Species> found = species.read(i);
      if (!found) continue;
      row.site.species = *found;
      if (occupancy && !occupancy[i].is_null()) row.site.occupancy = occupancy_of(occupancy, i, row);
      if (row.site.occupancy != 1)
        row.last_decimals = {last_decimal(x[i].text), last_decimal(y[i].text), last_decimal(z[i].text)};
      rows_.push_back(std::move(row));
      loop_rows.push_back(i);
    }
    if (rows_.empty())
      reader_.fail(CifFault::no_sites, reader_.block().line, "no atom but dummies and vacancies");
    read_isotropic(reader_, rows_, loop_rows);
  }

  double occupancy_of(const CifColumn& column, std::size_t i, const CifSite& row) {
    const double value = reader_.number(column, i, CifFault::bad_occupancy);
    if (!(value >= 0 && value <= 1 + occupancy_rounding + 1e-9))
      reader_.fail(
          CifFault::bad_occupancy, row.line,
          fmt::format("{} {} of site {} is not within 0..1", column.tag(), column[i].text, row.site.label));
    if (value > 1 && !std::exchange(has_told_of_occupancy_, true))
      reader_.warn(row.line,
                   fmt::format("{} {} of site {} is taken for 1, as are others up to {}", column.tag(),
                               column[i].text, row.site.label, 1 + occupancy_rounding));
    return std::min(value, 1.0);
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

  /// Of a site beside a symmetry element, farther than its decimals explain: how many of its images the
  /// element puts in one place.
  double parts_of(const CifSite& row, const SitePlacement& placement) const {
    constexpr double rounding = 2;  // units of the last decimal
    constexpr double least_shift =
        0.005;  // A: programs that convert cells write more decimals than they know
    const Site& site = row.site;
    if (site.occupancy == 1 || placement.shift < least_shift) return 1;
    const auto is_rounding = [&](const Fractional& p, const Fractional& q) {
      const std::array<double, 3> off{p.x - q.x, p.y - q.y, p.z - q.z};
      for (std::size_t k = 0; k < 3; ++k)
        if (std::abs(off[k] - std::round(off[k])) > rounding * row.last_decimals[k]) return false;
      return true;
    };
    if (is_rounding(site.position, placement.position)) return 1;
    const auto own = std::count_if(
        placement.stabiliser.begin(), placement.stabiliser.end(),
        [&](std::size_t i) { return is_rounding(apply(group_.operators[i], site.position), site.position); });
    const double parts = static_cast<double>(placement.stabiliser.size()) /
                         static_cast<double>(std::max<std::ptrdiff_t>(own, 1));
    return site.occupancy * parts > 1 + occupancy_rounding ? 1 : parts;
  }

  /// The parts of a split atom are one atom together: their occupancies are added up, unless the formula of
  /// the file is that of the occupancies as they stand.
  void add_up_parts() {
    std::vector<Site> as_given = sites(), added = as_given;
    bool any = false;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      added[i].occupancy = std::min(1.0, rows_[i].parts * as_given[i].occupancy);
      any = any || rows_[i].parts > 1;
    }
    if (!any) return;
    if (const CifValue* text = reader_.any_value("_chemical_formula_sum"))
      if (const auto formula = parse_formula(text->text))
        if (fits_formula(as_given, *formula) && !fits_formula(added, *formula)) return;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      if (rows_[i].parts <= 1) continue;
      reader_.warn(rows_[i].line,
                   fmt::format("site {} is {:.3g} A off a special position, where {} of its images with "
                               "occupancy {} make one atom of occupancy {}",
                               as_given[i].label, rows_[i].shift, rows_[i].parts, as_given[i].occupancy,
                               added[i].occupancy));
      rows_[i].site.occupancy = added[i].occupancy;
    }
  }

  void place() {
    std::size_t atoms = 0;
    for (CifSite& row : rows_) {
      Site& site = row.site;
      const SitePlacement placement = place_site(cell_, group_.operators, site.position);
      if (placement.multiplicity == 0)
        reader_.fail(
            CifFault::atoms_too_close, row.line,
            fmt::format("site {} at {} {} {}: its images lie about {} A apart and make no special position",
                        site.label, site.position.x, site.position.y, site.position.z, site_merge_tolerance));
      if (placement.shift > 0 && placement.stabiliser.size() > 1) row.parts = parts_of(row, placement);
      row.shift = placement.shift;
      site.position = placement.position;
      site.multiplicity = placement.multiplicity;
      atoms += static_cast<std::size_t>(site.multiplicity);
      if (atoms > maximum_atoms)
        reader_.fail(CifFault::too_large, row.line,
                     fmt::format("more than {} atoms in the cell", maximum_atoms));
      if (site.u_aniso) {
        site.u_aniso = symmetrised_u(cell_, group_.operators, placement, *site.u_aniso);
        check_definite(row);
      }
    }
  }

  void check_definite(const CifSite& row) const {
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
    for (const CifSite& row : rows_)
      out.push_back(row.site);
    return out;
  }

  void merge_and_check() {
    std::vector<Site> all = sites();
    constexpr std::size_t most_on_a_site = 1024;
    const std::optional<std::vector<Contact>> found =
        contacts(cell_, group_.operators, all, minimum_distance, {most_on_a_site, maximum_contacts});
    if (!found)
      reader_.fail(CifFault::atoms_too_close, rows_.front().line,
                   fmt::format("more than {} atoms are within {} A of a site, or more than {} pairs in all",
                               most_on_a_site, minimum_distance, maximum_contacts));
    const std::vector<Contact>& close = *found;
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
      if (c.distance < site_merge_tolerance || total[i] + total[j] <= 1 + occupancy_rounding) continue;
      const std::string what =
          fmt::format("sites {} and {} are {:.4g} A apart, with occupancies of {:.4g} and {:.4g}",
                      all[i].label, all[j].label, c.distance, total[i], total[j]);
      const bool has_hydrogen = all[i].species.atomic_number == 1 || all[j].species.atomic_number == 1;
      if (!has_hydrogen || !reader_.accepts_close_hydrogen())
        reader_.fail(CifFault::atoms_too_close, rows_[i].line, what);
      if (c.site <= c.other) reader_.warn(rows_[i].line, what);
    }
    if (repetitions > 0) {
      std::size_t i = 0;
      std::erase_if(rows_, [&](const CifSite&) { return dropped[i++]; });
    }
  }

  const CifReader& reader_;
  const UnitCell& cell_;
  const SpaceGroupSetting& group_;
  std::vector<CifSite> rows_;
  bool has_told_of_occupancy_ = false;
};

}  // namespace

std::vector<Site> read_sites(const CifReader& reader, const UnitCell& cell, const SpaceGroupSetting& group) {
  return SiteReader(reader, cell, group).read();
}

}  // namespace bragg::xrd
