// The tables of kernels that tests of products run on.
#pragma once

#include <string>

#include "kernels/cpu/isa/network_kernels.h"

namespace bragg::tests {

/// Of an instruction set ("v3", "v4-amx"); or with tiles compiled for machines without AVX-512 ("wide"), those of
/// AMX in arrays ("wide-amx").
cpu::NetworkKernels kernels_of(const std::string& tiles);

}  // namespace bragg::tests
