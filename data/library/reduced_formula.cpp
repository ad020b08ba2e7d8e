// The formula of a crystal per formula unit.
#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <span>
#include <vector>

#include <fmt/format.h>

#include "data/library/library.h"
#include "xrd/scattering/species.h"

namespace bragg::data {
namespace {

/// What rounding of occupancies makes of a whole number of atoms in a cell.
constexpr double whole = 2e-3;

/// Formula units in the cell: what all elements' numbers are multiples of, where they are whole; else, with
/// sites that are partly occupied, what all multiplicities are multiples of.
int formula_units(std::span<const xrd::Site> sites, const xrd::Composition& count) {
  int of_counts = 0, of_sites = 0;
  bool is_whole = true;
  for (const double n : count) {
    is_whole = is_whole && std::abs(n - std::round(n)) <= whole;
    of_counts = std::gcd(of_counts, static_cast<int>(std::lround(n)));
  }
  for (const xrd::Site& site : sites)
    of_sites = std::gcd(of_sites, site.multiplicity);
  return std::max(1, is_whole ? of_counts : of_sites);
}

std::string text_of(const xrd::Composition& count, double units) {
  std::string text;
  for (const int z : xrd::hill_order(count)) {
    const double number = std::round(count[static_cast<std::size_t>(z)] / units * 1000) / 1000;
    if (number == 0) continue;
    if (!text.empty()) text += ' ';
    text += xrd::element_symbol(z);
    if (number != 1) text += fmt::format("{}", number);
  }
  return text;
}

}  // namespace

std::string reduced_formula(const xrd::Crystal& crystal) {
  const xrd::Composition count = xrd::composition_of(crystal.sites);
  return text_of(count, formula_units(crystal.sites, count));
}

std::string reduced_formula(const xrd::Composition& count) {
  return text_of(count, formula_units({}, count));
}

}  // namespace bragg::data
