// From crystals to the plain numbers that kernels take.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>

#include "kernels/crystal/reflection_problem.h"
#include "xrd/crystal.h"

namespace bragg::xrd {

/// Appends to a CrystalBatch: expands the sites to the distinct atoms of the cell, reduced by the centring
/// and, where the group has an inversion, by it, with the origin moved onto an inversion centre (|F|^2 does
/// not change).
class CrystalBatchBuilder {
 public:
  /// With f' and f'' at this wavelength in A (anomalous_dispersion; 0 where it knows none), or without.
  explicit CrystalBatchBuilder(std::optional<double> anomalous = std::nullopt) : anomalous_(anomalous) {}
  void add(const Crystal&);
  /// The batch so far, its form factors in the order of their species; the builder is empty afterwards.
  CrystalBatch take();

 private:
  FormFactor form_factor_of(Species) const;

  std::optional<double> anomalous_;
  CrystalBatch batch_;
  std::map<Species, std::int32_t> form_factor_index_;
};

/// The crystals of `more` behind those of the batch, with form factors of their own.
void append_batch(CrystalBatch&, const CrystalBatch& more);

CrystalBatch make_batch(std::span<const Crystal>, std::optional<double> anomalous = std::nullopt);

}  // namespace bragg::xrd
