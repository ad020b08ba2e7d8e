// A part of the suite that asks for space groups.
#pragma once

#include <string>
#include <vector>

#include "apps/suite/suite.h"

namespace bragg::apps {

/// Fills the figures of network, look-up, both, and of the baselines.
void answer_part(const SuiteTools&, PartResult&);
/// Fills those of the network as it is and adapted in folds. Without a network a note says so.
void adapt_part(const SuiteTools&, PartResult&);

}  // namespace bragg::apps
