// Batch normalisation on every fast backend against the reference, within bounds that follow from its arithmetic;
// and the reference's gradient against differences, its statistics against numbers by hand.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "kernels/base/bfloat16.h"
#include "kernels/base/error.h"
#include "tests/kernels/beside_reference.h"
#include "tests/kernels/op_cases.h"
#include "tests/support/compare.h"

namespace bragg::tests {
namespace {

constexpr double u = unit_roundoff;
constexpr const char* relu_src = "ReLU gradient's src";

/// Roundings of a sum over rows in fp32, at most: blocks of 4096 numbers, four rows at once, or a thread's 16 rows.
double roundings(const BatchNormProblem& p) {
  return static_cast<double>(std::min(p.rows(), std::max<std::int64_t>(1, 4096 / p.C))) / 4 + 20;
}

/// Bounds of every result, from what went in (magnitudes below 1) and what the reference made of it, before the
/// result is rounded to the type that it is kept in.
class Bounds {
 public:
  Bounds(const Operands& inputs, const Operands& expected) : in_(inputs), expected_(expected) {}

  Operands operator()(const BatchNormForward& op) const {
    const BatchNormProblem& p = op.problem;
    const double of_sum = roundings(p) * u;
    const Numbers &mean = at("mean"), &inverse = at("inverse_deviation");
    Operands bounds{{"mean", Numbers(mean.size(), of_sum)},
                    {"inverse_deviation", inverse},
                    {"running_mean", Numbers(mean.size(), of_sum + 4 * u)},
                    {"running_variance", at("running_variance")}};
    Numbers relative(mean.size());  // of the deviation
    for (std::size_t c = 0; c < mean.size(); ++c) {
      relative[c] = of_sum * inverse[c] + of_sum + 8 * u;
      bounds["inverse_deviation"][c] *= relative[c];
      bounds["running_variance"][c] =
          2 * relative[c] * std::fabs(bounds["running_variance"][c]) + 2 * relative[c] + 4 * u;
    }
    bounds["dst"] = normalised(op, mean, inverse, Numbers(mean.size(), of_sum), relative);
    return bounds;
  }
  Operands operator()(const BatchNormInference& op) const {
    Numbers inverse = at("running_variance");
    for (double& x : inverse)
      x = 1 / std::sqrt(x + op.problem.epsilon);
    const std::size_t C = inverse.size();
    return {{"dst", normalised(op, at("running_mean"), inverse, Numbers(C, u), Numbers(C, 8 * u))}};
  }
  Operands operator()(const BatchNormBackward& op) const {
    const BatchNormProblem& p = op.problem;
    const auto C = static_cast<std::size_t>(p.C);
    const double of_sum = (roundings(p) + 6) * u, rows = static_cast<double>(p.rows());
    const Numbers &src = at("src"), &diff = at("diff_dst"), &mean = at("mean"),
                  &inverse = at("inverse_deviation"), &scale = at("scale");
    Numbers shift(C), product(C), size(src.size());
    for (std::size_t i = 0; i < src.size(); ++i) {
      shift[i % C] += std::fabs(diff[i]);
      product[i % C] += std::fabs(diff[i] * normal(src[i], mean[i % C], inverse[i % C]));
    }
    for (std::size_t i = 0; i < src.size(); ++i) {
      const std::size_t c = i % C;
      const double x = normal(src[i], mean[c], inverse[c]);
      size[i] = (8 * u * std::fabs(diff[i]) + (of_sum + 8 * u) * (shift[c] + x * product[c]) / rows) *
                std::fabs(scale[c] * inverse[c]);
      if (in_.contains(relu_src)) size[i] *= at(relu_src)[i] > 0 ? 1 / (1 - double{op.relu.p}) : 0;
    }
    for (std::size_t c = 0; c < C; ++c) {
      shift[c] *= of_sum;
      product[c] *= of_sum;
    }
    return {{"diff_src", size}, {"diff_shift", shift}, {"diff_scale", product}};
  }
  Operands operator()(const BatchNormFold& op) const {
    Numbers weights = at("weights"), bias = at("scale");
    const auto K = static_cast<std::size_t>(op.problem.K);
    for (std::size_t c = 0; c < bias.size(); ++c) {
      const double factor = std::fabs(bias[c]) / std::sqrt(at("running_variance")[c] + op.problem.epsilon);
      const double before = in_.contains("bias") ? at("bias")[c] : 0;
      for (std::size_t k = 0; k < K; ++k)
        weights[c * K + k] = std::fabs(weights[c * K + k]) * factor * 3 * u;
      bias[c] = 4 * u *
                ((std::fabs(before) + std::fabs(at("running_mean")[c])) * factor + std::fabs(at("shift")[c]));
    }
    return {{"folded_weights", weights}, {"folded_bias", bias}};
  }
  Operands operator()(const auto&) const { return {}; }

