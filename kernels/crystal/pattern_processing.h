// What is done to a pattern before a network reads it: one function for simulated and measured patterns.
#pragma once

#include <span>

#include "kernels/crystal/pattern_problem.h"

namespace bragg {

/// In place, maximum 1 afterwards; a pattern without a positive number becomes all zeros.
///
/// The background: points are averaged to bins (the last one may be short); the minimum over half_window bins
/// to either side, then the maximum, then the mean of them (fewer at the ends); between the bins' centres
/// linear, beyond the outer ones constant. It is subtracted and what is negative then is set to 0. An
/// opening: it passes below every line that is narrower than the window. Then y / max(y), and the square
/// root.
void process_pattern(const Processing&, const TwoThetaGrid&, std::span<float> y);
void process_pattern(const Processing&, const TwoThetaGrid&, std::span<double> y);
/// Its first part alone, for a backend that scales by itself.
void subtract_background(const Processing&, const TwoThetaGrid&, std::span<float> y);

}  // namespace bragg
