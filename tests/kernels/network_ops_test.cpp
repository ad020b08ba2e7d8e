// Every fast backend against the reference, op by op: cpu with each instruction set of this machine, cuda in
// each precision. Inputs are rounded to the type that they are kept in before either sees them.
#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "kernels/base/bfloat16.h"
#include "kernels/base/error.h"
#include "tests/kernels/op_runner.h"
#include "tests/support/compare.h"
#include "tests/support/devices.h"

namespace bragg::tests {
namespace {

constexpr double unit_roundoff = 0x1p-24;

/// Longest chain of roundings of a sum of K products: within a block of at most 512, then over blocks and
/// parts.
double chain(std::int64_t K) {
  return static_cast<double>(std::min<std::int64_t>(K, 512) + K / 64 + 8);
}

/// |error| <= (chain u + what rounding the operands costs) sum|a||b|, and a few roundings of the result
/// itself.
Numbers bounds(const Numbers& sums_of_magnitudes, std::int64_t K, double operands = 0) {
  Numbers result = sums_of_magnitudes;
  for (double& x : result)
    x *= chain(K) * unit_roundoff + operands;
  return result;
}

const std::vector<Conv1dProblem>& conv1d_shapes() {
  static const std::vector<Conv1dProblem> shapes{
      {.N = 1, .L_in = 1, .C_in = 1, .C_out = 1, .kernel = 1, .stride = 1},
      {.N = 3, .L_in = 7, .C_in = 1, .C_out = 1, .kernel = 1, .stride = 1},
      {.N = 2, .L_in = 11, .C_in = 3, .C_out = 5, .kernel = 1, .stride = 3},  // stride > kernel: rows nobody
                                                                              // reads
      {.N = 2, .L_in = 23, .C_in = 2, .C_out = 7, .kernel = 3, .stride = 5},
      {.N = 5, .L_in = 13, .C_in = 4, .C_out = 15, .kernel = 13, .stride = 2},  // one output
      {.N = 2, .L_in = 29, .C_in = 7, .C_out = 16, .kernel = 5, .stride = 1},
      {.N = 3, .L_in = 31, .C_in = 5, .C_out = 17, .kernel = 4, .stride = 2},  // L_in no multiple of the
                                                                               // stride
      {.N = 7, .L_in = 17, .C_in = 1, .C_out = 31, .kernel = 6, .stride = 4},
      {.N = 1, .L_in = 101, .C_in = 1, .C_out = 80, .kernel = 100, .stride = 5},
      {.N = 2, .L_in = 203, .C_in = 1, .C_out = 33, .kernel = 100, .stride = 5},
      {.N = 3, .L_in = 181, .C_in = 1, .C_out = 40, .kernel = 30, .stride = 5},  // several outputs to a row,
                                                                                 // the last row cut
      {.N = 2, .L_in = 61, .C_in = 80, .C_out = 80, .kernel = 25, .stride = 2},
      {.N = 1, .L_in = 54, .C_in = 80, .C_out = 79, .kernel = 50, .stride = 5},
      {.N = 2, .L_in = 9, .C_in = 80, .C_out = 300, .kernel = 2, .stride = 3},  // several groups of columns
      {.N = 7, .L_in = 900, .C_in = 2, .C_out = 3, .kernel = 4, .stride = 1},   // K of the weights' gradient
                                                                                // in parts
      // Padded: by as much as the kernel allows, by no multiple of the stride, on one side, and so that windows
      // do not reach the end.
      {.N = 3, .L_in = 1, .C_in = 3, .C_out = 2, .kernel = 3, .stride = 1, .pad_before = 1, .pad_after = 1},
      {.N = 2, .L_in = 29, .C_in = 7, .C_out = 16, .kernel = 5, .stride = 1, .pad_before = 2, .pad_after = 2},
      {.N = 3, .L_in = 31, .C_in = 5, .C_out = 17, .kernel = 4, .stride = 2, .pad_before = 1, .pad_after = 1},
      {.N = 2,
       .L_in = 53,
       .C_in = 1,
       .C_out = 48,
       .kernel = 16,
       .stride = 4,
       .pad_before = 6,
       .pad_after = 6},
      {.N = 2, .L_in = 20, .C_in = 8, .C_out = 24, .kernel = 7, .stride = 3, .pad_before = 6, .pad_after = 0},
      {.N = 3, .L_in = 22, .C_in = 8, .C_out = 8, .kernel = 2, .stride = 4, .pad_before = 0, .pad_after = 1},
      {.N = 2, .L_in = 26, .C_in = 16, .C_out = 8, .kernel = 5, .stride = 4, .pad_before = 3, .pad_after = 4},
  };
  return shapes;
}

const std::vector<DenseProblem>& dense_shapes() {
  static const std::vector<DenseProblem> shapes{
      {.N = 1, .in = 1, .out = 1},     {.N = 2, .in = 3, .out = 7},      {.N = 15, .in = 5, .out = 6},
      {.N = 16, .in = 31, .out = 97},  {.N = 17, .in = 129, .out = 47},  {.N = 64, .in = 257, .out = 130},
      {.N = 3, .in = 1201, .out = 11}, {.N = 300, .in = 37, .out = 230}, {.N = 1, .in = 530, .out = 7},
      {.N = 700, .in = 19, .out = 13},
  };
  return shapes;
}

std::string text(const Conv1dProblem& p) {
  return "conv1d " + p.text();
}
std::string text(const DenseProblem& p) {
  return "dense " + p.text();
}

struct Case {
  DeviceOptions device;
  std::int64_t alignment;
};
std::string name_of(const Case& c) {
  return tests::name_of(c.device) + (c.alignment > 1 ? "_aligned" : "");
}
void PrintTo(const Case& c, std::ostream* out) {
  *out << name_of(c);
}

class NetworkOps : public ::testing::TestWithParam<Case> {
 protected:
  /// As the device keeps an activation or a weight.
  Numbers stored(Numbers values) const {
    if (bf16_)
      for (double& x : values)
        x = to_float(to_bfloat16(static_cast<float>(x)));
    return values;
  }
  Numbers random(std::int64_t count, std::uint32_t seed) const { return stored(uniforms(count, seed)); }
  /// Of a sum of K products that is then stored. |error| <= (chain u + what rounding the operands costs)
  /// sum|a||b|, a few roundings of the result itself, and that of the type it is kept in.
  Numbers stored_bounds(const Numbers& sums_of_magnitudes, const Numbers& expected, std::int64_t K) const {
    Numbers result = bounds(sums_of_magnitudes, K, operands_);
    if (bf16_)
      for (std::size_t i = 0; i < result.size(); ++i)
        result[i] += 0x1p-8 * (std::fabs(expected[i]) + result[i]);
    return result;
  }

