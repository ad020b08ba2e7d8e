// Sizes and constants of the network ops. What a call adds (views, element types) is checked in backend.cpp;
// the crystallographic problems are checked in crystal_problems.cpp.
#include "kernels/problems.h"

#include <cmath>

#include <fmt/format.h>

#include "kernels/base/error.h"

namespace bragg {
namespace {

void at_least(const char* op, const char* name, std::int64_t value, std::int64_t least) {
  if (value < least) throw ProblemError(fmt::format("[{}] {} {} < {}", op, name, value, least));
}

void window_fits(const char* op, std::int64_t kernel, std::int64_t stride, std::int64_t L_in) {
  at_least(op, "L_in", L_in, 1);
  at_least(op, "kernel", kernel, 1);
  at_least(op, "stride", stride, 1);
  if (kernel > L_in) throw ProblemError(fmt::format("[{}] kernel {} > L_in {}", op, kernel, L_in));
}

void within(const char* op, const char* name, double value, double low, double high) {
  if (!(value >= low && value < high)) {
    throw ProblemError(fmt::format("[{}] {} {} outside [{}, {})", op, name, value, low, high));
  }
}

}  // namespace

void Conv1dProblem::validate() const {
  at_least("conv1d", "N", N, 0);
  at_least("conv1d", "C_in", C_in, 1);
  at_least("conv1d", "C_out", C_out, 1);
  window_fits("conv1d", kernel, stride, L_in);
}

void AvgPool1dProblem::validate() const {
  at_least("avg_pool1d", "N", N, 0);
  at_least("avg_pool1d", "C", C, 1);
  window_fits("avg_pool1d", kernel, stride, L_in);
}

void DenseProblem::validate() const {
  at_least("dense", "N", N, 0);
  at_least("dense", "in", in, 1);
  at_least("dense", "out", out, 1);
}

void SoftmaxCrossEntropyProblem::validate() const {
  at_least("softmax_cross_entropy", "N", N, 0);
  at_least("softmax_cross_entropy", "classes", classes, 1);
}

void AdamProblem::validate() const {
  at_least("adam", "count", count, 0);
  within("adam", "learning_rate", learning_rate, 0, HUGE_VAL);
  within("adam", "beta1", beta1, 0, 1);
  within("adam", "beta2", beta2, 0, 1);
  within("adam", "epsilon", epsilon, 0, HUGE_VAL);
}

void DrawRowsProblem::validate() const {
  at_least("draw_rows", "N", N, 0);
  at_least("draw_rows", "candidates", candidates, 1);
  constexpr std::int64_t most = std::int64_t{1} << 31;
  if (!(share >= 0 && share <= 1))
    throw ProblemError(fmt::format("[draw_rows] share {} is not in 0..1", share));
  if (candidates > most) throw ProblemError(fmt::format("[draw_rows] candidates {} > {}", candidates, most));
}

void GatherRowsProblem::validate() const {
  at_least("gather_rows", "N", N, 0);
  at_least("gather_rows", "table_rows", table_rows, 1);
  at_least("gather_rows", "row_length", row_length, 1);
  if (!std::isfinite(scale)) throw ProblemError(fmt::format("[gather_rows] scale {} is not finite", scale));
}

}  // namespace bragg
