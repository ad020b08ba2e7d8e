// Patterns that test every effect at once, on crystals of every kind, and how far a backend may be from the
// reference.
#pragma once

#include <vector>

#include "kernels/crystal/pattern_math.h"
#include "kernels/crystal/sample_pattern.h"
#include "tests/kernels/crystals.h"

namespace bragg::tests {

inline constexpr double wavelength = copper_k_alpha;

SampledPatterns problem_with(std::vector<PatternVariant> variants);
/// Gaussian lines, and the paper's noise.
PatternVariant gaussian(double U, double V, double W, double noise = 0);
double lorentz_polarisation_at(double two_theta);

/// One of each group, and one with thousands of lines.
CrystalBatch varied_crystals();
/// The paper's shapes, and some far narrower and wider than the grid's step.
std::vector<PatternVariant> varied_shapes();
/// All effects on lines, but neither noise nor background.
PatternVariant voigt_lines();
/// Everything at once.
PatternVariant everything();

/// For every point of a pattern. The processing is the problem's.
std::vector<double> bounds_of(const SampledPatterns&, const HostReflections&, const PatternParameters&,
                              std::int32_t crystal, std::int32_t impurity);

/// The reference and the devices under test whose patterns are fp32.
std::vector<DeviceOptions> exact_devices();

/// The devices under test, in every element type, against the reference: the crystals as patterns index,
/// index + 1, ...
void expect_agreement(const SampledPatterns&, const HostReflections&,
                      const std::vector<std::int32_t>& crystals, const std::vector<std::int32_t>& impurities,
                      std::uint64_t index);

}  // namespace bragg::tests
