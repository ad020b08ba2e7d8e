// The patterns of a part of the suite, drawn or read, on their way to those who answer.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "apps/evaluation/lookup_evaluation.h"
#include "apps/suite/suite_part.h"
#include "data/crystals/crystal_source.h"
#include "data/patterns/pattern_set.h"
#include "kernels/backend.h"

namespace bragg::apps {

struct SuiteSet {
  std::int64_t size = 0;  ///< patterns that there are
  std::vector<LabelledItem>
      items{};  ///< those that are asked about; `measured` is kept where one is looked up
  std::vector<std::string> kinds{};       ///< of each, what answers are counted apart by; empty: nothing
  std::vector<std::uint8_t> looked_up{};  ///< of each, whether it is
  std::int64_t step = 1;                  ///< every step-th of those that there are is asked about
  std::int64_t lookup_step = 1;           ///< and every lookup_step-th of these looked up
};

/// Patterns of `crystals` by a built-in recipe on the default instrument, maximum 1, with their space groups, each crystal a
/// group.
data::PatternSet drawn_patterns(Backend&, const data::CrystalSource& crystals, const std::string& recipe,
                                std::uint32_t seed);

/// Of a part that asks for answers. `paths` are those of its files; `facts` what items are to be read for. Throws as
/// read_labelled_items().
SuiteSet suite_set(Backend&, const SuitePart&, const std::vector<std::string>& paths, const ModelFacts&,
                   int threads);

/// `realistic` patterns of what the sets `paths` hold, every k-th of each so that at most most_references of it remain.
data::PatternSet reference_patterns(Backend&, const std::vector<std::string>& paths);

}  // namespace bragg::apps
