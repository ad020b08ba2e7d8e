#include "data/crystals/generator_group.h"

#include <map>

#include "xrd/symmetry/symmetry_tables.h"

namespace bragg::data {
namespace {

/// The crystals of a lattice type count as this many of each of its groups: what is known of a group with
/// few.
constexpr double pooled_crystals = 20;

}  // namespace

GeneratorPosition::GeneratorPosition(const xrd::WyckoffPosition& position,
                                     std::span<const SymmetryOperator> operators)
    : multiplicity(position.multiplicity),
      dimension(position.map.dimension),
      site_class{dimension, static_cast<int>(operators.size()) / multiplicity},
      map(position.map) {
  for (const xrd::AffineMap& image : xrd::orbit(position, operators))
    for (std::size_t i = 0; i < 3; ++i) {
      offset[i].push_back(static_cast<float>(image.offset[i]) / xrd::translation_denominator);
      for (std::size_t d = 0; d < 3; ++d)
        direction[i][d].push_back(static_cast<float>(image.direction[d][i]));
    }
}

void GeneratorPosition::images(std::size_t i, const std::array<float, 3>& t, std::span<float> out) const {
  const float *o = offset[i].data(), *u = direction[i][0].data(), *v = direction[i][1].data(),
              *w = direction[i][2].data();
  for (std::size_t k = 0; k < out.size(); ++k)
    out[k] = xrd::nearest_image(o[k] + t[0] * u[k] + t[1] * v[k] + t[2] * w[k]);
}

GeneratorGroup::GeneratorGroup(int number, const CrystalStatistics& statistics)
    : setting(&xrd::reference_setting(number).setting), extra(*setting) {
  for (const xrd::WyckoffPosition& position : xrd::wyckoff_positions(setting->operators))
    positions.emplace_back(position, setting->operators);
  const auto own = static_cast<double>(statistics.of_group(number).size());
  own_share = own / (own + pooled_crystals);

  // Sites of each class: those of the group's crystals, and those of the lattice type scaled to what
  // pooled_crystals of the group hold. No position is impossible.
  std::map<SiteClass, int> positions_of;
  double lattice_sites = 0, own_sites = 0;
  for (const GeneratorPosition& position : positions) {
    if (++positions_of[position.site_class] > 1) continue;
    lattice_sites += static_cast<double>(statistics.sites_of_lattice(number, position.site_class)) + 1;
    own_sites += static_cast<double>(statistics.sites_of_group(number, position.site_class));
  }
  const double pooled_sites = own > 0 ? pooled_crystals * own_sites / own + 1 : 1;
  double total = 0;
  for (const GeneratorPosition& position : positions) {
    const SiteClass& c = position.site_class;
    const double pooled = (static_cast<double>(statistics.sites_of_lattice(number, c)) + 1) / lattice_sites;
    const double sites = static_cast<double>(statistics.sites_of_group(number, c)) + pooled_sites * pooled;
    cumulative.push_back(total += sites / positions_of[c]);
  }
}

}  // namespace bragg::data
