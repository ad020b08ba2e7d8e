#include "xrd/reflections.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>

#include "kernels/crystal/crystal_math.h"
#include "xrd/crystal_batch.h"
#include "xrd/scattering/wavelength.h"

namespace bragg::xrd {
namespace {

constexpr double merge_tolerance = 1e-8;

// What the backend found, by ascending 1/d^2, equal ones by descending (h, k, l); angle and intensity still
// open.
std::vector<Reflection> computed(Backend& backend, const Crystal& crystal, const ReflectionOptions& options) {
  const ReflectionProblem problem{.stol_min = stol_from_two_theta(options.range.start, options.wavelength),
                                  .stol_max = stol_from_two_theta(options.range.end, options.wavelength),
                                  .ignore_displacements = options.ignore_displacements};
  const CrystalBatch batch =
      make_batch({&crystal, 1}, options.anomalous ? std::optional(options.wavelength) : std::nullopt);
  const ReflectionSet set = backend.structure_factors(problem, batch);
  const auto count = static_cast<std::size_t>(set.reflections);
  std::vector<Miller> miller(count);
  backend.download(set.miller.data(), miller.data(), count * sizeof(Miller));
  const std::vector<double> f2 = downloaded_f2(backend, set);

  struct Place {
    double q;
    std::uint32_t index;
    bool operator<(const Place& other) const { return q < other.q || (q == other.q && index < other.index); }
  };
  std::vector<Place> order(count);
  for (std::size_t i = 0; i < count; ++i) {
    const Miller& m = miller[i];
    order[i] = {inverse_d_squared(batch.metric[0], m.h, m.k, m.l), static_cast<std::uint32_t>(i)};
  }
  std::sort(order.begin(), order.end());
  std::vector<Reflection> list;
  list.reserve(count);
  for (const auto& [q, i] : order) {
    const Miller& m = miller[i];
    list.push_back({{m.h, m.k, m.l}, m.multiplicity, 1 / std::sqrt(q), f2[i], 0, 0});
  }
  return list;
}

constexpr double steepest = 179;  // degrees, see lorentz_polarisation

// LP from sin(theta) alone: cos 2 theta = 1 - 2 sin^2 theta.
double lorentz_polarisation_of_sine(double sine) {
  const double s = std::min(sine, std::sin(steepest * std::numbers::pi / 360));
  const double c2 = 1 - 2 * s * s;
  return (1 + c2 * c2) / (std::sqrt(1 - s * s) * s * s);
}

double unscaled_intensity(const Reflection& r, double wavelength) {
  return r.multiplicity * r.f2 * lorentz_polarisation_of_sine(wavelength / (2 * r.d));
}

void finish(std::vector<Reflection>& list, double wavelength) {
  double highest = 0;
  for (Reflection& r : list) {
    // Rounding may leave 2 d of the last line an ulp below the wavelength.
    r.two_theta = 2 * r.d > wavelength ? two_theta_from_d(r.d, wavelength) : 180;
    highest = std::max(highest, r.intensity);
  }
  for (Reflection& r : list)
    r.intensity *= highest > 0 ? 100 / highest : 0;
}

}  // namespace

std::vector<double> downloaded_f2(Backend& backend, const ReflectionSet& set) {
  std::vector<double> f2(static_cast<std::size_t>(set.reflections));
  if (backend.precise_type() == DType::f64) {
    backend.download(set.f2.data(), f2.data(), f2.size() * sizeof(double));
  } else {
    std::vector<float> single(f2.size());
    backend.download({set.f2.data(), backend.precise_type()}, single);
    std::copy(single.begin(), single.end(), f2.begin());
  }
  return f2;
}

std::vector<Reflection> reflections(Backend& backend, const Crystal& crystal,
                                    const ReflectionOptions& options) {
  std::vector<Reflection> list = computed(backend, crystal, options);
  for (Reflection& r : list)
    r.intensity = unscaled_intensity(r, options.wavelength);
  finish(list, options.wavelength);
  return list;
}

std::vector<Reflection> peaks(Backend& backend, const Crystal& crystal, const ReflectionOptions& options) {
  std::vector<Reflection> list = computed(backend, crystal, options);
  std::size_t merged = 0;
  for (std::size_t i = 0; i < list.size();) {
    Reflection peak = list[i];
    double strongest = -1, electrons = 0;
    peak.multiplicity = 0;
    std::size_t j = i;
    for (; j < list.size() && list[i].d - list[j].d <= merge_tolerance * list[i].d; ++j) {
      const double part = list[j].multiplicity * list[j].f2;
      if (part > strongest) peak.hkl = list[j].hkl;
      strongest = std::max(strongest, part);
      electrons += part;
      peak.multiplicity += list[j].multiplicity;
    }
    peak.f2 = electrons / peak.multiplicity;
    peak.intensity = unscaled_intensity(peak, options.wavelength);
    list[merged++] = peak;
    i = j;
  }
  list.resize(merged);
  finish(list, options.wavelength);
  return list;
}

double lorentz_polarisation(double two_theta) {
  return lorentz_polarisation_of_sine(std::sin(two_theta * std::numbers::pi / 360));
}

}  // namespace bragg::xrd