 private:
  const Numbers& at(const std::string& name) const {
    const auto found = expected_.find(name);  // what the op left there, where it moves a number
    return found != expected_.end() ? found->second : in_.at(name);
  }
  static double normal(double x, double mean, double inverse) {
    return std::fabs(x - mean) * std::fabs(inverse);
  }

  /// Of dst, with errors of the mean, and relative ones of the deviation.
  template <typename Op>
  Numbers normalised(const Op& op, const Numbers& mean, const Numbers& inverse, const Numbers& of_mean,
                     const Numbers& relative) const {
    const auto C = static_cast<std::size_t>(op.problem.C);
    Numbers bounds = at("src");
    for (std::size_t i = 0; i < bounds.size(); ++i) {
      const std::size_t c = i % C;
      const double x = normal(bounds[i], mean[c], inverse[c]), scale = std::fabs(at("scale")[c]);
      const double addend = in_.contains("addend") ? std::fabs(at("addend")[i]) : 0;
      bounds[i] = scale * (inverse[c] * of_mean[c] + x * (relative[c] + 4 * u)) +
                  4 * u * (scale * x + std::fabs(at("shift")[c]) + addend);
      bounds[i] /= 1 - double{op.epilogue.dropout.p};
    }
    return bounds;
  }

  const Operands &in_, &expected_;
};

class BatchNorm : public ::testing::TestWithParam<DeviceCase>, protected BesideReference {
 protected:
  BatchNorm() : BesideReference(GetParam()) {}

  void expect_within_bounds(const OpCase& one) {
    const Operands inputs = filled(one, Fill::uniforms, backend_->number_types());
    const Operands expected = expected_.run(one.op, inputs, one.options),
                   got = got_.run(one.op, inputs, one.options);
    const Operands all = std::visit([&](const auto& op) { return Bounds(inputs, expected)(op); }, one.op);
    ASSERT_EQ(got.size(), expected.size());
    for (const OperandShape& operand : operands_of(one.op)) {
      const auto result = got.find(operand.info.name);
      if (result == got.end()) continue;
      SCOPED_TRACE(result->first + " of " + got_.ran());
      const Numbers& reference = expected.at(result->first);
      Numbers bounds = all.at(result->first);
      if (bf16_ && operand.info.type == NumberType::element)
        for (std::size_t i = 0; i < bounds.size(); ++i)
          bounds[i] += 0x1p-8 * (std::fabs(reference[i]) + bounds[i]);
      if (reference == Numbers(reference.size()))  // all stopped by a ReLU, or dropped
        EXPECT_EQ(result->second, reference);
      else
        EXPECT_TRUE(within(result->second, reference, bounds));
      ++checked_;
    }
  }

