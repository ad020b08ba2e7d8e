// Where training is, on the device.
#pragma once

#include <cstdint>

namespace bragg {

/// The place of training in time, in device memory: two u64. Ops that draw random numbers read it there, so
/// that a step is the same list of ops every time (and can be captured in a graph).
struct StepState {
  std::uint64_t step;         ///< optimizer steps done
  std::uint64_t first_index;  ///< index of the first pattern of this step's batch
};

}  // namespace bragg
