#include "data/library/quantised_site.h"

#include <cmath>
#include <cstdlib>
#include <optional>
#include <vector>

#include "data/library/library_format.h"
#include "xrd/symmetry/site_symmetry.h"

namespace bragg::data {
namespace {

using Units = std::array<std::int64_t, 3>;

static_assert(position_units % xrd::translation_denominator == 0, "translations of operators are exact");

std::int64_t wrapped(std::int64_t q) {
  return ((q % position_units) + position_units) % position_units;
}

bool keeps(const SymmetryOperator& op, const Units& q) {
  constexpr std::int64_t step = position_units / xrd::translation_denominator;
  for (std::size_t i = 0; i < 3; ++i) {
    std::int64_t image = op.translation[i] * step - q[i];
    for (std::size_t j = 0; j < 3; ++j)
      image += op.rotation[3 * i + j] * q[j];
    if (wrapped(image) != 0) return false;
  }
  return true;
}

/// Of the integers within `reach` of `start`, the nearest to `exact` that all operators keep.
std::optional<Units> nearest_kept(const std::vector<const SymmetryOperator*>& operators, const Units& start,
                                  const std::array<double, 3>& exact, std::int64_t reach) {
  std::optional<Units> best;
  double least = 0;
  for (std::int64_t i = -reach; i <= reach; ++i)
    for (std::int64_t j = -reach; j <= reach; ++j)
      for (std::int64_t k = -reach; k <= reach; ++k) {
        const Units q{start[0] + i, start[1] + j, start[2] + k};
        double off = 0;
        for (std::size_t a = 0; a < 3; ++a)
          off += std::pow(static_cast<double>(q[a]) - exact[a], 2);
        if (best && off >= least) continue;
        bool all = true;
        for (const SymmetryOperator* op : operators)
          all = all && keeps(*op, q);
        if (!all) continue;
        best = q;
        least = off;
      }
  return best;
}

}  // namespace

QuantisedPosition quantised_position(const xrd::UnitCell& cell, const xrd::SpaceGroupSetting& group,
                                     const xrd::Site& site) {
  const xrd::SitePlacement placement = xrd::place_site(cell, group.operators, site.position);
  const bool is_placed = placement.multiplicity == site.multiplicity;
  const xrd::Fractional& p = is_placed ? placement.position : site.position;
  const std::array<double, 3> exact{p.x * position_units, p.y * position_units, p.z * position_units};
  Units q{std::llround(exact[0]), std::llround(exact[1]), std::llround(exact[2])};
  if (is_placed && placement.stabiliser.size() > 1) {
    std::vector<const SymmetryOperator*> operators;
    for (const std::size_t index : placement.stabiliser)
      operators.push_back(&group.operators[index]);
    for (const std::int64_t reach : {0, 1, 2}) {
      if (const auto kept = nearest_kept(operators, q, exact, reach)) {
        q = *kept;
        break;
      }
    }
  }
  QuantisedPosition out;
  for (std::size_t i = 0; i < 3; ++i)
    out[i] = static_cast<std::uint16_t>(wrapped(q[i]));
  return out;
}

}  // namespace bragg::data