  int checked_ = 0;
};

/// Unaligned, which every op must take, and in packs.
std::vector<DeviceCase> cases() {
  std::vector<DeviceCase> all;
  for (const DeviceOptions& device : devices_under_test())
    for (const std::int64_t alignment : {1, 8})
      if (device.precision != "tf32" && device.instruction_set != "sm_80") all.push_back({device, alignment});
  return all;
}
INSTANTIATE_TEST_SUITE_P(Devices, BatchNorm, ::testing::ValuesIn(cases()),
                         [](const auto& param_info) { return name_of(param_info.param); });

TEST_P(BatchNorm, IsWithinItsBound) {
  for (const LayerProblem& layer : norms(is_emulated()))
    for (const OpCase& one : cases_of(layer, 0.3f, is_emulated()))
      expect_within_bounds(one);
  EXPECT_GT(checked_, 50);
}

// The mean of squares less the square of the mean would leave nothing of this variance.
TEST_P(BatchNorm, DeviationsAreSmallBesideTheMean) {
  const BatchNormProblem p{.N = 3, .L = 400, .C = 5};
  const OpCase one{BatchNormForward{.problem = p}, {}, {}};
  Operands inputs = filled(one, Fill::uniforms, backend_->number_types());
  constexpr double far = 1024;
  for (double& x : inputs["src"])
    x = far + (bf16_ ? std::round(x * 4) * 8 : x);  // as the type keeps it
  const Numbers expected = expected_.run(one.op, inputs).at("inverse_deviation"),
                got = got_.run(one.op, inputs).at("inverse_deviation");
  for (std::size_t c = 0; c < expected.size(); ++c) {
    const double of_mean =
        roundings(p) * u * far * expected[c];  // squares are summed about a mean that is off
    EXPECT_NEAR(got[c], expected[c], expected[c] * (of_mean * of_mean + roundings(p) * u)) << c;
  }
}

TEST_P(BatchNorm, ConstantChannelsBecomeTheShift) {
  const BatchNormProblem p{.N = 4, .L = 37, .C = 8};
  const OpCase one{BatchNormForward{.problem = p}, {}, {}};
  Operands inputs = filled(one, Fill::uniforms, backend_->number_types());
  std::fill(inputs["src"].begin(), inputs["src"].end(), 0.375);
  const Operands got = got_.run(one.op, inputs);
  for (std::size_t c = 0; c < 8; ++c) {
    EXPECT_EQ(got.at("mean")[c], 0.375);
    EXPECT_NEAR(got.at("inverse_deviation")[c], 1 / std::sqrt(1e-5), 1e-4);
    EXPECT_NEAR(got.at("dst")[c], inputs.at("shift")[c], bf16_ ? 0x1p-8 : 1e-6);
  }
}

TEST_P(BatchNorm, NotANumberStaysOne) {
  const BatchNormProblem p{.N = 2, .L = 5, .C = 3};
  BatchNormForward op{.problem = p};
  op.epilogue.relu = true;
  Operands inputs = filled({op, {}, {}}, Fill::uniforms, backend_->number_types());
  inputs["src"][4] = std::nan("");
  for (OpRunner* run : {&got_, &expected_}) {
    const Numbers dst = run->run(op, inputs).at("dst");
    for (std::size_t i = 0; i < dst.size(); ++i)
      EXPECT_EQ(std::isnan(dst[i]), i % 3 == 1) << i;
  }
}

// Two rows by hand: 1 and 3 have mean 2, variance 1 (2 of the sample).
TEST(BatchNormStatistics, AreThoseOfPyTorch) {
  const auto reference = make_backend({"reference", 1, ""});
  OpRunner run(*reference);
  const BatchNormForward op{.problem = {.N = 2, .L = 1, .C = 1, .epsilon = 0}};
  const Operands got = run.run(
      op,
      {{"src", {1, 3}}, {"scale", {2}}, {"shift", {5}}, {"running_mean", {10}}, {"running_variance", {4}}});
  EXPECT_EQ(got.at("dst"), (Numbers{3, 7}));
  EXPECT_EQ(got.at("mean"), (Numbers{2}));
  EXPECT_EQ(got.at("inverse_deviation"), (Numbers{1}));
  EXPECT_DOUBLE_EQ(got.at("running_mean")[0], 0.9 * 10 + 0.1 * 2);
  EXPECT_DOUBLE_EQ(got.at("running_variance")[0], 0.9 * 4 + 0.1 * 2);
}

TEST(BatchNormStatistics, RefusesWhatIsOutOfRange) {
  const auto error_of = [](const BatchNormProblem& problem) -> std::string {
    try {
      problem.validate();
    } catch (const ProblemError& e) {
      return e.what();
    }
    return "";
  };
  const BatchNormProblem good{.N = 2, .L = 1, .C = 1};
  EXPECT_EQ(error_of(good), "");
  BatchNormProblem p = good;
  for (const double momentum : {0.0, 1.5}) {
    p.momentum = momentum;
    EXPECT_EQ(error_of(p), fmt::format("[batch_norm] momentum {} outside (0, 1]", momentum));
  }
  p = good;
  p.epsilon = -1;
  EXPECT_EQ(error_of(p), "[batch_norm] epsilon -1 outside [0, inf)");
  p = good;
  p.C = 0;
  EXPECT_EQ(error_of(p), "[batch_norm] C 0 < 1");
}

TEST(BatchNormStatistics, RefusesWhatHasNoVariance) {
  const auto reference = make_backend({"reference", 1, ""});
  OpRunner run(*reference);
  const OpCase one{BatchNormForward{.problem = {.N = 1, .L = 1, .C = 2}}, {}, {}};
  try {
    run.run(one.op, filled(one, Fill::uniforms, reference->number_types()));
    FAIL() << "taken";
  } catch (const std::runtime_error& e) {
    EXPECT_NE(std::string(e.what()).find("N 1 x L 1 < 2 rows"), std::string::npos) << e.what();
  }
}

/// d loss / d x by central differences of two steps, whose errors in h^2 take each other away.
template <typename Loss>
Numbers differences(Numbers x, const Loss& loss) {
  const auto slope = [&](std::size_t i, double h) {
    const double at = x[i];
    x[i] = at + h;
    const double above = loss(x);
    x[i] = at - h;
    const double below = loss(x);
    x[i] = at;
    return (above - below) / (2 * h);
  };
  Numbers gradient(x.size());
  constexpr double h = 0x1p-9;
  for (std::size_t i = 0; i < x.size(); ++i)
    gradient[i] = (4 * slope(i, h / 2) - slope(i, h)) / 3;
  return gradient;
}

/// On a grid of 1/64, so that a step is exact in the floats that are uploaded; away from a ReLU's corner.
Numbers coarse(std::int64_t count, std::uint32_t seed) {
  Numbers values = uniforms(count, seed);
  for (double& x : values)
    x = std::round(x * 64) / 64 + (x < 0 ? -0.5 : 0.5);
  return values;
}

// Mean and deviation are uploaded as floats, off by 2^-24 of numbers near 1: 12 rows of products up to 4 make 3e-6 of
// it. Truncation (h^4 times the fifth derivative over 480) and rounding are below 1e-9.
TEST(BatchNormGradient, EqualsCentralDifferences) {
  const auto reference = make_backend({"reference", 1, ""});
  OpRunner run(*reference);
  constexpr float dropout = 0.5f;
  for (const BatchNormProblem& p :
       {BatchNormProblem{.N = 3, .L = 4, .C = 2}, BatchNormProblem{.N = 9, .L = 1, .C = 3}}) {
    for (const bool through_relu : {false, true}) {
      const std::int64_t count = p.rows() * p.C;
      const Numbers z = coarse(count, 1), weights = coarse(count, 2);
      const auto source = [&](const Numbers& numbers) {
        if (!through_relu) return numbers;
        AddForward relu{.problem = {.N = p.N, .L = p.L, .C = p.C}};
        relu.epilogue = {
            .bias = {}, .relu = true, .dropout = {.p = dropout, .seed = 3, .layer = 1, .state = {}}};
        return run.run(relu, {{"a", numbers}}).at("dst");
      };
      const Operands given{{"src", source(z)},
                           {"scale", coarse(p.C, 3)},
                           {"shift", coarse(p.C, 4)},
                           {"running_mean", Numbers(p.C)},
                           {"running_variance", Numbers(p.C)}};
      const auto loss = [&](const std::string& name, const Numbers& numbers) {
        Operands inputs = given;
        inputs[name] = name == "src" ? source(numbers) : numbers;
        const Numbers dst = run.run(BatchNormForward{.problem = p}, inputs).at("dst");
        double sum = 0;
        for (std::size_t i = 0; i < dst.size(); ++i)
          sum += dst[i] * weights[i];
        return sum;
      };
      const Operands forward = run.run(BatchNormForward{.problem = p}, given);
      BatchNormBackward backward{.problem = p};
      Operands inputs{{"src", given.at("src")},
                      {"diff_dst", weights},
                      {"scale", given.at("scale")},
                      {"mean", forward.at("mean")},
                      {"diff_src", {}},
                      {"inverse_deviation", forward.at("inverse_deviation")}};
      if (through_relu) {
        backward.relu.p = dropout;
        inputs[relu_src] = given.at("src");
      }
      const Operands got = run.run(backward, inputs);
      for (const std::string name : {"src", "scale", "shift"}) {
        const Numbers expected = differences(name == "src" ? z : given.at(name),
                                             [&](const Numbers& numbers) { return loss(name, numbers); });
        EXPECT_TRUE(within(got.at("diff_" + name), expected, 3e-6)) << name << " of " << run.ran();
      }
    }
  }
}

}  // namespace
}  // namespace bragg::tests
