// The reflections of crystals in device memory.
#pragma once

#include <cstdint>
#include <optional>

#include "data/crystals/crystal_source.h"
#include "data/recipes/recipe.h"
#include "kernels/backend.h"
#include "xrd/crystal.h"
#include "xrd/crystal_batch.h"

namespace bragg::data {

/// Which reflections of crystals, and with which scattering factors.
struct ReflectionRequest {
  ReflectionProblem range;
  std::optional<double> anomalous = std::nullopt;  ///< with f' and f'' at this wavelength in A, or without
};

/// Every reflection that can touch the instrument's grid when drawn by the recipe: from the grid's ends outwards by the
/// widest profile's tail. With anomalous dispersion where the recipe says so: at the instrument's wavelength,
/// which is the weighted mean of a K-alpha doublet, for both of its lines.
ReflectionRequest reflections_on(const Instrument&, const Recipe&, bool ignore_displacements = false);

/// Computed once and shared by the streams that draw from them. Crystals are taken piecewise, so that only
/// the reflections themselves ever exist twice.
class ReflectionStore {
 public:
  /// Of all the source's crystals, called for in order. `spare`: room behind them for about so many
  /// crystals, of as many reflections as these have on average.
  ReflectionStore(Backend&, const CrystalSource&, const ReflectionRequest&, std::int64_t spare = 0);

  std::int64_t size() const { return size_; }
  /// A builder of crystals to put behind, with the scattering factors of those that are here.
  xrd::CrystalBatchBuilder builder() const { return xrd::CrystalBatchBuilder(request_.anomalous); }
  /// Rows from size() on are the spare ones.
  const ReflectionSet& reflections() const { return set_; }

  /// Computes other crystals' reflections into rows size(), size() + 1, ..., in place of what was put there
  /// before. Returns true where there was no room and reflections() lie elsewhere now: ops that were recorded
  /// with them must be recorded anew. Throws as Backend::structure_factors and allocate.
  bool put_behind(Backend&, const CrystalBatch&);

 private:
  bool reserve(Backend&, std::int64_t crystals, std::int64_t reflections);

  ReflectionRequest request_;
  std::int64_t size_ = 0, reflections_ = 0;  ///< of its own crystals
  ReflectionSet set_;                        ///< with the spare room; the unused rows have no reflections
};

}  // namespace bragg::data
