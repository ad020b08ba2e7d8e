// Crystals made by hand or at random, as the crystallographic ops take them, and what the ops return as plain
// vectors.
#pragma once

#include <string>
#include <vector>

#include "kernels/backend.h"
#include "kernels/crystal/pattern_parameters.h"
#include "kernels/crystal/pattern_problem.h"
#include "kernels/crystal/pattern_sampling.h"
#include "kernels/crystal/reflection_problem.h"
#include "tests/support/devices.h"

namespace bragg::tests {

/// A group in one setting, and a cell that has its symmetry.
struct CrystalGroup {
  std::string name;
  std::vector<SymmetryOperator> operators;
  ReciprocalMetric metric;
  int centring;
};

/// Closes the generators, rotations row-major, translations in 1/24. Identity first.
std::vector<SymmetryOperator> closed(const std::vector<SymmetryOperator>& generators);

/// Eighteen groups of all seven systems and all centrings, with glide planes, screw axes, hexagonal and
/// rhombohedral axes. Cell edges are multiplied by `scale`.
std::vector<CrystalGroup> varied_groups(double scale);

/// A crystal of that group with `atoms` random atoms (no symmetry among them: the ops sum over what they are
/// given), some of them with isotropic or anisotropic displacements, in few or many classes.
void add_crystal(CrystalBatch&, const CrystalGroup&, int atoms, std::uint32_t seed);

/// One crystal with point-like atoms: f(s) = c, no displacement.
struct PointAtom {
  double x, y, z;
  float c;
};
CrystalBatch point_crystal(const CrystalGroup&, const std::vector<PointAtom>&);

/// A downloaded ReflectionSet.
struct HostReflections {
  std::vector<std::uint64_t> offset;
  std::vector<ReciprocalMetric> metric;
  std::vector<Miller> miller;
  std::vector<double> f2;
  std::vector<LaueRotations> laue;
};
HostReflections download(Backend&, const ReflectionSet&);
/// The same set in a backend's memory, f2 rounded to its element type.
ReflectionSet upload(Backend&, const HostReflections&);

/// What patterns are sampled from, and what they are rendered by.
struct SampledPatterns : PatternProblem {
  std::uint32_t seed = 0;
  std::vector<PatternVariant> variants;

  PatternSampling sampling() const {
    return {.N = N, .seed = seed, .variants = variants, .grid = instrument.grid};
  }
};

/// The parameters of patterns first_index .. first_index + N - 1, with a checked guard band around the
/// records.
std::vector<PatternParameters> sample(Backend&, PatternSampling, std::int64_t N, std::uint64_t first_index);
/// Renders `crystals`, each by its parameters; (N, points), with a checked guard band around and between the
/// rows of dst, which are aligned or not.
std::vector<double> render_given(Backend&, PatternProblem, const ReflectionSet&,
                                 const std::vector<std::int32_t>& crystals,
                                 const std::vector<PatternParameters>& parameters,
                                 const std::vector<std::int32_t>& impurities = {}, bool aligned = true);
/// Both for `crystals` as patterns first_index, first_index + 1, ...; rows are aligned where first_index is
/// even.
std::vector<double> render(Backend&, const SampledPatterns&, const ReflectionSet&,
                           const std::vector<std::int32_t>& crystals, std::uint64_t first_index,
                           const std::vector<std::int32_t>& impurities = {});

/// What the crystallographic ops are tested on, which know no precision but fp32: "reference", and the
/// devices under test; those alone where they are emulated.
std::vector<DeviceOptions> crystal_devices();

/// "reference", then "cpu" with every instruction set that this machine has.
std::vector<DeviceOptions> cpu_devices(int threads);

}  // namespace bragg::tests
