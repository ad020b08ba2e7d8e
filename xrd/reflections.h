// The reflections and peaks of one crystal, for people: text tables and comparisons. Batches go through
// Backend::structure_factors directly.
#pragma once

#include <array>
#include <vector>

#include "kernels/backend.h"
#include "kernels/crystal/instrument.h"
#include "xrd/crystal.h"

namespace bragg::xrd {

struct TwoThetaRange {
  double start = 5, end = 90;  ///< degrees
};

struct Reflection {
  std::array<int, 3> hkl;
  int multiplicity;
  double d;          ///< A
  double f2;         ///< |F|^2, electrons^2: the mean of the Friedel pair
  double two_theta;  ///< degrees
  double intensity;  ///< multiplicity x lorentz_polarisation x |F|^2, scaled to a maximum of 100
};

struct ReflectionOptions {
  double wavelength = copper_k_alpha;  ///< A
  TwoThetaRange range;
  bool ignore_displacements = false;
  bool anomalous = false;  ///< f' and f'' at `wavelength`
};

/// The |F|^2 of a set (reflections), whatever type the backend keeps them in.
std::vector<double> downloaded_f2(Backend&, const ReflectionSet&);

/// Unique under the Laue group, unmerged, by descending d.
std::vector<Reflection> reflections(Backend&, const Crystal&, const ReflectionOptions&);

/// The same with reflections merged whose d agree within 1e-8 relative: multiplicities and intensities added,
/// f2 the multiplicity-weighted mean, hkl of the strongest.
std::vector<Reflection> peaks(Backend&, const Crystal&, const ReflectionOptions&);

/// Lorentz and polarisation: (1 + cos^2 2 theta) / (cos theta sin^2 theta), two_theta in degrees. From 179
/// degrees on it stays as it is there, some 230: at 180 it would be infinite, and no diffractometer sees
/// that.
double lorentz_polarisation(double two_theta);

}  // namespace bragg::xrd
