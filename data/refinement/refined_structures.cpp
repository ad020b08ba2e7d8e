#include "data/refinement/refined_structures.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>
#include <utility>

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
constexpr std::size_t most_ranks = 65535;

/// Of a call for many crystals: 12 bytes each on the device and on the host.
constexpr double most_reflections = 1 << 25;
/// Of those that share a call the one that reaches furthest reaches this much further than the others: they list a sixth of their
/// reflections in vain.
constexpr double shared_reach = 1.05;

/// A number by which something is put in order, and its place in the order that equal ones keep.
struct Keyed {
  double key;
  std::uint32_t at;
};

ReflectionProblem reach_of(double least_d, double most_d) {
  return {.stol_min = (1 - strain_margin) / (2 * most_d), .stol_max = (1 + strain_margin) / (2 * least_d)};
}

/// What structure_factors made, on the host.
struct Reflections {
  Reflections(Backend& backend, const ReflectionProblem& problem, const CrystalBatch& batch) {
    const ReflectionSet set = backend.structure_factors(problem, batch);
    offset = downloaded<std::uint64_t>(backend, set.offset, set.crystals + 1);
    miller = downloaded<Miller>(backend, set.miller, set.reflections);
    laue = downloaded<LaueRotations>(backend, set.laue, set.crystals);
    f2.resize(static_cast<std::size_t>(set.reflections));
    if (!f2.empty()) backend.download({set.f2.data(), backend.precise_type()}, f2);
  }
  std::vector<std::uint64_t> offset;
  std::vector<Miller> miller;
  std::vector<LaueRotations> laue;
  std::vector<float> f2;
};

struct ListedStructure {
  RefinedStructure structure{};
  std::vector<RefinedLine> lines;  ///< ascending in 1/d^2
  double area_unit = 0;
};

/// Lines before they are in order: what stands at i of each list is of one line.
struct UnorderedLines {
  std::vector<RefinedLine> line;
  std::vector<double> q;
  std::vector<Keyed> strength;
  double strongest = 0;
};

/// Of crystal i those that lie in the range.
UnorderedLines lines_within(const Reflections& of, std::size_t i, const ReciprocalMetric& metric,
                            const InverseDSquaredRange& range, double wavelength) {
  UnorderedLines lines;
  const std::size_t count = of.offset[i + 1] - of.offset[i];
  lines.line.reserve(count);
  lines.q.reserve(count);
  lines.strength.reserve(count);
  for (std::size_t r = of.offset[i]; r < of.offset[i + 1]; ++r) {
    const Miller& m = of.miller[r];
    const double q = inverse_d_squared(metric, m.h, m.k, m.l), area = m.multiplicity * double{of.f2[r]};
    if (!range.contains(q)) continue;
    const double sine = wavelength * std::sqrt(q) / 2;
    // What only a grown cell brings within reach of the wavelength is as strong as if it were there.
    const double two_theta = 2 * std::asin(std::min(sine, 0.999)) * 180 / std::numbers::pi;
    const double strength = area * xrd::lorentz_polarisation(two_theta);
    lines.strongest = std::max(lines.strongest, strength);
    lines.strength.push_back({strength, static_cast<std::uint32_t>(lines.line.size())});
    lines.line.push_back({m.h, m.k, m.l, 0, static_cast<float>(area)});
    lines.q.push_back(q);
  }
  return lines;
}

ListedStructure listed_structure(const Reflections& of, std::size_t i, const ReciprocalMetric& metric,
                                 const InverseDSquaredRange& range, double wavelength,
                                 std::size_t most_lines) {
  ListedStructure listed;
  RefinedStructure& structure = listed.structure;
  structure.metric = metric;
  const LatticeForms forms = lattice_forms(metric, of.laue[i]);
  structure.strains = static_cast<std::int32_t>(forms.strain.size());
  std::copy(forms.strain.begin(), forms.strain.end(), structure.strain);
  std::copy(forms.texture.begin(), forms.texture.end(), structure.texture);

  UnorderedLines lines = lines_within(of, i, metric, range, wavelength);
  std::vector<Keyed>& chosen = lines.strength;
  std::erase_if(chosen, [&](const Keyed& one) { return !(one.key > weakest_line * lines.strongest); });
  const auto is_stronger = [](const Keyed& a, const Keyed& b) {
    return a.key > b.key || (a.key == b.key && a.at < b.at);
  };
  if (chosen.size() > most_lines) {
    std::nth_element(chosen.begin(), chosen.begin() + static_cast<std::ptrdiff_t>(most_lines), chosen.end(),
                     is_stronger);
    chosen.resize(most_lines);
  }
  std::sort(chosen.begin(), chosen.end(), is_stronger);
  for (std::size_t rank = 0; rank < chosen.size(); ++rank) {
    lines.line[chosen[rank].at].rank = static_cast<std::uint16_t>(rank);
    chosen[rank].key = lines.q[chosen[rank].at];
  }
  std::sort(chosen.begin(), chosen.end(),
            [](const Keyed& a, const Keyed& b) { return a.key < b.key || (a.key == b.key && a.at < b.at); });
  structure.lines = static_cast<std::int32_t>(chosen.size());
  listed.lines.reserve(chosen.size());
  for (const Keyed& one : chosen) {
    RefinedLine line = lines.line[one.at];
    line.area = static_cast<float>(double{line.area} / lines.strongest);
    listed.lines.push_back(line);
  }
  listed.area_unit = lines.strongest;
  return listed;
}

