#include "tests/kernels/pattern_cases.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include <gtest/gtest.h>

#include "kernels/crystal/crystal_math.h"
#include "tests/support/compare.h"
#include "tests/support/devices.h"

namespace bragg::tests {

SampledPatterns problem_with(std::vector<PatternVariant> variants) {
  SampledPatterns p;
  p.instrument.wavelength = wavelength;
  p.variants = std::move(variants);
  return p;
}

PatternVariant gaussian(double U, double V, double W, double noise) {
  PatternVariant v;
  v.U = U;
  v.V = V;
  v[Effect::W] = Distribution::constant(W);
  v[Effect::noise] = Distribution::constant(noise);
  return v;
}

double lorentz_polarisation_at(double angle) {
  const double theta = angle * std::numbers::pi / 360, c = std::cos(2 * theta);
  return (1 + c * c) / (std::cos(theta) * std::sin(theta) * std::sin(theta));
}

CrystalBatch varied_crystals() {
  CrystalBatch batch;
  std::uint32_t seed = 500;
  for (const CrystalGroup& group : varied_groups(1.2))
    add_crystal(batch, group, 9, seed++);
  add_crystal(batch, varied_groups(2.5)[0], 5, seed);  // thousands of lines: drawn in several parts
  return batch;
}

std::vector<PatternVariant> varied_shapes() {
  std::vector<PatternVariant> shapes{gaussian(0.05, -0.06, 0.07),
                                     gaussian(0.05, -0.01, 0.01, 0.02),
                                     gaussian(0, 0, 0.001),
                                     gaussian(0, 0, 0.1, 0.002),
                                     gaussian(0, 0, 4e-6),
                                     gaussian(0, 0, 25),
                                     gaussian(0.5, 0.1, 1e-4, 0.00001)};
  shapes[2][Effect::W] = Distribution::uniform(0.001, 0.1);
  return shapes;
}

PatternVariant voigt_lines() {
  PatternVariant v = gaussian(0.02, -0.01, 0);
  using Law = Distribution::Law;
  v[Effect::W] = {Law::log_uniform, 0.003, 0.03, 1};
  v[Effect::size] = {Law::log_uniform, 10, 200, 0.8};
  v[Effect::microstrain] = {Law::uniform, 0, 0.004, 1};
  v[Effect::asymmetry] = {Law::uniform, 0, 0.1, 0.5};
  v[Effect::k_alpha2] = {Law::uniform, 0.3, 0.6, 0.5};
  v[Effect::zero_shift] = {Law::normal, 0, 0.05, 1};
  v[Effect::displacement] = {Law::normal, 0, 0.1, 1};
  v[Effect::strain] = {Law::mixed_normal, 0, 0.01, 1};
  v[Effect::distortion] = {Law::mixed_normal, 0, 0.01, 1};
  v[Effect::texture] = {Law::log_normal, 1, 0.4, 0.7};
  v[Effect::b_overall] = {Law::uniform, 0, 3, 0.5};
  return v;
}

PatternVariant everything() {
  PatternVariant v = voigt_lines();
  using Law = Distribution::Law;
  v[Effect::impurity] = {Law::uniform, 0.05, 0.3, 0.5};
  v[Effect::air_scatter] = {Law::uniform, 0, 0.1, 0.5};
  v[Effect::chebyshev] = {Law::uniform, 0, 0.1, 0.5};
  v[Effect::hump] = {Law::uniform, 0, 0.1, 0.5};
  v[Effect::hump_centre] = Distribution::uniform(15, 35);
  v[Effect::hump_width] = Distribution::uniform(5, 15);
  v[Effect::floor] = {Law::log_uniform, 0.0001, 0.01, 0.5};
  v[Effect::poisson] = {Law::log_uniform, 0.001, 0.03, 0.7};
  v[Effect::gaussian] = {Law::log_uniform, 0.0005, 0.02, 0.7};
  v[Effect::cut_low] = {Law::uniform, 0, 10, 0.3};
  v[Effect::cut_high] = {Law::uniform, 0, 20, 0.3};
  v[Effect::overflow] = {Law::uniform, 5, 40, 0.5};
  return v;
}

namespace {

// One line as far as a bound needs it.
struct BoundLine {
  double centre, fwhm, height, eta, side;
};

std::vector<BoundLine> bound_lines(const SampledPatterns& p, const HostReflections& set,
                                   const PatternParameters& drawn, std::int32_t crystal, bool impurity) {
  const ReciprocalMetric metric =
      impurity ? set.metric[crystal]
               : strained_metric(set.metric[crystal], set.laue[crystal], drawn[Effect::strain],
                                 drawn[Effect::distortion], drawn.distortion);
  const auto both = p.instrument.k_alpha();
  const double rho = drawn[Effect::k_alpha2];
  std::vector<BoundLine> lines;
  for (auto r = set.offset[crystal]; r < set.offset[crystal + 1]; ++r) {
    const Miller& m = set.miller[r];
    for (int which = 0; which < (rho > 0 ? 2 : 1); ++which) {
      const double lambda = rho > 0 ? both[which] : p.instrument.wavelength,
                   share = rho > 0 ? (which == 0 ? 1 : rho) / (1 + rho) : 1;
      const double q = inverse_d_squared(metric, m.h, m.k, m.l), s = lambda / 2 * std::sqrt(q);
      if (!(s < 1)) continue;
      const double theta = std::asin(s), t = std::tan(theta), c = std::cos(theta),
                   degrees = 180 / std::numbers::pi;
      const double g2 = drawn.U * t * t + drawn.V * t + drawn[Effect::W];
      if (!(g2 > 0)) continue;
      const double G = std::sqrt(g2), size = drawn[Effect::size],
                   L = degrees *
                       ((size > 0 ? 0.09 * lambda / size / c : 0) + 4 * drawn[Effect::microstrain] * t);
      const double H =
          std::pow(std::pow(G, 5) + 2.69269 * std::pow(G, 4) * L + 2.42843 * std::pow(G, 3) * L * L +
                       4.47163 * G * G * std::pow(L, 3) + 0.07842 * G * std::pow(L, 4) + std::pow(L, 5),
                   0.2);
      const double eta = 1.36603 * L / H - 0.47719 * std::pow(L / H, 2) + 0.11116 * std::pow(L / H, 3);
      double texture = 1;
      if (!impurity && drawn[Effect::texture] > 0) {
        const double r0 = drawn[Effect::texture];
        const std::int8_t* a = texture_axes[drawn.axis].data();
        const LaueRotations& laue = set.laue[crystal];
        texture = 0;
        for (int n = 0; n < laue.count; ++n) {
          const auto& R = laue.rotation[n];
          const int h = m.h * R[0] + m.k * R[3] + m.l * R[6], k = m.h * R[1] + m.k * R[4] + m.l * R[7],
                    l = m.h * R[2] + m.k * R[5] + m.l * R[8];
          // (h a) by polarisation
          const double sum = inverse_d_squared(metric, h + a[0], k + a[1], l + a[2]),
                       qa = inverse_d_squared(metric, a[0], a[1], a[2]), dot = (sum - q - qa) / 2;
          const double cos2 = dot * dot / (q * qa);
          texture += std::pow(r0 * r0 * cos2 + std::max(0.0, 1 - cos2) / r0, -1.5) / laue.count;
        }
      }
      const double area = share * m.multiplicity * set.f2[r] * lorentz_polarisation_at(2 * theta * degrees) *
                          texture * std::exp(-drawn[Effect::b_overall] * q / 2);
      lines.push_back(
          {2 * theta * degrees + drawn[Effect::zero_shift] -
               degrees * 2 * drawn[Effect::displacement] * c / p.instrument.radius,
           H,
           area * 2 / H *
               ((1 - eta) * std::sqrt(std::numbers::ln2 / std::numbers::pi) + eta / std::numbers::pi),
           eta, std::clamp(drawn[Effect::asymmetry] / std::tan(2 * theta), 0.0, 0.8)});
    }
  }
  return lines;
}

// What the sum of the lines may be off by, relative to its maximum: positions and widths in float units of
// the grid, 2^x to some 1e-7; and where a tail is cut, which hangs on the highest line and on blocks of
// points.
std::vector<double> line_bounds(const SampledPatterns& p, const std::vector<BoundLine>& lines) {
  double highest = 0;
  for (const BoundLine& line : lines)
    highest = std::max(highest, line.height);
  constexpr double of_height = 5e-6;
  std::vector<double> bounds(p.instrument.grid.points), y(p.instrument.grid.points);
  for (const BoundLine& line : lines) {
    const double lorentz = line.eta > 0 ? line.height * line.eta / (line.eta + (1 - line.eta) * 1.4757) : 0;
    const double tail = lorentz / (tail_cut * highest),
                 reach = std::max(profile_cut, tail > 1 ? std::sqrt(tail - 1) / 2 : 0);
    for (std::int64_t i = 0; i < p.instrument.grid.points; ++i) {
      const double distance = p.instrument.grid.at(i) - line.centre,
                   width = line.fwhm * (1 + (distance < 0 ? line.side : -line.side)),
                   x = std::abs(distance) / width, beyond = 17 * p.instrument.grid.step / width;
      if (x > reach * 1.001 + beyond) continue;
      const double profile = (line.height - lorentz) * std::exp2(-4 * x * x) + lorentz / (1 + 4 * x * x);
      y[i] += profile;
      bounds[i] += of_height * line.height;
      if (line.eta > 0 && x > reach * 0.999 - 1e-4) bounds[i] += profile;
    }
  }
  const auto top = std::max_element(y.begin(), y.end());
  if (*top == 0) return std::vector<double>(p.instrument.grid.points, 0);
  const double scale_error = bounds[top - y.begin()] / *top;
  for (std::int64_t i = 0; i < p.instrument.grid.points; ++i)
    bounds[i] = bounds[i] / *top + y[i] / *top * (scale_error + 1e-6);
  return bounds;
}

}  // namespace

std::vector<double> bounds_of(const SampledPatterns& p, const HostReflections& set,
                              const PatternParameters& drawn, std::int32_t crystal, std::int32_t impurity) {
  std::vector<double> bounds = line_bounds(p, bound_lines(p, set, drawn, crystal, false));
  if (drawn[Effect::impurity] > 0) {
    const auto other = line_bounds(p, bound_lines(p, set, drawn, impurity, true));
    for (std::size_t i = 0; i < bounds.size(); ++i)
      bounds[i] += drawn[Effect::impurity] * other[i];
  }
  const double top = *std::max_element(bounds.begin(), bounds.end());
  for (double& bound : bounds) {
    bound += 1e-6 + drawn[Effect::noise] * (1e-6 + top);
    // The noise's map stretches small values most: 1 + z / (2 sqrt(3/8)), |z| < 6. Its own rounding, float.
    if (drawn[Effect::poisson] > 0 || drawn[Effect::gaussian] > 0) bound = 6 * bound + 2e-5;
    bound = p.maximum * (bound + top);
  }
  if (!p.processing.is_identity())
    std::fill(bounds.begin(), bounds.end(), 3 * *std::max_element(bounds.begin(), bounds.end()));
  bounds.resize(p.points());  // a mean is no farther off than the worst of its points
  return bounds;
}

std::vector<DeviceOptions> exact_devices() {
  std::vector<DeviceOptions> devices{{"reference", 0, ""}};
  for (const DeviceOptions& device : devices_under_test()) {
    if (device.precision == "fp32") devices.push_back(device);
  }
  return devices;
}

void expect_agreement(const SampledPatterns& p, const HostReflections& host,
                      const std::vector<std::int32_t>& crystals, const std::vector<std::int32_t>& impurities,
                      std::uint64_t index) {
  const auto reference = make_backend({"reference", 0, ""});
  const auto expected = render(*reference, p, upload(*reference, host), crystals, index, impurities);
  std::vector<double> bounds;
  for (std::size_t n = 0; n < crystals.size(); ++n) {
    const auto b = bounds_of(p, host, sample_pattern(p.sampling(), index + n), crystals[n], impurities[n]);
    bounds.insert(bounds.end(), b.begin(), b.end());
  }
  for (const DeviceOptions& device : devices_under_test()) {
    if (device.precision == "tf32" || device.instruction_set == "sm_80") continue;  // of products alone
    const auto backend = make_backend(device);
    const auto got = render(*backend, p, upload(*backend, host), crystals, index, impurities);
    std::vector<double> own = bounds;
    if (backend->element_type() == DType::bf16) {
      for (std::size_t i = 0; i < own.size(); ++i)
        own[i] += 0x1p-8 * std::abs(expected[i]);
    }
    EXPECT_TRUE(within(got, expected, own)) << name_of(device);
  }
}

}  // namespace bragg::tests
