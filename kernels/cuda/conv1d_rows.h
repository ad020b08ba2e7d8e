// What the ops of a convolution have in common: how kernels go through rows, and where sums of channels lie.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "kernels/backend.h"
#include "kernels/base/error.h"
#include "kernels/cuda/gemm/channel_sums.h"
#include "kernels/ops/conv1d.h"

namespace bragg::cuda::conv1d {

inline std::int64_t up(std::int64_t n, std::int64_t d) {
  return (n + d - 1) / d;
}

/// The weights by the phase of the input row that they meet: rows (tap i, output o) of stride * C_in numbers,
/// those of kernel rows [(R - 1 - i) stride, (R - i) stride), zeros beyond the kernel's ends. backward_zeros()
/// count as rows of the kernel.
struct ByPhase {
  std::int64_t rows, row_length, row_stride, zeros;
  std::int64_t transposed_stride;  ///< of the transpose, row_length rows of `rows`

  ByPhase(const Backend& backend, const Conv1dProblem& p)
      : rows(p.backward_taps() * p.C_out),
        row_length(p.stride * p.C_in),
        row_stride(backend.weight_row_stride(row_length)),
        zeros(p.backward_zeros() * p.C_in),
        transposed_stride(backend.weight_row_stride(rows)) {}
  std::size_t bytes(DType type) const {
    return static_cast<std::size_t>(std::max(rows * row_stride, row_length * transposed_stride)) *
           size_of(type);
  }
};

/// For operands of an op that there is no other way for.
[[noreturn]] inline void refuse_places(const char* op, const char* operands) {
  throw ProblemError(std::string("[") + op + "] " + operands +
                     " do not all begin and step by 16 bytes and in the same steps: wgmma takes no others");
}

/// Where a product with sums has what it needs in the workspace: its weights in another order, behind those its sums
/// (ChannelSums).
struct SumsMemory {
  std::size_t pairs_at = 0, bytes = 0;

  SumsMemory(std::size_t weight_bytes, std::size_t sum_bytes)
      : pairs_at((weight_bytes + 255) / 256 * 256), bytes(pairs_at + sum_bytes) {}
  float* pairs(std::byte* workspace) const { return reinterpret_cast<float*>(workspace + pairs_at); }
};

}  // namespace bragg::cuda::conv1d
