// How values lie in memory: what the ops that read them ask for.
#pragma once

#include "kernels/backend.h"
#include "nn/program.h"

namespace bragg::nn {

/// Sets item_stride and front of every place: halos of zeros and the strides that convolutions read fastest;
/// elsewhere items begin at the backend's row alignment, logits without gaps.
void lay_out(Program&, const Backend&);

}  // namespace bragg::nn
