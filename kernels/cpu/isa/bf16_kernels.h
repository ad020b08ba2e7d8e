// The functions on bfloat16, for the instruction set this object is compiled for.
#pragma once

#include "kernels/cpu/isa/network_kernels.h"

namespace bragg::cpu::BRAGG_ISA {

extern const ElementKernels<BFloat16> bf16_kernels;
extern const BatchNormKernels<BFloat16> bf16_batch_norm_kernels;

}  // namespace bragg::cpu::BRAGG_ISA
