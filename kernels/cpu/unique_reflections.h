// The reflections of a crystal, unique under its Laue group, row by row (kernels/crystal/unique_rows.h).
#pragma once

#include <span>
#include <vector>

#include "kernels/cpu/isa/crystal_kernels.h"
#include "kernels/crystal/crystal_math.h"
#include "kernels/crystal/reflection_problem.h"

namespace bragg::cpu {

/// Appended to by list_unique_reflections. Rows count from the first reflection in `miller` at the time of
/// the call.
struct UniqueReflections {
  std::vector<Miller> miller;
  std::vector<float> stol2;  ///< (sin(theta)/lambda)^2 of the same
  std::vector<ReflectionRow> rows;
};

/// All hkl with 1/d^2 in `range` that are the lexicographically largest of their orbit and not extinct,
/// descending. Throws ProblemError where an index would not fit 16 bits.
void list_unique_reflections(const ReciprocalMetric&, std::span<const SymmetryOperator>,
                             const InverseDSquaredRange& range, UniqueReflections&);

}  // namespace bragg::cpu
