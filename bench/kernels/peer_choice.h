// Which of a peer's ways is timed: the fastest that runs, once its result agrees with bragg's. A ratio
// between different computations would be worthless.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "bench/kernels/peer.h"

namespace bragg::bench {

/// The largest |got - expected| / (|expected| + root mean square of expected) of all elements; infinite where
/// either is not finite or they are not equally many.
double disagreement(std::span<const float> got, std::span<const float> expected);

/// Two right results of this type differ by less, two different computations by more: 2 % in bf16, whose
/// numbers have 8 bits, 1 % in tf32, 0.1 % in fp32.
double allowed_disagreement(DType element, bool tf32);

/// The fastest by the median of three runs, `between` before each; candidates that throw are left out. Throws
/// Error with the last one's words where all do.
Candidate fastest(Backend&, const std::vector<Candidate>&, const std::function<void()>& between);

/// Runs both. Throws Error where their results differ by more than `allowed`.
void require_agreement(Backend&, const Product&, const Candidate&, double allowed);

}  // namespace bragg::bench
