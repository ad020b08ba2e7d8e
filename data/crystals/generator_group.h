// What the generator of synthetic crystals prepares once per space group.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "data/crystals/crystal_statistics.h"
#include "xrd/symmetry/extra_symmetry.h"
#include "xrd/symmetry/wyckoff.h"

namespace bragg::data {

/// A Wyckoff position with the maps of its orbit, component by component.
struct GeneratorPosition {
  int multiplicity, dimension;
  SiteClass site_class;
  xrd::AffineMap map;
  /// Coordinate i of image k is offset[i][k] + sum over d of t_d direction[i][d][k].
  std::array<std::vector<float>, 3> offset;
  std::array<std::array<std::vector<float>, 3>, 3> direction;

  GeneratorPosition(const xrd::WyckoffPosition&, std::span<const SymmetryOperator>);

  /// Coordinate i of the first images, within [-1/2, 1/2]: as many as `out` takes.
  void images(std::size_t i, const std::array<float, 3>& t, std::span<float> out) const;
};

struct GeneratorGroup {
  const xrd::SpaceGroupSetting* setting;  ///< the standard one
  xrd::ExtraSymmetry extra;
  std::vector<GeneratorPosition> positions;
  std::vector<double> cumulative;  ///< weights of the positions
  double own_share;  ///< probability to draw from the group's own crystals, not its lattice type's

  GeneratorGroup(int number, const CrystalStatistics&);
};

}  // namespace bragg::data
