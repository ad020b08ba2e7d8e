#include "data/crystals/crystal_statistics.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "kernels/base/error.h"
#include "xrd/symmetry/space_groups.h"
#include "xrd/symmetry/symmetry_tables.h"

namespace bragg::data {
namespace {

constexpr std::int64_t crystals_per_task = 512;

/// Crystal family and centring as one number.
int lattice_type(int space_group) {
  xrd::CrystalSystem system = xrd::crystal_system(space_group);
  if (system == xrd::CrystalSystem::trigonal) system = xrd::CrystalSystem::hexagonal;
  return static_cast<int>(system) * 256 + xrd::reference_setting(space_group).setting.hm[0];
}

bool has_standard_axes(const xrd::SpaceGroupSetting& group) {
  const auto& standard = xrd::reference_setting(group.number).setting.operators;
  return xrd::operator_key(group.operators) == xrd::operator_key(standard) ||
         xrd::differ_by_origin_only(group.operators, standard);
}

bool same_position(const xrd::Fractional& p, const xrd::Fractional& q) {
  constexpr double tolerance = 1e-4;
  const auto near = [](double d) { return std::abs(d - std::round(d)) < tolerance; };
  return near(p.x - q.x) && near(p.y - q.y) && near(p.z - q.z);
}

SiteClass class_of(const xrd::Site& site, std::span<const SymmetryOperator> operators) {
  // The mean trace of the rotations that leave the site where it is: the dimension of what they all fix.
  int order = 0, trace = 0;
  for (const SymmetryOperator& op : operators)
    if (same_position(xrd::apply(op, site.position), site.position)) {
      ++order;
      trace += op.rotation[0] + op.rotation[4] + op.rotation[8];
    }
  return order == 0 ? SiteClass{} : SiteClass{trace / order, order};
}

std::span<const std::int32_t> find(const std::map<int, std::vector<std::int32_t>>& rows, int space_group) {
  const auto found = rows.find(lattice_type(space_group));
  return found == rows.end() ? std::span<const std::int32_t>{} : found->second;
}

std::int64_t find(const std::map<SiteClass, std::int64_t>& sites, SiteClass site_class) {
  const auto found = sites.find(site_class);
  return found == sites.end() ? 0 : found->second;
}

}  // namespace

/// What one task collects.
struct CrystalStatistics::Part {
  std::vector<Record> records;
  std::vector<SpeciesCount> species;
  std::vector<double> volume;
  std::map<std::pair<int, SiteClass>, std::int64_t> sites;
  std::map<std::string, bool> standard_axes;  ///< by Hall symbol

