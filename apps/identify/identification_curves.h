// What a page draws of an answer: the measured pattern and what its candidates make of it.
#pragma once

#include "apps/identify/identifier.h"

namespace bragg::apps {

/// The pattern on even steps over what was measured, the highest 1, and on the same points the refined patterns of the
/// candidates, for which `found` has curves.
void draw_curves(const OnTwoTheta&, const Findings& found, Identification&);

}  // namespace bragg::apps
