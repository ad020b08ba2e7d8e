// What a step of Adam multiplies by, as the vector code takes it.
#pragma once

#include "kernels/cpu/isa/network_kernels.h"
#include "kernels/ops/adam.h"

namespace bragg::cpu {

/// Of the step in `state`, a StepState, whose gradients are multiplied by gradient_scale first.
AdamStep adam_step(const AdamProblem&, ConstTensor state, double gradient_scale = 1);

}  // namespace bragg::cpu
