#include "kernels/ops/conv1d_batch_norm.h"

#include <fmt/format.h>

namespace bragg {
namespace {

void check_norm(const Check& check, const BatchNormProblem& norm, std::int64_t N, std::int64_t L,
                std::int64_t C) {
  check.equal("normalisation's N", norm.N, "the convolution's", N);
  check.equal("normalisation's L", norm.L, "the convolution's", L);
  check.equal("normalisation's C", norm.C, "the convolution's", C);
}

}  // namespace

void Conv1dBatchNormForward::check_more(const Check& check) const {
  check_norm(check, norm, problem.N, problem.L_out(), problem.C_out);
  normalisation().check_more(check);
}

std::string Conv1dBatchNormForward::details() const {
  return fmt::format("{}, then batch_norm{}", bias ? " + bias" : "", normalisation().details());
}

Conv1dBatchNormForward Conv1dBatchNormForward::unpadded() const {
  Conv1dBatchNormForward op = *this;
  op.problem = problem.over_padding();
  op.src = over_padding(problem, src);
  return op;
}

void Conv1dBatchNormBackward::check_more(const Check& check) const {
  check_norm(check, norm, problem.N, problem.L_in, problem.C_in);
  relu.check(check);
}

}  // namespace bragg