RefinedStructures joined(std::span<const ListedStructure> listed) {
  RefinedStructures all;
  std::size_t lines = 0;
  for (const ListedStructure& one : listed)
    lines += one.lines.size();
  all.lines.reserve(lines);
  for (const ListedStructure& one : listed) {
    all.structures.push_back(one.structure);
    all.structures.back().first_line = static_cast<std::int32_t>(all.lines.size());
    all.lines.insert(all.lines.end(), one.lines.begin(), one.lines.end());
    all.area_unit.push_back(one.area_unit);
  }
  return all;
}

/// About how many reflections structure_factors lists: half of the points of the reciprocal lattice, or fewer.
double reflections_of(const LinesWanted& wanted, double stol_max) {
  double volume = 0;
  for (const xrd::Crystal* const crystal : wanted.crystals)
    volume += crystal->cell.volume();
  return 2 * std::numbers::pi / 3 * volume * std::pow(2 * stol_max, 3);
}

/// Those whose reflections are listed by one call: it reaches as far as any of them.
struct SharedCall {
  ReflectionProblem problem;
  std::vector<std::size_t> wanted;
};

std::vector<SharedCall> shared_calls(std::span<const LinesWanted> wanted) {
  std::vector<Keyed> order;
  for (const LinesWanted& one : wanted)
    order.push_back({reach_of(one.least_d, one.most_d).stol_max, static_cast<std::uint32_t>(order.size())});
  std::sort(order.begin(), order.end(),
            [](const Keyed& a, const Keyed& b) { return a.key < b.key || (a.key == b.key && a.at < b.at); });
  std::vector<SharedCall> calls;
  double first = 0, reflections = 0;
  for (const auto& [stol_max, at] : order) {
    const double stol_min = reach_of(wanted[at].least_d, wanted[at].most_d).stol_min,
                 own = reflections_of(wanted[at], shared_reach * stol_max);
    if (calls.empty() || stol_max > shared_reach * first || reflections + own > most_reflections) {
      calls.push_back({{.stol_min = stol_min, .stol_max = stol_max}, {}});
      first = stol_max;
      reflections = 0;
    }
    SharedCall& call = calls.back();
    call.problem.stol_min = std::min(call.problem.stol_min, stol_min);
    call.problem.stol_max = stol_max;
    call.wanted.push_back(at);
    reflections += own;
  }
  return calls;
}

void run_call(Backend& backend, ThreadPool& pool, const SharedCall& call, std::span<const LinesWanted> wanted,
              std::size_t most_lines, std::span<RefinedStructures> results) {
  std::vector<CrystalBatch> batches(call.wanted.size());
  pool.run(std::ssize(call.wanted), [&](std::int64_t n, int) {
    xrd::CrystalBatchBuilder builder;
    for (const xrd::Crystal* const crystal : wanted[call.wanted[static_cast<std::size_t>(n)]].crystals)
      builder.add(*crystal);
    batches[static_cast<std::size_t>(n)] = builder.take();
  });
  struct Place {
    std::size_t wanted, first;
  };
  std::vector<std::size_t> of_crystal;
  std::vector<Place> places;
  CrystalBatch all;
  for (std::size_t n = 0; n < batches.size(); ++n) {
    places.push_back({call.wanted[n], of_crystal.size()});
    of_crystal.insert(of_crystal.end(), wanted[call.wanted[n]].crystals.size(), call.wanted[n]);
    xrd::append_batch(all, std::exchange(batches[n], {}));
  }
  const Reflections reflections(backend, call.problem, all);
  std::vector<ListedStructure> listed(of_crystal.size());
  pool.run(std::ssize(of_crystal), [&](std::int64_t i, int) {
    const auto at = static_cast<std::size_t>(i);
    const LinesWanted& one = wanted[of_crystal[at]];
    // The call may reach further than this one does by itself.
    const InverseDSquaredRange range(reach_of(one.least_d, one.most_d));
    listed[at] = listed_structure(reflections, at, all.metric[at], range, one.wavelength, most_lines);
  });
  pool.run(std::ssize(places), [&](std::int64_t n, int) {
    const Place& place = places[static_cast<std::size_t>(n)];
    results[place.wanted] =
        joined(std::span(listed).subspan(place.first, wanted[place.wanted].crystals.size()));
  });
}

}  // namespace

RefinedStructures refined_structures(Backend& backend, std::span<const xrd::Crystal> crystals, double least_d,
                                     double most_d, double wavelength, bool anomalous) {
  const CrystalBatch batch = xrd::make_batch(crystals, anomalous ? std::optional(wavelength) : std::nullopt);
  const ReflectionProblem problem = reach_of(least_d, most_d);
  const Reflections reflections(backend, problem, batch);
  std::vector<ListedStructure> listed;
  for (std::size_t i = 0; i < crystals.size(); ++i)
    listed.push_back(listed_structure(reflections, i, batch.metric[i], InverseDSquaredRange(problem),
                                      wavelength, most_ranks));
  return joined(listed);
}

std::vector<RefinedStructures> refined_structures(Backend& backend, ThreadPool& pool,
                                                  std::span<const LinesWanted> wanted,
                                                  std::int64_t most_lines) {
  std::vector<RefinedStructures> results(wanted.size());
  const std::size_t most = std::min(static_cast<std::size_t>(most_lines), most_ranks);
  for (const SharedCall& call : shared_calls(wanted))
    run_call(backend, pool, call, wanted, most, results);
  return results;
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
