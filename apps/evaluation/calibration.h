// Whether the probability of an answer is the share of such answers that are right.
#pragma once

#include <cstdint>
#include <span>

namespace bragg::apps {

/// `ece`: expected calibration error (Naeini et al., AAAI 2015), the mean over bins of equal counts of |mean confidence -
/// share right|. With few answers it is above 0 even if every confidence is right: `low` and `high` are the 5th and the
/// 95th percentile of what chance then gives with the same confidences.
struct Calibration {
  double nll = 0;  ///< mean of -ln p(true class), p at least 1e-9
  double ece = 0;
  double low = 0, high = 0;
};

inline constexpr int calibration_bins = 10, calibration_draws = 500;

/// For each answer the probability of its best class, whether that is right (0 or 1), and the probability of the true one.
/// The same length, at least 1.
Calibration calibration_of(std::span<const double> confidence, std::span<const std::uint8_t> right,
                           std::span<const double> of_truth);

}  // namespace bragg::apps
