#include "data/refinement/refined_structures.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "data/refinement/lattice_forms.h"
#include "data/upload.h"
#include "kernels/crystal/crystal_math.h"
#include "xrd/crystal_batch.h"
#include "xrd/reflections.h"
#include "xrd/scattering/wavelength.h"

namespace bragg::data {
namespace {

constexpr double strain_margin = 0.04;
constexpr double weakest_line = 1e-4;
/// Of a structure: their ranks have 16 bits.
constexpr std::size_t most_lines = 65535;

struct Line {
  RefinedLine line;
  double q, strength;
};

void append_structure(const ReciprocalMetric& metric, const LaueRotations& laue,
                      std::span<const Miller> miller, std::span<const float> f2, double wavelength,
                      RefinedStructures& to) {
  RefinedStructure structure{};
  structure.metric = metric;
  const LatticeForms forms = lattice_forms(metric, laue);
  structure.strains = static_cast<std::int32_t>(forms.strain.size());
  std::copy(forms.strain.begin(), forms.strain.end(), structure.strain);
  std::copy(forms.texture.begin(), forms.texture.end(), structure.texture);

  std::vector<Line> lines;
  double strongest = 0;
  for (std::size_t i = 0; i < miller.size(); ++i) {
    const Miller& m = miller[i];
    const double q = inverse_d_squared(metric, m.h, m.k, m.l), area = m.multiplicity * double{f2[i]};
    const double sine = wavelength * std::sqrt(q) / 2;
    // What only a grown cell brings within reach of the wavelength is as strong as if it were there.
    const double two_theta = 2 * std::asin(std::min(sine, 0.999)) * 180 / std::numbers::pi;
    const double strength = area * xrd::lorentz_polarisation(two_theta);
    strongest = std::max(strongest, strength);
    lines.push_back({{m.h, m.k, m.l, 0, static_cast<float>(area)}, q, strength});
  }
  std::erase_if(lines, [&](const Line& line) { return !(line.strength > weakest_line * strongest); });
  std::vector<std::size_t> order(lines.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return lines[a].strength > lines[b].strength; });
  for (std::size_t rank = 0; rank < order.size(); ++rank)
    lines[order[rank]].line.rank = static_cast<std::uint16_t>(std::min(rank, most_lines));
  std::erase_if(lines, [](const Line& line) { return line.line.rank == most_lines; });
  std::stable_sort(lines.begin(), lines.end(), [](const Line& a, const Line& b) { return a.q < b.q; });
  structure.first_line = static_cast<std::int32_t>(to.lines.size());
  structure.lines = static_cast<std::int32_t>(lines.size());
  for (Line& line : lines) {
    line.line.area = static_cast<float>(double{line.line.area} / strongest);
    to.lines.push_back(line.line);
  }
  to.structures.push_back(structure);
  to.area_unit.push_back(strongest);
}

}  // namespace

RefinedStructures refined_structures(Backend& backend, std::span<const xrd::Crystal> crystals, double least_d,
                                     double most_d, double wavelength, bool anomalous) {
  RefinedStructures result;
  const CrystalBatch batch = xrd::make_batch(crystals, anomalous ? std::optional(wavelength) : std::nullopt);
  const ReflectionSet set = backend.structure_factors(
      {.stol_min = (1 - strain_margin) / (2 * most_d), .stol_max = (1 + strain_margin) / (2 * least_d)},
      batch);
  const auto offset = downloaded<std::uint64_t>(backend, set.offset, set.crystals + 1);
  const auto miller = downloaded<Miller>(backend, set.miller, set.reflections);
  const auto laue = downloaded<LaueRotations>(backend, set.laue, set.crystals);
  std::vector<float> f2(static_cast<std::size_t>(set.reflections));
  if (!f2.empty()) backend.download({set.f2.data(), backend.precise_type()}, f2);
  for (std::size_t i = 0; i < crystals.size(); ++i) {
    const std::size_t first = offset[i], count = offset[i + 1] - first;
    append_structure(batch.metric[i], laue[i], std::span(miller).subspan(first, count),
                     std::span(f2).subspan(first, count), wavelength, result);
  }
  return result;
}

void prefer_axis(RefinedStructure& structure, const xrd::Crystal& crystal, const std::array<int, 3>& hkl) {
  const LaueRotations laue = laue_rotations(crystal.group.operators);
  structure.march =
      axis_cosines(texture_axes_of(laue, AxisIndices{{hkl[0], hkl[1], hkl[2]}}), structure.metric);
}

xrd::UnitCell refined_cell(const RefinedStructure& structure, const float* strains) {
  const ReciprocalMetric g = strained(structure.metric, structure, strains);
  // The direct metric is the inverse of the reciprocal one.
  const double a = g[0], b = g[1], c = g[2], bc = g[3] / 2, ac = g[4] / 2, ab = g[5] / 2;
  const double determinant = a * (b * c - bc * bc) - ab * (ab * c - bc * ac) + ac * (ab * bc - b * ac);
  const double aa = (b * c - bc * bc) / determinant, bb = (a * c - ac * ac) / determinant,
               cc = (a * b - ab * ab) / determinant, direct_bc = (ab * ac - a * bc) / determinant,
               direct_ac = (ab * bc - b * ac) / determinant, direct_ab = (ac * bc - ab * c) / determinant;
  const auto angle = [](double product, double one, double other) {
    return product == 0 ? 90 : std::acos(product / std::sqrt(one * other)) * 180 / std::numbers::pi;
  };
  return {std::sqrt(aa),
          std::sqrt(bb),
          std::sqrt(cc),
          angle(direct_bc, bb, cc),
          angle(direct_ac, aa, cc),
          angle(direct_ab, aa, bb)};
}

std::array<double, 3> change_of_edges(const xrd::UnitCell& cell, const xrd::UnitCell& before) {
  return {cell.a / before.a - 1, cell.b / before.b - 1, cell.c / before.c - 1};
}

}  // namespace bragg::data
