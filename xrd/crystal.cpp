#include "xrd/crystal.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include <fmt/format.h>

namespace bragg::xrd {

std::vector<int> hill_order(const Composition& count) {
  std::vector<int> order;
  for (int z = 1; z < 99; ++z)
    if (count[static_cast<std::size_t>(z)] > 0) order.push_back(z);
  const bool organic = count[6] > 0;
  const auto rank = [&](int z) { return !organic ? 2 : z == 6 ? 0 : z == 1 ? 1 : 2; };
  std::sort(order.begin(), order.end(), [&](int p, int q) {
    return std::pair(rank(p), element_symbol(p)) < std::pair(rank(q), element_symbol(q));
  });
  return order;
}

Composition composition_of(std::span<const Site> sites) {
  Composition count{};
  for (const Site& site : sites)
    count.at(site.species.atomic_number) += site.occupancy * site.multiplicity;
  return count;
}

double Crystal::atoms_per_cell() const {
  double sum = 0;
  for (const Site& site : sites)
    sum += site.occupancy * site.multiplicity;
  return sum;
}

std::string Crystal::formula() const {
  const Composition count = composition_of(sites);
  std::string out;
  for (const int z : hill_order(count)) {
    const double rounded = std::round(count[static_cast<std::size_t>(z)] * 1000) / 1000;
    if (!out.empty()) out += ' ';
    out += element_symbol(z);
    if (rounded != 1) out += fmt::format("{}", rounded);
  }
  return out;
}

double Crystal::density() const {
  constexpr double dalton = 1.66053906660;  // 1e-24 g (CODATA 2018)
  const Composition count = composition_of(sites);
  double mass = 0;
  for (int z = 1; z < 99; ++z)
    mass +=
        count[static_cast<std::size_t>(z)] * (count[static_cast<std::size_t>(z)] > 0 ? atomic_mass(z) : 0);
  return mass * dalton / cell.volume();
}

}  // namespace bragg::xrd
