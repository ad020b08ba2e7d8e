// Synthetic crystals of all space groups with partial occupancies and anisotropic displacements, and the same
// written in P1 in skew cells about other origins.
#pragma once

#include <algorithm>
#include <filesystem>
#include <random>
#include <vector>

#include <fmt/format.h>

#include "data/crystals/crystal_generator.h"
#include "tests/support/shared_data.h"
#include "tests/xrd/p1_crystal.h"
#include "xrd/cif/cif.h"
#include "xrd/symmetry/site_symmetry.h"

namespace bragg::tests {

class SyntheticCrystals {
 public:
  SyntheticCrystals()
      : like_(read_like()), statistics_(statistics_of(like_)), generator_(make_generator(statistics_)) {}

  /// A third of the sites is partly occupied, a third moves anisotropically.
  xrd::Crystal crystal(std::uint64_t index) const {
    xrd::Crystal crystal = generator_.crystal(index);
    std::mt19937 random(static_cast<unsigned>(index) + 1);
    for (xrd::Site& site : crystal.sites) {
      if (random() % 3 == 0) site.occupancy = 0.1 + 0.05 * static_cast<double>(random() % 16);
      site.u_iso = 0.002 + 0.001 * static_cast<double>(random() % 10);
      if (random() % 3 != 0) continue;
      const auto place = xrd::place_site(crystal.cell, crystal.group.operators, site.position);
      const auto part = [&] { return 0.002 * (random() * 0x1p-32 - 0.5); };
      site.u_aniso =
          xrd::symmetrised_u(crystal.cell, crystal.group.operators, place,
                             {0.01 + part(), 0.01 + part(), 0.01 + part(), part(), part(), part()});
    }
    return crystal;
  }

  xrd::Crystal in_p1(const xrd::Crystal& crystal, std::uint64_t index) const {
    std::mt19937 random(static_cast<unsigned>(index) + 77);
    xrd::IntMatrix basis = xrd::unit_matrix;
    for (int n = 0; n < 3; ++n) {
      xrd::IntMatrix shear = xrd::unit_matrix;
      const std::size_t i = random() % 3, j = (i + 1 + random() % 2) % 3;
      shear[i][j] = random() % 2 == 0 ? 1 : -1;
      basis = xrd::operator*(basis, shear);
    }
    const auto part = [&] { return random() * 0x1p-32; };
    const double x = part(), y = part(), z = part();
    return xrd::written_in_p1(crystal, basis, {x, y, z});
  }

 private:
  static std::vector<xrd::Crystal> read_like() {
    std::vector<xrd::Crystal> like;
    for (const auto& entry : std::filesystem::directory_iterator(project_file("data/crystals")))
      if (entry.path().extension() == ".cif") like.push_back(xrd::read_crystal(entry.path()));
    std::sort(like.begin(), like.end(),
              [](const xrd::Crystal& a, const xrd::Crystal& b) { return a.name < b.name; });
    return like;
  }
  static data::CrystalStatistics statistics_of(const std::vector<xrd::Crystal>& like) {
    ThreadPool pool(1);
    return {data::crystals_of(like), pool};
  }
  static data::CrystalGenerator make_generator(const data::CrystalStatistics& statistics) {
    data::GeneratorOptions options;
    options.space_groups = data::space_group_weights(statistics, 0);
    return {statistics, options};
  }

  std::vector<xrd::Crystal> like_;
  data::CrystalStatistics statistics_;
  data::CrystalGenerator generator_;
};

}  // namespace bragg::tests
