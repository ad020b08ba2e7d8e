// A block as a whole: the cell, and whether sites, formula and density tell one story.
#include <array>
#include <cmath>
#include <cstdlib>

#include <fmt/format.h>

#include "xrd/cif/formula.h"
#include "xrd/cif/numbers.h"
#include "xrd/cif/reader.h"

namespace bragg::xrd {
namespace {

/// Edges outside of this, A, are no crystal's.
constexpr double shortest_edge = 0.5, longest_edge = 1000.0;
constexpr double smallest_angle = 5.0;
/// How far the density of the sites may be from the file's, and the volume of the cell.
constexpr double density_tolerance = 0.03, volume_tolerance = 0.02;
/// Densities outside of this, g/cm^3, are worth a warning.
constexpr double lowest_density = 0.05, highest_density = 30;
/// In 1e-24 g (CODATA 2018).
constexpr double dalton = 1.66053906660;

int crystal_line(const CifReader& reader) {
  return reader.find({"_cell_length_a"})[0].line;
}

void check_formula(const CifReader& reader, const Crystal& crystal) {
  constexpr std::string_view tag = "_chemical_formula_sum";
  const CifValue* value = reader.any_value(tag);
  if (!value) return;
  const auto formula = parse_formula(value->text);
  if (!formula) return reader.warn(value->line, fmt::format("{} '{}' cannot be read", tag, value->text));
  if (!fits_formula(crystal.sites, *formula))
    reader.warn(value->line, fmt::format("{} '{}' against the sites: {} in the cell", tag, value->text,
                                         crystal.formula()));
}

void check_density(const CifReader& reader, const Crystal& crystal) {
  const double density = crystal.density();
  // Osmium has 22.6; frameworks emptied of all that fills them still have more than the lower bound.
  if (!(density >= lowest_density && density <= highest_density))
    reader.warn(crystal_line(reader),
                fmt::format("a density of {:.4g} g/cm^3 from cell and sites is not within {}..{}", density,
                            lowest_density, highest_density));
  constexpr std::string_view tag = "_exptl_crystal_density_diffrn";
  const CifValue* value = reader.any_value(tag);
  if (!value) return;
  const auto given = parse_cif_number(value->text);
  if (!given) return reader.warn(value->line, fmt::format("{} '{}' is no number", tag, value->text));
  if (!(std::abs(density - *given) <= density_tolerance * *given))
    reader.warn(value->line,
                fmt::format("{} {} against the sites: {:.4g} g/cm^3", tag, value->text, density));
}

void check_volume(const CifReader& reader, double volume) {
  constexpr std::string_view tag = "_cell_volume";
  const CifValue* value = reader.any_value(tag);
  if (!value) return;
  const auto given = parse_cif_number(value->text);
  if (given && !(std::abs(volume - *given) <= volume_tolerance * std::abs(*given)))
    reader.warn(value->line,
                fmt::format("{} {} against edges and angles: {:.6g} A^3", tag, value->text, volume));
}

/// Edges in pm: so large a cell around so few sites would be emptier than any gas, were they in A. Brings
/// them to A, with a warning.
void convert_picometres(const CifReader& reader, UnitCell& cell, int line) {
  constexpr double shortest = 100, emptiest = 0.02, most_images = 192, heaviest = 250 * dalton;
  if (!(cell.a >= shortest && cell.b >= shortest && cell.c >= shortest) || !cell.is_possible()) return;
  const CifColumn sites = reader.find({"_atom_site_fract_x"});
  if (!sites || sites.rows() == 0) return;
  const double densest = static_cast<double>(sites.rows()) * most_images * heaviest / cell.volume();
  if (densest > emptiest) return;
  reader.warn(line, fmt::format("edges of {} {} {} with {} sites are taken for pm: {} {} {} A", cell.a,
                                cell.b, cell.c, sites.rows(), cell.a / 100, cell.b / 100, cell.c / 100));
  cell.a /= 100;
  cell.b /= 100;
  cell.c /= 100;
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
    *values[i] = reader.number(columns[i], 0, CifFault::bad_cell);
  }
  convert_picometres(reader, cell, columns[0][0].line);
  for (std::size_t i = 0; i < 6; ++i) {
    const double value = *values[i];
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
  check_volume(reader, crystal.cell.volume());
  crystal.names = read_names(reader);
  return crystal;
}

}  // namespace bragg::xrd
