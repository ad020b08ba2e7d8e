// What ops of networks do beside sums, on every fast backend: fusions, dropout, the loss, Adam; and what holds
// for all of them: the same bits every time, empty batches. Sums are in sums_test.cpp.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "kernels/base/bfloat16.h"
#include "kernels/base/random.h"
#include "tests/kernels/beside_reference.h"
#include "tests/kernels/op_cases.h"
#include "tests/support/compare.h"

namespace bragg::tests {
namespace {

class NetworkOps : public ::testing::TestWithParam<DeviceCase>, protected BesideReference {
 protected:
  NetworkOps() : BesideReference(GetParam()) {}

  /// As the device keeps an activation or a weight.
  Numbers stored(Numbers values) const {
    if (bf16_)
      for (double& x : values)
        x = to_float(to_bfloat16(static_cast<float>(x)));
    return values;
  }
  Numbers random(std::int64_t count, std::uint32_t seed) const { return stored(uniforms(count, seed)); }
  /// By what the backend says of itself.
  bool has_wgmma() const { return backend_->description().find("wgmma") != std::string::npos; }

  const DeviceOptions& device_ = GetParam().device;
};

/// Unaligned, which every op must take; aligned as well where products are computed otherwise then.
/// `precision`: of these devices alone.
std::vector<DeviceCase> cases(const std::string& precision = "") {
  std::vector<DeviceCase> all;
  for (const DeviceOptions& device : devices_under_test()) {
    if (!precision.empty() && device.precision != precision) continue;
    all.push_back({device, 1});
    if (device.precision == "bf16") all.push_back({device, 8});
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Devices, NetworkOps, ::testing::ValuesIn(cases()),
                         [](const auto& param_info) { return name_of(param_info.param); });

/// Ops that only some backends have.
class Fusions : public NetworkOps {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Fusions);  // where there is no such device
INSTANTIATE_TEST_SUITE_P(Devices, Fusions, ::testing::ValuesIn(cases("bf16")),
                         [](const auto& param_info) { return name_of(param_info.param); });

/// Of wgmma, on aligned operands.
std::vector<DeviceCase> pooling_cases() {
  std::vector<DeviceCase> all = cases("bf16");
  std::erase_if(all, [](const DeviceCase& c) {
    return c.alignment == 1 || c.device.device == "cpu" || !c.device.instruction_set.empty();
  });
  return all;
}
class PooledAtOnce : public NetworkOps {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(PooledAtOnce);
INSTANTIATE_TEST_SUITE_P(Devices, PooledAtOnce, ::testing::ValuesIn(pooling_cases()),
                         [](const auto& param_info) { return name_of(param_info.param); });

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

/// A convolution and the pooling behind it, as one op and as two.
struct Pooled {
  Conv1dProblem conv;
  AvgPool1dProblem pool;
  Operands inputs;  ///< of the convolution
  Epilogue epilogue;
  RunOptions options{};

  Conv1dForward convolution() const { return {.problem = conv, .epilogue = epilogue}; }
  Conv1dPoolForward fused() const { return {.problem = conv, .pool = pool, .epilogue = epilogue}; }
  AvgPool1dForward pooling() const { return {.problem = pool}; }
  Operands keeping() const {
    Operands all = inputs;
    all["kept"] = {};
    return all;
  }
};

/// Without anything, with a bias and ReLU, and with dropout as well.
std::vector<Pooled> pooled_cases(const Numbers& src, const Numbers& weights, const Numbers& bias,
                                 const Conv1dProblem& p) {
  const AvgPool1dProblem pool{p.N, p.L_out(), p.C_out, 3, 2};
  const Operands plain{{"src", src}, {"weights", weights}},
      biased{{"src", src}, {"weights", weights}, {"bias", bias}};
  const auto dropout = [](float share, std::uint32_t layer) {
    return Epilogue{
        .bias = {}, .relu = true, .dropout = {.p = share, .seed = 7, .layer = layer, .state = {}}};
  };
  return {{p, pool, plain, {}},
          {p, pool, biased, {.bias = {}, .relu = true, .dropout = {}}},
          {p, pool, plain, dropout(0.3f, 3), {.step = 77}},
          {p, pool, biased, dropout(0.5f, 2), {.step = 5000000000}}};
}

/// The bits of the convolution's output, as the op would keep them.
Numbers kept_of(const Conv1dProblem& p, const Numbers& y) {
  std::vector<std::uint32_t> words(static_cast<std::size_t>(p.N * p.L_out() * kept_words(p.C_out)));
  for (std::int64_t row = 0; row < p.N * p.L_out(); ++row)
    for (std::int64_t c = 0; c < p.C_out; ++c)
      if (y[row * p.C_out + c] > 0) words[row * kept_words(p.C_out) + c / 32] |= 1u << c % 32;
  return {words.begin(), words.end()};
}
bool bit(const Numbers& words, std::int64_t C, std::int64_t element) {
  const std::int64_t c = element % C;
  return (static_cast<std::uint32_t>(words[element / C * kept_words(C) + c / 32]) >> c % 32 & 1) != 0;
}

// The gradient of the weights where that of the pooling is made on the way: the last output in no window, in one or in two; items
// within a stage and over several; steps of k by several blocks.
TEST_P(PooledAtOnce, WeightsTakeInThePoolingsGradient) {
  if (!has_wgmma()) GTEST_SKIP() << "of wgmma alone";
  const Conv1dProblem shapes[] = {{.N = 3, .L_in = 187, .C_in = 1, .C_out = 80, .kernel = 100, .stride = 5},
                                  {.N = 1, .L_in = 192, .C_in = 1, .C_out = 80, .kernel = 100, .stride = 5},
                                  {.N = 5, .L_in = 130, .C_in = 3, .C_out = 80, .kernel = 4, .stride = 1},
                                  {.N = 37, .L_in = 145, .C_in = 1, .C_out = 80, .kernel = 20, .stride = 5},
                                  {.N = 9, .L_in = 905, .C_in = 1, .C_out = 80, .kernel = 100, .stride = 5}};
  for (const Conv1dProblem& p : shapes) {
    const AvgPool1dProblem pool{p.N, p.L_out(), p.C_out, 3, 2};
    const Conv1dPoolBackwardWeights both{.problem = p, .pool = pool, .kept = {.words = {}, .p = 0.25f}};
    ASSERT_TRUE(backend_->has(both)) << text(both);
    const Numbers kept = kept_of(p, integers(p.N * p.L_out() * p.C_out, 5));
    for (const bool are_integers : {true, false}) {
      const auto numbers = [&](std::int64_t count, std::uint32_t seed) {
        return are_integers ? integers(count, seed) : random(count, seed);
      };
      const Numbers src = numbers(p.N * p.L_in * p.C_in, 1);
      Numbers dy = numbers(p.N * pool.L_out() * p.C_out, 4);
      for (double& x : dy)
        x *= are_integers ? 9 : 1;  // a third of a sum by 4 / 3
      const Operands given{{"src", src}, {"diff_dst", dy}, {"kept", kept}};
      const Operands got = got_.run(both, given), again = got_.run(both, given);
      SCOPED_TRACE(got_.ran() + ": " + got_.how());
      const Numbers between = got_.run(AvgPool1dBackwardKept{.problem = pool, .kept = both.kept},
                                       {{"diff_dst", dy}, {"kept", kept}})
                                  .at("diff_src");
      const Conv1dBackwardWeights weights{.problem = p};
      const Operands expected = got_.run(weights, {{"src", src}, {"diff_dst", between}}),
                     sums = expected_.run(weights, {{"src", absolute(src)}, {"diff_dst", absolute(between)}});
      for (const char* result : {"diff_weights", "diff_bias"}) {
        EXPECT_TRUE(identical(again.at(result), got.at(result))) << result;
        Numbers bounds = sums.at(result);  // of two sums in another order
        for (double& bound : bounds)
          bound *= are_integers ? 0 : 2 * static_cast<double>(p.N * p.L_out()) * 0x1p-24;
        EXPECT_TRUE(within(got.at(result), expected.at(result), bounds)) << result;
      }
    }
  }
}

TEST_P(PooledAtOnce, ConvolutionAndPoolAreTheirOpsOnIntegers) {
  if (!has_wgmma()) GTEST_SKIP() << "of wgmma alone";
  for (const Conv1dProblem& p : pooled_shapes()) {
    for (const Pooled& both :
         pooled_cases(integers(p.N * p.L_in * p.C_in, 1), integers(p.C_out * p.kernel * p.C_in, 2),
                      integers(p.C_out, 3), p)) {
      ASSERT_TRUE(backend_->has(both.fused()));
      const Numbers y = got_.run(both.convolution(), both.inputs, both.options).at("dst");
      const Numbers expected = got_.run(both.pooling(), {{"src", y}}).at("dst");
      const Operands got = got_.run(both.fused(), both.keeping(), both.options);
      SCOPED_TRACE(got_.ran());
      EXPECT_TRUE(identical(got.at("dst"), expected));
      EXPECT_TRUE(identical(got.at("kept"), kept_of(p, y)));
      EXPECT_TRUE(identical(got_.run(both.fused(), both.inputs, both.options).at("dst"), expected));

      const Numbers dy = random(p.N * both.pool.L_out() * p.C_out, 4);
      const float dropout = both.epilogue.dropout.p;
      EXPECT_TRUE(
          identical(got_.run(AvgPool1dBackwardKept{.problem = both.pool, .kept = {.words = {}, .p = dropout}},
                             {{"diff_dst", dy}, {"kept", got.at("kept")}})
                        .at("diff_src"),
                    got_.run(AvgPool1dBackward{.problem = both.pool, .relu = {.src = {}, .p = dropout}},
                             {{"diff_dst", dy}, {"ReLU gradient's src", y}})
                        .at("diff_src")));
    }
  }
}

// Elements of the convolution's output may be rounded to the next bfloat16, as its sums are added up in
// another order than anywhere else.
TEST_P(PooledAtOnce, ConvolutionAndPoolAreWithinTheirBound) {
  if (!has_wgmma()) GTEST_SKIP() << "of wgmma alone";
  for (const Conv1dProblem& p : pooled_shapes()) {
    for (const Pooled& both : pooled_cases(random(p.N * p.L_in * p.C_in, 1),
                                           random(p.C_out * p.kernel * p.C_in, 2), uniforms(p.C_out, 3), p)) {
      ASSERT_TRUE(backend_->has(both.fused()));
      const Operands got = got_.run(both.fused(), both.keeping(), both.options);
      SCOPED_TRACE(got_.ran());
      /// The reference's output of the convolution with this epilogue, and its bounds as it is stored.
      const auto convolution = [&](const Epilogue& epilogue) {
        const Conv1dForward op{.problem = p, .epilogue = epilogue};
        const Numbers y = expected_.run(op, both.inputs, both.options).at("dst");
        Numbers bounds = expected_.run(op, magnitudes(both.inputs), both.options).at("dst");
        for (std::size_t i = 0; i < y.size(); ++i) {
          bounds[i] *= rounding_of(op, "dst").roundings * unit_roundoff;
          bounds[i] += 0x1p-8 * (std::fabs(y[i]) + bounds[i]);
        }
        return std::pair(y, bounds);
      };
      const auto [y, y_bounds] = convolution(both.epilogue);
      const Numbers expected = expected_.run(both.pooling(), {{"src", y}}).at("dst");
      Numbers bounds = expected_.run(both.pooling(), {{"src", y_bounds}}).at("dst");
      for (std::size_t i = 0; i < bounds.size(); ++i)
        bounds[i] += 0x1.01p-8 * (std::fabs(expected[i]) + bounds[i]);
      EXPECT_TRUE(within(got.at("dst"), expected, bounds));

      // Where the sign before ReLU and dropout is beyond doubt, the bit is known.
      const auto [z, doubt] = convolution({});
      const Numbers kept = kept_of(p, y);
      std::int64_t wrong = 0, known = 0;
      for (std::int64_t i = 0; i < static_cast<std::int64_t>(y.size()); ++i) {
        if (std::fabs(z[i]) <= doubt[i]) continue;
        ++known;
        wrong += bit(got.at("kept"), p.C_out, i) != bit(kept, p.C_out, i);
      }
      EXPECT_EQ(wrong, 0);
      EXPECT_GT(known, static_cast<std::int64_t>(y.size()) / 2);
    }
  }
}

/// Numbers of LossTotals.
enum Totals : std::size_t { loss_sum, correct, count };

TEST_P(NetworkOps, SoftmaxCrossEntropy) {
  for (const std::int64_t classes : {1, 7, 230}) {
    const SoftmaxCrossEntropy op{.problem = {.N = 37, .classes = classes}};
    Numbers logits = uniforms(37 * classes, 1), labels(37);
    for (double& x : logits)
      x = static_cast<float>(x * 30);
    for (std::int64_t n = 0; n < 37; ++n)
      labels[n] = static_cast<double>(n * 13 % classes);
    const Operands inputs{{"logits", logits}, {"labels", labels}, {"diff_logits", {}}};
    const Operands got = got_.run(op, inputs), expected = expected_.run(op, inputs);
    SCOPED_TRACE(got_.ran());
    const Numbers &totals = got.at("totals"), &expected_totals = expected.at("totals");
    // Sums are double; only the stored gradient is rounded.
    if (classes > 1) {  // of one class all is zero
      EXPECT_TRUE(
          within(got.at("diff_logits"), expected.at("diff_logits"), (bf16_ ? 0x1p-8 : unit_roundoff) / 37));
      EXPECT_TRUE(within({{totals[loss_sum]}}, {{expected_totals[loss_sum]}}, 1e-11));
    }
    EXPECT_EQ(totals[correct], expected_totals[correct]);
    EXPECT_EQ(totals[count], 37);
    // Without a gradient, and to what there is already.
    const Numbers more =
        got_.run(op, {{"logits", logits}, {"labels", labels}, {"totals", totals}}).at("totals");
    EXPECT_NEAR(more[loss_sum], 2 * totals[loss_sum], 1e-11);
    EXPECT_EQ(more[correct], 2 * totals[correct]);
    EXPECT_EQ(more[count], 74);
  }
}

// A table of the labels' classes, and a weight of the gradient alone.
TEST_P(NetworkOps, SoftmaxOfGroupsOfLabels) {
  const SoftmaxCrossEntropy direct{.problem = {.N = 5, .classes = 3}},
      of_labels{.problem = {.N = 5, .classes = 3, .labels = 4, .weight = 0.5}};
  const Numbers logits = integers(15, 1), class_of{2, 0, 1, 0};
  for (OpRunner* run : {&got_, &expected_}) {
    const Operands plain =
        run->run(direct, {{"logits", logits}, {"labels", {2, 0, 0, 1, 2}}, {"diff_logits", {}}});
    const auto by_table = [&](const Numbers& labels) {
      return run->run(of_labels,
                      {{"logits", logits}, {"labels", labels}, {"class_of", class_of}, {"diff_logits", {}}});
    };
    const Operands grouped = by_table({0, 3, 1, 2, 0});
    EXPECT_EQ(grouped.at("totals"), plain.at("totals"));
    for (std::size_t i = 0; i < 15; ++i)
      EXPECT_EQ(2 * grouped.at("diff_logits")[i], plain.at("diff_logits")[i]);
    for (const double label : {-1, 4})
      EXPECT_TRUE(std::isnan(by_table({0, 3, 1, 2, label}).at("totals")[loss_sum]));
  }
}

TEST_P(NetworkOps, SoftmaxRefusesToCountWhatIsNotANumber) {
  const SoftmaxCrossEntropy op{.problem = {.N = 2, .classes = 3}};
  constexpr double infinity = std::numeric_limits<double>::infinity();
  for (OpRunner* run : {&got_, &expected_}) {
    const auto totals = [&](const Numbers& logits, const Numbers& labels) {
      return run->run(op, {{"logits", logits}, {"labels", labels}, {"diff_logits", {}}}).at("totals");
    };
    for (const double bad : {std::nan(""), infinity, -infinity}) {
      const Numbers loss = totals({5, 1, bad, 2, 1, 0}, {0, 0});
      EXPECT_TRUE(std::isnan(loss[loss_sum]));
      EXPECT_EQ(loss[correct], 1);  // the second row's
      EXPECT_EQ(loss[count], 2);
    }
    for (const double label : {-1, 3})
      EXPECT_TRUE(std::isnan(totals({5, 1, 0, 2, 1, 0}, {label, 0})[loss_sum]));
    // A tie counts for the lowest class.
    EXPECT_EQ(totals({1, 1, 0, 1, 1, 0}, {0, 1})[correct], 1);
  }
}

Operands moments(std::int64_t numbers) {
  return {
      {"weights", uniforms(numbers, 1)}, {"m", uniforms(numbers, 2)}, {"v", absolute(uniforms(numbers, 3))}};
}

TEST_P(NetworkOps, Adam) {
  for (const std::int64_t numbers : {1, 17, 1028, 64 * 1024 + 1}) {
    const bragg::Adam op{.problem = {.count = numbers, .learning_rate = 1e-3}};
    Operands before = moments(numbers);
    const Numbers &gradients = before["gradients"] = uniforms(numbers, 4), &weights = before["weights"];
    for (const std::uint64_t step : {0ull, 1ull, 1000000ull}) {
      const Operands expected = expected_.run(op, before, {.step = step});
      for (const std::int64_t alignment : {1, 8}) {
        OpRunner run(*backend_, alignment);
        const Operands got = run.run(op, before, {.step = step});
        SCOPED_TRACE(run.ran());
        // m and v: three roundings of numbers below 1, and of the constants. w: 1 more, of an update below
        // lr / (1 - beta1) |m| / sqrt(v), which is large where v is small.
        EXPECT_TRUE(within(got.at("m"), expected.at("m"), 4 * unit_roundoff));
        EXPECT_TRUE(within(got.at("v"), expected.at("v"), 4 * unit_roundoff));
        Numbers weight_bounds(numbers);
        for (std::int64_t i = 0; i < numbers; ++i) {
          const double update = std::fabs(expected.at("weights")[i] - weights[i]);
          const double magnitude = (0.9 * std::fabs(before["m"][i]) + 0.1 * std::fabs(gradients[i])) /
                                   std::fabs(expected.at("m")[i]);
          weight_bounds[i] = unit_roundoff * (2 + update * (12 + 4 * magnitude));
        }
        EXPECT_TRUE(within(got.at("weights"), expected.at("weights"), weight_bounds));
        EXPECT_EQ(got.contains("working"), bf16_);
        if (bf16_) {
          EXPECT_TRUE(identical(got.at("working"), stored(got.at("weights"))));
        }
      }
    }
  }
}

TEST_P(Fusions, FusedAdamIsTheUnfused) {
  ASSERT_TRUE(backend_->has(DenseBackwardWeightsAdam{}));
  for (const LayerProblem& layer : sums()) {
    const auto* const p = std::get_if<DenseProblem>(&layer);
    if (!p) continue;
    const Operands inputs{{"src", random(p->N * p->in, 1)}, {"diff_dst", random(p->N * p->out, 4)}};
    Operands before = moments(p->out * p->in), given = before;
    given.insert(inputs.begin(), inputs.end());
    const NetworkOp fused = fused_passes(*p, backend_->weight_row_stride(p->in)).front().op;
    const Operands got = got_.run(fused, given, {.step = 1000000});
    SCOPED_TRACE(got_.ran());
    const Operands gradients = got_.run(DenseBackwardWeights{.problem = *p}, inputs);
    before["gradients"] = gradients.at("diff_weights");
    const Operands expected =
        got_.run(bragg::Adam{.problem = {.count = p->out * p->in}}, before, {.step = 1000000});
    EXPECT_TRUE(identical(got.at("diff_bias"), gradients.at("diff_bias")));
    for (const char* name : {"weights", "m", "v", "working"})
      EXPECT_TRUE(identical(got.at(name), expected.at(name))) << name;
  }
}

/// Every result, with the op that made it.
std::vector<std::pair<std::string, Numbers>> run_all(OpRunner& run, const std::vector<OpCase>& cases) {
  std::vector<std::pair<std::string, Numbers>> results;
  for (const OpCase& one : cases)
    for (auto& [name, numbers] : run.run(one.op, one.given, one.options))
      results.emplace_back(name + " of " + run.ran(), numbers);
  return results;
}

/// Large ones of every layer, and of the list all; an emulated device is given every op once, with all that it
/// takes.
std::vector<OpCase> cases_to_repeat() {
  std::vector<LayerProblem> layers = large_layers(is_emulated());
  if (!is_emulated()) layers.insert(layers.end(), sums().begin(), sums().end());
  std::vector<OpCase> cases;
  for (const LayerProblem& layer : layers) {
    std::map<std::size_t, OpCase> fullest;  // by op
    for (OpCase& one : cases_of(layer, 0.3f, true)) {
      if (!is_emulated())
        cases.push_back(std::move(one));
      else if (!one.options.precise && one.given.size() >= fullest[one.op.index()].given.size())
        fullest[one.op.index()] = std::move(one);
    }
    for (auto& [op, one] : fullest)
      cases.push_back(std::move(one));
  }
  return cases;
}

TEST_P(NetworkOps, SameBitsEveryTimeAndForAnyNumberOfThreads) {
  std::vector<OpCase> cases = cases_to_repeat();
  for (OpCase& one : cases)
    one.given = filled(one, Fill::uniforms, backend_->number_types());
  const auto expected = run_all(got_, cases);
  const bool takes_threads = device_.device == "cpu";
  for (const int threads : takes_threads ? std::vector{1, 2, 3, 5} : std::vector{1}) {
    DeviceOptions options = device_;
    options.threads = threads;
    const auto backend = make_backend(options);
    OpRunner run(*backend, GetParam().alignment);
    const auto got = run_all(run, cases);
    ASSERT_EQ(got.size(), expected.size());
    for (std::size_t i = 0; i < got.size(); ++i)
      EXPECT_TRUE(identical(got[i].second, expected[i].second)) << got[i].first;
  }
}

TEST_P(NetworkOps, DropoutKeepsWhatItsDefinitionKeeps) {
  for (const std::int64_t C : {1, 7, 8, 31, 32, 33, 80, 230}) {
    for (const float probability : {0.3f, 0.5f, 0.6f}) {
      const Dropout dropout{.p = probability, .seed = 11, .layer = 3, .state = {}};
      const Epilogue epilogue{.bias = {}, .relu = true, .dropout = dropout};
      const RunOptions late{.step = 5000000001};
      // What comes out is the bias.
      const auto expect_definition = [&](OpRunner& run, const NetworkOp& op, std::int64_t rows) {
        const OpCase one{op, {{"bias", Numbers(C, 1.0)}, {"weights", Numbers(C)}}, late};
        const Numbers y =
            run.run(op, filled(one, Fill::integers, run.backend().number_types()), late).at("dst");
        std::int64_t wrong = 0;
        for (std::int64_t row = 0; row < rows; ++row)
          for (std::int64_t c = 0; c < C; ++c)
            wrong += (y[row * C + c] > 0) !=
                     dropout_keeps(dropout.seed, dropout.layer, late.step, row, c, C, probability);
        EXPECT_EQ(wrong, 0) << run.ran();
      };
      const Conv1dForward conv{
          .problem = {.N = 3, .L_in = 19, .C_in = 1, .C_out = C, .kernel = 1, .stride = 1},
          .epilogue = epilogue};
      expect_definition(got_, conv, 3 * 19);
      expect_definition(expected_, conv, 3 * 19);
      expect_definition(got_, DenseForward{.problem = {.N = 3, .in = 1, .out = C}, .epilogue = epilogue}, 3);
    }
  }
}

/// The layer of an empty batch; none where it has no batch.
std::optional<LayerProblem> without_items(LayerProblem any) {
  const bool has_items = std::visit(
      [](auto& problem) {
        if constexpr (requires { problem.N; })
          problem.N = 0;
        else if constexpr (requires { problem.count; })
          problem.count = 0;
        else
          return false;
        return true;
      },
      any);
  return has_items ? std::optional(any) : std::nullopt;
}

TEST_P(NetworkOps, NoItems) {
  std::size_t gradients = 0;
  for (const LayerProblem& layer : large_layers(true)) {
    const auto empty = without_items(layer);
    if (!empty) continue;
    for (const OpCase& one : cases_of(*empty, 0.3f)) {
      for (OpRunner* run : {&got_, &expected_}) {
        const Operands inputs = filled(one, Fill::integers, run->backend().number_types());
        for (const auto& [name, numbers] : run->run(one.op, inputs, one.options)) {
          const auto before = inputs.find(name);  // of what is added to, or moved
          EXPECT_EQ(numbers, before != inputs.end() ? before->second : Numbers(numbers.size()))
              << name << " of " << run->ran();
          gradients += name == "diff_weights" && !numbers.empty();
        }
      }
    }
  }
  EXPECT_GT(gradients, 0u);
}

}  // namespace
}  // namespace bragg::tests
