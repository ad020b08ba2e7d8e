// A number as activations keep it.
#pragma once

#include "kernels/base/bfloat16.h"

namespace bragg::cpu {

inline void keep(double x, float* as) {
  *as = static_cast<float>(x);
}
inline void keep(double x, BFloat16* as) {
  *as = to_bfloat16(static_cast<float>(x));
}

}  // namespace bragg::cpu
