// What a set of crystals says about how crystals are built, as far as the generator of synthetic ones asks.
// Nothing is fitted but the elements' volumes: the rest are the crystals' own numbers, to be drawn from.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "data/crystals/crystal_source.h"
#include "kernels/base/thread_pool.h"
#include "xrd/crystal.h"
#include "xrd/symmetry/space_groups.h"

namespace bragg::data {

/// A kind of site that does not depend on the setting: its free coordinates and the order of its symmetry.
struct SiteClass {
  int dimension = 3;  ///< 0: a fixed point .. 3: a general position
  int order = 1;
  auto operator<=>(const SiteClass&) const = default;
};

/// The shape of a cell on the axes of the standard setting.
struct CellShape {
  float b_a = 1, c_a = 1;                   ///< ratios of the edges
  float alpha = 90, beta = 90, gamma = 90;  ///< degrees
};

class CrystalStatistics {
 public:
  struct SpeciesCount {
    xrd::Species species;
    std::uint16_t sites;
    float atoms;  ///< per cell
  };
  struct Record {
    std::uint8_t space_group;
    bool has_shape;  ///< false where the crystal is on other axes than the standard setting's
    std::uint16_t sites;
    float packing;  ///< volume of the cell / sum of its atoms' element_volume()
    CellShape shape;
    std::uint32_t first_species, species_count;
  };

  /// Calls for the crystals in any order, from several threads. Throws Error where there is none.
  CrystalStatistics(const CrystalSource&, ThreadPool&);

  std::span<const Record> records() const { return records_; }
  std::span<const SpeciesCount> species(const Record& r) const {
    return std::span(species_).subspan(r.first_species, r.species_count);
  }
  /// Rows of records(): of a space group, and of all groups with its lattice type (mC, hR, cF ...).
  std::span<const std::int32_t> of_group(int space_group) const;
  std::span<const std::int32_t> of_lattice(int space_group) const;
  /// Those of the lattice type that have a shape.
  std::span<const std::int32_t> shapes_of_lattice(int space_group) const;
  /// Sites of a class in all crystals of the group, and of its lattice type.
  std::int64_t sites_of_group(int space_group, SiteClass) const;
  std::int64_t sites_of_lattice(int space_group, SiteClass) const;
  /// A^3 that an atom takes, so that on average over the set the volumes of the elements add up to the
  /// cell's.
  double element_volume(int atomic_number) const {
    return element_volume_[static_cast<std::size_t>(atomic_number)];
  }

 private:
  struct Part;
  void fit_element_volumes(std::span<const double> cell_volume);

  std::vector<Record> records_;
  std::vector<SpeciesCount> species_;
  xrd::BySpaceGroup<std::vector<std::int32_t>> of_group_;
  std::map<int, std::vector<std::int32_t>> of_lattice_, shapes_of_lattice_;  ///< by lattice type
  xrd::BySpaceGroup<std::map<SiteClass, std::int64_t>> sites_of_group_;
  std::map<int, std::map<SiteClass, std::int64_t>> sites_of_lattice_;
  std::array<double, 99> element_volume_{};
};

}  // namespace bragg::data
