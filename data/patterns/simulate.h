// Patterns of many crystals, one after the other, into host memory: for files, plots and searches. Training
// draws from stream.h instead.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "data/crystals/crystal_source.h"
#include "data/recipes/recipe.h"
#include "kernels/backend.h"

namespace bragg::data {

struct SimulateOptions {
  Recipe recipe;
  Instrument instrument;
  std::int64_t patterns_per_crystal = 1;
  std::uint32_t seed = 1;
  double maximum = 1000;  ///< what every pattern is scaled to
  bool ignore_displacements = false;
};

/// crystals.at(i), called in order but for impurities, which are drawn from all of them (and absent where
/// there is only one crystal) -> sink(i, pattern), in order. The k-th pattern of crystal i has index
/// i * patterns_per_crystal + k: a pure function of (crystals, recipe, seed, index). As an
/// instrument would give it: the recipe's processing is the network's business and not applied. Memory is
/// bounded, whatever the number of crystals.
void simulate_patterns(Backend&, const CrystalSource& crystals, const SimulateOptions&,
                       const std::function<void(std::int64_t crystal, std::span<const float> pattern)>& sink);

}  // namespace bragg::data
