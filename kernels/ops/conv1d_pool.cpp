#include "kernels/ops/conv1d_pool.h"

#include <fmt/format.h>

namespace bragg {

namespace {

/// The pooling is of what the convolution makes, and neither has padding.
void check_neighbours(const Check& check, const Conv1dProblem& problem, const AvgPool1dProblem& pool) {
  check.equal("padding", problem.pad_before + problem.pad_after + pool.pad_before + pool.pad_after,
              "that which it takes", 0);
  check.equal("pool's N", pool.N, "N", problem.N);
  check.equal("pool's L_in", pool.L_in, "L_out", problem.L_out());
  check.equal("pool's C", pool.C, "C_out", problem.C_out);
}

}  // namespace

void Conv1dPoolForward::check_more(const Check& check) const {
  check_neighbours(check, problem, pool);
  epilogue.check(check, problem.N * problem.L_out(), problem.C_out);
  check.aligned("src", src, check.row_alignment() * problem.stride * problem.C_in);
  check.aligned("dst", dst, check.row_alignment());
}

std::string Conv1dPoolForward::details() const {
  return fmt::format("{}, then avg_pool1d kernel {} stride {}", epilogue.text(), pool.kernel, pool.stride);
}

void Conv1dPoolBackwardWeights::check_more(const Check& check) const {
  check_neighbours(check, problem, pool);
  check.probability("dropout", kept.p);
  check.aligned("src", src, check.row_alignment() * problem.stride * problem.C_in);
  check.aligned("diff_dst", diff_dst, check.row_alignment());
}

std::string Conv1dPoolBackwardWeights::details() const {
  return fmt::format(", of avg_pool1d kernel {} stride {} through relu and dropout by their bits",
                     pool.kernel, pool.stride);
}

}  // namespace bragg
