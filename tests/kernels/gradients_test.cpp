// The reference's backward ops against central differences of its forward ops, in double.
#include <cmath>
#include <functional>

#include <gtest/gtest.h>

#include "tests/kernels/op_runner.h"
#include "tests/support/compare.h"

namespace bragg::tests {
namespace {

double dot(const Numbers& a, const Numbers& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    sum += a[i] * b[i];
  return sum;
}

/// d loss / d x by central differences.
Numbers central_differences(Numbers x, double h, const std::function<double(const Numbers&)>& loss) {
  Numbers gradient(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double at = x[i];
    x[i] = at + h;
    const double above = loss(x);
    x[i] = at - h;
    gradient[i] = (above - loss(x)) / (2 * h);
    x[i] = at;
  }
  return gradient;
}

// The ops are linear in each argument, so a step of 2^-4 has no truncation error; what is left is the
// rounding of the two losses (inputs are uploaded as floats: 24 bits of x, moved by 2^-4 exactly), some 1e3
// terms below 1 each.
constexpr double step = 0x1p-4, bound = 1e-10;

/// Floats with few bits, so that x +- step is exact.
Numbers coarse(std::int64_t count, std::uint32_t seed) {
  Numbers values = uniforms(count, seed);
  for (double& x : values)
    x = std::round(x * 64) / 64 + (x < 0 ? -0.5 : 0.5);  // away from ReLU's corner
  return values;
}

class Gradients : public ::testing::Test {
 protected:
  const std::unique_ptr<Backend> reference_ =
      make_backend({.device = "reference", .threads = 1, .instruction_set = ""});
  const OpRunner run_{*reference_};

