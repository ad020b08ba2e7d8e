// A part of the suite that asks for the phases of mixtures.
#pragma once

#include "apps/suite/suite.h"

namespace bragg::apps {

/// Fills the figures with the elements given and without.
void mixture_part(const SuiteTools&, PartResult&);

}  // namespace bragg::apps
