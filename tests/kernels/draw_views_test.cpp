// Structures drawn from their lines: every backend against the reference.
#include "kernels/ops/draw_views.h"

#include <algorithm>
#include <cmath>

#include "kernels/base/bfloat16.h"
#include "tests/kernels/view_ops.h"
#include "tests/support/compare.h"

namespace bragg::tests {
namespace {

class DrawViewsOp : public ViewOps {};
INSTANTIATE_TEST_SUITE_P(Devices, DrawViewsOp, ::testing::ValuesIn(devices_under_test()),
                         [](const auto& device) { return name_of(device.param); });

struct DrawInput {
  std::vector<std::uint32_t> offset{0}, lines;
  std::vector<std::int32_t> rows;
};

std::uint32_t packed(std::uint32_t place, float area) {
  return place | std::uint32_t{to_bfloat16(area).bits} << 16;
}

std::vector<float> run(Backend& backend, const DrawViewsProblem& p, const DrawInput& input) {
  const Buffer offset = uploaded(backend, input.offset), lines = uploaded(backend, input.lines),
               rows = uploaded(backend, input.rows);
  const std::int64_t count = p.N * p.row_length();
  const Buffer dst = uploaded(backend, std::vector<std::uint16_t>(static_cast<std::size_t>(count), 0x7FC0));
  const DrawViews op{.problem = p,
                     .line_offset = {offset.data(), DType::u32},
                     .lines = {lines.data(), DType::u32},
                     .rows = {rows.data(), DType::i32},
                     .dst = {dst.data(), DType::bf16}};
  backend.reserve_workspace(backend.workspace_bytes(op));
  backend.run(op);
  std::vector<float> numbers;
  for (const std::uint16_t bits : downloaded<std::uint16_t>(backend, dst, count))
    numbers.push_back(to_float(BFloat16{bits}));
  return numbers;
}

/// Structures of 0, 1, 2 ... lines at places in order.
DrawInput some_structures(const DrawViewsProblem& p) {
  DrawInput input;
  for (std::int64_t s = 0; s < p.structures; ++s) {
    std::vector<std::uint32_t> places;
    for (std::int64_t l = 0; l < s * s; ++l)
      places.push_back(word(9, 100 * s + l) % static_cast<std::uint32_t>(p.bins * p.steps_per_bin));
    std::sort(places.begin(), places.end());
    for (const std::uint32_t place : places)
      input.lines.push_back(packed(place, 0.001f + static_cast<float>(word(10, place) % 1000) / 1000));
    input.offset.push_back(static_cast<std::uint32_t>(input.lines.size()));
  }
  for (std::int64_t n = 0; n < p.N; ++n)
    input.rows.push_back(static_cast<std::int32_t>((n * 5 + 3) % p.structures));
  return input;
}

std::vector<DrawViewsProblem> draw_cases() {
  return {
      {.N = 3,
       .structures = 4,
       .lines = 14,
       .bins = 37,
       .first_bin = 0,
       .end_bin = 37,
       .steps_per_bin = 32,
       .views = 1,
       .view = {DrawnView{2, 3, 1}}},
      {.N = 7,
       .structures = 6,
       .lines = 55,
       .bins = 301,
       .first_bin = 0,
       .end_bin = 301,
       .steps_per_bin = 32,
       .views = 3,
       .view = {DrawnView{5, 6, 0.5}, DrawnView{5, 8, 0.35}, DrawnView{9, 11, 0.5}}},
      {.N = 5,
       .structures = 5,
       .lines = 30,
       .bins = 224,
       .first_bin = 50,
       .end_bin = 171,
       .steps_per_bin = 256,
       .views = 2,
       .view = {DrawnView{1.5, 1.78, 0.5}, DrawnView{0.5, 4, 0.7}}},
  };
}

TEST_P(DrawViewsOp, DrawnStructuresAreTheReferences) {
  for (const DrawViewsProblem& p : draw_cases()) {
    SCOPED_TRACE(p.text());
    DrawInput input = some_structures(p);
    ASSERT_EQ(std::ssize(input.lines), p.lines);
    input.rows[1] = -1;  // no candidate: a row of zeros
    const std::vector<float> got = run(*backend, p, input), expected = run(*reference, p, input);
    std::vector<double> bounds;
    for (const float value : expected)
      bounds.push_back(0x1p-8 * std::abs(value) + 1e-6);  // half a bfloat16's step, and the floats before it
    EXPECT_TRUE(within(std::vector<double>(got.begin(), got.end()),
                       std::vector<double>(expected.begin(), expected.end()), bounds));
    for (std::int64_t i = 0; i < p.row_length(); ++i)
      EXPECT_EQ(got[static_cast<std::size_t>(p.row_length() + i)], 0);
  }
}

TEST_P(DrawViewsOp, ADrawnLineIsAGaussianOfUnitLength) {
  const DrawViewsProblem p{.N = 1,
                           .structures = 1,
                           .lines = 1,
                           .bins = 64,
                           .first_bin = 0,
                           .end_bin = 64,
                           .steps_per_bin = 32,
                           .views = 2,
                           .view = {DrawnView{6, 6, 1}, DrawnView{6, 6, 0.5}}};
  const std::vector<float> got = run(*backend, p, {{0, 1}, {packed(32 * 20 + 16, 0.7f)}, {0}});
  // The centre of bin 20, and half of the height three bins away; the square root falls by a quarter.
  EXPECT_NEAR(got[23] / got[20], 0.5, 0.004);
  EXPECT_NEAR(got[17] / got[20], 0.5, 0.004);
  EXPECT_NEAR(got[64 + 23] / got[64 + 20], std::sqrt(0.5), 0.006);
  EXPECT_EQ(got[20 + 13], 0);  // beyond drawn_cut
  double square = 0;
  for (const float value : got)
    square += double{value} * double{value};
  EXPECT_NEAR(square, 1, 0.004);
}

TEST_P(DrawViewsOp, DrawnRowsDoNotDependOnTheirNeighbours) {
  const DrawViewsProblem p = draw_cases()[1];
  const DrawInput input = some_structures(p);
  const std::vector<float> all = run(*backend, p, input);
  DrawViewsProblem one = p;
  one.N = 1;
  DrawInput alone = input;
  alone.rows = {input.rows[4]};
  const std::vector<float> got = run(*backend, one, alone);
  EXPECT_TRUE(std::equal(got.begin(), got.end(), all.begin() + 4 * p.row_length()));
}

TEST(DrawViewsContract, Problems) {
  const DrawViewsProblem draw = draw_cases()[0];
  const auto drawn_with = [&](auto change) {
    DrawViewsProblem p = draw;
    change(p);
    p.validate();
  };
  refused("[draw_views] bins 37 < 38", [&] { drawn_with([](auto& p) { p.end_bin = 38; }); });
  refused("[draw_views] views 5 > 4", [&] { drawn_with([](auto& p) { p.views = 5; }); });
  refused("[draw_views] fwhm_low 0.1 outside [0.5, 10000)",
          [&] { drawn_with([](auto& p) { p.view[0].fwhm_low = 0.1; }); });
  refused("[draw_views] power 0 is not in (0, 1]", [&] { drawn_with([](auto& p) { p.view[0].power = 0; }); });
}

}  // namespace
}  // namespace bragg::tests
