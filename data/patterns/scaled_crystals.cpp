#include "data/patterns/scaled_crystals.h"

#include <cstdint>
#include <iterator>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "xrd/symmetry/space_groups.h"

namespace bragg::data {

CrystalSource scaled_crystals(CrystalSource crystals, const CellScales& cells) {
  std::vector<double> scales = cells.values();
  std::vector<std::int64_t> rows;
  for (std::int64_t i = 0; i < crystals.size; ++i) {
    const int group = crystals.at(i).group.number;
    if (!cells.cubic_only || xrd::crystal_system(group) == xrd::CrystalSystem::cubic) rows.push_back(i);
  }
  const std::int64_t count = std::ssize(scales), size = std::ssize(rows) * count;
  return {size, [at = std::move(crystals.at), rows = std::move(rows), scales = std::move(scales),
                 count](std::int64_t i) {
            xrd::Crystal one = at(rows[static_cast<std::size_t>(i / count)]);
            const double scale = scales[static_cast<std::size_t>(i % count)];
            one.cell.a *= scale;
            one.cell.b *= scale;
            one.cell.c *= scale;
            one.name += fmt::format(" x {:.4g}", scale);
            return one;
          }};
}

}  // namespace bragg::data
