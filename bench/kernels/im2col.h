// The windows of a convolution written out as rows: what a library needs that takes no overlapping ones.
#pragma once

#include "bench/kernels/product.h"

namespace bragg::bench {

/// Elements from one window to the next: kernel * C_in up to a multiple of 16 bytes.
std::int64_t im2col_row(const Conv1dProblem&, DType);
/// src (f32 or bf16) -> windows (N * L_out, im2col_row), zeros after kernel * C_in. `stream`: a cudaStream_t.
void im2col(const Conv1dProblem&, const Rows& src, void* windows, void* stream);

}  // namespace bragg::bench
