// Several ops in one, by a table of rewrites: where the backend has the op and nobody else reads what lies
// between.
#pragma once

#include "nn/lower.h"

namespace bragg::nn {

/// Values and gradients that no op writes any more are left without memory.
void fuse(LoweredGraph&, const Backend&, const Parameters&, const NetworkOptions&);

}  // namespace bragg::nn
