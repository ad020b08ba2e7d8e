// What op refine refuses, with its messages.
#include <limits>

#include "kernels/ops/refine.h"
#include "tests/kernels/refine_cases.h"

namespace bragg::tests {
namespace {

class RefineContract : public ViewOps {
 protected:
  static RefineInput small_input() {
    RefineInput input;
    input.problem.points = 50;
    input.add_pattern(copper(0, 50, 20, 0.1, true));
    input.add_pattern(copper(5, 50, 20, 0.1, false));
    input.add_structure(2, {0, 0.2}, 1);
    input.add_structure(6, {0, 0.2}, 2);
    input.add_model(0, {0, 1});
    input.add_model(1, {1});
    input.free_all();
    return input;
  }
};
INSTANTIATE_TEST_SUITE_P(Devices, RefineContract,
                         ::testing::Values(DeviceOptions{"reference", 1, ""}, DeviceOptions{"cpu", 2, ""}),
                         [](const auto& device) { return name_of(device.param); });

TEST(RefineProblemContract, Problems) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  const auto with = [](auto change) {
    return [change] {
      RefineProblem p{.patterns = 1,
                      .points = 50,
                      .structures = 1,
                      .lines = 3,
                      .models = 1,
                      .phases = 1,
                      .lines_per_phase = 3};
      p.validate();
      change(p);
      p.validate();
    };
  };
  refused("[refine] models -1 < 0", with([](auto& p) { p.models = -1; }));
  refused("[refine] models 1073741825 > 1073741824", with([](auto& p) { p.models = (1 << 30) + 1; }));
  refused("[refine] patterns 0 < 1", with([](auto& p) { p.patterns = 0; }));
  refused("[refine] points 1 < 2", with([](auto& p) { p.points = 1; }));
  refused("[refine] points 1048577 > 1048576", with([](auto& p) { p.points = (1 << 20) + 1; }));
  refused("[refine] phases -1 < 0", with([](auto& p) { p.phases = -1; }));
  refused("[refine] structures 0 < 1", with([](auto& p) { p.structures = 0; }));
  refused("[refine] lines -1 < 0", with([](auto& p) { p.lines = -1; }));
  refused("[refine] phases_per_model 9 > 8", with([](auto& p) { p.phases_per_model = 9; }));
  refused("[refine] phases_per_model -1 < 0", with([](auto& p) { p.phases_per_model = -1; }));
  refused("[refine] terms 0 < 1", with([](auto& p) { p.terms = 0; }));
  refused("[refine] terms 25 > 24", with([](auto& p) { p.terms = 25; }));
  refused("[refine] lines_per_phase 0 < 1", with([](auto& p) { p.lines_per_phase = 0; }));
  refused("[refine] lines_per_phase 65537 > 65536", with([](auto& p) { p.lines_per_phase = 65537; }));
  refused("[refine] iterations -1 < 0", with([](auto& p) { p.iterations = -1; }));
  refused("[refine] iterations 1001 > 1000", with([](auto& p) { p.iterations = 1001; }));
  refused("[refine] blur -0.5 outside [0, 10)", with([](auto& p) { p.blur = -0.5; }));
  refused("[refine] blur nan outside [0, 10)", with([](auto& p) { p.blur = nan; }));
  refused("[refine] first_damping -1 outside [0, 1000000000)", with([](auto& p) { p.first_damping = -1; }));
  refused("[refine] converged 1 outside [0, 1)", with([](auto& p) { p.converged = 1; }));
  refused("[refine] data_weight 0 <= 0", with([](auto& p) { p.data_weight = 0; }));
  refused("[refine] data_weight nan <= 0", with([](auto& p) { p.data_weight = nan; }));
  refused("[refine] tail_cut 0 <= 0", with([](auto& p) { p.tail_cut = 0; }));
  refused("[refine] growth: low 2 >= high 1",
          with([](auto& p) { p.rule_of(RefinedKind::growth) = {.low = 2, .high = 1}; }));
  refused("[refine] zero: low nan >= high 1e+30",
          with([](auto& p) { p.rule_of(RefinedKind::zero).low = nan; }));
  refused("[refine] damping: deviation -1 < 0",
          with([](auto& p) { p.rule_of(RefinedKind::damping).deviation = -1; }));
  refused("[refine] march: low 1 >= high 1",
          with([](auto& p) { p.rule_of(RefinedKind::march) = {.low = 1, .high = 1}; }));
  refused("[refine] texture: step 0 <= 0", with([](auto& p) { p.rule_of(RefinedKind::texture).step = 0; }));
  refused("[refine] lorentz_share: bounds -0.1 and 1 outside [0, 1]", with([](auto& p) {
            p.rule_of(RefinedKind::lorentz_share) = {.is_free = true, .low = -0.1, .high = 1};
          }));
  refused("[refine] lorentz_share: bounds 0 and 1.5 outside [0, 1]", with([](auto& p) {
            p.rule_of(RefinedKind::lorentz_share) = {.is_free = true, .low = 0, .high = 1.5};
          }));
  RefineProblem without_models{.points = 2};
  without_models.validate();
}

TEST_P(RefineContract, Operands) {
  const RefineInput input = small_input();
  const auto with = [&](auto change) { return [&, change] { run(*backend, input, change); }; };
  refused("[refine] y is F64, not F32", with([](Refine& op) { op.y.dtype = DType::f64; }));
  refused("[refine] weight is BF16, not F32", with([](Refine& op) { op.weight.dtype = DType::bf16; }));
  refused("[refine] prior is F64, not F32", with([](Refine& op) { op.prior.dtype = DType::f64; }));
  refused("[refine] parameters is F64, not F32", with([](Refine& op) { op.parameters.dtype = DType::f64; }));
  refused("[refine] figures is F64, not F32", with([](Refine& op) { op.figures.dtype = DType::f64; }));
  refused("[refine] calculated is BF16, not F32",
          with([](Refine& op) { op.calculated.dtype = DType::bf16; }));
  refused("[refine] curvature is F32, not F64", with([](Refine& op) { op.curvature.dtype = DType::f32; }));
  refused("[refine] pattern is F32, not U8", with([](Refine& op) { op.pattern.dtype = DType::f32; }));
  refused("[refine] phase_offset is U32, not I32",
          with([](Refine& op) { op.phase_offset.dtype = DType::u32; }));
  refused("[refine] y has no memory", with([](Refine& op) { op.y.data = nullptr; }));
  refused("[refine] figures has no memory", with([](Refine& op) { op.figures.data = nullptr; }));
}

TEST_P(RefineContract, WhatIsNotWantedIsNotWritten) {
  const RefineInput input = small_input();
  const RefineResult whole = run(*backend, input);
  const RefineResult part =
      run(*backend, input, [](Refine& op) { op.calculated.data = op.curvature.data = nullptr; });
  EXPECT_EQ(part.parameters, whole.parameters);
  EXPECT_NE(whole.calculated[7], 0);
  EXPECT_TRUE(part.calculated[7] != part.calculated[7]);
  EXPECT_TRUE(part.curvature[0] != part.curvature[0]);
}

TEST_P(RefineContract, Indices) {
  const auto with = [&](auto change) {
    return [&, change] {
      RefineInput input = small_input();
      run(*backend, input);
      change(input);
      run(*backend, input);
    };
  };
  const RefineInput given = small_input();
  refused("[refine] pattern's first point, its end: -1 against 50",
          with([](auto& i) { i.pattern[1].first = -1; }));
  refused("[refine] pattern's first point, its end: 7 against 6", with([](auto& i) {
            i.pattern[0].first = 7;
            i.pattern[0].end = 6;
          }));
  refused("[refine] pattern's end, points: 51 against 50", with([](auto& i) { i.pattern[0].end = 51; }));
  refused("[refine] pattern 1: step 0 <= 0", with([](auto& i) { i.pattern[1].step = 0; }));
  const std::string lines = std::to_string(given.problem.lines),
                    beyond = std::to_string(given.problem.lines + 1);
  refused("[refine] structure's last line, lines: " + beyond + " against " + lines,
          with([](auto& i) { ++i.structure[1].first_line; }));
  refused("[refine] structure's last line, lines: " + beyond + " against " + lines,
          with([](auto& i) { ++i.structure[1].lines; }));
  refused("[refine] structure's last line, lines: " + std::to_string(given.structure[0].lines - 1) +
              " against " + lines,
          with([](auto& i) { i.structure[0].first_line = -1; }));
  refused("[refine] strains, at most: 5 against 6", with([](auto& i) { i.structure[1].strains = 5; }));
  refused("[refine] strains, at most: 0 against 6", with([](auto& i) { i.structure[1].strains = 0; }));
  refused("[refine] strains, at most: 7 against 6", with([](auto& i) { i.structure[1].strains = 7; }));
  refused("[refine] images of a texture axis, at most: 25 against 24",
          with([](auto& i) { i.structure[1].march.axes = 25; }));
  refused("[refine] images of a texture axis, at most: -1 against 24",
          with([](auto& i) { i.structure[0].march.axes = -1; }));
  refused("[refine] phase_offset's begin, 0: 1 against 0", with([](auto& i) { i.phase_offset[0] = 1; }));
  refused("[refine] phase_offset's end, phases: 4 against 3", with([](auto& i) { i.phase_offset[2] = 4; }));
  refused("[refine] phases of a model, phases_per_model: 3 against 2",
          with([](auto& i) { i.phase_offset[1] = 3; }));
  refused("[refine] phases of a model, phases_per_model: -1 against 2",
          with([](auto& i) { i.phase_offset[1] = -1; }));
  refused("[refine] phases of a model, phases_per_model: -2147483648 against 2",
          with([](auto& i) { i.phase_offset[1] = std::numeric_limits<std::int32_t>::min(); }));
  refused("[refine] model_pattern, patterns: 2 against 2", with([](auto& i) { i.model_pattern[1] = 2; }));
  refused("[refine] model_pattern, patterns: -1 against 2", with([](auto& i) { i.model_pattern[0] = -1; }));
  refused("[refine] phase_structure, structures: 2 against 2",
          with([](auto& i) { i.phase_structure[2] = 2; }));
  refused("[refine] phase_structure, structures: -1 against 2",
          with([](auto& i) { i.phase_structure[0] = -1; }));
}

TEST_P(RefineContract, NoModelsAreNothingToDo) {
  RefineInput input;
  input.problem.points = 2;
  EXPECT_TRUE(run(*backend, input).parameters.empty());
}

}  // namespace
}  // namespace bragg::tests
