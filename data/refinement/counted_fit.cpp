#include "data/refinement/counted_fit.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

namespace bragg::data {
namespace {

/// The pattern with the variance that a doubt of positions makes where the calculated one is steep.
RefinementPattern::OnGrid with_axial_doubt(const RefinementPattern::OnGrid& grid,
                                           std::span<const float> calculated) {
  RefinementPattern::OnGrid result = grid;
  const RefinedPattern& pattern = grid.pattern;
  for (std::size_t i = 1; i + 1 < grid.y.size(); ++i) {
    if (!(grid.weight[i] > 0)) continue;
    const double angle = (pattern.start + pattern.step * static_cast<double>(i)) * std::numbers::pi / 180;
    const double cotangent = std::max(std::cos(angle) / std::sin(angle), 0.0);
    const double slope = (double{calculated[i + 1]} - double{calculated[i - 1]}) / (2 * pattern.step);
    result.weight[i] =
        static_cast<float>(1 / (1 / double{grid.weight[i]} + std::pow(axial_doubt * cotangent * slope, 2)));
  }
  return result;
}

std::vector<double> weighed_residuals(const RefinementPattern::OnGrid& grid,
                                      std::span<const float> calculated) {
  std::vector<double> residuals;
  for (std::size_t i = 0; i < grid.y.size(); ++i)
    residuals.push_back(std::sqrt(double{grid.weight[i]}) * (double{grid.y[i]} - double{calculated[i]}));
  return residuals;
}

double product(std::span<const double> residuals, std::size_t lag) {
  double sum = 0;
  for (std::size_t i = lag; i < residuals.size(); ++i)
    sum += residuals[i] * residuals[i - lag];
  return sum;
}

void put_misfit(std::span<const double> residuals, std::int64_t points, CountedFit& to) {
  constexpr double least_correlation = 0.05;
  constexpr std::size_t most_lag = 500;
  const double squares = product(residuals, 0);
  to.misfit = std::max(1.0, squares / static_cast<double>(points));
  to.together = 1;
  for (std::size_t lag = 1; lag < std::min(residuals.size(), most_lag); ++lag) {
    const double correlation = product(residuals, lag) / squares;
    if (!(correlation > least_correlation)) break;
    to.together += 2 * correlation;
  }
}

}  // namespace

CountedFit refine_counted(Backend& backend, const CountedPattern& counted, const StructuresThere& structures,
                          const std::vector<std::int32_t>& model, ModelParameters parameters,
                          const ModelParameters& prior, const ModelRules& rules) {
  CountedFit fit{.parameters = std::move(parameters), .rules = rules, .refined = {}};
  const auto refine = [&](const RefinementPattern::OnGrid& grid) {
    ModelRun run(backend, grid, structures);
    fit.refined =
        run.refine(fit.rules, {&model, 1}, {&fit.parameters, 1}, {&prior, 1}, ModelRun::Details::all).front();
  };
  refine(counted.grid);
  for (int pass = 0; pass < 2; ++pass) {
    const RefinementPattern::OnGrid grid = with_axial_doubt(counted.grid, fit.refined.calculated);
    put_misfit(weighed_residuals(grid, fit.refined.calculated), counted.points, fit);
    fit.rules.data_weight = 1 / (fit.misfit * fit.together);
    refine(grid);
  }
  fit.chi_squared = product(weighed_residuals(counted.grid, fit.refined.calculated), 0);
  for (std::size_t i = 0; i < counted.grid.y.size(); ++i)
    fit.weighed += double{counted.grid.weight[i]} * double{counted.grid.y[i]} * double{counted.grid.y[i]};
  return fit;
}

}  // namespace bragg::data
