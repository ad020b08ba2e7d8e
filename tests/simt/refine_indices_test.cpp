// Models whose indices lead out of memory: a device says so in their figures, reads nothing there, and refines the others.
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/kernels/refine_cases.h"

namespace bragg::tests {
namespace {

struct Fault {
  std::string what;
  std::int64_t model;  ///< whose figures are no numbers
  std::function<void(RefineInput&)> make;
};

/// Three models; each fault is that of the one in the middle.
RefineInput three_models() {
  RefineInput input;
  input.problem.points = 300;
  input.add_pattern(copper(0, 300, 20, 0.1, true));
  input.add_pattern(copper(7, 290, 20, 0.1, false));
  input.add_structure(1, {0, 0.2}, 1);
  input.add_structure(6, {0, 0.2}, 2);
  input.add_model(0, {0});
  input.add_model(1, {1});
  input.add_model(0, {0});
  input.free_all();
  input.problem.iterations = 2;
  for (std::size_t i = 0; i < input.y.size(); ++i)
    input.y[i] = 5 + static_cast<float>(i % 17);
  return input;
}

TEST(DeviceRefine, OfAnIndexOutsideMemoryFiguresAreNoNumbers) {
  const std::vector<Fault> faults{
      {"pattern 2 of 2", 1, [](auto& i) { i.model_pattern[1] = 2; }},
      {"pattern -1", 1, [](auto& i) { i.model_pattern[1] = -1; }},
      {"structure 2 of 2", 1, [](auto& i) { i.phase_structure[1] = 2; }},
      {"structure -1", 1, [](auto& i) { i.phase_structure[1] = -1; }},
      {"lines behind the last", 1, [](auto& i) { ++i.structure[1].lines; }},
      {"lines before the first", 1, [](auto& i) { i.structure[1].first_line = -1; }},
      {"five strains", 1, [](auto& i) { i.structure[1].strains = 5; }},
      {"25 images of an axis", 1, [](auto& i) { i.structure[1].march.axes = 25; }},
      {"-1 images of an axis", 1, [](auto& i) { i.structure[1].march.axes = -1; }},
      {"points behind the last", 1, [](auto& i) { i.pattern[1].end = 301; }},
      {"points before the first", 1, [](auto& i) { i.pattern[1].first = -1; }},
      {"a step of 0", 1, [](auto& i) { i.pattern[1].step = 0; }},
      {"more lines of rank 0 than are drawn", 1,
       [](auto& i) {
         i.problem.lines_per_phase = 32;
         for (std::int32_t l = 0; l < i.structure[1].lines; ++l)
           i.line[static_cast<std::size_t>(i.structure[1].first_line + l)].rank = 0;
       }},
  };
  const auto device = make_backend({"cuda", 0, ""});
  const auto size = static_cast<std::size_t>(three_models().problem.parameters_per_model());
  for (const Fault& fault : faults) {
    SCOPED_TRACE(fault.what);
    RefineInput input = three_models();
    fault.make(input);
    const RefineResult got = run(*device, input);
    for (std::int64_t m = 0; m < 3; ++m) {
      const RefinedFigures& figures = got.figures[static_cast<std::size_t>(m)];
      EXPECT_EQ(std::isnan(figures.chi_squared), m == fault.model) << "model " << m;
      EXPECT_EQ(std::isnan(figures.iterations), m == fault.model) << "model " << m;
    }
    const auto at = static_cast<std::size_t>(input.parameters_at(1)),
               next = static_cast<std::size_t>(input.parameters_at(2));
    for (std::size_t i = at; i < next; ++i)
      EXPECT_EQ(got.parameters[i], input.parameters[i]) << "parameter " << i - at;
    for (std::size_t i = 0; i < 300; ++i)
      EXPECT_EQ(got.calculated[300 + i], 0) << "point " << i;
    for (std::size_t i = 0; i < size * size; ++i)
      EXPECT_EQ(got.curvature[size * size + i], 0) << "element " << i;
    EXPECT_NE(got.parameters[shared_parameters], 0);
    EXPECT_NE(got.parameters[next + shared_parameters], 0);
  }
}

/// phase_offset belongs to two models at a time.
TEST(DeviceRefine, OfPhasesOutsideMemoryFiguresAreNoNumbers) {
  for (const std::int32_t offset : {-1, 4}) {
    RefineInput input = three_models();
    input.phase_offset[1] = offset;
    const RefineResult got = run(*make_backend({"cuda", 0, ""}), input);
    EXPECT_TRUE(std::isnan(got.figures[0].chi_squared));
    EXPECT_TRUE(std::isnan(got.figures[1].chi_squared));
    EXPECT_FALSE(std::isnan(got.figures[2].chi_squared));
  }
}

/// Blocks take models until none is left; what they count by is then as it was.
TEST(DeviceRefine, IsTheSameAfterItselfAndOnOneMultiprocessor) {
  RefineInput input = three_models();
  for (int i = 0; i < 5; ++i)
    input.add_copy_of(i);
  const auto device = make_backend({"cuda", 0, ""});
  const RefineResult first = run(*device, input), again = run(*device, input);
  const OneMultiprocessor one;
  const RefineResult few = run(*make_backend({"cuda", 0, ""}), input);
  EXPECT_EQ(first.parameters, again.parameters);
  EXPECT_EQ(first.curvature, again.curvature);
  EXPECT_EQ(first.parameters, few.parameters);
  EXPECT_EQ(first.calculated, few.calculated);
  EXPECT_EQ(first.curvature, few.curvature);
  EXPECT_NE(first.parameters, input.parameters);
}

}  // namespace
}  // namespace bragg::tests
