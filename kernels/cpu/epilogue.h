// Finished blocks of a GEMM on their way to memory: bias, ReLU and dropout forward, their derivative
// backward.
#pragma once

#include "kernels/cpu/gemm.h"
#include "kernels/ops/epilogue.h"

namespace bragg::cpu {

/// Rows of C are rows of dst, columns its channels. Blocks begin at multiples of 32 channels. `words` holds
/// most_words of a scratch memory.
template <typename Element>
void store_forward(const NetworkKernels&, std::uint32_t* words, const GemmBlock&, const Epilogue&,
                   const MatrixView<Element>& dst);

/// Rows of C are rows of diff_src, as are those of relu.src.
template <typename Element>
void store_backward(const NetworkKernels&, const GemmBlock&, const ReluGradient&,
                    const MatrixView<Element>& diff_src);

}  // namespace bragg::cpu
