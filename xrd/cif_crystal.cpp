// A block as a whole: the cell, and whether sites, formula and density tell one story.
#include <array>
#include <cmath>
#include <cstdlib>

#include <fmt/format.h>

#include "xrd/cif_numbers.h"
#include "xrd/cif_reader.h"

namespace bragg::xrd {
namespace {

/// Edges outside of this, A, are no crystal's.
constexpr double shortest_edge = 0.5, longest_edge = 1000.0;
constexpr double smallest_angle = 5.0;
/// How far the sites' composition may be from the formula's (relative to the count, and of an atom), and the
/// density.
constexpr double formula_tolerance = 0.02, formula_tolerance_atoms = 0.05, density_tolerance = 0.03;

void check_formula(const CifReader& reader, const Crystal& crystal) {
  std::string_view tag;
  const CifValue* value = reader.value({"_chemical_formula_sum"}, &tag);
  if (!value) return;
  const auto formula = parse_formula(value->text);
  if (!formula) return reader.warn(value->line, fmt::format("{} '{}' cannot be read", tag, value->text));
  std::array<double, 99> sites{};
  for (const Site& site : crystal.sites)
    sites.at(site.species.atomic_number) += site.occupancy * site.multiplicity;
  double product = 0, square = 0;
  for (std::size_t z = 1; z < 99; ++z) {
    product += sites[z] * (*formula)[z];
    square += (*formula)[z] * (*formula)[z];
  }
  const double units = square > 0 ? product / square : 0;  // formula units in the cell, least squares
  for (std::size_t z = 1; z < 99; ++z) {
    const double wanted = units * (*formula)[z];
    if (std::abs(sites[z] - wanted) > formula_tolerance * wanted + formula_tolerance_atoms)
      return reader.warn(value->line, fmt::format("{} '{}' against the sites: {} in the cell", tag,
                                                  value->text, crystal.formula()));
  }
}

void check_density(const CifReader& reader, const Crystal& crystal) {
  std::string_view tag;
  const CifValue* value = reader.value({"_exptl_crystal_density_diffrn"}, &tag);
  if (!value) return;
  const auto given = parse_cif_number(value->text);
  if (!given) return reader.warn(value->line, fmt::format("{} '{}' is no number", tag, value->text));
  const double density = crystal.density();
  if (!(std::abs(density - *given) <= density_tolerance * *given))
    reader.warn(value->line,
                fmt::format("{} {} against the sites: {:.4g} g/cm^3", tag, value->text, density));
}

}  // namespace

UnitCell read_cell(const CifReader& reader) {
  constexpr std::array<std::string_view, 6> tags{"_cell_length_a",   "_cell_length_b",
                                                 "_cell_length_c",   "_cell_angle_alpha",
                                                 "_cell_angle_beta", "_cell_angle_gamma"};
  UnitCell cell;
  const std::array<double*, 6> values{&cell.a, &cell.b, &cell.c, &cell.alpha, &cell.beta, &cell.gamma};
  std::array<CifColumn, 6> columns;
  bool any = false;
  for (std::size_t i = 0; i < 6; ++i) {
    columns[i] = reader.find({tags[i]});
    any = any || columns[i];
  }
  if (!any) reader.fail(CifFault::no_cell, reader.block().line, "no _cell_length_a and so on");
  for (std::size_t i = 0; i < 6; ++i) {
    if (!columns[i] || columns[i].rows() == 0)
      reader.fail(CifFault::bad_cell, reader.block().line, fmt::format("{} is missing", tags[i]));
    if (columns[i].rows() > 1)
      reader.fail(CifFault::bad_cell, columns[i][0].line,
                  fmt::format("{} has {} values", tags[i], columns[i].rows()));
    const double value = *values[i] = reader.number(columns[i], 0, CifFault::bad_cell);
    const bool fits = i < 3 ? value >= shortest_edge && value <= longest_edge
                            : value >= smallest_angle && value <= 180 - smallest_angle;
    if (!fits)
      reader.fail(CifFault::bad_cell, columns[i][0].line,
                  fmt::format("{} {} is not within {}", columns[i].tag(), columns[i][0].text,
                              i < 3 ? fmt::format("{}..{} A", shortest_edge, longest_edge)
                                    : fmt::format("{}..{} degrees", smallest_angle, 180 - smallest_angle)));
  }
  if (!cell.is_possible())
    reader.fail(CifFault::bad_cell, columns[3][0].line,
                fmt::format("_cell_angle_ {} {} {}: no three edges make these angles", cell.alpha, cell.beta,
                            cell.gamma));
  return cell;
}

Crystal read_crystal(const CifReader& reader) {
  Crystal crystal;
  crystal.name = reader.block().name;
  crystal.cell = read_cell(reader);
  crystal.group = read_symmetry(reader, crystal.cell);
  crystal.sites = read_sites(reader, crystal.cell, crystal.group);
  check_formula(reader, crystal);
  check_density(reader, crystal);
  return crystal;
}

}  // namespace bragg::xrd
