// Patterns by the formula: every line at every grid point that its profile reaches.
#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include <fmt/format.h>

#include "kernels/crystal_math.h"
#include "kernels/error.h"
#include "kernels/reference/reference_backend.h"

namespace bragg::reference {
namespace {

constexpr double degrees = 180 / std::numbers::pi;

// Lorentz factor of a powder ring and polarisation of an unpolarised beam (International Tables C, 6.2.5).
double lorentz_polarisation(double theta) {
  const double c2 = std::cos(2 * theta), s = std::sin(theta);
  return (1 + c2 * c2) / (std::cos(theta) * s * s);
}

void add_line(const TwoThetaGrid& grid, double two_theta, double area, double fwhm, std::vector<double>& y) {
  const double height = area * (2 / fwhm) * std::sqrt(std::numbers::ln2 / std::numbers::pi);
  for (std::int64_t i = 0; i < grid.points; ++i) {
    const double x = (grid.at(i) - two_theta) / fwhm;
    if (std::abs(x) <= profile_cut) y[i] += height * std::exp(-4 * std::numbers::ln2 * x * x);
  }
}

}  // namespace

void ReferenceBackend::do_render_patterns(const PatternProblem& p, const ReflectionSet& set,
                                          ConstTensor crystals, ConstTensor state, const Activations& dst) {
  const auto* offset = reinterpret_cast<const std::uint64_t*>(set.offset.data());
  const auto* metric = reinterpret_cast<const ReciprocalMetric*>(set.metric.data());
  const auto* miller = reinterpret_cast<const Miller*>(set.miller.data());
  const auto* f2 = reinterpret_cast<const double*>(set.f2.data());
  std::vector<double> y(p.grid.points);
  for (std::int64_t n = 0; n < p.N; ++n) {
    const std::int64_t crystal = crystals.as<std::int32_t>()[n];
    if (crystal < 0 || crystal >= set.crystals) {
      throw ProblemError(
          fmt::format("[render_patterns] crystal {} outside a set of {}", crystal, set.crystals));
    }
    const std::uint64_t index = state.as<StepState>()->first_index + static_cast<std::uint64_t>(n);
    const DrawnPattern drawn = draw_pattern(p, index);

    std::fill(y.begin(), y.end(), 0.0);
    for (std::uint64_t r = offset[crystal]; r < offset[crystal + 1]; ++r) {
      const auto [h, k, l, multiplicity] = miller[r];
      const double sin_theta = p.wavelength / 2 * std::sqrt(inverse_d_squared(metric[crystal], h, k, l));
      if (!(sin_theta < 1)) continue;
      const double theta = std::asin(sin_theta), t = std::tan(theta);
      const double fwhm2 = drawn.variant->U * t * t + drawn.variant->V * t + drawn.W;
      if (!(fwhm2 > 0)) continue;
      add_line(p.grid, 2 * theta * degrees, multiplicity * lorentz_polarisation(theta) * f2[r],
               std::sqrt(fwhm2), y);
    }

    const double before_noise = *std::max_element(y.begin(), y.end());
    if (drawn.noise > 0) {
      for (std::int64_t i = 0; i < p.grid.points; ++i) {
        const auto bits = random_call(p.seed, RandomStream::data, static_cast<std::uint32_t>(i / 4),
                                      static_cast<std::uint32_t>(DataDraw::noise), index);
        y[i] += drawn.noise * before_noise * uniform01(bits[i % 4]);
      }
    }
    const double highest = *std::max_element(y.begin(), y.end());
    for (std::int64_t i = 0; i < p.grid.points; ++i) {
      dst.item<double>(n)[i] = highest > 0 ? y[i] * (p.maximum / highest) : 0;
    }
  }
}

}  // namespace bragg::reference
