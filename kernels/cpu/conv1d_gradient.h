// The gradient of a convolution's weights by tile registers (WindowProducts): diff_weights = diff_dst^T windows, where
// windows of one row of src share its packed words.
#pragma once

#include <vector>

#include "kernels/base/thread_pool.h"
#include "kernels/cpu/isa/network_kernels.h"
#include "kernels/ops/conv1d.h"

namespace bragg::cpu {

class Conv1dGradient {
 public:
  Conv1dGradient(const Conv1dProblem&, const ElementKernels<BFloat16>&, int threads);

  std::size_t workspace() const;  ///< bytes
  void run(const Conv1dBackwardWeights&, const NetworkKernels&, ThreadPool&, float* workspace) const;

 private:
  struct Rooms;
  /// Columns [n0, n1) of C, rows [m0, m1).
  struct Task {
    std::int64_t part, m0, m1, n0, n1;
  };
  void run_task(const Conv1dBackwardWeights&, const ElementKernels<BFloat16>&, const Task&, float* c,
                float* sums, float* room) const;

  const Conv1dProblem p_;
  const WindowProducts& windows_;
  const GemmTile<BFloat16>& tile_;
  std::int64_t K_, M_, padded_M_, padded_N_, parts_, m_block_, n_block_, t_block_, a_stride_, words_;
  int threads_;
};

}  // namespace bragg::cpu
