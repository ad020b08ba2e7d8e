#include "tests/kernels/refine_fits.h"

#include <algorithm>
#include <cmath>

#include "tests/kernels/refine_cases.h"

namespace bragg::tests {
namespace {

std::size_t index(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

/// The least k at which the sum of the Poisson distribution's terms, from the middle outwards, is beyond u: exact for any order of
/// the terms.
double poisson(double expected, double u) {
  const double middle = std::floor(expected);
  double up = std::exp(middle * std::log(expected) - expected - std::lgamma(middle + 1)), down = up;
  u -= up;
  for (double k = 1; u >= 0 && k < 10 * middle + 100; ++k) {
    up *= expected / (middle + k);
    u -= up;
    if (u < 0) return middle + k;
    if (k > middle) continue;
    down *= (middle - k + 1) / expected;
    u -= down;
    if (u < 0) return middle - k;
  }
  return middle;
}

}  // namespace

RefineInput true_model(const std::vector<int>& strains, double blur, bool with_axes) {
  RefineInput input;
  input.problem.points = 2501;
  input.problem.iterations = 30;
  input.problem.converged = 1e-7;
  input.problem.blur = blur;
  input.add_pattern(copper(0, 2501, 12, 0.03, true));
  std::vector<std::int32_t> structures;
  for (const int s : strains) {
    input.add_structure(with_axes ? structure_with_axis(s) : structure_with(s), {0, 0.8},
                        90 + static_cast<std::uint32_t>(s));
    structures.push_back(static_cast<std::int32_t>(structures.size()));
  }
  input.problem.lines_per_phase = 40;
  input.add_model(0, structures);
  input.free_all();
  input.problem.rule_of(RefinedKind::scale).low = 0;
  input.shared(0, 0) = 0.02f;
  input.shared(0, 1) = -0.03f;
  const float background[] = {90, -30, 12, 5, -3};
  std::copy_n(background, input.problem.terms, &input.shared(0, shared_parameters));
  for (std::int64_t n = 0; n < std::ssize(strains); ++n) {
    const float sign = n == 0 ? 1.0f : -1.0f;
    input.own(0, n, scale_at) = 25 - 5 * sign;
    for (int j = 0; j < strains[index(n)]; ++j)
      input.own(0, n, strain_at + j) = sign * 0.0007f * static_cast<float>(2 - j);
    for (int j = 0; j < input.structure[index(n)].textures(); ++j)
      input.own(0, n, texture_at + j) = with_axes ? sign * -0.5f : sign * 0.05f * static_cast<float>(j + 1);
    input.own(0, n, damping_at) = 1.2f;
    input.own(0, n, ln_fwhm_at) = -1.4f;
    input.own(0, n, fwhm_slope_at) = 0.4f;
    input.own(0, n, lorentz_share_at) = 0.5f;
  }
  input.prior = input.parameters;
  return input;
}

std::vector<double> drawn(Backend& reference, RefineInput input) {
  input.problem.iterations = 0;
  input.problem.linear_start = false;
  return calculated_of(input, run(reference, input), 0);
}

void measure(RefineInput& input, std::int64_t pattern, const std::vector<double>& expected,
             std::uint32_t seed) {
  const std::int64_t begin = pattern * input.problem.points;
  for (std::int64_t i = 0; i < input.problem.points; ++i) {
    const Philox4 words = random_call(seed, RandomStream::test, 0, 0, static_cast<std::uint64_t>(i));
    const double u = (words[0] + words[1] * 0x1p-32) * 0x1p-32, count = expected[index(i)];
    input.y[index(begin + i)] = static_cast<float>(seed == 0 ? count : poisson(count, u));
    input.weight[index(begin + i)] = static_cast<float>(1 / std::max(count, 1.0));
  }
}

void start_elsewhere(RefineInput& input, std::int64_t model, float by) {
  input.shared(model, 0) += by * 0.02f;
  input.shared(model, 1) -= by * 0.02f;
  for (std::int64_t t = 0; t < input.problem.terms; ++t)
    input.shared(model, shared_parameters + t) = 0;
  for (std::int64_t n = 0; n < input.phases_of(model); ++n) {
    input.own(model, n, scale_at) = 1;
    input.own(model, n, strain_at) += by * 0.0008f;
    for (int j = 1; j < input.structure[index(input.phase_structure[index(n)])].strains; ++j)
      input.own(model, n, strain_at + j) -= by * 0.0004f;
    // Of a cubic lattice nothing changes with ln r at 0.
    const RefinedStructure& structure = input.structure_of(model, n);
    for (int j = 0; j < structure.textures(); ++j)
      input.own(model, n, texture_at + j) *= structure.has_axis() ? 0.6f : 0.0f;
    input.own(model, n, damping_at) = 0.5f;
    input.own(model, n, ln_fwhm_at) += by * 0.25f;
    input.own(model, n, fwhm_slope_at) = 0;
    input.own(model, n, lorentz_share_at) = 0.3f;
  }
}

std::vector<double> model_of(const RefineInput& input, const std::vector<float>& parameters,
                             std::int64_t model) {
  const auto begin = parameters.begin() + input.parameters_at(model);
  return {begin, begin + input.parameters_of(model)};
}

}  // namespace bragg::tests
