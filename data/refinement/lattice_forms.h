// What a lattice's symmetry leaves free: how its cell may be strained, and how crystallites may prefer directions.
#pragma once

#include <vector>

#include "kernels/crystal/reflection_problem.h"
#include "kernels/ops/refine.h"

namespace bragg::data {

/// A symmetric tensor in an orthonormal frame whose first axis lies along a*, the second in the plane of a* and b*:
/// xx, yy, zz, yz, xz, xy.
using SymmetricTensor = std::array<double, 6>;

struct LatticeForms {
  /// Invariant under the Laue group; the first is the identity, the others have no trace; orthogonal, each of length sqrt 3.
  std::vector<SymmetricTensor> tensors;
  std::vector<QuadraticForm> strain;  ///< the change of the metric with a strain of each
  std::vector<QuadraticForm>
      texture;  ///< of those without a trace, of length sqrt(3/2): over 1/d^2 from -1 to 1 at most
};

LatticeForms lattice_forms(const ReciprocalMetric&, const LaueRotations&);

/// The metric that strains make of another.
ReciprocalMetric strained(const ReciprocalMetric&, const RefinedStructure&, const float* strains);

}  // namespace bragg::data
