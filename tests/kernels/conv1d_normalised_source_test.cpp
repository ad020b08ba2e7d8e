// What a normalisation and its ReLU make, made by the convolutions that read it: the same bits as from what was stored.
#include <array>
#include <cmath>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/base/bfloat16.h"
#include "kernels/base/error.h"
#include "tests/kernels/beside_reference.h"
#include "tests/kernels/op_cases.h"
#include "tests/support/compare.h"

namespace bragg::tests {
namespace {

/// Devices that have such convolutions; in fp32 operands lie anywhere.
std::vector<DeviceCase> cases() {
  std::vector<DeviceCase> all;
  for (const DeviceOptions& device : devices_under_test()) {
    const auto backend = make_backend(device);
    if (!backend->has(Conv1dNormalisedBackwardWeights{.problem = {.C_in = 8, .C_out = 8}})) continue;
    all.push_back({device, 8});
    if (backend->element_type() == DType::f32) all.push_back({device, 1});
  }
  return all;
}

/// What is stored of max(0, factor x + offset).
Numbers normalised(const Numbers& src, const Numbers& factor, const Numbers& offset, bool bf16) {
  Numbers result;
  for (std::size_t i = 0; i < src.size(); ++i) {
    const std::size_t c = i % factor.size();
    const float y =
        std::fma(static_cast<float>(src[i]), static_cast<float>(factor[c]), static_cast<float>(offset[c]));
    const float stored = y < 0 ? 0 : y;
    result.push_back(bf16 ? to_float(to_bfloat16(stored)) : stored);
  }
  return result;
}

/// One of the two that make up for each other, and others.
Operands without(Operands all, std::initializer_list<const char*> names) {
  for (const char* name : names)
    all.erase(name);
  return all;
}

class MadeWhereItIsRead : public ::testing::TestWithParam<DeviceCase>, protected BesideReference {
 protected:
  MadeWhereItIsRead() : BesideReference(GetParam()) {}

  Operands inputs_of(const NetworkOp& op, const Operands& given, Fill fill) {
    return filled({op, given, {}}, fill, backend_->number_types());
  }
  void expect_same(const Operands& got, const Operands& expected) {
    SCOPED_TRACE(got_.ran() + ": " + got_.how());
    ASSERT_FALSE(expected.empty());
    for (const auto& [name, numbers] : expected)
      EXPECT_TRUE(identical(got.at(name), numbers)) << name;
  }

