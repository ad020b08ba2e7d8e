#include "kernels/crystal/refinement_figures.h"

#include <algorithm>
#include <cmath>

#include "kernels/crystal/refinement_model.h"

namespace bragg {
namespace {

double ratio(double part, double whole) {
  return whole > 0 ? part / whole : 0;
}

}  // namespace

RefinedFigures refined_figures_of(const RefineProblem& p, const RefinedPattern& pattern, const float* y,
                                  const float* weight, const float* calculated, const double* parameters) {
  double chi_squared = 0, weighed = 0, product = 0, net2 = 0, f2 = 0, roots = 0, positive = 0,
         calculated_sum = 0, unexplained = 0, there = 0, absent = 0;
  const double two_noise = 2 * double{pattern.noise};
  double least = 0;
  for (std::int64_t t = 0; t < p.terms; ++t)
    least += line_rounding * std::abs(parameters[shared_parameters + t]);
  for (std::int64_t i = pattern.first; i < pattern.end; ++i) {
    const double w = double{weight[i]};
    if (!(w > 0)) continue;
    const double background = refined_background(pattern, parameters + shared_parameters, p.terms, i),
                 rest = double{y[i]} - double{calculated[i]};
    const double net = double{y[i]} - background, above = double{calculated[i]} - background,
                 f = above > least ? above : 0;
    chi_squared += w * rest * rest;
    weighed += w * double{y[i]} * double{y[i]};
    product += net * f;
    net2 += net * net;
    f2 += f * f;
    roots += std::sqrt(std::max(net, 0.0) * f);
    positive += std::max(net, 0.0);
    calculated_sum += f;
    unexplained += std::max(0.0, net - f - two_noise);
    there += std::max(0.0, net - two_noise);
    absent += std::max(0.0, f - net - two_noise);
  }
  return {.chi_squared = static_cast<float>(chi_squared),
          .objective = 0,
          .weighed = static_cast<float>(weighed),
          .correlation = static_cast<float>(ratio(product, std::sqrt(net2 * f2))),
          .root_cosine = static_cast<float>(ratio(roots, std::sqrt(positive * calculated_sum))),
          .explained = static_cast<float>(there > 0 ? 1 - unexplained / there : 0),
          .absent = static_cast<float>(ratio(absent, calculated_sum)),
          .iterations = 0};
}

}  // namespace bragg
