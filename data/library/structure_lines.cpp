#include "data/library/structure_lines.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/crystal/crystal_math.h"
#include "kernels/crystal/instrument.h"
#include "xrd/crystal_batch.h"
#include "xrd/reflections.h"
#include "xrd/scattering/wavelength.h"

namespace bragg::data {
namespace {

constexpr double least_d = 1.25, greatest_d = 25;
constexpr std::size_t most_lines = 96;
constexpr double weakest = 1e-3;       // of the strongest line's intensity
constexpr std::size_t per_call = 512;  // crystals whose reflections are computed together
constexpr double reach = 4;            // widths beyond which lines do not touch

struct Line {
  double log_d, intensity;
};

StructureLines strongest(std::vector<Line> lines) {
  std::sort(lines.begin(), lines.end(),
            [](const Line& p, const Line& q) { return p.intensity > q.intensity; });
  std::size_t count = std::min(lines.size(), most_lines);
  while (count > 0 && lines[count - 1].intensity < weakest * lines.front().intensity)
    --count;
  lines.resize(count);
  std::sort(lines.begin(), lines.end(), [](const Line& p, const Line& q) { return p.log_d < q.log_d; });
  StructureLines out;
  for (const Line& line : lines) {
    out.position.push_back(static_cast<float>(line.log_d));
    out.weight.push_back(static_cast<float>(std::sqrt(line.intensity)));
  }
  return out;
}

void append_lines(Backend& backend, std::span<const xrd::Crystal> crystals,
                  std::vector<StructureLines>& out) {
  const CrystalBatch batch = xrd::make_batch(crystals);
  const ReflectionSet set = backend.structure_factors(
      {.stol_min = 1 / (2 * greatest_d), .stol_max = 1 / (2 * least_d), .ignore_displacements = true}, batch);
  std::vector<std::uint64_t> offset(crystals.size() + 1);
  backend.download(set.offset.data(), offset.data(), offset.size() * sizeof(std::uint64_t));
  std::vector<Miller> miller(static_cast<std::size_t>(set.reflections));
  backend.download(set.miller.data(), miller.data(), miller.size() * sizeof(Miller));
  const std::vector<double> f2 = xrd::downloaded_f2(backend, set);
  for (std::size_t i = 0; i < crystals.size(); ++i) {
    std::vector<Line> lines;
    for (std::uint64_t r = offset[i]; r < offset[i + 1]; ++r) {
      const double d =
          1 / std::sqrt(inverse_d_squared(batch.metric[i], miller[r].h, miller[r].k, miller[r].l));
      const double two_theta = xrd::two_theta_from_d(d, copper_k_alpha);
      lines.push_back({std::log(d), miller[r].multiplicity * f2[r] * xrd::lorentz_polarisation(two_theta)});
    }
    out.push_back(strongest(std::move(lines)));
  }
}

double overlap(const StructureLines& a, const StructureLines& b, double width, double shift) {
  double sum = 0;
  std::size_t first = 0;
  for (std::size_t i = 0; i < a.position.size(); ++i) {
    const double at = a.position[i] - shift;
    while (first < b.position.size() && b.position[first] < at - reach * width)
      ++first;
    for (std::size_t j = first; j < b.position.size() && b.position[j] <= at + reach * width; ++j) {
      const double off = (b.position[j] - at) / (2 * width);
      sum += a.weight[i] * b.weight[j] * std::exp(-off * off);
    }
  }
  return sum;
}

}  // namespace

std::vector<StructureLines> structure_lines(Backend& backend, std::span<const xrd::Crystal> crystals) {
  std::vector<StructureLines> out;
  for (std::size_t first = 0; first < crystals.size(); first += per_call)
    append_lines(backend, crystals.subspan(first, std::min(per_call, crystals.size() - first)), out);
  return out;
}

double line_similarity(const StructureLines& a, const StructureLines& b, double width, double shift) {
  const double norm = std::sqrt(overlap(a, a, width, 0) * overlap(b, b, width, 0));
  return norm > 0 ? overlap(a, b, width, shift) / norm : 0;
}

}  // namespace bragg::data
