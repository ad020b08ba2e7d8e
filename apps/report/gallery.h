// bragg simulate --gallery: one crystal under each effect of a recipe, to look at.
#pragma once

#include <string>

#include "data/patterns/simulate.h"
#include "kernels/backend.h"

namespace bragg::apps {

/// A self-contained HTML page: the first crystal under every effect alone (below it, mirrored, the pattern
/// without it), drawn by the options' recipe three times, and what its processing makes of that. An impurity
/// needs a second crystal.
std::string gallery(Backend&, const data::CrystalSource&, const data::SimulateOptions&);

}  // namespace bragg::apps
