// The learning rate of a step: computed where the step is known, on the device, so that a step is the same list
// of ops every time.
#pragma once

#include <cstdint>
#include <string>

#include "kernels/base/host_device.h"

namespace bragg {

/// A rate for every optimizer step s = 0, 1, ... It rises linearly from 0, base (s + 1) / warmup_steps in the
/// first `warmup_steps`. Then it is `base` until x > 0, where x goes linearly from 0 at the begin of the decay to
/// 1 at `end` and stays there:
///   constant      x is 0
///   cosine        base (f + (1 - f) (1 + cos(pi x)) / 2), f the final fraction, from the end of the warm-up on;
///                 Loshchilov & Hutter 2017 (SGDR), one period, as torch's CosineAnnealingLR
///   linear_decay  base (1 - x) from `decay_begin` on: warm-up, stable, decay (Hu et al. 2024, MiniCPM); as
///                 torch's LinearLR to an end factor of 0
struct LearningRate {
  enum class Schedule : std::uint32_t { constant, cosine, linear_decay };
  static constexpr std::uint64_t never = ~std::uint64_t{0};

  double base;
  Schedule schedule = Schedule::constant;
  std::uint64_t warmup_steps = 0;
  std::uint64_t decay_begin = never;  ///< of linear_decay
  std::uint64_t end = never;          ///< the steps of the run
  double final_fraction = 0;          ///< of cosine

  constexpr LearningRate(double constant = 1e-4) : base(constant) {}  // NOLINT: a number is a constant rate

  /// The last step before the rate begins to fall.
  BRAGG_HOST_DEVICE std::uint64_t last_undiminished() const {
    if (schedule == Schedule::cosine) return warmup_steps;
    return schedule == Schedule::linear_decay ? decay_begin : never;
  }
  /// Throws ProblemError.
  void validate(const char* op) const;
  std::string text() const;  ///< " warm-up 10 cosine to 0 at 200"; empty where it is constant
};

/// sin(pi t) for |t| <= 1/2 by its series, of which less than 2^-59 is left out. The library's function, which takes
/// any argument, costs a kernel that updates weights more registers than it has.
BRAGG_HOST_DEVICE inline double sin_pi(double t) {
  const double a = 3.14159265358979323846 * t, square = a * a;
  double sum = 1;
  for (int n = 21; n > 1; n -= 2)
    sum = 1 - square * (1.0 / static_cast<double>(n * (n - 1))) * sum;
  return a * sum;
}

/// Of step number `step`, of which as many are done.
BRAGG_HOST_DEVICE inline double learning_rate_at(const LearningRate& rate, std::uint64_t step) {
  if (step < rate.warmup_steps)
    return rate.base * (static_cast<double>(step + 1) / static_cast<double>(rate.warmup_steps));
  const std::uint64_t begin = rate.last_undiminished();
  if (step <= begin) return rate.base;
  const bool is_linear = rate.schedule == LearningRate::Schedule::linear_decay;
  if (step >= rate.end) return is_linear ? 0 : rate.base * rate.final_fraction;
  const double x = static_cast<double>(step - begin) / static_cast<double>(rate.end - begin);
  if (is_linear) return rate.base * (1 - x);
  return rate.base * (rate.final_fraction + (1 - rate.final_fraction) * (1 - sin_pi(x - 0.5)) / 2);
}

}  // namespace bragg
