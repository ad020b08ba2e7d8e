#include "data/refinement/refined_structures.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>
#include <optional>
#include <utility>

#include "data/refinement/keyed_order.h"
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
constexpr double most_reflections = 1 << 22;
/// Of those that share a call the one that reaches furthest reaches this much further than the others: they list a sixth of their
/// reflections in vain.
constexpr double shared_reach = 1.05;

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

/// A thread's memory.
struct LineScratch {
  std::vector<double> q, area, strength;  ///< (reflections)
  std::vector<Keyed> chosen, spare;       ///< `at` is a reflection's number
  std::vector<std::uint32_t> first;
  std::vector<std::uint16_t> rank;
};

/// multiplicity |F|^2 times LP. What only a grown cell brings within reach of the wavelength is as strong as if it were there.
double strength_of(double area, double q, double wavelength) {
  const double sine = wavelength * std::sqrt(q) / 2;
  const double two_theta = 2 * std::asin(std::min(sine, 0.999)) * 180 / std::numbers::pi;
  return area * xrd::lorentz_polarisation(two_theta);
}

/// The same within some 1e-12 of it, without functions that take long.
double about_strength_of(double area, double q, double wavelength) {
  const double sine = std::min(wavelength * std::sqrt(q) / 2, 0.999), sine2 = sine * sine;
  const double cosine2 = 1 - 2 * sine2;
  return area * (1 + cosine2 * cosine2) / (std::sqrt(1 - sine2) * sine2);
}

/// Chooses the reflections of the range that are strong enough, by descending strength; the strength of the strongest.
double choose_lines(std::span<const Miller> miller, std::span<const float> f2, const ReciprocalMetric& metric,
                    const InverseDSquaredRange& range, double wavelength, LineScratch& s) {
  for (std::vector<double>* const values : {&s.q, &s.area, &s.strength})
    values->resize(miller.size());
  double about_strongest = 0;
  for (std::size_t r = 0; r < miller.size(); ++r) {
    const Miller& m = miller[r];
    s.q[r] = inverse_d_squared(metric, m.h, m.k, m.l);
    s.area[r] = m.multiplicity * double{f2[r]};
    s.strength[r] = range.contains(s.q[r]) ? about_strength_of(s.area[r], s.q[r], wavelength) : 0;
    about_strongest = std::max(about_strongest, s.strength[r]);
  }
  s.chosen.clear();
  double strongest = 0;
  const double surely_weak = (1 - 1e-6) * weakest_line * about_strongest;
  for (std::size_t r = 0; r < miller.size(); ++r) {
    if (!(s.strength[r] > surely_weak)) continue;
    s.strength[r] = strength_of(s.area[r], s.q[r], wavelength);
    strongest = std::max(strongest, s.strength[r]);
    s.chosen.push_back({descending(s.strength[r]), static_cast<std::uint32_t>(r)});
  }
  std::erase_if(s.chosen, [&](const Keyed& one) { return !(s.strength[one.at] > weakest_line * strongest); });
  put_in_order(s.chosen, s.spare, s.first);
  return strongest;
}

ListedStructure listed_structure(const Reflections& of, std::size_t i, const ReciprocalMetric& metric,
                                 const InverseDSquaredRange& range, double wavelength, std::size_t most_lines,
                                 LineScratch& s) {
  ListedStructure listed;
  RefinedStructure& structure = listed.structure;
  structure.metric = metric;
  const LatticeForms forms = lattice_forms(metric, of.laue[i]);
  structure.strains = static_cast<std::int32_t>(forms.strain.size());
  std::copy(forms.strain.begin(), forms.strain.end(), structure.strain);
  std::copy(forms.texture.begin(), forms.texture.end(), structure.texture);

  const auto own = [&](const auto& all) {
    return std::span(all).subspan(of.offset[i], of.offset[i + 1] - of.offset[i]);
  };
  const std::span<const Miller> miller = own(of.miller);
  listed.area_unit = choose_lines(miller, own(of.f2), metric, range, wavelength, s);
  s.chosen.resize(std::min(s.chosen.size(), most_lines));
  s.rank.resize(miller.size());
  for (std::size_t rank = 0; rank < s.chosen.size(); ++rank) {
    Keyed& one = s.chosen[rank];
    s.rank[one.at] = static_cast<std::uint16_t>(rank);
    one.key = ascending(s.q[one.at]);
  }
  put_in_order(s.chosen, s.spare, s.first);
  structure.lines = static_cast<std::int32_t>(s.chosen.size());
  listed.lines.reserve(s.chosen.size());
  for (const Keyed& one : s.chosen) {
    const Miller& m = miller[one.at];
    const auto area = static_cast<float>(s.area[one.at]);
    listed.lines.push_back(
        {m.h, m.k, m.l, s.rank[one.at], static_cast<float>(double{area} / listed.area_unit)});
  }
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

/// Half of the points of the reciprocal lattice.
double reflections_of(double volume, double stol_max) {
  return 2 * std::numbers::pi / 3 * volume * std::pow(2 * stol_max, 3);
}
double reflections_of(const LinesWanted& wanted, double stol_max) {
  double volume = 0;
  for (const xrd::Crystal* const crystal : wanted.crystals)
    volume += crystal->cell.volume();
  return reflections_of(volume, stol_max);
}

/// Those whose reflections are listed by one call: it reaches as far as any of them.
struct SharedCall {
  ReflectionProblem problem;
  std::vector<std::size_t> wanted;
};

std::vector<SharedCall> shared_calls(std::span<const LinesWanted> wanted) {
  std::vector<Keyed> order;
  for (const LinesWanted& one : wanted)
    order.push_back(
        {ascending(reach_of(one.least_d, one.most_d).stol_max), static_cast<std::uint32_t>(order.size())});
  std::sort(order.begin(), order.end(), is_before);
  std::vector<SharedCall> calls;
  double first = 0, reflections = 0;
  for (const auto& [key, at] : order) {
    const auto stol_max = std::bit_cast<double>(key);
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
  std::vector<LineScratch> scratch(static_cast<std::size_t>(pool.size()));
  pool.run(std::ssize(of_crystal), [&](std::int64_t i, int worker) {
    const auto at = static_cast<std::size_t>(i);
    const LinesWanted& one = wanted[of_crystal[at]];
    // The call may reach further than this one does by itself.
    const InverseDSquaredRange range(reach_of(one.least_d, one.most_d));
    listed[at] = listed_structure(reflections, at, all.metric[at], range, one.wavelength, most_lines,
                                  scratch[static_cast<std::size_t>(worker)]);
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
  LineScratch scratch;
  for (std::size_t i = 0; i < crystals.size(); ++i)
    listed.push_back(listed_structure(reflections, i, batch.metric[i], InverseDSquaredRange(problem),
                                      wavelength, most_ranks, scratch));
  return joined(listed);
}

double listed_reflections(const xrd::UnitCell& cell, double least_d) {
  return reflections_of(cell.volume(), (1 + strain_margin) / (2 * least_d));
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
