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

/// Both or none.
void check_line(const Check& check, ConstTensor factor, ConstTensor offset) {
  if (factor.data != nullptr) check.present("offset", offset.data);
  if (offset.data != nullptr) check.present("factor", factor.data);
}

}  // namespace

void NormalisedSource::check(const Check& check) const {
  check_line(check, factor, offset);
}

void Conv1dBatchNormForward::check_more(const Check& check) const {
  check_norm(check, norm, problem.N, problem.L_out(), problem.C_out);
  normalisation().check_more(check);
  check_line(check, factor, offset);
  normalised_src.check(check);
  normalised_addend.check(check);
  if (normalised_addend && addend.data == nullptr) check.fail("there is no addend to normalise");
  if (dst.data != nullptr) return;
  check.present("dst or factor", factor.data);
  if (!epilogue.relu || epilogue.dropout.p > 0 || addend.data != nullptr)
    check.fail("without a dst there is a ReLU, no dropout and no addend");
}

std::string Conv1dBatchNormForward::details() const {
  return fmt::format("{}{}, then batch_norm{}{}{}", normalised_src ? ", src normalised" : "",
                     bias ? " + bias" : "", normalisation().details(),
                     normalised_addend ? ", addend normalised" : "",
                     dst.data == nullptr && factor ? ", not stored" : "");
}

Conv1dBatchNormForward Conv1dBatchNormForward::unpadded() const {
  Conv1dBatchNormForward op = *this;
  op.problem = problem.over_padding();
  op.src = over_padding(problem, src);
  op.normalised_src = normalised_src.over_padding(problem);
  return op;
}

void Conv1dBatchNormBackward::check_more(const Check& check) const {
  check_norm(check, norm, problem.N, problem.L_in, problem.C_in);
  relu.check(check);
  check_line(check, factor, offset);
  if (factor.data != nullptr && (relu.src.data != nullptr || relu.p > 0))
    check.fail("the ReLU of a dst that nobody stored has no src and no dropout");
}

std::string Conv1dBatchNormBackward::details() const {
  return fmt::format("{}{}{}, then batch_norm", addend.data ? " + addend" : "", relu.text(),
                     factor ? ", relu of the normalisation" : "");
}

void Conv1dNormalisedBackwardWeights::check_more(const Check& check) const {
  check.present("src's factor", normalised_src.factor.data);
  normalised_src.check(check);
}

}  // namespace bragg
