// Synthetic crystals: a space group, Wyckoff positions of it, species, a cell and free coordinates, drawn
// from the statistics of a set (after Schopmans, Reiser & Friederich, Digital Discovery 2 (2023) 1414, whose
// networks were trained on such crystals alone). What is drawn is crystallographically sound, no more: atoms
// keep their distance and the symmetry is the group's, neither more nor less; chemistry is not asked.
#pragma once

#include <cstdint>
#include <memory>

#include "data/crystals/crystal_statistics.h"
#include "xrd/crystal.h"
#include "xrd/symmetry/space_groups.h"

namespace bragg::data {

/// How often space groups are drawn, in relation to each other.
using SpaceGroupWeights = xrd::BySpaceGroup<double>;

struct GeneratorOptions {
  std::uint32_t seed = 1;
  /// See space_group_weights(); none negative, at least one positive.
  SpaceGroupWeights space_groups;
  int max_atoms = 300;                       ///< per cell
  double min_volume = 0, max_volume = 8000;  ///< of the cell, A^3
  /// Two atoms are no closer than this times the sum of their covalent radii.
  double distance_factor = 0.8;
};

/// n^exponent for a group of n crystals in the set: 1 draws groups as the set has them, values between 0 and
/// 1 temper that, 0 gives all 230 groups the same weight, also those that the set lacks.
SpaceGroupWeights space_group_weights(const CrystalStatistics&, double exponent);

class CrystalGenerator {
 public:
  /// The statistics must outlive the generator. Throws Error for options that leave nothing to draw.
  CrystalGenerator(const CrystalStatistics&, const GeneratorOptions&);
  ~CrystalGenerator();
  CrystalGenerator(CrystalGenerator&&) noexcept;

  /// In the standard setting of its group (xrd::reference_setting): a pure function of statistics, options
  /// and index, from any thread. Throws Error where the options' limits leave the drawn group no crystal.
  xrd::Crystal crystal(std::uint64_t index) const;

  /// How often a crystal was drawn anew: the cell too large or too flat, its lattice special, atoms too
  /// close, more symmetry than the group's.
  struct Refusals {
    std::int64_t cell = 0, lattice = 0, contact = 0, symmetry = 0;
  };
  /// The same crystal; what was refused on the way is added to the counts.
  xrd::Crystal crystal(std::uint64_t index, Refusals&) const;

 private:
  struct Impl;
  std::unique_ptr<const Impl> impl_;
};

}  // namespace bragg::data
