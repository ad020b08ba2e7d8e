// Patterns that are drawn from known parameters, for the tests of op refine's minima.
#pragma once

#include <cstdint>
#include <vector>

#include "tests/kernels/refine_cases.h"

namespace bragg::tests {

/// One model of these structures, 40 lines each, on a pattern from 12 to 87 degrees; its parameters are the true ones. All kinds are
/// free: none of them can make up for another exactly. `with_axes`: of structure_with_axis().
RefineInput true_model(const std::vector<int>& strains, double blur = 0, bool with_axes = false);
/// What model 0 draws.
std::vector<double> drawn(Backend& reference, RefineInput);
/// Counts of expected ones with Poisson's distribution, and weights 1 / max(expected, 1); a seed of 0: without noise.
void measure(RefineInput&, std::int64_t pattern, const std::vector<double>& expected, std::uint32_t seed);
/// Away from the true ones by what an identification may leave.
void start_elsewhere(RefineInput&, std::int64_t model, float by = 1);
/// Of all models' parameters those of one.
std::vector<double> model_of(const RefineInput&, const std::vector<float>& parameters, std::int64_t model);

}  // namespace bragg::tests
