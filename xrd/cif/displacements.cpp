// Displacement parameters of atom sites: U, B or beta, whichever the file fills, as U in A^2.
#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "xrd/cif/sites.h"

namespace bragg::xrd {
namespace {

/// U (A^2) outside of this is a typing error: no atom that still scatters into Bragg peaks moves by more than
/// 2 A. Slightly negative values come out of refinements and are kept as published, with a warning.
constexpr double smallest_u = -0.05, largest_u = 4.0;
/// A crystal in which every atom moves by more than this (A^2) would have no peaks beyond the first few:
/// values in a U column are B where the smallest is above. A single U beyond the second is worth a warning.
constexpr double least_of_b = 0.15, odd_u = 0.5;
/// Where _atom_site_adp_type says B of a value in a U column, it is one from here on.
constexpr double least_of_declared_b = 0.08;
constexpr double eight_pi_squared = 8 * std::numbers::pi * std::numbers::pi;

/// B by their size: the smallest of the values above zero.
class Sizes {
 public:
  void add(double value) {
    if (value > 0) least_ = any_ ? std::min(least_, value) : value;
    any_ = any_ || value > 0;
  }
  bool are_b() const { return any_ && least_ > least_of_b; }
  double least() const { return least_; }

 private:
  double least_ = 0;
  bool any_ = false;
};

double checked_u(const CifReader& reader, const CifColumn& column, std::size_t i, double factor,
                 const std::string& label) {
  const double u = factor * reader.number(column, i, CifFault::bad_displacement);
  if (!(u >= smallest_u && u <= largest_u))
    reader.fail(CifFault::bad_displacement, column[i].line,
                fmt::format("{} {} of site {} is not within {}..{} A^2 (as U)", column.tag(), column[i].text,
                            label, smallest_u, largest_u));
  if (u < 0)
    reader.warn(column[i].line,
                fmt::format("{} {} of site {} is negative", column.tag(), column[i].text, label));
  return u;
}

bool is_given(const CifColumn& column, std::size_t i) {
  return column && !column[i].is_null();
}

/// The U column's values are B's, all of them or one that is declared so.
void warn_of_b(const CifReader& reader, const CifColumn& column, std::size_t i, double value) {
  reader.warn(column[i].line, fmt::format("{} {} and those like it are taken for B: U = {:.4g} A^2",
                                          column.tag(), column[i].text, value / eight_pi_squared));
}

constexpr std::array<std::string_view, 6> indices{"11", "22", "33", "23", "13", "12"};
using Tensor = std::array<double, 6>;

/// Columns of one notation of the tensors, and what makes U of them.
struct Notation {
  std::string_view kind;
  std::array<CifColumn, 6> columns;
  Tensor factor{};

  bool is_there() const {
    return std::any_of(columns.begin(), columns.end(), [](const CifColumn& c) { return bool(c); });
  }
  bool is_filled(std::size_t i) const {
    return std::any_of(columns.begin(), columns.end(), [&](const CifColumn& c) { return !c[i].is_null(); });
  }
};

class TensorReader {
 public:
  TensorReader(const CifReader& reader, const UnitCell& cell, std::vector<CifSite>& rows)
      : reader_(reader), label_(reader.find({"_atom_site_aniso_label"})) {
    if (!label_) return;
    for (CifSite& row : rows)
      by_label_[row.site.label].sites.push_back(&row);
    find_columns(cell);
  }

  void read() {
    if (!label_ || notations_.empty()) return;
    for (std::size_t i = 0; i < label_.rows(); ++i) {
      const auto filled = std::find_if(notations_.begin(), notations_.end(),
                                       [&](const Notation& n) { return n.is_filled(i); });
      if (filled != notations_.end()) read_row(*filled, i);
    }
    // A last tensor of a label belongs to all sites of the label that are left.
    for (auto& [label, labelled] : by_label_)
      if (const std::size_t seen = labelled.with_tensor; seen > 0)
        for (std::size_t k = seen; k < labelled.sites.size(); ++k)
          labelled.sites[k]->site.u_aniso = labelled.sites[seen - 1]->site.u_aniso;
  }

 private:
  struct Labelled {
    std::vector<CifSite*> sites;
    std::size_t with_tensor = 0;  ///< of them, in their order
    std::size_t rows = 0;         ///< of the tensors' loop with this label
  };

  void find_columns(const UnitCell& cell) {
    const auto s = cell.reciprocal_lengths();
    constexpr double two_pi_squared = eight_pi_squared / 4;
    const Tensor beta_to_u{1 / (two_pi_squared * s[0] * s[0]), 1 / (two_pi_squared * s[1] * s[1]),
                           1 / (two_pi_squared * s[2] * s[2]), 1 / (two_pi_squared * s[1] * s[2]),
                           1 / (two_pi_squared * s[0] * s[2]), 1 / (two_pi_squared * s[0] * s[1])};
    std::string_view absent;  // of the first notation that lacks a component
    for (const std::string_view kind : {"U", "B", "beta"}) {
      Notation notation{kind, {}, {}};
      for (std::size_t k = 0; k < 6; ++k) {
        notation.columns[k] = reader_.find({fmt::format("_atom_site_aniso_{}_{}", kind, indices[k])});
        notation.factor[k] = kind == "U" ? 1 : kind == "B" ? 1 / eight_pi_squared : beta_to_u[k];
      }
      if (!notation.is_there()) continue;
      const auto missing = std::find_if(notation.columns.begin(), notation.columns.end(),
                                        [&](const CifColumn& c) { return !c || c.rows() != label_.rows(); });
      if (missing != notation.columns.end()) {
        if (absent.empty()) absent = indices[static_cast<std::size_t>(missing - notation.columns.begin())];
        continue;
      }
      if (kind == "U") find_b_values(notation);
      notations_.push_back(notation);
    }
    if (notations_.empty() && !absent.empty())
      reader_.fail(CifFault::bad_displacement, label_[0].line,
                   fmt::format("component {} of the displacement tensors is missing", absent));
  }

