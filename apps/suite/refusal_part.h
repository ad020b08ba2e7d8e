// A part of the suite that asks whether there is anything to answer at all.
#pragma once

#include "apps/suite/suite.h"

namespace bragg::apps {

/// Fills how many patterns of each kind are refused for want of Bragg lines, as predict and identify refuse them.
void refusal_part(const SuiteTools&, PartResult&);

}  // namespace bragg::apps
