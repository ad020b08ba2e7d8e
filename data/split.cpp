#include "data/split.h"

#include <cmath>
#include <map>
#include <span>
#include <string_view>

#include <fmt/format.h>

#include "data/hash.h"
#include "kernels/base/random.h"
#include "xrd/symmetry/space_groups.h"

namespace bragg::data {

std::string split_key(const xrd::Crystal& crystal) {
  std::map<std::string_view, double>
      atoms;  // by symbol, so that the key does not depend on the order of the sites
  double total = 0;
  for (const xrd::Site& site : crystal.sites) {
    const double count = site.occupancy * site.multiplicity;
    atoms[xrd::element_symbol(site.species.atomic_number)] += count;
    total += count;
  }
  std::string key;
  for (const auto& [symbol, count] : atoms) {
    const long thousandths = total > 0 ? std::lround(1000 * count / total) : 0;
    key += fmt::format("{}{} ", symbol, thousandths);
  }
  return fmt::format("{}/{}", key, xrd::modulo_enantiomorph(crystal.group.number));
}

double split_position(const std::string& key, std::uint32_t split_seed) {
  const std::uint64_t hash = fnv1a(std::as_bytes(std::span(key)));
  return uniform01(random_call(split_seed, RandomStream::split, 0, 0, hash)[0]);
}

}  // namespace bragg::data