  void find_b_values(Notation& notation) const {
    Sizes sizes;
    std::size_t first = label_.rows();
    for (std::size_t i = 0; i < label_.rows(); ++i) {
      if (!notation.is_filled(i)) continue;
      first = std::min(first, i);
      for (std::size_t k = 0; k < 3; ++k)
        if (!notation.columns[k][i].is_null())
          sizes.add(reader_.number(notation.columns[k], i, CifFault::bad_displacement));
    }
    if (!sizes.are_b()) return;
    const double value = reader_.number(notation.columns[0], first, CifFault::bad_displacement);
    warn_of_b(reader_, notation.columns[0], first, value);
    notation.factor.fill(1 / eight_pi_squared);
  }

  void read_row(const Notation& notation, std::size_t i) {
    const std::string_view name = label_[i].text;
    const auto found = by_label_.find(name);
    if (found == by_label_.end())
      return reader_.warn(label_[i].line, fmt::format("{} '{}' is no site's label", label_.tag(), name));
    Tensor u;
    for (std::size_t k = 0; k < 6; ++k) {
      const CifColumn& column = notation.columns[k];
      u[k] = notation.factor[k] * reader_.number(column, i, CifFault::bad_displacement);
      if (!(std::abs(u[k]) <= largest_u) || (k < 3 && u[k] < smallest_u))
        reader_.fail(CifFault::bad_displacement, column[i].line,
                     fmt::format("{} {} of site {} is not within {}..{} A^2 (as U)", column.tag(),
                                 column[i].text, name, k < 3 ? smallest_u : -largest_u, largest_u));
    }
    // The n-th tensor of a label belongs to its n-th site, or to "label_n", as programs make labels unique.
    Labelled& labelled = found->second;
    const std::size_t n = labelled.rows++;
    if (n < labelled.sites.size()) {
      labelled.sites[n]->site.u_aniso = u;
      labelled.with_tensor = n + 1;
      return;
    }
    const auto renamed = by_label_.find(fmt::format("{}_{}", name, n + 1));
    if (renamed == by_label_.end())
      reader_.fail(CifFault::bad_displacement, label_[i].line,
                   fmt::format("{} '{}' is there {} times, for {} site(s)", label_.tag(), name, n + 1,
                               labelled.sites.size()));
    renamed->second.sites[0]->site.u_aniso = u;
    renamed->second.with_tensor = std::max<std::size_t>(renamed->second.with_tensor, 1);
  }

  const CifReader& reader_;
  CifColumn label_;
  std::unordered_map<std::string_view, Labelled> by_label_;
  std::vector<Notation> notations_;
};

}  // namespace

void read_isotropic(const CifReader& reader, std::vector<CifSite>& rows,
                    const std::vector<std::size_t>& loop_rows) {
  const CifColumn u = reader.find({"_atom_site_U_iso_or_equiv"}),
                  b = reader.find({"_atom_site_B_iso_or_equiv"});
  CifColumn type = reader.find({"_atom_site_adp_type", "_atom_site_thermal_displace_type"});
  if (type && u && type.rows() != u.rows()) type = {};
  Sizes sizes;
  for (const std::size_t i : loop_rows)
    if (is_given(u, i)) sizes.add(reader.number(u, i, CifFault::bad_displacement));
  bool has_told = false;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const std::size_t i = loop_rows[r];
    Site& site = rows[r].site;
    if (is_given(u, i)) {
      const double value = reader.number(u, i, CifFault::bad_displacement);
      const bool is_declared_b = is_given(type, i) &&
                                 (type[i].text.starts_with('B') || type[i].text.starts_with('b')) &&
                                 value > least_of_declared_b;
      const bool is_b = value > 0 && (sizes.are_b() || is_declared_b);
      site.u_iso = checked_u(reader, u, i, is_b ? 1 / eight_pi_squared : 1, site.label);
      if (is_b && !std::exchange(has_told, true)) warn_of_b(reader, u, i, value);
      if (!is_b && value > odd_u)
        reader.warn(u[i].line, fmt::format("{} {} of site {} is large; as a B it would be U = {:.4g} A^2",
                                           u.tag(), u[i].text, site.label, value / eight_pi_squared));
    }
    if (site.u_iso == 0 && is_given(b, i))
      site.u_iso = checked_u(reader, b, i, 1 / eight_pi_squared, site.label);
  }
}

void read_tensors(const CifReader& reader, const UnitCell& cell, std::vector<CifSite>& rows) {
  TensorReader(reader, cell, rows).read();
}

}  // namespace bragg::xrd
