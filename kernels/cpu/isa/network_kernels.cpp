#include "kernels/cpu/isa/network_kernels.h"

namespace bragg::cpu::BRAGG_ISA {

const NetworkKernels network_kernels{6};

}  // namespace bragg::cpu::BRAGG_ISA