  /// By what the backend says of itself.
  bool has_wgmma() const { return backend_->description().find("wgmma") != std::string::npos; }

  const DeviceOptions& device_ = GetParam().device;
  const std::unique_ptr<Backend> reference_ =
      make_backend({.device = "reference", .threads = 1, .instruction_set = ""});
  const std::unique_ptr<Backend> backend_ = make_backend(device_);
  const OpRunner expected_{*reference_}, got_{*backend_, GetParam().alignment};
  const bool bf16_ = backend_->element_type() == DType::bf16;
  /// Relative, of a product whose two operands are rounded on their way.
  const double operands_ = device_.precision == "tf32" ? 2 * 0x1.01p-11 : 0;
};

/// Unaligned, which every op must take; aligned as well where products are computed otherwise then.
std::vector<Case> cases() {
  std::vector<Case> all;
  for (const DeviceOptions& device : devices_under_test()) {
    all.push_back({device, 1});
    if (device.precision == "bf16") all.push_back({device, 8});
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Devices, NetworkOps, ::testing::ValuesIn(cases()),
                         [](const auto& param_info) { return name_of(param_info.param); });

TEST_P(NetworkOps, Conv1dForwardIsExactOnIntegers) {
  for (const Conv1dProblem& p : conv1d_shapes()) {
    SCOPED_TRACE(text(p));
    const Numbers src = integers(p.N * p.L_in * p.C_in, 1),
                  weights = integers(p.C_out * p.kernel * p.C_in, 2);
    for (const EpilogueNumbers& e :
         {EpilogueNumbers{}, EpilogueNumbers{.bias = integers(p.C_out, 3)},
          EpilogueNumbers{
              .bias = integers(p.C_out, 3), .relu = true, .p = 0.5f, .layer = 2, .step = 5000000000}}) {
      EXPECT_TRUE(identical(got_.conv1d_forward(p, src, weights, e),
                            stored(expected_.conv1d_forward(p, src, weights, e))));
    }
  }
}

TEST_P(NetworkOps, Conv1dForwardIsWithinItsBound) {
  for (const Conv1dProblem& p : conv1d_shapes()) {
    SCOPED_TRACE(text(p));
    const Numbers src = random(p.N * p.L_in * p.C_in, 1), weights = random(p.C_out * p.kernel * p.C_in, 2);
    EpilogueNumbers e{.bias = uniforms(p.C_out, 3), .relu = true, .p = 0.3f, .layer = 1, .step = 9};
    const Numbers got = got_.conv1d_forward(p, src, weights, e),
                  expected = expected_.conv1d_forward(p, src, weights, e);
    e.bias = absolute(e.bias);
    const Numbers sums = expected_.conv1d_forward(p, absolute(src), absolute(weights), e);
    if (expected == Numbers(expected.size())) continue;  // all dropped: nothing to compare
    EXPECT_TRUE(within(got, expected, stored_bounds(sums, expected, p.kernel * p.C_in)));
  }
}

TEST_P(NetworkOps, Conv1dBackwardDataIsExactOnIntegers) {
  for (const Conv1dProblem& p : conv1d_shapes()) {
    SCOPED_TRACE(text(p));
    const Numbers dy = integers(p.N * p.L_out() * p.C_out, 4),
                  weights = integers(p.C_out * p.kernel * p.C_in, 2);
    for (const ReluNumbers& relu : {ReluNumbers{}, ReluNumbers{integers(p.N * p.L_in * p.C_in, 1), 0.5f}}) {
      EXPECT_TRUE(identical(got_.conv1d_backward_data(p, dy, weights, relu),
                            stored(expected_.conv1d_backward_data(p, dy, weights, relu))));
    }
  }
}

TEST_P(NetworkOps, Conv1dBackwardDataIsWithinItsBound) {
  for (const Conv1dProblem& p : conv1d_shapes()) {
    SCOPED_TRACE(text(p));
    const Numbers dy = random(p.N * p.L_out() * p.C_out, 4), weights = random(p.C_out * p.kernel * p.C_in, 2);
    const Numbers sums = expected_.conv1d_backward_data(p, absolute(dy), absolute(weights), {});
    const Numbers expected = expected_.conv1d_backward_data(p, dy, weights, {});
    EXPECT_TRUE(within(got_.conv1d_backward_data(p, dy, weights, {}), expected,
                       stored_bounds(sums, expected, p.kernel * p.C_out)));
  }
}

TEST_P(NetworkOps, Conv1dBackwardWeightsIsExactOnIntegers) {
  for (const Conv1dProblem& p : conv1d_shapes()) {
    SCOPED_TRACE(text(p));
    const Numbers src = integers(p.N * p.L_in * p.C_in, 1), dy = integers(p.N * p.L_out() * p.C_out, 4);
    const WeightGradients got = got_.conv1d_backward_weights(p, src, dy);
    const WeightGradients expected = expected_.conv1d_backward_weights(p, src, dy);
    EXPECT_TRUE(identical(got.weights, expected.weights));
    EXPECT_TRUE(identical(got.bias, expected.bias));
  }
}

TEST_P(NetworkOps, Conv1dBackwardWeightsIsWithinItsBound) {
  for (const Conv1dProblem& p : conv1d_shapes()) {
    SCOPED_TRACE(text(p));
    const Numbers src = random(p.N * p.L_in * p.C_in, 1), dy = random(p.N * p.L_out() * p.C_out, 4);
    const WeightGradients got = got_.conv1d_backward_weights(p, src, dy);
    const WeightGradients expected = expected_.conv1d_backward_weights(p, src, dy);
    const WeightGradients sums = expected_.conv1d_backward_weights(p, absolute(src), absolute(dy));
    EXPECT_TRUE(within(got.weights, expected.weights, bounds(sums.weights, p.N * p.L_out(), operands_)));
    EXPECT_TRUE(within(got.bias, expected.bias, bounds(sums.bias, p.N * p.L_out())));
  }
}

TEST_P(NetworkOps, DenseIsExactOnIntegers) {
  for (const DenseProblem& p : dense_shapes()) {
    SCOPED_TRACE(text(p));
    const Numbers src = integers(p.N * p.in, 1), weights = integers(p.out * p.in, 2),
                  dy = integers(p.N * p.out, 4);
    for (const EpilogueNumbers& e :
         {EpilogueNumbers{}, EpilogueNumbers{.bias = integers(p.out, 3), .relu = true, .p = 0.5f}}) {
      EXPECT_TRUE(identical(got_.dense_forward(p, src, weights, e),
                            stored(expected_.dense_forward(p, src, weights, e))));
    }
    for (const ReluNumbers& relu : {ReluNumbers{}, ReluNumbers{integers(p.N * p.in, 1), 0.5f}}) {
      EXPECT_TRUE(identical(got_.dense_backward_data(p, dy, weights, relu),
                            stored(expected_.dense_backward_data(p, dy, weights, relu))));
    }
    const WeightGradients got = got_.dense_backward_weights(p, src, dy);
    const WeightGradients expected = expected_.dense_backward_weights(p, src, dy);
    EXPECT_TRUE(identical(got.weights, expected.weights));
    EXPECT_TRUE(identical(got.bias, expected.bias));
  }
}

TEST_P(NetworkOps, DenseIsWithinItsBound) {
  for (const DenseProblem& p : dense_shapes()) {
    SCOPED_TRACE(text(p));
    const Numbers src = random(p.N * p.in, 1), weights = random(p.out * p.in, 2), dy = random(p.N * p.out, 4);
    const Numbers forward = expected_.dense_forward(p, src, weights, {}),
                  forward_sums = expected_.dense_forward(p, absolute(src), absolute(weights), {});
    EXPECT_TRUE(
        within(got_.dense_forward(p, src, weights, {}), forward, stored_bounds(forward_sums, forward, p.in)));
    EXPECT_TRUE(within(got_.dense_logits(p, src, weights), forward, bounds(forward_sums, p.in, operands_)));
    const Numbers backward = expected_.dense_backward_data(p, dy, weights, {}),
                  backward_sums = expected_.dense_backward_data(p, absolute(dy), absolute(weights), {});
    EXPECT_TRUE(within(got_.dense_backward_data(p, dy, weights, {}), backward,
                       stored_bounds(backward_sums, backward, p.out)));
    const WeightGradients got = got_.dense_backward_weights(p, src, dy);
    const WeightGradients expected = expected_.dense_backward_weights(p, src, dy);
    const WeightGradients sums = expected_.dense_backward_weights(p, absolute(src), absolute(dy));
    EXPECT_TRUE(within(got.weights, expected.weights, bounds(sums.weights, p.N, operands_)));
    EXPECT_TRUE(within(got.bias, expected.bias, bounds(sums.bias, p.N)));
  }
}

TEST_P(NetworkOps, AvgPool1d) {
  for (const AvgPool1dProblem& p : std::vector<AvgPool1dProblem>{{1, 1, 1, 1, 1},
                                                                 {2, 7, 3, 2, 3},
                                                                 {3, 11, 8, 4, 1},
                                                                 {2, 12, 17, 3, 2},
                                                                 {1, 16, 80, 2, 5},
                                                                 {2, 5, 31, 5, 4},
                                                                 {2, 9, 16, 3, 2, 1, 1},
                                                                 {3, 10, 5, 4, 3, 3, 0},
                                                                 {1, 7, 8, 3, 1, 0, 2}}) {
    SCOPED_TRACE("avg_pool1d " + p.text());
    // Multiples of the window: their mean is an integer where the window is a power of 2, and a rounding off
    // elsewhere.
    for (const bool exact : {true, false}) {
      const bool integer = exact && (p.kernel & (p.kernel - 1)) == 0;
      const auto fill = [&](std::int64_t count, std::uint32_t seed) {
        return integer ? integers(count, seed) : random(count, seed);
      };
      const Numbers src = fill(p.N * p.L_in * p.C, 1), dy = fill(p.N * p.L_out() * p.C, 4);
      // The scale 1 / (1 - p) of the backward pass is 2.
      const double roundings =
          (integer ? 0 : static_cast<double>(p.kernel + 4) * unit_roundoff) + (bf16_ ? 0x1p-8 : 0);
      const auto bounds_of = [&](Numbers magnitudes, double scale) {
        for (double& x : magnitudes)
          x *= scale * roundings;
        return magnitudes;
      };
      const Numbers forward_bounds = bounds_of(expected_.avg_pool1d_forward(p, absolute(src)), 1),
                    backward_bounds = bounds_of(expected_.avg_pool1d_backward(p, absolute(dy), {}), 2);
      for (const std::int64_t alignment : {1, 8}) {
        const OpRunner run(*backend_, alignment);
        EXPECT_TRUE(
            within(run.avg_pool1d_forward(p, src), expected_.avg_pool1d_forward(p, src), forward_bounds));
        for (const ReluNumbers& relu :
             {ReluNumbers{}, ReluNumbers{absolute(fill(p.N * p.L_in * p.C, 5)), 0.5f}}) {
          EXPECT_TRUE(within(run.avg_pool1d_backward(p, dy, relu), expected_.avg_pool1d_backward(p, dy, relu),
                             backward_bounds));
        }
      }
    }
  }
}

/// Without anything, with a bias and ReLU, and with dropout as well.
std::vector<EpilogueNumbers> epilogues(Numbers bias) {
  return {{},
          {.bias = bias, .relu = true},
          {.bias = {}, .relu = true, .p = 0.3f, .layer = 3, .step = 77},
          {.bias = bias, .relu = true, .p = 0.5f, .layer = 2, .step = 5000000000}};
}

TEST_P(NetworkOps, Add) {
  for (const AddProblem& p :
       std::vector<AddProblem>{{1, 9, 6}, {3, 7, 5}, {2, 11, 80}, {5, 3, 33}, {2, 300, 16}}) {
    SCOPED_TRACE(p.text());
    const std::int64_t count = p.N * p.L * p.C;
    const Numbers b = integers(count, 2), none;
    for (const std::int64_t alignment : {1, 8}) {
      const OpRunner run(*backend_, alignment);
      for (const Numbers& a : {integers(count, 1), random(count, 1)}) {
        const Numbers rounding(static_cast<std::size_t>(count), bf16_ ? 0x1p-8 * 12 : 0x1p-23 * 12);
        for (const Numbers* other : {&b, &none}) {
          for (const EpilogueNumbers& e : epilogues(integers(p.C, 3)))
            EXPECT_TRUE(
                within(run.add_forward(p, a, *other, e), expected_.add_forward(p, a, *other, e), rounding));
          for (const ReluNumbers& relu : {ReluNumbers{}, ReluNumbers{integers(count, 5), 0.5f}})
            EXPECT_TRUE(within(run.add_backward(p, a, *other, relu),
                               expected_.add_backward(p, a, *other, relu), rounding));
        }
      }
    }
  }
}

/// Convolutions that may be pooled at once: last rows and windows cut in every place, one output, src shorter
/// than a row of the product, several tiles, channels in several blocks.
const std::vector<Conv1dProblem>& pooled_shapes() {
  static const std::vector<Conv1dProblem> shapes{
      {.N = 1, .L_in = 110, .C_in = 1, .C_out = 8, .kernel = 100, .stride = 5},   // 3 outputs
      {.N = 3, .L_in = 141, .C_in = 1, .C_out = 16, .kernel = 100, .stride = 5},  // 9
      {.N = 3, .L_in = 145, .C_in = 1, .C_out = 24, .kernel = 100, .stride = 5},  // 10
      {.N = 1, .L_in = 192, .C_in = 1, .C_out = 40, .kernel = 100, .stride = 5},  // 19
      {.N = 3, .L_in = 187, .C_in = 1, .C_out = 80, .kernel = 100, .stride = 5},  // 18
      {.N = 3, .L_in = 45, .C_in = 3, .C_out = 96, .kernel = 9, .stride = 3},     // 13
      {.N = 1, .L_in = 1646, .C_in = 1, .C_out = 8, .kernel = 7, .stride = 3},    // 547, two tiles
      {.N = 5, .L_in = 130, .C_in = 3, .C_out = 40, .kernel = 4, .stride = 1},    // 127
  };
  return shapes;
}
AvgPool1dProblem pool_of(const Conv1dProblem& p) {
  return {p.N, p.L_out(), p.C_out, 3, 2};
}

/// The bits of the convolution's output, as the op would keep them.
std::vector<std::uint32_t> kept_of(const Conv1dProblem& p, const Numbers& y) {
  std::vector<std::uint32_t> words(static_cast<std::size_t>(p.N * p.L_out() * kept_words(p.C_out)));
  for (std::int64_t row = 0; row < p.N * p.L_out(); ++row)
    for (std::int64_t c = 0; c < p.C_out; ++c)
      if (y[row * p.C_out + c] > 0) words[row * kept_words(p.C_out) + c / 32] |= 1u << c % 32;
  return words;
}

TEST_P(NetworkOps, ConvolutionAndPoolAreTheirOpsOnIntegers) {
  for (const Conv1dProblem& p : pooled_shapes()) {
    SCOPED_TRACE(text(p));
    const AvgPool1dProblem pool = pool_of(p);
    if (GetParam().alignment == 1 || !has_wgmma()) continue;
    ASSERT_TRUE(has_pool(*backend_, p, pool));
    const Numbers src = integers(p.N * p.L_in * p.C_in, 1),
                  weights = integers(p.C_out * p.kernel * p.C_in, 2),
                  dy = random(p.N * pool.L_out() * p.C_out, 4);
    for (const EpilogueNumbers& e : epilogues(integers(p.C_out, 3))) {
      const Numbers y = got_.conv1d_forward(p, src, weights, e);
      const Numbers expected = got_.avg_pool1d_forward(pool, y);
      const PooledNumbers got = got_.conv1d_pool_forward(p, pool, src, weights, e, true);
      EXPECT_TRUE(identical(got.dst, expected));
      EXPECT_EQ(got.kept, kept_of(p, y));
      const PooledNumbers inference = got_.conv1d_pool_forward(p, pool, src, weights, e, false);
      EXPECT_TRUE(identical(inference.dst, expected));
      EXPECT_EQ(inference.kept, std::vector<std::uint32_t>(got.kept.size(), 0xA5A5A5A5u));  // as it was
      EXPECT_TRUE(identical(got_.avg_pool1d_backward_kept(pool, dy, got.kept, e.p),
                            got_.avg_pool1d_backward(pool, dy, {y, e.p})));
    }
  }
}

// Elements of the convolution's output may be rounded to the next bfloat16, as its sums are added up in
// another order than anywhere else.
TEST_P(NetworkOps, ConvolutionAndPoolAreWithinTheirBound) {
  for (const Conv1dProblem& p : pooled_shapes()) {
    SCOPED_TRACE(text(p));
    const AvgPool1dProblem pool = pool_of(p);
    if (GetParam().alignment == 1 || !has_wgmma()) continue;
    ASSERT_TRUE(has_pool(*backend_, p, pool));
    const Numbers src = random(p.N * p.L_in * p.C_in, 1), weights = random(p.C_out * p.kernel * p.C_in, 2);
    for (const EpilogueNumbers& e : epilogues(uniforms(p.C_out, 3))) {
      const PooledNumbers got = got_.conv1d_pool_forward(p, pool, src, weights, e, true);
      EpilogueNumbers magnitudes = e;
      magnitudes.bias = absolute(e.bias);
      const Numbers y = expected_.conv1d_forward(p, src, weights, e),
                    sums = expected_.conv1d_forward(p, absolute(src), absolute(weights), magnitudes);
      const Numbers expected = expected_.avg_pool1d_forward(pool, y);
      Numbers bounds = expected_.avg_pool1d_forward(pool, stored_bounds(sums, y, p.kernel * p.C_in));
      for (std::size_t i = 0; i < bounds.size(); ++i)
        bounds[i] += 0x1.01p-8 * (std::fabs(expected[i]) + bounds[i]);
      EXPECT_TRUE(within(got.dst, expected, bounds));

      // Where the sign before ReLU and dropout is beyond doubt, the bit is known.
      const Numbers z = expected_.conv1d_forward(p, src, weights, {.bias = e.bias});
      magnitudes.relu = false;
      magnitudes.p = 0;
      const Numbers doubt = stored_bounds(
          expected_.conv1d_forward(p, absolute(src), absolute(weights), magnitudes), z, p.kernel * p.C_in);
      const std::vector<std::uint32_t> kept = kept_of(p, y);
      std::int64_t wrong = 0, known = 0;
      for (std::int64_t i = 0; i < static_cast<std::int64_t>(y.size()); ++i) {
        if (std::fabs(z[i]) <= doubt[i]) continue;
        const std::int64_t c = i % p.C_out, word = i / p.C_out * kept_words(p.C_out) + c / 32;
        ++known;
        wrong += ((got.kept[word] ^ kept[word]) >> c % 32 & 1) != 0;
      }
      EXPECT_EQ(wrong, 0);
      EXPECT_GT(known, static_cast<std::int64_t>(y.size()) / 2);
    }
  }
}

TEST_P(NetworkOps, SoftmaxCrossEntropy) {
  for (const std::int64_t classes : {1, 7, 230}) {
    const SoftmaxCrossEntropyProblem p{.N = 37, .classes = classes};
    Numbers logits = uniforms(p.N * classes, 1);
    for (double& x : logits)
      x = static_cast<float>(x * 30);
    std::vector<std::int32_t> labels(p.N);
    for (std::int64_t n = 0; n < p.N; ++n)
      labels[n] = static_cast<std::int32_t>(n * 13 % classes);
    const LossNumbers got = got_.softmax_cross_entropy(p, logits, labels);
    const LossNumbers expected = expected_.softmax_cross_entropy(p, logits, labels);
    // Sums are double; only the stored gradient is rounded.
    if (classes > 1) {  // of one class all is zero
      EXPECT_TRUE(within(got.diff_logits, expected.diff_logits, (bf16_ ? 0x1p-8 : unit_roundoff) / 37));
      EXPECT_TRUE(within({{got.totals.loss_sum}}, {{expected.totals.loss_sum}}, 1e-11));
    }
    EXPECT_EQ(got.totals.correct, expected.totals.correct);
    EXPECT_EQ(got.totals.count, 37u);
  }
}

// A table of the labels' classes, and a weight of the gradient alone.
TEST_P(NetworkOps, SoftmaxOfGroupsOfLabels) {
  const SoftmaxCrossEntropyProblem p{.N = 5, .classes = 3},
      of_labels{.N = 5, .classes = 3, .labels = 4, .weight = 0.5};
  const Numbers logits = integers(15, 1);
  for (const OpRunner* run : {&got_, &expected_}) {
    const LossNumbers direct = run->softmax_cross_entropy(p, logits, {2, 0, 0, 1, 2});
    const LossNumbers by_table = run->softmax_cross_entropy(of_labels, logits, {0, 3, 1, 2, 0}, {2, 0, 1, 0});
    EXPECT_EQ(by_table.totals.loss_sum, direct.totals.loss_sum);
    EXPECT_EQ(by_table.totals.correct, direct.totals.correct);
    for (std::size_t i = 0; i < 15; ++i)
      EXPECT_EQ(2 * by_table.diff_logits[i], direct.diff_logits[i]);
    for (const std::int32_t label : {-1, 4})
      EXPECT_TRUE(std::isnan(
          run->softmax_cross_entropy(of_labels, logits, {0, 3, 1, 2, label}, {2, 0, 1, 0}).totals.loss_sum));
  }
}

TEST_P(NetworkOps, SoftmaxRefusesToCountWhatIsNotANumber) {
  const SoftmaxCrossEntropyProblem p{.N = 2, .classes = 3};
  constexpr double infinity = std::numeric_limits<double>::infinity();
  for (const OpRunner* run : {&got_, &expected_}) {
    for (const double bad : {std::nan(""), infinity, -infinity}) {
      const LossNumbers loss = run->softmax_cross_entropy(p, {5, 1, bad, 2, 1, 0}, {0, 0});
      EXPECT_TRUE(std::isnan(loss.totals.loss_sum));
      EXPECT_EQ(loss.totals.correct, 1u);  // the second row's
      EXPECT_EQ(loss.totals.count, 2u);
    }
    for (const std::int32_t label : {-1, 3}) {
      EXPECT_TRUE(std::isnan(run->softmax_cross_entropy(p, {5, 1, 0, 2, 1, 0}, {label, 0}).totals.loss_sum));
    }
    // A tie counts for the lowest class.
    EXPECT_EQ(run->softmax_cross_entropy(p, {1, 1, 0, 1, 1, 0}, {0, 1}).totals.correct, 1u);
  }
}

TEST_P(NetworkOps, Adam) {
  for (const std::int64_t count : {1, 17, 1028, 64 * 1024 + 1}) {
    const AdamProblem p{.count = count, .learning_rate = 1e-3};
    const AdamNumbers before{uniforms(count, 1), uniforms(count, 2), absolute(uniforms(count, 3)), {}};
    const Numbers gradients = uniforms(count, 4);
    for (const std::uint64_t step : {0ull, 1ull, 1000000ull}) {
      const AdamNumbers expected = expected_.adam(p, before, gradients, step);
      for (const std::int64_t alignment : {1, 8}) {
        const AdamNumbers got = OpRunner(*backend_, alignment).adam(p, before, gradients, step);
        // m and v: three roundings of numbers below 1, and of the constants. w: 1 more, of an update below
        // lr / (1 - beta1) |m| / sqrt(v), which is large where v is small.
        EXPECT_TRUE(within(got.m, expected.m, 4 * unit_roundoff));
        EXPECT_TRUE(within(got.v, expected.v, 4 * unit_roundoff));
        Numbers weight_bounds(count);
        for (std::int64_t i = 0; i < count; ++i) {
          const double update = std::fabs(expected.weights[i] - before.weights[i]);
          const double magnitude =
              (0.9 * std::fabs(before.m[i]) + 0.1 * std::fabs(gradients[i])) / std::fabs(expected.m[i]);
          weight_bounds[i] = unit_roundoff * (2 + update * (12 + 4 * magnitude));
        }
        EXPECT_TRUE(within(got.weights, expected.weights, weight_bounds));
        if (bf16_) {
          EXPECT_TRUE(identical(got.working, stored(got.weights)));
        }
      }
    }
  }
}

TEST_P(NetworkOps, FusedAdamIsTheUnfused) {
  if (!backend_->has(DenseBackwardWeightsAdam{})) return;
  for (const DenseProblem& p : dense_shapes()) {
    SCOPED_TRACE(text(p));
    const std::int64_t count = p.out * p.in;
    const Numbers src = random(p.N * p.in, 1), dy = random(p.N * p.out, 4);
    const AdamNumbers before{uniforms(count, 1), uniforms(count, 2), absolute(uniforms(count, 3)), {}};
    const auto [got, diff_bias] = got_.dense_backward_weights_adam(p, src, dy, before, 1000000);
    const WeightGradients gradients = got_.dense_backward_weights(p, src, dy);
    const AdamNumbers expected = got_.adam({.count = count}, before, gradients.weights, 1000000);
    EXPECT_TRUE(identical(diff_bias, gradients.bias));
    EXPECT_TRUE(identical(got.weights, expected.weights));
    EXPECT_TRUE(identical(got.m, expected.m));
    EXPECT_TRUE(identical(got.v, expected.v));
    EXPECT_TRUE(identical(got.working, expected.working));
  }
}

/// Every op's result, for comparing runs.
std::vector<Numbers> run_all(const OpRunner& run) {
  std::vector<Numbers> results;
  // Long enough for a sum in parts; an emulated device is given less of everything else.
  const bool less = is_emulated();
  const std::int64_t length = less ? 700 : 4000, kernel = less ? 10 : 100;
  for (const Conv1dProblem& p :
       {Conv1dProblem{3, 203, 3, 37, 21, 4}, Conv1dProblem{2, length, 1, 80, kernel, 1}}) {
    const Numbers src = uniforms(p.N * p.L_in * p.C_in, 1),
                  weights = uniforms(p.C_out * p.kernel * p.C_in, 2);
    const Numbers dy = uniforms(p.N * p.L_out() * p.C_out, 3);
    results.push_back(
        run.conv1d_forward(p, src, weights, {.bias = uniforms(p.C_out, 5), .relu = true, .p = 0.3f}));
    results.push_back(run.conv1d_backward_data(p, dy, weights, {src, 0.3f}));
    auto [diff_weights, diff_bias] = run.conv1d_backward_weights(p, src, dy);
    results.push_back(std::move(diff_weights));
    results.push_back(std::move(diff_bias));
  }
  const DenseProblem p{.N = 37, .in = less ? 130 : 700, .out = less ? 90 : 331};
  const Numbers src = uniforms(p.N * p.in, 1), weights = uniforms(p.out * p.in, 2),
                dy = uniforms(p.N * p.out, 3);
  results.push_back(
      run.dense_forward(p, src, weights, {.bias = uniforms(p.out, 5), .relu = true, .p = 0.5f}));
  results.push_back(run.dense_backward_data(p, dy, weights, {src, 0.5f}));
  results.push_back(run.dense_backward_weights(p, src, dy).weights);
  const LossNumbers loss = run.softmax_cross_entropy({.N = 37, .classes = 19}, uniforms(37 * 19, 6),
                                                     std::vector<std::int32_t>(37, 3));
  results.push_back(loss.diff_logits);
  results.push_back({loss.totals.loss_sum});
  const AdamNumbers adam = run.adam(
      {.count = 200000}, {uniforms(200000, 1), uniforms(200000, 2), absolute(uniforms(200000, 3)), {}},
      uniforms(200000, 4), 3);
  results.push_back(adam.weights);
  return results;
}

TEST_P(NetworkOps, SameBitsEveryTimeAndForAnyNumberOfThreads) {
  const std::vector<Numbers> expected = run_all(got_);
  const bool takes_threads = device_.device == "cpu";
  for (const int threads : takes_threads ? std::vector{1, 2, 3, 5} : std::vector{1}) {
    DeviceOptions options = device_;
    options.threads = threads;
    const auto backend = make_backend(options);
    const std::vector<Numbers> got = run_all(OpRunner(*backend, GetParam().alignment));
    for (std::size_t i = 0; i < got.size(); ++i) {
      EXPECT_TRUE(identical(got[i], expected[i])) << "result " << i << ", " << threads << " threads";
    }
  }
}

TEST_P(NetworkOps, DropoutKeepsWhatItsDefinitionKeeps) {
  for (const std::int64_t C : {1, 7, 8, 31, 32, 33, 80, 230}) {
    const Conv1dProblem p{.N = 3, .L_in = 19, .C_in = 1, .C_out = C, .kernel = 1, .stride = 1};
    for (const float probability : {0.3f, 0.5f, 0.6f}) {
      const EpilogueNumbers e{.bias = Numbers(C, 1.0),
                              .relu = true,
                              .p = probability,
                              .seed = 11,
                              .layer = 3,
                              .step = 5000000001};
      for (const OpRunner* run : {&got_, &expected_}) {
        const Numbers y = run->conv1d_forward(p, Numbers(p.N * p.L_in), Numbers(C), e);
        std::int64_t wrong = 0;
        for (std::int64_t row = 0; row < p.N * p.L_in; ++row) {
          for (std::int64_t c = 0; c < C; ++c) {
            wrong += (y[row * C + c] > 0) != dropout_keeps(e.seed, e.layer, e.step, row, c, C, probability);
          }
        }
        EXPECT_EQ(wrong, 0) << "C " << C << ", p " << probability;
      }
      const DenseProblem dense{.N = 3, .in = 1, .out = C};
      const Numbers y = got_.dense_forward(dense, Numbers(3), Numbers(C), e);
      for (std::int64_t i = 0; i < 3 * C; ++i) {
        EXPECT_EQ(y[i] > 0, dropout_keeps(e.seed, e.layer, e.step, i / C, i % C, C, probability));
      }
    }
  }
}

TEST_P(NetworkOps, NoItems) {
  const Conv1dProblem conv{.N = 0, .L_in = 9, .C_in = 2, .C_out = 3, .kernel = 2, .stride = 1};
  const DenseProblem dense{.N = 0, .in = 4, .out = 5};
  for (const OpRunner* run : {&got_, &expected_}) {
    EXPECT_TRUE(run->conv1d_forward(conv, {}, integers(12, 1), {}).empty());
    EXPECT_TRUE(run->conv1d_backward_data(conv, {}, integers(12, 1), {}).empty());
    EXPECT_EQ(run->conv1d_backward_weights(conv, {}, {}).weights, Numbers(12));
    EXPECT_EQ(run->conv1d_backward_weights(conv, {}, {}).bias, Numbers(3));
    EXPECT_TRUE(run->dense_forward(dense, {}, integers(20, 1), {}).empty());
    EXPECT_TRUE(run->dense_backward_data(dense, {}, integers(20, 1), {}).empty());
    EXPECT_EQ(run->dense_backward_weights(dense, {}, {}).weights, Numbers(20));
    EXPECT_TRUE(run->avg_pool1d_forward({0, 5, 2, 2, 1}, {}).empty());
    EXPECT_EQ(run->softmax_cross_entropy({0, 3}, {}, {}).totals.count, 0u);
  }
}

}  // namespace
}  // namespace bragg::tests