  void expect_forward(const Conv1dProblem& p, Fill fill, bool has_addend = false);
  void expect_backward_weights(const Conv1dProblem& p, Fill fill);
  void expect_backward(const Conv1dProblem& p, Fill fill);
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(MadeWhereItIsRead);  // where there is no such device
INSTANTIATE_TEST_SUITE_P(Devices, MadeWhereItIsRead, ::testing::ValuesIn(cases()),
                         [](const auto& param_info) { return name_of(param_info.param); });

void MadeWhereItIsRead::expect_forward(const Conv1dProblem& p, Fill fill, bool has_addend) {
  const Conv1dBatchNormForward op{.problem = p, .norm = {.N = p.N, .L = p.L_out(), .C = p.C_out}};
  ASSERT_TRUE(backend_->has(op));
  Operands given{{"dst", {}}, {"bias", {}}, {"src's factor", {}}, {"src's offset", {}}};
  if (has_addend) given.merge(Operands{{"addend", {}}, {"addend's factor", {}}, {"addend's offset", {}}});
  const Operands inputs = inputs_of(op, given, fill);
  Operands stored = without(inputs, {"src's factor", "src's offset", "addend's factor", "addend's offset"});
  if (has_addend)
    stored["addend"] =
        normalised(inputs.at("addend"), inputs.at("addend's factor"), inputs.at("addend's offset"), bf16_);
  stored["src"] = normalised(inputs.at("src"), inputs.at("src's factor"), inputs.at("src's offset"), bf16_);
  Operands expected = got_.run(op, stored);
  const std::string how = got_.how();
  const Operands got = got_.run(op, inputs);
  // Moments of other tiles are added up in another order.
  if (got_.how() != how) expected = {{"between", expected.at("between")}};
  expect_same(got, expected);
}

void MadeWhereItIsRead::expect_backward_weights(const Conv1dProblem& p, Fill fill) {
  const Conv1dNormalisedBackwardWeights op{.problem = p};
  ASSERT_TRUE(backend_->has(op));
  const Operands inputs = inputs_of(op, {{"src's factor", {}}, {"src's offset", {}}}, fill);
  Operands stored = without(inputs, {"src's factor", "src's offset"});
  stored["src"] = normalised(inputs.at("src"), inputs.at("src's factor"), inputs.at("src's offset"), bf16_);
  const Operands expected = got_.run(Conv1dBackwardWeights{.problem = p}, stored);
  expect_same(got_.run(op, inputs), expected);
}

void MadeWhereItIsRead::expect_backward(const Conv1dProblem& p, Fill fill) {
  const Conv1dBatchNormBackward op{.problem = p, .norm = {.N = p.N, .L = p.L_in, .C = p.C_in}};
  ASSERT_TRUE(backend_->has(op));
  const Operands inputs = inputs_of(op, {{"factor", {}}, {"offset", {}}}, fill);
  Operands stored = without(inputs, {"factor", "offset"});
  stored["ReLU gradient's src"] =
      normalised(inputs.at("norm_src"), inputs.at("factor"), inputs.at("offset"), bf16_);
  const Operands expected = got_.run(op, stored);
  expect_same(got_.run(op, inputs), expected);
}

/// Padded and not; several outputs to a row; an item that is one row; several tiles of rows, columns and steps.
const std::vector<Conv1dProblem>& shapes() {
  static const std::vector<Conv1dProblem> all{
      {.N = 2, .L_in = 61, .C_in = 8, .C_out = 16, .kernel = 5, .pad_before = 2, .pad_after = 2},
      {.N = 3, .L_in = 53, .C_in = 48, .C_out = 48, .kernel = 5, .pad_before = 2, .pad_after = 2},
      {.N = 2,
       .L_in = 45,
       .C_in = 48,
       .C_out = 64,
       .kernel = 4,
       .stride = 2,
       .pad_before = 1,
       .pad_after = 1},
      {.N = 5, .L_in = 23, .C_in = 16, .C_out = 24, .kernel = 3, .pad_before = 2, .pad_after = 0},
      {.N = 7, .L_in = 13, .C_in = 8, .C_out = 8, .kernel = 13, .stride = 2},
      {.N = 2, .L_in = 9, .C_in = 80, .C_out = 248, .kernel = 2, .stride = 3},
      {.N = 1, .L_in = 300, .C_in = 24, .C_out = 8, .kernel = 1},
  };
  return all;
}

TEST_P(MadeWhereItIsRead, IsWhatWasStored) {
  std::vector<Conv1dProblem> all = shapes();
  if (!bf16_)
    all.push_back({.N = 3, .L_in = 41, .C_in = 5, .C_out = 7, .kernel = 4, .stride = 2, .pad_before = 1});
  for (const Conv1dProblem& p : all)
    for (const Fill fill : {Fill::integers, Fill::uniforms}) {
      expect_forward(p, fill);
      expect_forward(p, fill, true);
      expect_backward_weights(p, fill);
      expect_backward(p, fill);
    }
}

/// Blocks take one tile after the other. Forward they may be others than without the change: sums of integers are the same.
class MadeOnOneMultiprocessor : private OneMultiprocessor, public MadeWhereItIsRead {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(MadeOnOneMultiprocessor);
INSTANTIATE_TEST_SUITE_P(Devices, MadeOnOneMultiprocessor, ::testing::ValuesIn(cases()),
                         [](const auto& param_info) { return name_of(param_info.param); });

TEST_P(MadeOnOneMultiprocessor, OfManyTiles) {
  std::string how;
  for (const std::int64_t C_out : {48, 128}) {
    const Conv1dProblem p{
        .N = 3, .L_in = 301, .C_in = 48, .C_out = C_out, .kernel = 5, .pad_before = 2, .pad_after = 2};
    expect_forward(p, Fill::integers);
    how += got_.how();
    expect_backward_weights(p, Fill::uniforms);
    expect_backward(p, Fill::uniforms);
  }
  const Conv1dProblem long_k{.N = 2, .L_in = 300, .C_in = 320, .C_out = 128, .kernel = 5};
  expect_forward(long_k, Fill::integers);
  how += got_.how();
  if (!is_emulated() || !bf16_) return;
  EXPECT_NE(how.find("in turns"), std::string::npos) << how;
  EXPECT_NE(how.find("tile 256x"), std::string::npos) << how;
}

struct SixMultiprocessors : FewMultiprocessors {
  SixMultiprocessors() : FewMultiprocessors(6) {}
};
class MadeOnSixMultiprocessors : private SixMultiprocessors, public MadeWhereItIsRead {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(MadeOnSixMultiprocessors);
INSTANTIATE_TEST_SUITE_P(Devices, MadeOnSixMultiprocessors, ::testing::ValuesIn(cases()),
                         [](const auto& param_info) { return name_of(param_info.param); });

// Blocks in pairs that bring half of an operand to both, of which each changes what it was brought, and steps of k that several blocks
// share: what resnet's stages take at batch 256 and 1,024.
TEST_P(MadeOnSixMultiprocessors, ByPairsAndSharedSteps) {
  if (!is_emulated() || !bf16_) return;
  std::set<std::string> cuts;
  const auto cut = [&](const char* pass) {
    const std::string how = got_.how();
    std::string text = pass + how.substr(how.find(" tile ") + 5);
    text.resize(text.find(','));
    for (const char* part : {"k shared", "two with one A", "two with one B"})
      if (how.find(part) != std::string::npos) text += std::string(", ") + part;
    cuts.insert(text);
  };
  for (const auto& [N, C_in, C_out, kernel] : {std::array<std::int64_t, 4>{2, 48, 48, 5},
                                               {3, 64, 64, 5},
                                               {2, 96, 96, 5},
                                               {6, 96, 96, 5},
                                               {2, 320, 128, 5},
                                               {4, 320, 128, 5},
                                               {9, 320, 128, 3}}) {
    const Conv1dProblem p{.N = N,
                          .L_in = 106,
                          .C_in = C_in,
                          .C_out = C_out,
                          .kernel = kernel,
                          .pad_before = 2,
                          .pad_after = kernel - 3};
    expect_forward(p, Fill::integers);
    cut("forward");
    expect_backward_weights(p, Fill::integers);
    cut("weights");
  }
  for (const std::int64_t C : {48, 96}) {
    expect_backward_weights(
        {.N = 4, .L_in = 1500, .C_in = C, .C_out = C, .kernel = 3, .pad_before = 1, .pad_after = 1},
        Fill::integers);
    cut("weights");
  }
  std::string all;
  for (const std::string& one : cuts)
    all += one + "\n";
  for (const char* one :
       {"weights 256x80, k shared, two with one A", "weights 256x128, k shared, two with one A",
        "weights 256x128, two with one B", "forward 256x128, two with one B"})
    EXPECT_TRUE(cuts.contains(one)) << one << " of\n" << all;
}

// A convolution leaves what its readers normalise by, with what it stores or without.
TEST_P(MadeWhereItIsRead, LeavesAFactorAndAnOffset) {
  const Conv1dProblem p{.N = 2, .L_in = 61, .C_in = 8, .C_out = 16, .kernel = 5};
  Conv1dBatchNormForward op{.problem = p, .norm = {.N = p.N, .L = p.L_out(), .C = p.C_out}};
  op.epilogue.relu = true;
  Operands inputs = inputs_of(op, {{"dst", {}}, {"factor", {}}, {"offset", {}}}, Fill::uniforms);
  const Operands with_dst = got_.run(op, inputs);
  inputs.erase("dst");
  const Operands got = got_.run(op, inputs);
  EXPECT_NE(got_.ran().find("then batch_norm, relu, not stored"), std::string::npos) << got_.ran();
  for (const auto& [name, numbers] : got)
    EXPECT_TRUE(identical(numbers, with_dst.at(name))) << name;
  for (std::size_t c = 0; c < 16; ++c) {
    const auto of = [&](const Operands& all, const char* name) {
      return static_cast<float>(all.at(name)[c]);
    };
    const float factor = of(got, "inverse_deviation") * of(inputs, "scale");
    EXPECT_EQ(of(got, "factor"), factor);
    EXPECT_EQ(of(got, "offset"), std::fma(-of(got, "mean"), factor, of(inputs, "shift")));
  }
  // A bfloat16 may be rounded to either side.
  const Numbers made = normalised(got.at("between"), got.at("factor"), got.at("offset"), bf16_);
  for (std::size_t i = 0; i < made.size(); ++i)
    ASSERT_NEAR(made[i], with_dst.at("dst")[i], 0x1p-7 * std::fabs(made[i]) + 1e-5) << i;
}

TEST_P(MadeWhereItIsRead, RefusesWhatCannotBeDone) {
  const Conv1dProblem p{.N = 2, .L_in = 61, .C_in = 8, .C_out = 16, .kernel = 5};
  const auto error_of = [&](const NetworkOp& op, const Operands& given,
                            std::int64_t alignment) -> std::string {
    try {
      OpRunner(*backend_, alignment).run(op, inputs_of(op, given, Fill::integers));
    } catch (const std::runtime_error& e) {
      return e.what();
    }
    return "";
  };
  Conv1dBatchNormForward op{.problem = p, .norm = {.N = p.N, .L = p.L_out(), .C = p.C_out}};
  const Operands source{{"src's factor", {}}, {"src's offset", {}}}, line{{"factor", {}}, {"offset", {}}};
  const auto expect = [](const std::string& got, const std::string& part) {
    EXPECT_NE(got.find(part), std::string::npos) << got;
  };
  expect(error_of(op, {}, 8), "dst or factor has no memory");
  expect(error_of(op, line, 8), "without a dst there is a ReLU, no dropout and no addend");
  expect(error_of(op, {{"dst", {}}, {"addend's factor", {}}, {"addend's offset", {}}}, 8),
         "there is no addend to normalise");
  expect(error_of(op, {{"dst", {}}, {"factor", {}}}, 8), "offset has no memory");
  expect(error_of(op, {{"dst", {}}, {"src's factor", {}}}, 8), "offset has no memory");
  expect(error_of(Conv1dNormalisedBackwardWeights{.problem = p}, {}, 8), "src's factor has no memory");
  const Conv1dBatchNormBackward backward{.problem = p, .norm = {.N = p.N, .L = p.L_in, .C = p.C_in}};
  Operands both = line;
  both["ReLU gradient's src"] = {};
  expect(error_of(backward, both, 8), "the ReLU of a dst that nobody stored has no src and no dropout");
  if (!bf16_) return;
  // At odd addresses there is no way to do it.
  op.epilogue.relu = true;
  expect(error_of(op, line, 1), "wgmma takes no others");
  expect(error_of(backward, line, 1), "wgmma takes no others");
  expect(error_of(Conv1dNormalisedBackwardWeights{.problem = p}, source, 1), "wgmma takes no others");
}

}  // namespace
}  // namespace bragg::tests