  /// relu and dropout of z, as an op's epilogue makes them: the src that a ReluGradient wants.
  Numbers activated(const Numbers& z, float p) const {
    const auto count = static_cast<std::int64_t>(z.size());
    const Conv1dProblem identity{.N = 1, .L_in = count, .C_in = 1, .C_out = 1, .kernel = 1, .stride = 1};
    return run_.conv1d_forward(identity, z, {1.0}, {.bias = {}, .relu = true, .p = p});
  }
};

TEST_F(Gradients, Conv1d) {
  for (const Conv1dProblem& p :
       {Conv1dProblem{2, 11, 3, 4, 4, 2}, Conv1dProblem{1, 7, 1, 2, 1, 3}, Conv1dProblem{2, 13, 2, 3, 5, 1},
        Conv1dProblem{1, 10, 2, 2, 2, 3}, Conv1dProblem{2, 9, 2, 3, 4, 2, 1, 1},
        Conv1dProblem{2, 8, 2, 2, 5, 3, 4, 2}}) {
    const Numbers z = coarse(p.N * p.L_in * p.C_in, 1), weights = coarse(p.C_out * p.kernel * p.C_in, 2);
    const Numbers dy = coarse(p.N * p.L_out() * p.C_out, 3), bias = coarse(p.C_out, 4);
    const float dropout = 0.5f;
    const auto loss = [&](const Numbers& z_, const Numbers& weights_, const Numbers& bias_) {
      return dot(run_.conv1d_forward(p, activated(z_, dropout), weights_, {.bias = bias_}), dy);
    };
    const Numbers src = activated(z, dropout);
    EXPECT_TRUE(within(run_.conv1d_backward_data(p, dy, weights, {src, dropout}),
                       central_differences(z, step, [&](const Numbers& x) { return loss(x, weights, bias); }),
                       bound));
    const WeightGradients gradients = run_.conv1d_backward_weights(p, src, dy);
    EXPECT_TRUE(within(gradients.weights,
                       central_differences(weights, step, [&](const Numbers& x) { return loss(z, x, bias); }),
                       bound));
    EXPECT_TRUE(within(gradients.bias,
                       central_differences(bias, step, [&](const Numbers& x) { return loss(z, weights, x); }),
                       bound));
  }
}

TEST_F(Gradients, Dense) {
  const DenseProblem p{.N = 3, .in = 7, .out = 5};
  const Numbers z = coarse(p.N * p.in, 1), weights = coarse(p.out * p.in, 2), dy = coarse(p.N * p.out, 3);
  const Numbers bias = coarse(p.out, 4);
  const float dropout = 0.5f;
  const auto loss = [&](const Numbers& z_, const Numbers& weights_, const Numbers& bias_) {
    return dot(run_.dense_forward(p, activated(z_, dropout), weights_, {.bias = bias_}), dy);
  };
  const Numbers src = activated(z, dropout);
  EXPECT_TRUE(within(run_.dense_backward_data(p, dy, weights, {src, dropout}),
                     central_differences(z, step, [&](const Numbers& x) { return loss(x, weights, bias); }),
                     bound));
  const WeightGradients gradients = run_.dense_backward_weights(p, src, dy);
  EXPECT_TRUE(within(gradients.weights,
                     central_differences(weights, step, [&](const Numbers& x) { return loss(z, x, bias); }),
                     bound));
  EXPECT_TRUE(within(gradients.bias,
                     central_differences(bias, step, [&](const Numbers& x) { return loss(z, weights, x); }),
                     bound));
}

TEST_F(Gradients, AvgPool1d) {
  for (const AvgPool1dProblem& p : {AvgPool1dProblem{2, 9, 3, 3, 2}, AvgPool1dProblem{1, 7, 2, 2, 3},
                                    AvgPool1dProblem{2, 8, 2, 4, 3, 2, 3}}) {
    const Numbers z = coarse(p.N * p.L_in * p.C, 1), dy = coarse(p.N * p.L_out() * p.C, 3);
    const auto loss = [&](const Numbers& x) {
      return dot(run_.avg_pool1d_forward(p, activated(x, 0.5f)), dy);
    };
    EXPECT_TRUE(within(run_.avg_pool1d_backward(p, dy, {activated(z, 0.5f), 0.5f}),
                       central_differences(z, step, loss), bound));
  }
}

TEST_F(Gradients, Add) {
  const AddProblem p{.N = 2, .L = 3, .C = 5};
  const std::int64_t count = p.N * p.L * p.C;
  const Numbers z = coarse(count, 1), b = coarse(count, 2), dy = coarse(count, 3), more = coarse(count, 4);
  // z is read by an add, and by something whose gradient is `more`.
  const auto loss = [&](const Numbers& x) {
    const Numbers src = activated(x, 0.5f);
    return dot(run_.add_forward(p, src, b, {}), dy) + dot(src, more);
  };
  EXPECT_TRUE(within(run_.add_backward(p, dy, more, {activated(z, 0.5f), 0.5f}),
                     central_differences(z, step, loss), bound));
}

TEST_F(Gradients, SoftmaxCrossEntropy) {
  const SoftmaxCrossEntropyProblem p{.N = 3, .classes = 5};
  const Numbers logits = coarse(p.N * p.classes, 1);
  const std::vector<std::int32_t> labels{4, 0, 2};
  // Truncation h^2 / 6 times the third derivative, which is below 1/3 here; rounding 1e-15 / h.
  constexpr double h = 0x1p-12;
  EXPECT_TRUE(within(run_.softmax_cross_entropy(p, logits, labels).diff_logits,
                     central_differences(logits, h,
                                         [&](const Numbers& x) {
                                           return run_.softmax_cross_entropy(p, x, labels).totals.loss_sum /
                                                  3;
                                         }),
                     h * h / 18 + 1e-11));
}

TEST_F(Gradients, AdamIsTheFormulaOfThePaper) {
  // Algorithm 1 of Kingma & Ba (2015), two steps by hand with g = 3, then -1.
  const AdamProblem p{.count = 1, .learning_rate = 0.5, .beta1 = 0.5, .beta2 = 0.75, .epsilon = 0.25};
  const AdamNumbers one = run_.adam(p, {{2}, {0}, {0}}, {3}, 0);
  EXPECT_DOUBLE_EQ(one.m[0], 1.5);
  EXPECT_DOUBLE_EQ(one.v[0], 2.25);
  EXPECT_DOUBLE_EQ(one.weights[0], 2 - 0.5 * 3 / (3 + 0.25));  // m_hat = 3, v_hat = 9
  const AdamNumbers two = run_.adam(p, {{2}, {1.5}, {2.25}}, {-1}, 1);
  EXPECT_DOUBLE_EQ(two.m[0], 0.25);
  EXPECT_DOUBLE_EQ(two.v[0], 1.9375);
  EXPECT_DOUBLE_EQ(two.weights[0], 2 - 0.5 * (0.25 / 0.75) / (std::sqrt(1.9375 / 0.4375) + 0.25));
}

}  // namespace
}  // namespace bragg::tests