  void add(const xrd::Crystal& crystal) {
    const xrd::SpaceGroupSetting& group = crystal.group;
    const xrd::UnitCell& cell = crystal.cell;
    Record record{};
    record.space_group = static_cast<std::uint8_t>(group.number);
    const auto [axes, is_new] = standard_axes.try_emplace(group.hall, false);
    if (is_new || group.hall.empty()) axes->second = has_standard_axes(group);
    record.has_shape = axes->second;
    record.shape = {static_cast<float>(cell.b / cell.a), static_cast<float>(cell.c / cell.a),
                    static_cast<float>(cell.alpha), static_cast<float>(cell.beta),
                    static_cast<float>(cell.gamma)};
    record.first_species = static_cast<std::uint32_t>(species.size());
    const auto first = static_cast<std::ptrdiff_t>(species.size());
    for (std::size_t s = 0; s < crystal.sites.size(); ++s) {
      const xrd::Site& site = crystal.sites[s];
      auto entry = std::find_if(species.begin() + first, species.end(),
                                [&](const SpeciesCount& c) { return c.species == site.species; });
      if (entry == species.end()) entry = species.insert(entry, {site.species, 0, 0});
      ++entry->sites;
      entry->atoms += static_cast<float>(site.occupancy * site.multiplicity);
      // Species that share a position are one site.
      const bool shared =
          site.occupancy < 1 &&
          std::any_of(crystal.sites.begin(), crystal.sites.begin() + static_cast<std::ptrdiff_t>(s),
                      [&](const xrd::Site& other) { return same_position(other.position, site.position); });
      if (shared) continue;
      ++record.sites;
      ++sites[{group.number, class_of(site, group.operators)}];
    }
    record.species_count = static_cast<std::uint32_t>(species.size()) - record.first_species;
    if (record.sites == 0) return;
    records.push_back(record);
    volume.push_back(cell.volume());
  }
};

CrystalStatistics::CrystalStatistics(const CrystalSource& crystals, ThreadPool& pool) {
  const std::int64_t count = crystals.size;
  const std::int64_t tasks = (count + crystals_per_task - 1) / crystals_per_task;
  std::vector<Part> parts(static_cast<std::size_t>(tasks));
  pool.run(tasks, [&](std::int64_t task, int) {
    const std::int64_t first = task * crystals_per_task;
    for (std::int64_t i = first; i < std::min(first + crystals_per_task, count); ++i)
      parts[static_cast<std::size_t>(task)].add(crystals.at(i));
  });
  std::vector<double> volume;
  for (const Part& part : parts) {
    for (Record record : part.records) {
      const auto row = static_cast<std::int32_t>(records_.size());
      const int type = lattice_type(record.space_group);
      record.first_species += static_cast<std::uint32_t>(species_.size());
      of_group_[record.space_group].push_back(row);
      of_lattice_[type].push_back(row);
      if (record.has_shape) shapes_of_lattice_[type].push_back(row);
      records_.push_back(record);
    }
    species_.insert(species_.end(), part.species.begin(), part.species.end());
    volume.insert(volume.end(), part.volume.begin(), part.volume.end());
    for (const auto& [key, n] : part.sites) {
      sites_of_group_[key.first][key.second] += n;
      sites_of_lattice_[lattice_type(key.first)][key.second] += n;
    }
  }
  if (records_.empty()) throw Error("statistics of crystals: there is none with a site");
  fit_element_volumes(volume);
}

void CrystalStatistics::fit_element_volumes(std::span<const double> cell_volume) {
  // v_Z times the mean of (cell volume / sum of v) over the crystals of the element, weighted by its share of
  // the sum, until nothing moves.
  constexpr int rounds = 30;
  constexpr double start = 15;  // A^3
  element_volume_.fill(start);
  const auto sum = [&](const Record& record) {
    double total = 0;
    for (const SpeciesCount& c : species(record))
      total += c.atoms * element_volume_[c.species.atomic_number];
    return total;
  };
  for (int round = 0; round < rounds; ++round) {
    std::array<double, 99> weight{}, weighted{};
    for (std::size_t i = 0; i < records_.size(); ++i) {
      const double total = sum(records_[i]);
      if (!(total > 0)) continue;
      for (const SpeciesCount& c : species(records_[i])) {
        const std::size_t z = c.species.atomic_number;
        const double share = c.atoms * element_volume_[z] / total;
        weight[z] += share;
        weighted[z] += share * cell_volume[i] / total;
      }
    }
    for (std::size_t z = 0; z < weight.size(); ++z)
      if (weight[z] > 0) element_volume_[z] *= weighted[z] / weight[z];
  }
  for (std::size_t i = 0; i < records_.size(); ++i) {
    const double total = sum(records_[i]);
    records_[i].packing = total > 0 ? static_cast<float>(cell_volume[i] / total) : 1;
  }
}

std::span<const std::int32_t> CrystalStatistics::of_group(int space_group) const {
  return of_group_[space_group];
}
std::span<const std::int32_t> CrystalStatistics::of_lattice(int space_group) const {
  return find(of_lattice_, space_group);
}
std::span<const std::int32_t> CrystalStatistics::shapes_of_lattice(int space_group) const {
  return find(shapes_of_lattice_, space_group);
}
std::int64_t CrystalStatistics::sites_of_group(int space_group, SiteClass site_class) const {
  return find(sites_of_group_[space_group], site_class);
}
std::int64_t CrystalStatistics::sites_of_lattice(int space_group, SiteClass site_class) const {
  const auto found = sites_of_lattice_.find(lattice_type(space_group));
  return found == sites_of_lattice_.end() ? 0 : find(found->second, site_class);
}

}  // namespace bragg::data
