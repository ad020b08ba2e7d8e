// A convolution with the batch normalisation behind it as one op, where a backend has it: against its two ops, within bounds that
// follow from how its sums are taken.
#include <algorithm>
#include <cmath>
#include <string>
#include <tuple>

#include <gtest/gtest.h>

#include "kernels/base/error.h"
#include "tests/kernels/beside_reference.h"
#include "tests/kernels/op_cases.h"
#include "tests/support/compare.h"

namespace bragg::tests {
namespace {

constexpr double u = unit_roundoff;
/// Sums of 32 rows of numbers, or of their squares, in fp32, of 32 tiles' of those, and of those a few: 96 roundings of at most the
/// sum of the magnitudes, and some to keep the results.
constexpr double of_sums = 96 * u, kept = 4 * u;

/// Devices that have the op, in packs and at odd addresses, where it is in bfloat16 its two ops one after the other.
std::vector<DeviceCase> cases() {
  std::vector<DeviceCase> all;
  for (const DeviceOptions& device : devices_under_test()) {
    if (!make_backend(device)->has(Conv1dBatchNormForward{.problem = {.C_out = 8}})) continue;
    for (const std::int64_t alignment : {1, 8})
      all.push_back({device, alignment});
  }
  return all;
}

class NormalisedAtOnce : public ::testing::TestWithParam<DeviceCase>, protected BesideReference {
 protected:
  NormalisedAtOnce() : BesideReference(GetParam()) {}

