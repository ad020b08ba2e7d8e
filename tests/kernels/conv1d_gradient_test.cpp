// The gradient of a convolution's weights by tile registers: those of AMX, and the arrays that stand for them.
#include "kernels/cpu/conv1d_gradient.h"

#include <limits>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "kernels/cpu/instruction_set.h"
#include "tests/kernels/op_runner.h"
#include "tests/kernels/tile_kernels.h"
#include "tests/support/compare.h"

namespace bragg::tests {
namespace {

/// Behind the last number there is none.
std::vector<BFloat16> kept(const Numbers& numbers) {
  std::vector<BFloat16> result;
  for (const double number : numbers)
    result.push_back(to_bfloat16(static_cast<float>(number)));
  result.resize(result.size() + 64, to_bfloat16(std::numeric_limits<float>::quiet_NaN()));
  return result;
}

void expect_exact(const std::string& tiles, const Conv1dProblem& p, int threads) {
  SCOPED_TRACE(fmt::format("{} on {}, {} threads", p.text(), tiles, threads));
  const std::int64_t L_out = p.L_out(), K = p.kernel * p.C_in;
  const Numbers src = integers(p.N * p.L_in * p.C_in, 1), diff = integers(p.N * L_out * p.C_out, 2);
  Numbers weights(p.C_out * K), bias(p.C_out);
  for (std::int64_t row = 0; row < p.N * L_out; ++row) {
    const double* window = &src[(row / L_out * p.L_in + row % L_out * p.stride) * p.C_in];
    for (std::int64_t o = 0; o < p.C_out; ++o) {
      bias[o] += diff[row * p.C_out + o];
      for (std::int64_t k = 0; k < K; ++k)
        weights[o * K + k] += diff[row * p.C_out + o] * window[k];
    }
  }

  const cpu::NetworkKernels table = kernels_of(tiles);
  ThreadPool pool(threads);
  const cpu::Conv1dGradient gradient(p, *table.of_bfloat16, pool.size());
  const auto kept_src = kept(src), kept_diff = kept(diff);
  std::vector<float> got_weights(weights.size()), got_bias(bias.size());
  // Whatever lay in the workspace before.
  std::vector<float> workspace(gradient.workspace() / sizeof(float), std::numeric_limits<float>::quiet_NaN());
  gradient.run({.problem = p,
                .src = {kept_src.data(), DType::bf16, p.N, p.L_in, p.C_in, p.L_in * p.C_in},
                .diff_dst = {kept_diff.data(), DType::bf16, p.N, L_out, p.C_out, L_out * p.C_out},
                .diff_weights = {got_weights.data(), DType::f32},
                .diff_bias = {got_bias.data(), DType::f32}},
               table, pool, workspace.data());
  EXPECT_TRUE(identical(Numbers(got_weights.begin(), got_weights.end()), weights));
  EXPECT_TRUE(identical(Numbers(got_bias.begin(), got_bias.end()), bias));
}

void expect_exact_in_every_shape(const std::string& tiles) {
  for (const int threads : {1, 3}) {
    expect_exact(tiles, {1, 1, 1, 1, 1, 1}, threads);
    expect_exact(tiles, {3, 40, 1, 5, 16, 4}, threads);    // a single channel: overlapping words
    expect_exact(tiles, {2, 71, 7, 17, 5, 1}, threads);    // nothing is a multiple of anything
    expect_exact(tiles, {2, 33, 3, 97, 4, 2}, threads);    // more rows than tiles at once
    expect_exact(tiles, {5, 700, 2, 80, 9, 3}, threads);   // several blocks of outputs
    expect_exact(tiles, {70, 33, 48, 48, 2, 1}, threads);  // several parts
  }
  expect_exact(tiles, {1, 130, 80, 80, 50, 1}, 2);  // several blocks of columns
}

TEST(Conv1dGradient, ExactOnIntegersInArrays) {
  if (!cpu::machine_has(cpu::InstructionSet::v3)) GTEST_SKIP() << "this machine lacks AVX2";
  expect_exact_in_every_shape("wide-amx");
}

TEST(Conv1dGradient, ExactOnIntegersInTiles) {
  if (!cpu::machine_has(cpu::InstructionSet::v4_amx)) GTEST_SKIP() << "this machine lacks AMX";
  expect_exact_in_every_shape("v4-amx");
}

}  // namespace
}  // namespace bragg::tests
