// What the kernel of render_patterns is told, and how a block divides its work.
#pragma once

#include <cstdint>

#include "kernels/crystal/pattern_parameters.h"
#include "kernels/crystal/pattern_problem.h"
#include "kernels/crystal/reflection_problem.h"
#include "kernels/cuda/device/division.cuh"
#include "kernels/ops/epilogue.h"
#include "kernels/ops/step_state.h"

namespace bragg::cuda {

inline constexpr int pattern_threads = 512, pattern_warps = pattern_threads / 32;
/// Grid points that a warp draws together, two for each lane.
inline constexpr int interval_points = 64;
struct PatternArguments {
  std::int64_t N = 0;
  Instrument instrument;
  std::int32_t points = 0, padded_points = 0;  ///< the latter whole intervals
  float maximum = 0;
  bool mixed = false;  ///< patterns may have an impurity
  bool square_root = false;
  std::int32_t points_per_mean = 1, read_points = 0;  ///< numbers that the network reads, see Processing
  std::int32_t points_per_bin = 0, half_window = 0, bins = 0;  ///< of the background; 0 bins: it stays
  Division line_bin;                                           ///< grid points to a bin of lines

  std::int64_t set_crystals = 0;
  const std::uint64_t* offset = nullptr;
  const ReciprocalMetric* metric = nullptr;
  const Miller* miller = nullptr;
  const float* f2 = nullptr;
  const LaueRotations* laue = nullptr;
  const std::int32_t* crystals = nullptr;
  const std::int32_t* impurities = nullptr;
  const PatternParameters* parameters = nullptr;

  /// Floats of a pattern that does not fit into shared memory, `block_floats` for each block; else nullptr.
  float* large = nullptr;
  std::int64_t block_floats = 0;
};

}  // namespace bragg::cuda