  /// Runs it, twice for the same bits; expects sums where they are stored if they can be.
  Operands run(const NetworkOp& op, const Operands& inputs);
  void expect_as_two_ops(const Conv1dBatchNormForward& op, const Operands& given, Fill fill);
  void expect_as_two_ops(const Conv1dBatchNormBackward& op, const Operands& given, Fill fill);
  void expect_normalised(const Conv1dBatchNormForward& op, const Operands& inputs, const Operands& got);
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(NormalisedAtOnce);  // where there is no such device
INSTANTIATE_TEST_SUITE_P(Devices, NormalisedAtOnce, ::testing::ValuesIn(cases()),
                         [](const auto& param_info) { return name_of(param_info.param); });

Operands only(const Operands& all, std::initializer_list<const char*> names) {
  Operands chosen;
  for (const char* name : names)
    if (const auto found = all.find(name); found != all.end()) chosen.insert(*found);
  return chosen;
}

constexpr RunOptions late{.step = 5000000000};

/// What was normalised, as the reference does it to what lies between.
void NormalisedAtOnce::expect_normalised(const Conv1dBatchNormForward& op, const Operands& inputs,
                                         const Operands& got) {
  Operands given = only(inputs, {"addend", "scale", "shift", "running_mean", "running_variance"});
  const Numbers& between = given["src"] = got.at("between");
  const Operands expected =
      expected_.run(BatchNormForward{.problem = op.norm, .epilogue = op.epilogue}, given, late);
  const auto C = static_cast<std::size_t>(op.norm.C);
  const Numbers &mean = expected.at("mean"), &inverse = expected.at("inverse_deviation");
  Numbers of_mean(C), relative(C), of_variance(C);
  for (std::size_t i = 0; i < between.size(); ++i)
    of_variance[i % C] += between[i] * between[i] / static_cast<double>(op.norm.rows());
  for (std::size_t c = 0; c < C; ++c) {
    of_mean[c] = (of_sums + kept) * std::sqrt(of_variance[c]);
    of_variance[c] *= 3 * of_sums;  // of squares, and twice that of the mean
    relative[c] = 0.5 * of_variance[c] * inverse[c] * inverse[c] + kept;
  }
  const auto momentum = [&](Numbers bounds, const Numbers& result, double factor) {
    for (std::size_t c = 0; c < C; ++c)
      bounds[c] = factor * bounds[c] + kept * std::fabs(result[c]) + kept;
    return bounds;
  };
  EXPECT_TRUE(within(got.at("mean"), mean, of_mean));
  Numbers of_inverse = relative, bounds = between;
  for (std::size_t c = 0; c < C; ++c)
    of_inverse[c] *= inverse[c];
  EXPECT_TRUE(within(got.at("inverse_deviation"), inverse, of_inverse));
  EXPECT_TRUE(within(got.at("running_mean"), expected.at("running_mean"),
                     momentum(of_mean, expected.at("running_mean"), op.norm.momentum)));
  EXPECT_TRUE(within(got.at("running_variance"), expected.at("running_variance"),
                     momentum(of_variance, expected.at("running_variance"), 2 * op.norm.momentum)));
  for (std::size_t i = 0; i < between.size(); ++i) {
    const std::size_t c = i % C;
    const double x = std::fabs(between[i] - mean[c]) * inverse[c], scale = std::fabs(inputs.at("scale")[c]),
                 addend = inputs.contains("addend") ? std::fabs(inputs.at("addend")[i]) : 0;
    bounds[i] = scale * (of_mean[c] * inverse[c] + x * (relative[c] + kept)) +
                kept * (scale * x + std::fabs(inputs.at("shift")[c]) + addend);
    bounds[i] /= 1 - double{op.epilogue.dropout.p};
    bounds[i] += (bf16_ ? 0x1p-8 : kept) * (std::fabs(expected.at("dst")[i]) + bounds[i]);
  }
  EXPECT_TRUE(within(got.at("dst"), expected.at("dst"), bounds));
}

Operands NormalisedAtOnce::run(const NetworkOp& op, const Operands& inputs) {
  Operands got = got_.run(op, inputs, late);
  const Operands again = got_.run(op, inputs, late);
  EXPECT_EQ(got_.how().find("sums of what is stored") != std::string::npos,
            GetParam().alignment > 1 || !bf16_)
      << got_.ran() << ": " << got_.how();
  for (const auto& [name, numbers] : got)
    EXPECT_TRUE(identical(again.at(name), numbers)) << name << " of " << got_.ran();
  return got;
}

void NormalisedAtOnce::expect_as_two_ops(const Conv1dBatchNormForward& op, const Operands& given, Fill fill) {
  ASSERT_TRUE(backend_->has(op));
  Operands inputs = filled({op, given, late}, fill, backend_->number_types());
  inputs["dst"] = {};
  const Operands got = run(op, inputs);
  SCOPED_TRACE(got_.ran());
  expect_normalised(op, inputs, got);
  if (fill != Fill::integers) return;
  const Conv1dForward convolution{.problem = op.problem};
  EXPECT_TRUE(identical(got.at("between"),
                        got_.run(convolution, only(inputs, {"src", "weights", "bias"})).at("dst")));
}

void NormalisedAtOnce::expect_as_two_ops(const Conv1dBatchNormBackward& op, const Operands& given,
                                         Fill fill) {
  ASSERT_TRUE(backend_->has(op));
  const Operands inputs = filled({op, given, late}, fill, backend_->number_types());
  const Operands got = run(op, inputs);
  SCOPED_TRACE(got_.ran());
  const Numbers &src = inputs.at("norm_src"), &diff = got.at("between"), &mean = inputs.at("mean"),
                &inverse = inputs.at("inverse_deviation"), &scale = inputs.at("scale");
  Operands of_norm = only(inputs, {"scale", "mean", "inverse_deviation"});
  of_norm["src"] = src;
  of_norm["diff_dst"] = diff;
  of_norm["diff_src"] = {};
  const Operands expected = expected_.run(BatchNormBackward{.problem = op.norm}, of_norm);
  const auto C = static_cast<std::size_t>(op.norm.C);
  Numbers magnitude(C), of_shift(C), of_scale(C), squares(C), diff_squares(C), bounds(diff.size());
  for (std::size_t i = 0; i < diff.size(); ++i) {
    magnitude[i % C] += std::fabs(diff[i]);
    squares[i % C] += src[i] * src[i];
    diff_squares[i % C] += diff[i] * diff[i];
  }
  for (std::size_t c = 0; c < C; ++c) {
    of_shift[c] = (of_sums + kept) * magnitude[c];
    of_scale[c] =
        ((of_sums + kept) * (std::sqrt(squares[c] * diff_squares[c]) + std::fabs(mean[c]) * magnitude[c])) *
        std::fabs(inverse[c]);
  }
  for (std::size_t i = 0; i < diff.size(); ++i) {
    const std::size_t c = i % C;
    const double x = std::fabs((src[i] - mean[c]) * inverse[c]), rows = static_cast<double>(op.norm.rows()),
                 sums = std::fabs(expected.at("diff_shift")[c]) + x * std::fabs(expected.at("diff_scale")[c]);
    bounds[i] = std::fabs(scale[c] * inverse[c]) *
                ((of_shift[c] + x * of_scale[c]) / rows + 2 * kept * (std::fabs(diff[i]) + sums / rows));
    bounds[i] += (bf16_ ? 0x1p-8 : kept) * (std::fabs(expected.at("diff_src")[i]) + bounds[i]);
  }
  EXPECT_TRUE(within(got.at("diff_shift"), expected.at("diff_shift"), of_shift));
  EXPECT_TRUE(within(got.at("diff_scale"), expected.at("diff_scale"), of_scale));
  EXPECT_TRUE(within(got.at("diff_src"), expected.at("diff_src"), bounds));
  if (fill != Fill::integers) return;
  Operands of_gradient = only(inputs, {"diff_dst", "weights"}), relu = only(inputs, {"ReLU gradient's src"});
  if (!inputs.contains("addend")) {
    of_gradient.merge(relu);
    const Conv1dBackwardData gradient{.problem = op.problem, .relu = op.relu};
    EXPECT_TRUE(identical(diff, got_.run(gradient, of_gradient).at("diff_src")));
    return;
  }
  relu["diff_a"] = got_.run(Conv1dBackwardData{.problem = op.problem}, of_gradient).at("diff_src");
  relu["diff_b"] = inputs.at("addend");
  const AddBackward sum{.problem = {op.norm.N, op.norm.L, op.norm.C}, .relu = op.relu};
  EXPECT_TRUE(identical(diff, got_.run(sum, relu).at("diff_src")));
}

Conv1dBatchNormForward op_of(const Conv1dProblem& p) {
  return {.problem = p, .norm = {.N = p.N, .L = p.L_out(), .C = p.C_out}};
}

/// Padded and not; several outputs to a row, the last row cut; one output; several tiles of columns; groups of 8 channels.
const std::vector<Conv1dProblem>& shapes() {
  static const std::vector<Conv1dProblem> all{
      {.N = 2, .L_in = 61, .C_in = 8, .C_out = 16, .kernel = 5, .stride = 1, .pad_before = 2, .pad_after = 2},
      {.N = 3,
       .L_in = 53,
       .C_in = 1,
       .C_out = 48,
       .kernel = 16,
       .stride = 4,
       .pad_before = 6,
       .pad_after = 6},
      {.N = 2,
       .L_in = 45,
       .C_in = 48,
       .C_out = 64,
       .kernel = 4,
       .stride = 2,
       .pad_before = 1,
       .pad_after = 1},
      {.N = 5,
       .L_in = 23,
       .C_in = 16,
       .C_out = 24,
       .kernel = 3,
       .stride = 1,
       .pad_before = 1,
       .pad_after = 1},
      {.N = 7, .L_in = 13, .C_in = 4, .C_out = 8, .kernel = 13, .stride = 2},
      {.N = 2, .L_in = 9, .C_in = 80, .C_out = 248, .kernel = 2, .stride = 3},
      {.N = 1, .L_in = 700, .C_in = 8, .C_out = 8, .kernel = 1, .stride = 1},
  };
  return all;
}

TEST_P(NormalisedAtOnce, IsItsTwoOps) {
  for (const Conv1dProblem& p : shapes())
    for (const Fill fill : {Fill::integers, Fill::uniforms}) {
      Conv1dBatchNormForward op = op_of(p);
      expect_as_two_ops(op, {}, fill);
      op.epilogue.relu = true;
      expect_as_two_ops(op, {{"bias", {}}, {"addend", {}}}, fill);
      op.epilogue.dropout = {.p = 0.3f, .seed = 7, .layer = 2, .state = {}};
      expect_as_two_ops(op, {{"bias", {}}}, fill);
    }
}

TEST_P(NormalisedAtOnce, IsItsTwoOpsBackward) {
  int taken = 0;
  for (const Conv1dProblem& p : shapes())
    for (const Fill fill : {Fill::integers, Fill::uniforms}) {
      Conv1dBatchNormBackward op{.problem = p, .norm = {.N = p.N, .L = p.L_in, .C = p.C_in}};
      if (!backend_->has(op)) continue;
      ++taken;
      expect_as_two_ops(op, {}, fill);
      if (fill == Fill::integers) expect_as_two_ops(op, {{"addend", {}}}, fill);
      op.relu.p = 0.3f;
      expect_as_two_ops(op, {{"ReLU gradient's src", {}}}, fill);
      expect_as_two_ops(op, {{"addend", {}}, {"ReLU gradient's src", {}}}, fill);
    }
  EXPECT_GE(taken, 8);
}

/// Blocks take one tile after the other.
class NormalisedOnOneMultiprocessor : private OneMultiprocessor, public NormalisedAtOnce {
 protected:
  void expect_tile(const std::string& tile) const {
    if (!is_emulated() || GetParam().alignment == 1 || !bf16_) return;
    EXPECT_NE(got_.how().find("tile " + tile), std::string::npos) << got_.how();
    EXPECT_EQ(got_.how().find("in turns") != std::string::npos, tile.starts_with("128")) << got_.how();
  }
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(NormalisedOnOneMultiprocessor);
INSTANTIATE_TEST_SUITE_P(Devices, NormalisedOnOneMultiprocessor, ::testing::ValuesIn(cases()),
                         [](const auto& param_info) { return name_of(param_info.param); });

// Where all of K fits beside the tiles two warpgroups take turns, otherwise they share a tile.
TEST_P(NormalisedOnOneMultiprocessor, OfManyTiles) {
  for (const auto& [C_in, C_out, tile] :
       {std::tuple(8, 80, "128x80"), std::tuple(8, 128, "128x128"), std::tuple(160, 160, "128x160"),
        std::tuple(1120, 160, "256x160"), std::tuple(1120, 128, "256x128")}) {
    if (C_in > 160 && GetParam().alignment == 1) continue;  // by mma.sync like the others
    const Conv1dProblem p{.N = 3, .L_in = 300, .C_in = C_in, .C_out = C_out, .kernel = 1, .stride = 1};
    expect_as_two_ops(op_of(p), {{"bias", {}}}, Fill::uniforms);
    expect_tile(tile);
  }
}

TEST_P(NormalisedOnOneMultiprocessor, OfManyTilesBackward) {
  for (const auto& [C_in, C_out, stride, tile] :
       {std::tuple(48, 8, 1, "128x80"), std::tuple(64, 8, 2, "128x128"), std::tuple(48, 1120, 1, "256x80"),
        std::tuple(64, 1120, 2, "256x128")}) {
    if (C_out > 8 && GetParam().alignment == 1) continue;
    const Conv1dProblem p{
        .N = 3, .L_in = 301, .C_in = C_in, .C_out = C_out, .kernel = stride, .stride = stride};
    const Conv1dBatchNormBackward op{.problem = p, .norm = {.N = p.N, .L = p.L_in, .C = C_in}};
    expect_as_two_ops(op, {{"ReLU gradient's src", {}}}, Fill::uniforms);
    expect_tile(tile);
    expect_as_two_ops(op, {{"addend", {}}, {"ReLU gradient's src", {}}}, Fill::integers);
  }
}

// Squares are summed, not squares of deviations: the bound grows with the mean, and is kept.
TEST_P(NormalisedAtOnce, FarFromZero) {
  const Conv1dBatchNormForward op =
      op_of({.N = 4, .L_in = 90, .C_in = 8, .C_out = 24, .kernel = 3, .stride = 1});
  expect_as_two_ops(op, {{"bias", Numbers(24, 30.0)}}, Fill::uniforms);
}

TEST_P(NormalisedAtOnce, NotANumberStaysOne) {
  Conv1dBatchNormForward op = op_of({.N = 2, .L_in = 20, .C_in = 8, .C_out = 16, .kernel = 3, .stride = 1});
  op.epilogue.relu = true;
  Operands inputs = filled({op, {{"bias", {}}}, {}}, Fill::uniforms, backend_->number_types());
  inputs["bias"][5] = std::nan("");
  inputs["dst"] = {};
  const Operands got = got_.run(op, inputs);
  for (std::size_t i = 0; i < got.at("dst").size(); ++i)
    ASSERT_EQ(std::isnan(got.at("dst")[i]), i % 16 == 5) << i;
}

TEST(NormalisedAtOnceContract, RefusesWhatDoesNotFit) {
  const auto reference = make_backend({"reference", 1, ""});
  const auto error_of = [&](const Conv1dBatchNormForward& op) -> std::string {
    EXPECT_FALSE(reference->has(op));
    try {
      OpRunner(*reference)
          .run(op, filled({op, {{"dst", {}}}, {}}, Fill::uniforms, reference->number_types()));
    } catch (const std::runtime_error& e) {
      return e.what();
    }
    return "";
  };
  const Conv1dProblem conv{.N = 2, .L_in = 9, .C_in = 2, .C_out = 8, .kernel = 2, .stride = 2};
  EXPECT_NE(error_of(op_of(conv))
                .find("[conv1d_batch_norm_forward] reference has none: conv1d_batch_norm_forward N 2 L_in 9 "
                      "C_in 2 C_out 8 kernel 2 stride 2, then batch_norm"),
            std::string::npos)
      << error_of(op_of(conv));
  Conv1dBatchNormForward op = op_of(conv);
  op.norm.L = 5;
  EXPECT_NE(error_of(op).find("normalisation's L 5 != the convolution's 4"), std::string::npos)
      << error_of(op);
  op = op_of({.N = 1, .L_in = 2, .C_in = 1, .C_out = 8, .kernel = 2, .stride = 1});
  EXPECT_NE(error_of(op).find("N 1 x L 1 < 2 rows"), std::string::npos) << error_of(op);
}

}  // namespace
}  // namespace bragg::tests
