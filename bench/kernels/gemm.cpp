#include "bench/kernels/gemm.h"

#include <algorithm>

namespace bragg::bench {
namespace {

std::int64_t ceil_div(std::int64_t n, std::int64_t d) {
  return (n + d - 1) / d;
}

/// The same with the zeros around src as points of it.
Conv1dProblem unpadded(Conv1dProblem p) {
  p.L_in += p.pad_before + p.pad_after;
  p.pad_before = p.pad_after = 0;
  return p;
}

}  // namespace

// A row-major matrix is a column-major one transposed, so that BLAS's m and n are our columns and rows.
Gemm dense_gemm(const DenseProblem& p, Pass pass, const RowStrides& row) {
  switch (pass) {
    case Pass::forward:
      return {p.out, p.N, p.in, 1, {true, row.weights, 0}, {false, row.src, 0}, {false, row.dst, 0}};
    case Pass::backward_data:
      return {p.in, p.N, p.out, 1, {false, row.weights, 0}, {false, row.dst, 0}, {false, row.src, 0}};
    case Pass::backward_weights:
      break;
  }
  return {p.in, p.out, p.N, 1, {false, row.src, 0}, {true, row.dst, 0}, {false, row.weights, 0}};
}

PhaseSplit::PhaseSplit(const Conv1dProblem& p)
    : phases(ceil_div(p.kernel, p.stride)),
      item_rows(ceil_div(unpadded(p).L_in, p.stride)),
      phase_rows(ceil_div(p.N * item_rows, phases)),
      p_(unpadded(p)) {}

std::int64_t PhaseSplit::src_elements() const {
  // The last row's window may reach beyond the last item.
  return ((phases * phase_rows - 1) * p_.stride + std::max(p_.kernel, p_.stride)) * p_.C_in;
}

Gemm PhaseSplit::forward(std::int64_t weights_stride) const {
  const std::int64_t step = p_.stride * p_.C_in;
  return {p_.C_out,
          phase_rows,
          p_.kernel * p_.C_in,
          phases,
          {true, weights_stride, 0},
          {false, phases * step, step},
          {false, phases * p_.C_out, p_.C_out}};
}

// Position q * stride + i of src is read by tap j * stride + i of output q - j, for j = 0 ... phases - 1. So
// row q of diff_src, stride * C_in numbers, is the product of rows q - phases + 1 ... q of diff_dst, which
// lie one after the other, and the weights in the order of the outputs.
Gemm PhaseSplit::backward_data(std::int64_t regrouped_stride) const {
  const std::int64_t step = p_.stride * p_.C_in;
  return {step,
          phase_rows,
          phases * p_.C_out,
          phases,
          {false, regrouped_stride, 0},
          {false, phases * p_.C_out, p_.C_out},
          {false, phases * step, step}};
}

Gemm PhaseSplit::backward_weights(std::int64_t weights_stride) const {
  const std::int64_t step = p_.stride * p_.C_in;
  return {p_.kernel * p_.C_in,
          p_.C_out,
          phase_rows,
          phases,
          {false, phases * step, step},
          {true, phases * p_.C_out, p_.C_out},
          {false, weights_stride, weights_stride * p_.C_out}};
}

std::vector<float> PhaseSplit::regrouped(std::span<const float> weights, std::int64_t weights_stride,
                                         std::int64_t regrouped_stride) const {
  std::vector<float> result(static_cast<std::size_t>(regrouped_rows() * regrouped_stride));
  for (std::int64_t j = 0; j < phases; ++j) {
    for (std::int64_t out = 0; out < p_.C_out; ++out) {
      for (std::int64_t i = 0; i < p_.stride; ++i) {
        const std::int64_t tap = (phases - 1 - j) * p_.stride + i;
        if (tap >= p_.kernel) continue;
        for (std::int64_t in = 0; in < p_.C_in; ++in)
          result[static_cast<std::size_t>((j * p_.C_out + out) * regrouped_stride + i * p_.C_in + in)] =
              weights[static_cast<std::size_t>(out * weights_stride + tap * p_.C_in + in)];
      }
    }
  }
  return result;
}

}  // namespace bragg::bench
