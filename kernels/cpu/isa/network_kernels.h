// Vector code of the network ops, one table per instruction set.
#pragma once

namespace bragg::cpu {

struct NetworkKernels {
  int tile_rows;
};

namespace v2 {
extern const NetworkKernels network_kernels;
}
namespace v3 {
extern const NetworkKernels network_kernels;
}
namespace v4 {
extern const NetworkKernels network_kernels;
}

}  // namespace bragg::cpu
