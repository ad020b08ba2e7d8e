// The reflections of a crystal, unique under its Laue group, row by row: no hkl is compared with its orbit.
#pragma once

#include <span>
#include <vector>

#include "kernels/cpu/isa/crystal_kernels.h"
#include "kernels/crystal_math.h"
#include "kernels/problems.h"

namespace bragg::cpu {

/// Appended to by list_unique_reflections. Rows count from the first reflection in `miller` at the time of
/// the call.
struct UniqueReflections {
  std::vector<Miller> miller;
  std::vector<float> stol2;  ///< (sin(theta)/lambda)^2 of the same
  std::vector<ReflectionRow> rows;
};

/// All hkl with 1/d^2 in `range` that are the lexicographically largest of their orbit and not extinct,
/// descending.
///
/// For a row (h, k, .) every element of the Laue group sends l to a reflection whose indices are linear in l.
/// "Not larger than (h, k, l)" is then a bound on l, "equal to it" (which lowers the multiplicity, or
/// extinguishes) holds for the whole row or for one l, and an extinction along the row is a pattern of l
/// modulo 24. So a row costs a few integer operations per group element, whatever its length. Throws
/// ProblemError where an index would not fit 16 bits.
void list_unique_reflections(const ReciprocalMetric&, std::span<const SymmetryOperator>,
                             const InverseDSquaredRange& range, UniqueReflections&);

}  // namespace bragg::cpu
