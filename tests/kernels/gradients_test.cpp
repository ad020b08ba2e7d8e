// The reference's backward ops against central differences of its forward ops, in double: for every case of
// sums() that is small enough, by the names of operands (X and diff_X), and for the loss; and Adam by its
// formula.
#include <cmath>
#include <functional>
#include <set>

#include <gtest/gtest.h>

#include "tests/kernels/op_cases.h"
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
constexpr float dropout = 0.5f;

/// Floats with few bits, so that x +- step is exact.
Numbers coarse(Numbers values) {
  for (double& x : values)
    x = std::round(x * 64) / 64 + (x < 0 ? -0.5 : 0.5);  // away from ReLU's corner
  return values;
}

std::string name_of(const NetworkOp& any) {
  return std::visit([](const auto& op) { return std::string(op.name); }, any);
}
/// "src" of "diff_src"; empty where it is no gradient.
std::string value_of(const std::string& operand) {
  return operand.starts_with("diff_") ? operand.substr(5) : "";
}

class Gradients : public ::testing::Test {
 protected:
  const std::unique_ptr<Backend> reference_ =
      make_backend({.device = "reference", .threads = 1, .instruction_set = ""});
  OpRunner run_{*reference_};

  Operands coarse_inputs(const NetworkOp& op) const {
    OpCase one{op, {}, {}};
    for (const auto& [info, count] : operands_of(op))
      if (info.is_optional && info.role == Role::in) one.given[info.name] = {};
    Operands inputs = filled(one, Fill::uniforms, reference_->number_types());
    for (auto& [name, values] : inputs)
      values = coarse(std::move(values));
    return inputs;
  }

  /// ReLU and dropout of z, as an op's epilogue makes them: the src that a ReluGradient wants.
  Numbers activated(const Numbers& z) {
    AddForward alone{.problem = {.N = 1, .L = 1, .C = static_cast<std::int64_t>(z.size())}};
    alone.epilogue.relu = true;
    alone.epilogue.dropout.p = dropout;
    return run_.run(alone, {{"a", z}}).at("dst");
  }

  /// Every gradient that the op makes. The loss is the sum over its gradients diff_Y of diff_Y * Y where forward
  /// makes Y, and where forward reads Y of diff_Y * dst with src read as Y.
  void expect_gradients(const NetworkOp& forward, const NetworkOp& plain_backward) {
    const NetworkOp backward = in_training(plain_backward, dropout);
    Operands given = coarse_inputs(backward), values = coarse_inputs(forward);
    const auto through = given.find("ReLU gradient's src");
    const bool has_relu = through != given.end();
    const Numbers z = has_relu ? through->second : Numbers{};
    if (has_relu) through->second = values["src"] = activated(z);
    for (auto& [name, numbers] : given)
      if (values.contains(name)) numbers = values[name];
    if (!has_layer_src(forward)) values.erase("src");

    const auto loss = [&](const std::string& name, const Numbers& numbers) {
      double sum = 0;
      for (const auto& [operand, gradient] : given) {
        const std::string Y = value_of(operand);
        if (Y.empty()) continue;
        Operands inputs = values;
        inputs[inputs.contains(name) ? name : Y] = numbers;
        sum += dot(run_.run(forward, inputs).at("dst"), gradient);
      }
      return sum;
    };
    const Operands got = run_.run(backward, given);
    const std::string ran = run_.ran();
    for (const auto& [operand, gradient] : got) {
      const std::string X = value_of(operand);
      const bool moves_z = has_relu && X == "src";
      const Numbers expected = central_differences(
          moves_z ? z : values.at(X), step,
          [&](const Numbers& numbers) { return loss(X, moves_z ? activated(numbers) : numbers); });
      if (expected == Numbers(expected.size()))  // of one element that the ReLU stops
        EXPECT_EQ(gradient, expected) << operand << " of " << ran;
      else
        EXPECT_TRUE(within(gradient, expected, bound)) << operand << " of " << ran;
    }
  }

 private:
  static bool has_layer_src(const NetworkOp& forward) {
    for (const auto& [info, count] : operands_of(forward))
      if (info.name == std::string("src")) return true;
    return false;
  }
};

/// Products of one run for every number that is moved.
double cost(const LayerProblem& any, const NetworkOp& forward) {
  double numbers = 0;
  for (const auto& [info, count] : operands_of(forward))
    numbers += static_cast<double>(count);
  return std::visit(
      [&](const auto& problem) {
        if constexpr (requires { problem.flops(); }) return numbers * (2000 + problem.flops() / 2);
        return numbers * 2000;
      },
      any);
}

