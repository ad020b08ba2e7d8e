// wgmma's main loop where two warpgroups take turns: exact on integers in tiles of every width, with runs of tiles of every length
// and steps of k that go round the ring; the same bits twice. With sums of columns: conv1d_batch_norm_test.cpp.
#include <set>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "kernels/base/bfloat16.h"
#include "tests/kernels/beside_reference.h"
#include "tests/kernels/op_cases.h"
#include "tests/support/compare.h"

namespace bragg::tests {
namespace {

std::vector<DeviceCase> devices() {
  std::vector<DeviceCase> all;
  for (const DeviceOptions& device : devices_under_test())
    if (device.device == "cuda" && device.precision == "bf16" && device.instruction_set.empty())
      all.push_back({device, 8});
  return all;
}

/// On an emulated device one multiprocessor has all tiles.
class WgmmaInTurns : public ::testing::TestWithParam<DeviceCase>,
                     private OneMultiprocessor,
                     protected BesideReference {
 protected:
  WgmmaInTurns() : BesideReference(GetParam()) {}
  void SetUp() override {
    const std::string device = backend_->description();
    if (device.find("wgmma") == std::string::npos || device.find("mma.sync") != std::string::npos)
      GTEST_SKIP() << device;
  }

  void expect_exact(const NetworkOp& op, const Operands& given, const char* result) {
    constexpr RunOptions late{.step = 5000000001};
    const Operands inputs = filled({op, given, late}, Fill::integers, backend_->number_types());
    const Numbers got = got_.run(op, inputs, late).at(result), again = got_.run(op, inputs, late).at(result);
    SCOPED_TRACE(got_.ran() + ": " + got_.how());
    EXPECT_NE(got_.how().find("in turns by"), std::string::npos);
    widths_.insert(got_.how().substr(0, got_.how().find(", ", got_.how().find("tile"))));
    Numbers expected = expected_.run(op, inputs, late).at(result);
    for (double& x : expected)
      x = to_float(to_bfloat16(static_cast<float>(x)));
    EXPECT_TRUE(identical(got, expected));
    EXPECT_TRUE(identical(again, got));
  }

  /// More than one tile to a block.
  const std::int64_t items_ = is_emulated() ? 1 : 264;
  std::set<std::string> widths_;  ///< that were seen
  const std::set<std::string> all_widths_{"wgmma bf16, tile 128x160", "wgmma bf16, tile 128x128",
                                          "wgmma bf16, tile 128x80"};
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(WgmmaInTurns);  // where there is no such device
INSTANTIATE_TEST_SUITE_P(Devices, WgmmaInTurns, ::testing::ValuesIn(devices()),
                         [](const auto& param_info) { return name_of(param_info.param); });

TEST_P(WgmmaInTurns, Forward) {
  const std::int64_t N = items_;
  const Conv1dProblem shapes[] = {
      {.N = 3 * N, .L_in = 200, .C_in = 8, .C_out = 80, .kernel = 3, .stride = 1},    // a random call in 80
      {.N = N, .L_in = 70, .C_in = 8, .C_out = 304, .kernel = 3, .stride = 1},        // a tile to a run
      {.N = 3 * N, .L_in = 120, .C_in = 8, .C_out = 480, .kernel = 8, .stride = 1},   // odd runs
      {.N = 3 * N, .L_in = 130, .C_in = 64, .C_out = 160, .kernel = 8, .stride = 1},  // 8 steps, 3 stages
      {.N = 3 * N, .L_in = 110, .C_in = 16, .C_out = 128, .kernel = 5, .stride = 1},
      {.N = 5 * N, .L_in = 120, .C_in = 8, .C_out = 16, .kernel = 1, .stride = 1},
  };
  for (const Conv1dProblem& p : shapes) {
    expect_exact(Conv1dForward{.problem = p}, {}, "dst");
    Epilogue epilogue{.bias = {}, .relu = true, .dropout = {}};
    expect_exact(Conv1dForward{.problem = p, .epilogue = epilogue}, {{"bias", {}}}, "dst");
    epilogue.dropout = {.p = 0.5f, .seed = 7, .layer = 2, .state = {}};
    if (p.C_out % 32 == 0 || p.C_out == 80)  // otherwise it is not stored by octets
      expect_exact(Conv1dForward{.problem = p, .epilogue = epilogue}, {{"bias", {}}}, "dst");
  }
  EXPECT_EQ(widths_, all_widths_);
}

TEST_P(WgmmaInTurns, BackwardData) {
  const std::int64_t N = items_;
  const Conv1dProblem shapes[] = {
      {.N = 3 * N, .L_in = 200, .C_in = 80, .C_out = 16, .kernel = 3, .stride = 1},
      {.N = 3 * N, .L_in = 245, .C_in = 64, .C_out = 48, .kernel = 4, .stride = 2},  // 128 columns
      {.N = 3 * N, .L_in = 180, .C_in = 160, .C_out = 128, .kernel = 4, .stride = 1},
      {.N = 3 * N, .L_in = 201, .C_in = 152, .C_out = 8, .kernel = 2, .stride = 2},
  };
  for (const Conv1dProblem& p : shapes) {
    expect_exact(Conv1dBackwardData{.problem = p}, {}, "diff_src");
    expect_exact(Conv1dBackwardData{.problem = p, .relu = {.src = {}, .p = 0.5f}},
                 {{"ReLU gradient's src", {}}}, "diff_src");
  }
  EXPECT_EQ(widths_, all_widths_);
}

}  // namespace
}  // namespace bragg::tests
