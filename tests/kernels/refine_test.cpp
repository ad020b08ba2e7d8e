// Op refine at given parameters: derivatives against differences, and every backend against the reference.
#include "kernels/ops/refine.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "tests/kernels/refine_cases.h"
#include "tests/support/compare.h"

namespace bragg::tests {
namespace {

class RefineOp : public ViewOps {};
INSTANTIATE_TEST_SUITE_P(Devices, RefineOp, ::testing::ValuesIn(devices_under_test()),
                         [](const auto& device) { return name_of(device.param); });

std::size_t index(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

/// Steps of the differences: a sixtieth of a line's width or of an area, and powers of two, as all parameters below are multiples of
/// 2^-14: p + step is exact in floats. Where the pattern is linear only the rounding of `calculated` limits them from below.
float difference_step(RefinedKind kind) {
  switch (kind) {
    case RefinedKind::zero:
    case RefinedKind::displacement:
      return 0x1p-7f;
    case RefinedKind::background:
      return 8;
    case RefinedKind::scale:
      return 0.5f;
    case RefinedKind::growth:
    case RefinedKind::strain:
      return 0x1p-12f;
    case RefinedKind::texture:
    case RefinedKind::march:
      return 0x1p-6f;
    case RefinedKind::damping:
      return 0x1p-4f;
    case RefinedKind::ln_fwhm:
      return 0x1p-6f;
    case RefinedKind::fwhm_slope:
      return 0x1p-5f;
    case RefinedKind::lorentz_share:
      return 0x1p-3f;
  }
  return 0;
}

struct FullModel {
  std::vector<int> strains;
  bool is_doublet;
  double blur;
  bool has_axis = false;  ///< its first phase
};
/// A model with nothing at zero, all of whose lines lie less than most_reach away from all points: no line's end moves through the
/// pattern.
RefineInput full_model(const FullModel& of) {
  const std::vector<int>& strains = of.strains;
  RefineInput input;
  input.problem.points = 811;
  input.problem.linear_start = false;
  input.problem.tail_cut = 1e-8;
  input.problem.blur = of.blur;
  input.add_pattern(copper(3, 808, 28, 0.02, of.is_doublet));
  std::vector<std::int32_t> structures;
  for (const int s : strains) {
    const bool has_axis = of.has_axis && structures.empty();
    input.add_structure(has_axis ? structure_with_axis(s) : structure_with(s), {0.052, 0.32},
                        40 + static_cast<std::uint32_t>(structures.size()));
    structures.push_back(static_cast<std::int32_t>(structures.size()));
  }
  input.add_model(0, structures);
  input.free_all();
  for (std::size_t i = 0; i < input.weight.size(); ++i)
    input.weight[i] = 0.5f + uniform01(word(3, static_cast<std::int64_t>(i)));
  input.shared(0, 0) = 0x1p-6f;
  input.shared(0, 1) = -3 * 0x1p-6f;
  for (std::int64_t t = 0; t < input.problem.terms; ++t)
    input.shared(0, shared_parameters + t) = 4 - 1.5f * static_cast<float>(t);
  for (std::int64_t n = 0; n < std::ssize(strains); ++n) {
    const float sign = n % 2 == 0 ? 1.0f : -1.0f;
    for (int j = 0; j < strains[index(n)]; ++j)
      input.own(0, n, strain_at + j) = sign * static_cast<float>(20 - 3 * j) * 0x1p-14f;
    for (int j = 0; j < input.structure[index(n)].textures(); ++j)
      input.own(0, n, texture_at + j) = sign * (static_cast<float>(j) - 1.5f) * 0x1p-4f;
    if (input.structure[index(n)].has_axis()) input.own(0, n, texture_at) = strains[0] == 2 ? 0.375f : -0.5f;
    input.own(0, n, damping_at) = 0.75f;
    input.own(0, n, ln_fwhm_at) = -0.25f + sign * 0x1p-5f;
    input.own(0, n, fwhm_slope_at) = 0.25f;
  }
  return input;
}

/// Their sums of squares and products, from differences of fourth order.
std::vector<double> curvature_of_differences(Backend& backend, const RefineInput& of) {
  RefineInput moved = of;
  moved.free_only({});
  const std::int64_t count = of.parameters_of(0);
  const std::vector<float> steps{-2, -1, 1, 2};
  for (std::int64_t a = 0; a < count; ++a) {
    const RefinedKind kind = of.kind_of(0, a);
    for (const float by : steps) {
      moved.add_copy_of(0);
      if (static_cast<int>(kind) >= 0)
        moved.parameters[index(moved.parameters_at(moved.problem.models - 1) + a)] +=
            by * difference_step(kind);
    }
  }
  const RefineResult result = run(backend, moved);
  std::vector<std::vector<double>> derivative;
  for (std::int64_t a = 0; a < count; ++a) {
    std::vector<double>& row = derivative.emplace_back(index(of.problem.points));
    if (static_cast<int>(of.kind_of(0, a)) < 0) continue;
    const double step = double{difference_step(of.kind_of(0, a))};
    const std::vector<double> far_below = calculated_of(moved, result, 1 + 4 * a),
                              below = calculated_of(moved, result, 2 + 4 * a),
                              above = calculated_of(moved, result, 3 + 4 * a),
                              far_above = calculated_of(moved, result, 4 + 4 * a);
    for (std::size_t i = 0; i < row.size(); ++i)
      row[i] = (8 * (above[i] - below[i]) - (far_above[i] - far_below[i])) / (12 * step);
  }
  std::vector<double> matrix;
  for (std::int64_t a = 0; a < count; ++a)
    for (std::int64_t b = 0; b < count; ++b) {
      double sum = 0;
      for (std::int64_t i = of.pattern[0].first; i < of.pattern[0].end; ++i)
        sum += double{of.weight[index(i)]} * derivative[index(a)][index(i)] * derivative[index(b)][index(i)];
      matrix.push_back(sum);
    }
  return matrix;
}

/// Every element over the root of those of its row and column on the diagonal of `of`.
std::vector<double> over_diagonal(const std::vector<double>& matrix, const std::vector<double>& of) {
  const auto n = static_cast<std::size_t>(std::lround(std::sqrt(static_cast<double>(matrix.size()))));
  std::vector<double> scaled;
  for (std::size_t a = 0; a < n; ++a)
    for (std::size_t b = 0; b < n; ++b) {
      const double over = std::sqrt(of[a * n + a] * of[b * n + b]);
      scaled.push_back(over > 0 ? matrix[a * n + b] / over : matrix[a * n + b]);
    }
  return scaled;
}

std::vector<FullModel> full_models() {
  return {{{1}, false, 0},          {{2}, true, 0},        {{3}, false, 0.25},     {{4}, true, 0.25},
          {{6}, false, 0},          {{6, 2}, true, 0},     {{1, 4}, false, 0.25},  {{1}, true, 0, true},
          {{2}, false, 0.25, true}, {{4}, false, 0, true}, {{6, 2}, true, 0, true}};
}

TEST(RefineReference, DerivativesAreThoseOfDifferences) {
  const auto reference = make_backend({"reference", 1, ""});
  for (const FullModel& model : full_models()) {
    const RefineInput input = full_model(model);
    SCOPED_TRACE(input.problem.text());
    const std::vector<double> expected = curvature_of_differences(*reference, input),
                              got = curvature_of(input, run(*reference, input), 0);
    const std::int64_t n = input.parameters_of(0);
    for (std::int64_t a = 0; a < n; ++a) {
      SCOPED_TRACE(fmt::format("parameter {}, {}", a, name_of(input.kind_of(0, a))));
      EXPECT_EQ(got[index(a * n + a)] > 0, static_cast<int>(input.kind_of(0, a)) >= 0);
    }
    EXPECT_TRUE(within(over_diagonal(got, expected), over_diagonal(expected, expected), 1e-5));
  }
}

TEST_P(RefineOp, CurvatureIsTheReferences) {
  for (const FullModel& model : full_models()) {
    const RefineInput input = full_model(model);
    SCOPED_TRACE(input.problem.text());
    const std::vector<double> expected = curvature_of(input, run(*reference, input), 0),
                              got = curvature_of(input, run(*backend, input), 0);
    EXPECT_TRUE(within(over_diagonal(got, expected), over_diagonal(expected, expected), 2e-5));
  }
}

/// What `calculated` changes by when all lines move by place_error, 2^-14 degrees: a line's end may fall on the other side of a
/// point in floats. The arc sine alone is exact to 1.4e-5 degrees, steps of the grid to 1e-4 of theirs. And 1e-4 of what is there,
/// for lines that overlap and move apart.
std::vector<double> bounds_of_calculated(Backend& reference, const RefineInput& input, std::int64_t model) {
  constexpr float place_error = 0x1p-14f;
  RefineInput moved = input;
  for (const float by : {-place_error, place_error}) {
    moved.add_copy_of(model);
    moved.shared(moved.problem.models - 1, 0) += by;
  }
  moved.free_only({});
  const RefineResult result = run(reference, moved);
  const std::vector<double> there = calculated_of(moved, result, model),
                            left = calculated_of(moved, result, moved.problem.models - 2),
                            right = calculated_of(moved, result, moved.problem.models - 1);
  double background = 0;
  for (std::int64_t t = 0; t < input.problem.terms; ++t)
    background += std::abs(double{moved.shared(model, shared_parameters + t)});
  std::vector<double> bounds;
  for (std::size_t i = 0; i < there.size(); ++i)
    bounds.push_back(std::abs(left[i] - there[i]) + std::abs(right[i] - there[i]) +
                     1e-4 * std::abs(there[i]) + 2e-6 * background);
  return bounds;
}

/// `chi_error`: how far chi_squared may lie apart where `calculated` keeps its bounds. On windows of a few points tails of lines
/// outside may be all that there is, of the size of the background's rounding.
void expect_near(const RefinedFigures& got, const RefinedFigures& expected, double chi_error, bool is_small) {
  const double share_error = is_small ? 2e-3 : 1e-4;
  const auto near = [](const char* what, float figure, float wanted, double bound) {
    EXPECT_TRUE(std::abs(double{figure} - double{wanted}) <= bound) << what << ' ' << figure << ' ' << wanted;
  };
  near("chi_squared", got.chi_squared, expected.chi_squared, chi_error);
  near("objective", got.objective, expected.objective, chi_error);
  near("weighed", got.weighed, expected.weighed, 1e-6 * double{expected.weighed});
  near("correlation", got.correlation, expected.correlation, share_error);
  near("root_cosine", got.root_cosine, expected.root_cosine, share_error);
  near("explained", got.explained, expected.explained, share_error);
  near("absent", got.absent, expected.absent, 1e-4 + 1e-3 * double{expected.absent});
}

TEST_P(RefineOp, CalculatedAndFiguresAreTheReferences) {
  for (const double tail_cut : {2e-4, 1e-6})
    for (const std::int64_t lines_per_phase : {1000, 20})
      for (const std::int64_t terms : {7, 1, 24}) {
        RefineInput input = mixed_models(terms);
        input.problem.tail_cut = tail_cut;
        input.problem.lines_per_phase = lines_per_phase;
        SCOPED_TRACE(fmt::format("tail_cut {} {}", tail_cut, input.problem.text()));
        measure_patterns(*reference, input);
        const RefineResult got = run(*backend, input), expected = run(*reference, input);
        EXPECT_EQ(got.parameters, input.parameters);
        for (std::int64_t m = 0; m < input.problem.models; ++m) {
          SCOPED_TRACE(fmt::format("model {}", m));
          const RefinedPattern& pattern = input.pattern[index(input.model_pattern[index(m)])];
          const std::vector<double> there = calculated_of(input, expected, m),
                                    drawn = calculated_of(input, got, m);
          for (std::int64_t i = 0; i < input.problem.points; ++i)
            EXPECT_TRUE(drawn[index(i)] == 0 || (i >= pattern.first && i < pattern.end)) << "point " << i;
          const std::vector<double> bounds = bounds_of_calculated(*reference, input, m);
          double chi_error = 1e-5 * double{expected.figures[index(m)].chi_squared};
          for (std::int32_t i = pattern.first; i < pattern.end; ++i) {
            const auto at = index(input.model_pattern[index(m)] * input.problem.points + i);
            const double rest = double{input.y[at]} - there[index(i)];
            chi_error +=
                double{input.weight[at]} * (2 * std::abs(rest) + bounds[index(i)]) * bounds[index(i)];
          }
          expect_near(got.figures[index(m)], expected.figures[index(m)], chi_error,
                      pattern.end - pattern.first < 100);
          EXPECT_EQ(got.figures[index(m)].iterations, 0);
          if (pattern.first == pattern.end) continue;
          EXPECT_TRUE(within(drawn, there, bounds));
          const std::vector<double> curvature = curvature_of(input, got, m),
                                    wanted = curvature_of(input, expected, m);
          EXPECT_TRUE(within(over_diagonal(curvature, wanted), over_diagonal(wanted, wanted), 1e-3));
        }
      }
}

}  // namespace
}  // namespace bragg::tests