TEST_F(Gradients, OfSums) {
  std::set<std::string> checked, all;
  for (const LayerProblem& problem : sums()) {
    const std::vector<LayerPass> ops = passes(problem);
    for (std::size_t i = 1; i < ops.size(); ++i) {
      all.insert(name_of(ops[i].op));
      if (cost(problem, ops[0].op) > 5e6) continue;
      expect_gradients(ops[0].op, ops[i].op);
      checked.insert(name_of(ops[i].op));
    }
  }
  EXPECT_EQ(checked, all);
}

TEST_F(Gradients, SoftmaxCrossEntropy) {
  const bragg::SoftmaxCrossEntropy op{.problem = {.N = 3, .classes = 5}};
  const Operands given{{"logits", coarse(uniforms(15, 1))}, {"labels", {4, 0, 2}}, {"diff_logits", {}}};
  // Truncation h^2 / 6 times the third derivative, which is below 1/3 here; rounding 1e-15 / h.
  constexpr double h = 0x1p-12;
  const auto loss = [&](const Numbers& logits) {
    return run_.run(op, {{"logits", logits}, {"labels", given.at("labels")}}).at("totals")[0] / 3;
  };
  EXPECT_TRUE(within(run_.run(op, given).at("diff_logits"), central_differences(given.at("logits"), h, loss),
                     h * h / 18 + 1e-11));
}

// As above, with smoothed labels, and weights of classes that add up to 4.5 for these labels.
TEST_F(Gradients, SmoothedAndWeightedSoftmaxCrossEntropy) {
  const bragg::SoftmaxCrossEntropy op{.problem = {.N = 3, .classes = 5, .label_smoothing = 0.2}};
  Operands given{
      {"logits", coarse(uniforms(15, 1))}, {"labels", {4, 0, 2}}, {"class_weights", {0.5, 1, 1.5, 3, 2.5}}};
  constexpr double h = 0x1p-12;
  const auto loss = [&](const Numbers& logits) {
    Operands moved = given;
    moved["logits"] = logits;
    return run_.run(op, moved).at("totals")[0] / 3;
  };
  const Numbers expected = central_differences(given.at("logits"), h, loss);
  given["diff_logits"] = {};
  EXPECT_TRUE(within(run_.run(op, given).at("diff_logits"), expected, h * h / 6 + 1e-11));
}

// Exact but for rounding where no difference comes to delta: the loss is a square or linear.
TEST_F(Gradients, HuberLoss) {
  const bragg::HuberLoss op{.problem = {.N = 3, .outputs = 2, .delta = 0.75}};
  Operands given{{"predictions", {0.25, -2, 1, 0.5, 3, -0.25}}, {"targets", {0, 0, 0.5, 0.25, 0.5, 0.25}}};
  const auto loss = [&](const Numbers& predictions) {
    return run_.run(op, {{"predictions", predictions}, {"targets", given.at("targets")}}).at("totals")[0] / 3;
  };
  const Numbers expected = central_differences(given.at("predictions"), step, loss);
  given["diff_predictions"] = {};
  EXPECT_TRUE(within(run_.run(op, given).at("diff_predictions"), expected, 1e-13));
}

TEST_F(Gradients, AdamIsTheFormulaOfThePaper) {
  // Algorithm 1 of Kingma & Ba (2015), two steps by hand with g = 3, then -1.
  const Adam op{.problem = {.count = 1, .learning_rate = 0.5, .beta1 = 0.5, .beta2 = 0.75, .epsilon = 0.25}};
  const Operands one =
      run_.run(op, {{"weights", {2}}, {"m", {0}}, {"v", {0}}, {"gradients", {3}}}, {.step = 0});
  EXPECT_DOUBLE_EQ(one.at("m")[0], 1.5);
  EXPECT_DOUBLE_EQ(one.at("v")[0], 2.25);
  EXPECT_DOUBLE_EQ(one.at("weights")[0], 2 - 0.5 * 3 / (3 + 0.25));  // m_hat = 3, v_hat = 9
  const Operands two =
      run_.run(op, {{"weights", {2}}, {"m", {1.5}}, {"v", {2.25}}, {"gradients", {-1}}}, {.step = 1});
  EXPECT_DOUBLE_EQ(two.at("m")[0], 0.25);
  EXPECT_DOUBLE_EQ(two.at("v")[0], 1.9375);
  EXPECT_DOUBLE_EQ(two.at("weights")[0], 2 - 0.5 * (0.25 / 0.75) / (std::sqrt(1.9375 / 0.4375) + 0.25));
}

}  // namespace
}  // namespace bragg::tests
