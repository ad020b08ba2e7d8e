// wgmma's main loop: a B by rows of k in tiles of every width, and a convolution of the papers at the batch
// that training has, against itself and against mma.sync. Batches as large are beyond the reference; an
// emulated device gets a small one.
#include <array>
#include <cmath>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "kernels/base/bfloat16.h"
#include "tests/kernels/op_cases.h"
#include "tests/support/compare.h"
#include "tests/support/devices.h"

namespace bragg::tests {
namespace {

/// Devices that multiply by wgmma where they can.
std::vector<DeviceOptions> devices() {
  std::vector<DeviceOptions> all;
  for (const DeviceOptions& device : devices_under_test())
    if (device.device == "cuda" && device.precision == "bf16" && device.instruction_set.empty())
      all.push_back(device);
  return all;
}

Numbers rounded(Numbers values) {
  for (double& x : values)
    x = to_float(to_bfloat16(static_cast<float>(x)));
  return values;
}

class Wgmma : public ::testing::TestWithParam<DeviceOptions> {
 protected:
  void SetUp() override {
    const std::string device = make_backend(GetParam())->description();
    if (device.find("wgmma") == std::string::npos) GTEST_SKIP() << "no wgmma: " << device;
  }
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Wgmma);  // where there is no such device
INSTANTIATE_TEST_SUITE_P(Devices, Wgmma, ::testing::ValuesIn(devices()),
                         [](const auto& param_info) { return name_of(param_info.param); });

/// So many rows that the tallest tile is the cheapest.
std::int64_t rows_that_fill(const Backend& backend) {
  const std::string text = backend.description();
  const std::size_t end = text.find(" multiprocessors"), begin = text.rfind(' ', end - 1) + 1;
  return 256 * std::stoll(text.substr(begin, end - begin));
}

TEST_P(Wgmma, ByRowsOfKInTilesOfEveryWidth) {
  const OneMultiprocessor small;
  const auto backend = make_backend(GetParam()), reference = make_backend({"reference", 1, ""});
  OpRunner run(*backend, 8), expected(*reference);
  constexpr std::int64_t K = 136;  // two steps and a part of one
  const std::int64_t rows = rows_that_fill(*backend);
  const auto expect_tile = [&](const std::string& tile) {
    EXPECT_TRUE(run.how().starts_with("wgmma bf16, tile " + tile + ",")) << run.ran() << ": " << run.how();
    EXPECT_EQ(run.how().find(';'), std::string::npos) << run.how();
  };
  for (const std::int64_t columns : {80, 128, 160}) {
    const DenseBackwardData op{.problem = {.N = rows, .in = columns, .out = K}};
    const Operands inputs = filled({op, {}, {}}, Fill::integers, backend->number_types());
    const Numbers got = run.run(op, inputs).at("diff_src");
    expect_tile(fmt::format("256x{}", columns));
    EXPECT_TRUE(identical(got, rounded(expected.run(op, inputs).at("diff_src")))) << run.ran();
  }
  // Both operands by rows of k. Adam's store leaves registers for 128 rows.
  for (const std::int64_t columns : {80, 160}) {
    const DenseBackwardWeights op{.problem = {.N = K, .in = rows, .out = columns}};
    const Operands inputs = filled({op, {}, {}}, Fill::integers, backend->number_types());
    const Numbers got = run.run(op, inputs).at("diff_weights");
    expect_tile(fmt::format("128x{}", columns));
    EXPECT_TRUE(identical(got, expected.run(op, inputs).at("diff_weights"))) << run.ran();
  }
}

/// How the last product of `run` was cut: "256x160, k shared, two with one B".
std::string cut_of(const std::string& how) {
  std::string text = how.substr(how.find("tile ") + 5);
  const auto part = [&](const char* words) { return how.find(words) != std::string::npos ? words : ""; };
  return text.substr(0, text.find(',')) + part(", k shared") + part(", two with one A") +
         part(", two with one B");
}

// Two blocks with one operand in common: tiles of every width, an odd one out, steps of k cut between pairs, in every order of the
// operands.
TEST_P(Wgmma, PairsOfBlocksWithOneOperand) {
  const FewMultiprocessors small(4);
  const auto backend = make_backend(GetParam()), reference = make_backend({"reference", 1, ""});
  OpRunner run(*backend, 8), expected(*reference);
  std::set<std::string> cuts;
  const auto expect_exact = [&](const NetworkOp& op, const std::string& result, bool is_rounded) {
    const Operands inputs = filled({op, {}, {}}, Fill::integers, backend->number_types());
    const Numbers got = run.run(op, inputs).at(result), again = run.run(op, inputs).at(result);
    SCOPED_TRACE(run.ran() + ": " + run.how());
    cuts.insert(cut_of(run.how()));
    const Numbers sums = expected.run(op, inputs).at(result);
    EXPECT_TRUE(identical(got, is_rounded ? rounded(sums) : sums));
    EXPECT_TRUE(identical(again, got));
  };
  // Rows, columns and K: of DenseForward both operands by rows of k, of the backward ops one and none.
  using Sizes = std::array<std::int64_t, 3>;
  for (const auto& [M, N, K] :
       {Sizes{100, 360, 72}, Sizes{100, 120, 72}, Sizes{150, 80, 200}, Sizes{100, 120, 1500},
        Sizes{150, 80, 1500}, Sizes{150, 360, 72}, Sizes{550, 120, 72}, Sizes{150, 520, 72},
        Sizes{800, 136, 72}, Sizes{150, 200, 72}, Sizes{550, 80, 200}}) {
    expect_exact(DenseForward{.problem = {.N = M, .in = K, .out = N}}, "dst", true);
    expect_exact(DenseBackwardData{.problem = {.N = M, .in = N, .out = K}}, "diff_src", true);
    const DenseBackwardWeights weights{.problem = {.N = K, .in = M, .out = N}};
    expect_exact(weights, "diff_weights", false);
    expect_exact(weights, "diff_bias", false);
  }
  for (const std::int64_t items : {1, 2, 3, 4, 5, 6})  // one of them in tiles of 136 columns
    expect_exact(Conv1dBackwardData{.problem = {items, 150, 136, 8, 9, 1}}, "diff_src", true);
  DeviceOptions single = GetParam();
  single.instruction_set = "sm_90a_single";
  const auto without_clusters = make_backend(single);
  OpRunner alone(*without_clusters, 8);
  const DenseForward paired{.problem = {.N = 150, .in = 1500, .out = 80}};
  const Operands inputs = filled({paired, {}, {}}, Fill::integers, backend->number_types());
  EXPECT_TRUE(identical(alone.run(paired, inputs).at("dst"), run.run(paired, inputs).at("dst")));
  EXPECT_EQ(alone.how().find("two with one"), std::string::npos) << alone.how();
  if (!is_emulated()) return;
  EXPECT_NE(run.how().find("two with one"), std::string::npos) << run.how();
  for (const char* cut : {"128x160, two with one A", "128x160, two with one B", "128x80, two with one A",
                          "128x80, two with one B", "128x80, k shared, two with one A",
                          "128x80, k shared, two with one B", "256x128, two with one A",
                          "256x128, two with one B", "256x136, two with one B", "256x160, two with one A",
                          "256x160, two with one B", "256x80, two with one A", "256x80, two with one B"})
    EXPECT_TRUE(cuts.contains(cut)) << cut;
}

// NPCNN's second convolution. Where blocks share the steps of k of a tile, only equal bits speak for the
// order in which they hand their sums on.
TEST_P(Wgmma, APapersConvolutionTwiceAndByMmaSync) {
  const auto backend = make_backend(GetParam());
  if (backend->description().find("convolutions by mma.sync") != std::string::npos)
    GTEST_SKIP() << backend->description();
  DeviceOptions options = GetParam();
  options.instruction_set = "sm_80";
  const auto mma_sync = make_backend(options);
  OpRunner by_wgmma(*backend, 8), by_mma_sync(*mma_sync, 8);
  const Conv1dProblem p =
      is_emulated() ? Conv1dProblem{1, 131, 80, 80, 50, 5} : Conv1dProblem{256, 1681, 80, 80, 50, 5};
  // Each of the two sums K products in fp32, off by some sqrt(K) 2^-23 of the sum of their magnitudes, and
  // rounds activations and their gradients to bfloat16 once.
  const auto expect_as_by_mma_sync = [&](const NetworkOp& op, const std::string& result,
                                         std::int64_t products, bool is_rounded) {
    const Operands inputs = filled({op, {}, {}}, Fill::uniforms, backend->number_types());
    const Numbers got = by_wgmma.run(op, inputs).at(result), again = by_wgmma.run(op, inputs).at(result),
                  expected = by_mma_sync.run(op, inputs).at(result),
                  sums = by_mma_sync.run(op, magnitudes(inputs)).at(result);
    SCOPED_TRACE(by_wgmma.ran());
    EXPECT_TRUE(identical(again, got));
    Numbers bounds(sums.size());
    for (std::size_t i = 0; i < bounds.size(); ++i)
      bounds[i] = 2 * std::sqrt(static_cast<double>(products)) * 0x1p-23 * sums[i] +
                  (is_rounded ? 0x1p-7 * std::fabs(expected[i]) : 0);
    EXPECT_TRUE(within(got, expected, bounds));
  };
  expect_as_by_mma_sync(Conv1dForward{.problem = p}, "dst", p.kernel * p.C_in, true);
  expect_as_by_mma_sync(Conv1dBackwardData{.problem = p}, "diff_src", p.kernel * p.C_out / p.stride, true);
  expect_as_by_mma_sync(Conv1dBackwardWeights{.problem = p}, "diff_weights", p.N * p.L_out(), false);
}

}  // namespace
}  // namespace bragg::tests
