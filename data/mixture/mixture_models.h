// Models of several phases for op refine: their structures in the device's memory, their parameters by name, and one call for a list
// of them.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "data/crystals/crystal_source.h"
#include "data/refinement/refined_structures.h"
#include "data/refinement/refinement_levels.h"
#include "data/refinement/refinement_pattern.h"
#include "kernels/backend.h"

namespace bragg::data {

/// Structures as op refine takes them, made when they are first asked for.
class StructurePool {
 public:
  /// Lines between these d spacings, A, strengths at `wavelength`, A.
  StructurePool(Backend&, const CrystalSource&, double least_d, double most_d, double wavelength);

  /// Makes what is missing of these structures of the library.
  void add(std::span<const std::int32_t> structures);
  /// Where a structure that was added lies in the pool.
  std::int32_t place(std::int32_t structure) const { return place_.at(structure); }

  const xrd::Crystal& crystal(std::int32_t place) const { return crystals_[static_cast<std::size_t>(place)]; }
  const RefinedStructure& refined(std::int32_t place) const {
    return there_->host.structures[static_cast<std::size_t>(place)];
  }
  double area_unit(std::int32_t place) const {
    return there_->host.area_unit[static_cast<std::size_t>(place)];
  }
  /// All of them in the device's memory; until the next are added.
  const StructuresThere& there() const { return *there_; }

 private:
  Backend& backend_;
  CrystalSource source_;
  double least_d_, most_d_, wavelength_;
  std::map<std::int32_t, std::int32_t> place_;
  std::vector<xrd::Crystal> crystals_;
  std::unique_ptr<StructuresThere> there_;
};

struct ModelPhase {
  std::int32_t place = 0;  ///< in the pool
  std::array<float, phase_parameters> parameters{}, prior{};
};

struct MixtureModel {
  static constexpr std::size_t shared_count = shared_parameters + refinement_terms;
  std::array<float, shared_count> shared{}, shared_prior{};
  std::vector<ModelPhase> phases;
};

struct ModelFit {
  RefinedFigures figures{};
  std::vector<float> calculated;  ///< with the background; empty where it was not asked for
};

/// Refines the models on a grid, each on its own, in place. `level.models` means nothing here.
std::vector<ModelFit> refine_models(Backend&, const RefinementPattern::OnGrid&, const StructurePool&,
                                    const RefinementLevel&, std::span<MixtureModel>, bool with_calculated,
                                    bool linear_start = true);

/// The weight of a phase in units that all phases of a model share: scale x mass of the cell x its volume (Hill & Howard 1987,
/// J. Appl. Cryst. 20, 467), the scale that of multiplicity |F|^2 LP over all orientations.
double zmv_weight(const StructurePool&, const ModelPhase&);

}  // namespace bragg::data
