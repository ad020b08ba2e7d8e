#include "kernels/cuda/gemm/forward_parts.cuh"

namespace bragg::cuda {

template void launch_tile<Tile128x80, Contiguous::k, Contiguous::k>(const Describe&, const LaunchTarget&,
                                                                    const GemmArguments<BFloat16>&,
                                                                    const GemmConfig&,
                                                                    const ForwardStore<BFloat16>&);

}  // namespace bragg::cuda
