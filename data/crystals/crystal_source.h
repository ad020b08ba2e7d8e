// What hands out crystals by number: sets, files, a generator, the patterns of a recipe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <vector>

#include "xrd/crystal.h"

namespace bragg::data {

struct CrystalSource {
  std::int64_t size = 0;
  /// Crystal i of [0, size); may read or make it anew each time.
  std::function<xrd::Crystal(std::int64_t i)> at;
};

/// The crystals of a list, which must outlive what is returned.
inline CrystalSource crystals_of(const std::vector<xrd::Crystal>& list) {
  return {std::ssize(list), [&list](std::int64_t i) { return list[static_cast<std::size_t>(i)]; }};
}

}  // namespace bragg::data
