// wgmma's main loop: a B by rows of k in tiles of every width, and a convolution of the papers at the batch
// that training has, against itself and against mma.sync. Batches as large are beyond the reference; an
// emulated device gets a small one.
#include <cmath>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "kernels/base/bfloat16.h"
#include "tests/kernels/op_runner.h"
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
  const OpRunner run(*backend, 8), expected(*reference);
  constexpr std::int64_t K = 136;  // two steps and a part of one
  const std::int64_t rows = rows_that_fill(*backend);
  const auto expect_tile = [&](const std::string& tile) {
    EXPECT_TRUE(run.how().starts_with("wgmma bf16, tile " + tile + ",")) << run.how();
    EXPECT_EQ(run.how().find(';'), std::string::npos) << run.how();
  };
  for (const std::int64_t columns : {80, 128, 160}) {
    SCOPED_TRACE(fmt::format("{} columns", columns));
    const DenseProblem p{.N = rows, .in = columns, .out = K};
    const Numbers dy = integers(p.N * p.out, 4), weights = integers(p.out * p.in, 2);
    const Numbers got = run.dense_backward_data(p, dy, weights, {});
    expect_tile(fmt::format("256x{}", columns));
    EXPECT_TRUE(identical(got, rounded(expected.dense_backward_data(p, dy, weights, {}))));
  }
  // Both operands by rows of k. Adam's store leaves registers for 128 rows.
  for (const std::int64_t columns : {80, 160}) {
    SCOPED_TRACE(fmt::format("{} columns, A by rows of k", columns));
    const DenseProblem p{.N = K, .in = rows, .out = columns};
    const Numbers src = integers(p.N * p.in, 1), dy = integers(p.N * p.out, 4);
    const WeightGradients got = run.dense_backward_weights(p, src, dy);
    expect_tile(fmt::format("128x{}", columns));
    EXPECT_TRUE(identical(got.weights, expected.dense_backward_weights(p, src, dy).weights));
  }
}

/// The three passes of a convolution, in the order of Pass.
std::vector<Numbers> passes(const OpRunner& run, const Conv1dProblem& p, const Numbers& src,
                            const Numbers& weights, const Numbers& dy) {
  return {run.conv1d_forward(p, src, weights, {}), run.conv1d_backward_data(p, dy, weights, {}),
          run.conv1d_backward_weights(p, src, dy).weights};
}

// NPCNN's second convolution. Where blocks share the steps of k of a tile, only equal bits speak for the
// order in which they hand their sums on.
TEST_P(Wgmma, APapersConvolutionTwiceAndByMmaSync) {
  const auto backend = make_backend(GetParam());
  if (backend->description().find("convolutions by mma.sync") != std::string::npos)
    GTEST_SKIP() << backend->description();
  const OpRunner by_wgmma(*backend, 8);
  const Conv1dProblem p =
      is_emulated() ? Conv1dProblem{1, 131, 80, 80, 50, 5} : Conv1dProblem{256, 1681, 80, 80, 50, 5};
  const Numbers src = rounded(uniforms(p.N * p.L_in * p.C_in, 1)),
                weights = rounded(uniforms(p.C_out * p.kernel * p.C_in, 2)),
                dy = rounded(uniforms(p.N * p.L_out() * p.C_out, 4));
  const std::vector<Numbers> got = passes(by_wgmma, p, src, weights, dy),
                             again = passes(by_wgmma, p, src, weights, dy);
  DeviceOptions options = GetParam();
  options.instruction_set = "sm_80";
  const auto mma_sync = make_backend(options);
  const OpRunner by_mma_sync(*mma_sync, 8);
  const std::vector<Numbers> expected = passes(by_mma_sync, p, src, weights, dy),
                             sums = passes(by_mma_sync, p, absolute(src), absolute(weights), absolute(dy));
  // Each of the two sums K products in fp32, off by some sqrt(K) 2^-23 of the sum of their magnitudes, and
  // rounds activations and their gradients to bfloat16 once.
  const std::int64_t products[] = {p.kernel * p.C_in, p.kernel * p.C_out / p.stride, p.N * p.L_out()};
  for (std::size_t pass = 0; pass < got.size(); ++pass) {
    SCOPED_TRACE(fmt::format("pass {}", pass));
    EXPECT_TRUE(identical(again[pass], got[pass]));
    Numbers bounds(sums[pass].size());
    for (std::size_t i = 0; i < bounds.size(); ++i)
      bounds[i] = 2 * std::sqrt(static_cast<double>(products[pass])) * 0x1p-23 * sums[pass][i] +
                  (pass < 2 ? 0x1p-7 * std::fabs(expected[pass][i]) : 0);
    EXPECT_TRUE(within(got[pass], expected[pass], bounds));
  }
}

}  // namespace
}  // namespace bragg::tests
