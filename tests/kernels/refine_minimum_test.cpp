// Op refine's minima: parameters that patterns were drawn from are found again, within rules, and with the spread that curvature says.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "kernels/ops/refine.h"
#include "tests/kernels/refine_fits.h"
#include "tests/support/compare.h"

namespace bragg::tests {
namespace {

class RefineMinimum : public ViewOps {};
INSTANTIATE_TEST_SUITE_P(Devices, RefineMinimum, ::testing::ValuesIn(devices_under_test()),
                         [](const auto& device) { return name_of(device.param); });

std::size_t index(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

/// Roots of the diagonal of the inverse of what is not 0 of a curvature, by Gauss's and Jordan's elimination; 0 elsewhere.
std::vector<double> deviations_of(std::vector<double> matrix) {
  const auto n = static_cast<std::int64_t>(std::lround(std::sqrt(static_cast<double>(matrix.size()))));
  const std::vector<double> given = matrix;
  // Each pivot swept leaves the inverse in place, of those swept so far.
  for (std::int64_t k = 0; k < n; ++k) {
    if (!(given[index(k * n + k)] > 0)) continue;
    const double pivot = matrix[index(k * n + k)];
    for (std::int64_t i = 0; i < n; ++i)
      for (std::int64_t j = 0; j < n; ++j)
        if (i != k && j != k)
          matrix[index(i * n + j)] -= matrix[index(i * n + k)] * matrix[index(k * n + j)] / pivot;
    for (std::int64_t i = 0; i < n; ++i)
      if (i != k) {
        matrix[index(i * n + k)] /= pivot;
        matrix[index(k * n + i)] /= -pivot;
      }
    matrix[index(k * n + k)] = 1 / pivot;
  }
  std::vector<double> deviations;
  for (std::int64_t k = 0; k < n; ++k)
    deviations.push_back(given[index(k * n + k)] > 0 ? std::sqrt(matrix[index(k * n + k)]) : 0);
  return deviations;
}

TEST(RefineMinimumMatrix, DeviationsOfAKnownInverse) {
  // [4 2; 2 3] has the inverse [3 -2; -2 4] / 8; the row between is of no parameter.
  const std::vector<double> got = deviations_of({4, 0, 2, 0, 0, 0, 2, 0, 3});
  EXPECT_TRUE(within(got, std::vector<double>{std::sqrt(3.0 / 8), 0, std::sqrt(0.5)}, 1e-15));
}

struct FittedModel {
  std::vector<int> strains;
  bool has_axes = false;
};
const std::vector<FittedModel>& fitted_models() {
  static const std::vector<FittedModel> all{{{1}},    {{2}},    {{3}},       {{4}},       {{6}},
                                            {{2, 4}}, {{1, 3}}, {{1}, true}, {{2}, true}, {{2, 6}, true}};
  return all;
}

TEST_P(RefineMinimum, ParametersOfAPatternAreFoundAgain) {
  for (const auto& [strains, has_axes] : fitted_models()) {
    RefineInput input = true_model(strains, strains.size() == 1 ? 0.1 : 0, has_axes);
    SCOPED_TRACE(input.problem.text());
    measure(input, 0, drawn(*reference, input), 0);
    RefineInput moved = input;
    start_elsewhere(moved, 0);
    const RefineResult result = run(*backend, moved);
    // A hundredth of what counting statistics would leave.
    std::vector<double> bounds = deviations_of(curvature_of(moved, result, 0));
    const std::vector<double> got = model_of(moved, result.parameters, 0),
                              expected = model_of(input, input.parameters, 0);
    for (double& bound : bounds)
      bound *= 0.01;
    EXPECT_TRUE(within(got, expected, bounds));
    EXPECT_LT(result.figures[0].objective, 1e-2);
    EXPECT_GT(result.figures[0].correlation, 0.99999f);
    EXPECT_GT(result.figures[0].root_cosine, 0.9999f);
    EXPECT_EQ(result.figures[0].explained, 1);
    EXPECT_EQ(result.figures[0].absent, 0);
  }
}

/// Q has steps where a line's end passes a point, each of some hundredths here: that far apart may two descents end, and
/// where zero, displacement and growth do nearly the same, a few hundredths of their deviations.
TEST_P(RefineMinimum, MinimaAreTheReferences) {
  for (const auto& [strains, has_axes] : fitted_models()) {
    RefineInput input = true_model(strains, 0, has_axes);
    SCOPED_TRACE(input.problem.text());
    measure(input, 0, drawn(*reference, input), 7);
    start_elsewhere(input, 0);
    const RefineResult expected = run(*reference, input), got = run(*backend, input);
    std::vector<double> bounds = deviations_of(curvature_of(input, expected, 0));
    for (double& bound : bounds)
      bound *= 0.1;
    EXPECT_TRUE(within(model_of(input, got.parameters, 0), model_of(input, expected.parameters, 0), bounds));
    EXPECT_NEAR(got.figures[0].objective, expected.figures[0].objective,
                1e-4 * expected.figures[0].objective);
  }
}

TEST_P(RefineMinimum, PullsHaveTheSpreadOfCurvature) {
  constexpr int patterns = 200;
  for (const auto& [strains, has_axes] :
       {FittedModel{{2}}, FittedModel{{4}}, FittedModel{{1}, true}, FittedModel{{2}, true}}) {
    RefineInput input = true_model(strains, 0, has_axes);
    const RefineInput truth = input;
    const std::vector<double> expected = drawn(*reference, input);
    for (int n = 1; n < patterns; ++n) {
      input.add_pattern(input.pattern[0]);
      input.add_copy_of(0);
      input.model_pattern.back() = n;
    }
    for (int n = 0; n < patterns; ++n) {
      measure(input, n, expected, 1000 + static_cast<std::uint32_t>(n));
      start_elsewhere(input, n, 0.5f);
    }
    const RefineResult result = run(*backend, input);
    const std::vector<double> wanted = model_of(truth, truth.parameters, 0);
    std::vector<double> sum(wanted.size()), squares(wanted.size()), deviation;
    for (int n = 0; n < patterns; ++n) {
      deviation = deviations_of(curvature_of(input, result, n));
      const std::vector<double> found = model_of(input, result.parameters, n);
      for (std::size_t a = 0; a < wanted.size(); ++a) {
        const double pull = deviation[a] > 0 ? (found[a] - wanted[a]) / deviation[a] : 0;
        sum[a] += pull;
        squares[a] += pull * pull;
      }
    }
    double worst_mean = 0, least = 10, most = 0;
    for (std::size_t a = 0; a < wanted.size(); ++a) {
      const RefinedKind kind = truth.kind_of(0, static_cast<std::int64_t>(a));
      SCOPED_TRACE(fmt::format("strains {}, parameter {}, {}", strains[0], a, name_of(kind)));
      ASSERT_EQ(deviation[a] > 0, static_cast<int>(kind) >= 0);
      if (static_cast<int>(kind) < 0) continue;
      const double mean = sum[a] / patterns, spread = std::sqrt(squares[a] / patterns - mean * mean);
      EXPECT_TRUE(std::abs(mean) <= 0.25) << mean;
      EXPECT_TRUE(spread >= 0.8 && spread <= 1.25) << spread;
      worst_mean = std::max(worst_mean, std::abs(mean));
      least = std::min(least, spread);
      most = std::max(most, spread);
    }
    fmt::print("strains {}{}: pulls' means up to {:.2f}, standard deviations {:.2f} to {:.2f}\n", strains[0],
               has_axes ? " and an axis" : "", worst_mean, least, most);
  }
}

}  // namespace
}  // namespace bragg::tests
