#include "data/crystals/crystal_generator.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "data/crystals/generator_draws.h"
#include "data/crystals/generator_group.h"
#include "kernels/base/error.h"
#include "kernels/base/random.h"
#include "kernels/crystal/data_random.h"
#include "xrd/close_contacts.h"
#include "xrd/symmetry/space_groups.h"

namespace bragg::data {
namespace {

/// Share of elements that are exchanged for one of another crystal: new combinations.
constexpr double substitution = 0.25;
/// Standard deviations of what is added to drawn numbers: to the logs of a species' atoms a site, of an edge
/// ratio and of the packing; to an angle, in degrees.
constexpr double multiplicity_jitter = 0.5, edge_jitter = 0.05, packing_jitter = 0.04, angle_jitter = 2;
/// The least distance from a lattice of higher symmetry, relative; A within which atoms count as symmetric.
/// Well above what programs that look for symmetry tolerate (0.01 A).
constexpr double lattice_margin = 0.01, symmetry_margin = 0.1;
/// A kind that is dense and hard to place is given up late, or only the loose ones would be left.
constexpr int tries_per_site = 30, tries_per_kind = 8, tries_per_crystal = 5000;
/// Whatever the set says: more sites are no better a pattern, and take their time.
constexpr int maximum_sites = 60;

struct DrawnSite {
  const GeneratorPosition* position;
  xrd::Species species;
  std::array<double, 3> t;  ///< free coordinates
};

struct DrawnSpecies {
  xrd::Species species;
  float log_multiplicity;  ///< of its atoms a site, in the crystal that it comes from
  int sites;               ///< there
};

/// Where the atoms of the cell at hand are; one for all attempts at a crystal.
struct Atoms {
  std::vector<float> x, y, z, radius;

  void resize(std::size_t n) {
    for (std::vector<float>* v : {&x, &y, &z, &radius})
      v->resize(n);
  }
  xrd::Spheres part(std::size_t first, std::size_t count) const {
    return {std::span(x).subspan(first, count), std::span(y).subspan(first, count),
            std::span(z).subspan(first, count), std::span(radius).subspan(first, count)};
  }
};

}  // namespace

struct CrystalGenerator::Impl {
  const CrystalStatistics& statistics;
  GeneratorOptions options;
  std::vector<double> cumulative;                                   ///< of space groups 1, 2, ...
  xrd::BySpaceGroup<std::unique_ptr<const GeneratorGroup>> groups;  ///< only those with a weight

  /// One attempt at a crystal of a group.
  class Attempt;

  Impl(const CrystalStatistics& s, const GeneratorOptions& o) : statistics(s), options(o) {
    double total = 0;
    for (const double weight : options.space_groups) {
      if (!(weight >= 0 && std::isfinite(weight)))
        throw Error(fmt::format("synthetic crystals: a space group of weight {}", weight));
      cumulative.push_back(total += weight);
    }
    if (!(total > 0)) throw Error("synthetic crystals: no space group has a weight");
    if (!(options.min_volume <= options.max_volume)) {
      throw Error(fmt::format("synthetic crystals: cells of at least {} A^3 and at most {}",
                              options.min_volume, options.max_volume));
    }
    if (options.max_atoms < 1)
      throw Error(fmt::format("synthetic crystals: at most {} atoms per cell", options.max_atoms));
    for (int number = 1; number <= xrd::space_group_count; ++number) {
      if (options.space_groups[number] > 0)
        groups[number] = std::make_unique<const GeneratorGroup>(number, statistics);
    }
  }

  const CrystalStatistics::Record& draw_record(int number, const GeneratorGroup& group, Draws& draws) const {
    std::span<const std::int32_t> rows;
    if (draws.uniform() < group.own_share) rows = statistics.of_group(number);
    if (rows.empty()) rows = statistics.of_lattice(number);
    const auto records = statistics.records();
    if (rows.empty()) return records[draws.below(records.size())];
    return records[static_cast<std::size_t>(rows[draws.below(rows.size())])];
  }
};

class CrystalGenerator::Impl::Attempt {
 public:
  Attempt(const Impl& impl, int number, Draws& draws)
      : impl_(impl), number_(number), group_(*impl.groups[number]), draws_(draws) {}

  /// What it is made of: the number of sites, species, and how densely they are packed.
  void draw_kind() {
    wanted_sites_ = std::clamp<int>(impl_.draw_record(number_, group_, draws_).sites, 1, maximum_sites);
    draw_species();
    packing_ =
        impl_.draw_record(number_, group_, draws_).packing * std::exp(packing_jitter * draws_.normal());
  }

  /// Draws a crystal of the kind.
  bool succeeds(Refusals& refusals) {
    draw_positions();
    assign_species();
    if (!draw_cell()) return ++refusals.cell, false;
    if (group_.extra.lattice_is_special(cell_, lattice_margin)) return ++refusals.lattice, false;
    if (!place()) return ++refusals.contact, false;
    if (has_extra_symmetry()) return ++refusals.symmetry, false;
    return true;
  }

  xrd::Crystal crystal(std::string name) const {
    xrd::Crystal out{std::move(name), cell_, *group_.setting, {}};
    out.sites.reserve(sites_.size());
    int ordinal = 0;
    for (const DrawnSite& site : sites_) {
      xrd::Fractional p = site.position->map(site.t);
      for (double* v : {&p.x, &p.y, &p.z})
        *v -= std::floor(*v);
      xrd::Site& s = out.sites.emplace_back();
      s.label = fmt::format("{}{}", xrd::element_symbol(site.species.atomic_number), ++ordinal);
      s.species = site.species;
      s.position = p;
      s.multiplicity = site.position->multiplicity;
    }
    return out;
  }

 private:
  void draw_species() {
    const auto counts = impl_.statistics.species(impl_.draw_record(number_, group_, draws_));
    species_.clear();
    for (const auto& count : counts) {
      xrd::Species species = count.species;
      if (draws_.uniform() < substitution) {
        const auto records = impl_.statistics.records();
        const auto others = impl_.statistics.species(records[draws_.below(records.size())]);
        species = others[draws_.below(others.size())].species;
      }
      const auto same = [&](const DrawnSpecies& s) { return s.species == species; };
      if (std::any_of(species_.begin(), species_.end(), same)) continue;
      const float atoms = std::max(count.atoms, 1e-3f) / static_cast<float>(count.sites);
      species_.push_back({species, std::log(atoms), count.sites});
    }
  }

  void draw_positions() {
    sites_.clear();
    atoms_in_cell_ = 0;
    constexpr int tries = 8;  // a fixed point can be taken once, and not everything fits
    for (int i = 0; i < wanted_sites_; ++i)
      for (int k = 0; k < tries; ++k) {
        const GeneratorPosition* position = &group_.positions[draws_.from(group_.cumulative)];
        const bool taken = position->dimension == 0 &&
                           std::any_of(sites_.begin(), sites_.end(),
                                       [&](const DrawnSite& s) { return s.position == position; });
        if (taken || atoms_in_cell_ + position->multiplicity > impl_.options.max_atoms) continue;
        atoms_in_cell_ += position->multiplicity;
        sites_.push_back({position, {}, {}});
        break;
      }
  }

  void assign_species() {
    // Each species once, as far as the sites go; the rest as often as in the drawn crystal.
    for (std::size_t k = 0; k < sites_.size() && species_.size() > sites_.size(); ++k)
      std::swap(species_[k], species_[k + draws_.below(species_.size() - k)]);
    species_weight_.clear();
    double total = 0;
    for (const DrawnSpecies& s : species_)
      species_weight_.push_back(total += s.sites);
    const auto by_multiplicity = [](const DrawnSite& a, const DrawnSite& b) {
      return a.position->multiplicity > b.position->multiplicity;
    };
    std::stable_sort(sites_.begin(), sites_.end(), by_multiplicity);
    species_of_site_.clear();
    for (std::size_t i = 0; i < sites_.size(); ++i) {
      DrawnSpecies drawn = species_[i < species_.size() ? i : draws_.from(species_weight_)];
      drawn.log_multiplicity += static_cast<float>(multiplicity_jitter * draws_.normal());
      species_of_site_.push_back(drawn);
    }
    // What has many atoms a site in the drawn crystal has so here, more or less.
    std::stable_sort(
        species_of_site_.begin(), species_of_site_.end(),
        [](const DrawnSpecies& a, const DrawnSpecies& b) { return a.log_multiplicity > b.log_multiplicity; });
    for (std::size_t i = 0; i < sites_.size(); ++i)
      sites_[i].species = species_of_site_[i].species;
    // Those without choice are placed first: they fail first.
    std::stable_sort(sites_.begin(), sites_.end(), [](const DrawnSite& a, const DrawnSite& b) {
      return a.position->dimension < b.position->dimension;
    });
  }

  bool draw_cell() {
    if (sites_.empty()) return false;
    double volume = 0;
    for (const DrawnSite& site : sites_)
      volume += packing_ * site.position->multiplicity *
                impl_.statistics.element_volume(site.species.atomic_number);
    if (!(volume >= impl_.options.min_volume && volume <= impl_.options.max_volume)) return false;

    CellShape shape = draw_shape();
    const auto jitter = [&](float& ratio) {
      ratio *= static_cast<float>(std::exp(edge_jitter * draws_.normal()));
    };
    const auto turn = [&](float& angle) { angle += static_cast<float>(angle_jitter * draws_.normal()); };
    jitter(shape.b_a);
    jitter(shape.c_a);
    xrd::UnitCell cell{1, shape.b_a, shape.c_a, 90, 90, 90};
    switch (xrd::crystal_system(number_)) {
      case xrd::CrystalSystem::triclinic:
        turn(shape.alpha);
        turn(shape.gamma);
        cell.alpha = shape.alpha;
        cell.gamma = shape.gamma;
        [[fallthrough]];
      case xrd::CrystalSystem::monoclinic:
        turn(shape.beta);
        cell.beta = shape.beta;
        [[fallthrough]];
      case xrd::CrystalSystem::orthorhombic:
        break;
      case xrd::CrystalSystem::trigonal:
      case xrd::CrystalSystem::hexagonal:
        cell.gamma = 120;
        [[fallthrough]];
      case xrd::CrystalSystem::tetragonal:
        cell.b = 1;
        break;
      case xrd::CrystalSystem::cubic:
        cell.b = cell.c = 1;
        break;
    }
    constexpr double flattest = 0.2;  // of the volume of the box with the same edges
    if (!cell.is_possible() || cell.volume() < flattest * cell.a * cell.b * cell.c) return false;
    const double scale = std::cbrt(volume / cell.volume());
    cell_ = cell;
    cell_.a *= scale;
    cell_.b *= scale;
    cell_.c *= scale;
    return true;
  }

  /// Of a crystal of the group or of its lattice type; where the set has none, any.
  CellShape draw_shape() {
    if (draws_.uniform() < group_.own_share) {
      const auto rows = impl_.statistics.of_group(number_);
      const auto& record =
          impl_.statistics.records()[static_cast<std::size_t>(rows[draws_.below(rows.size())])];
      if (record.has_shape) return record.shape;
    }
    if (const auto rows = impl_.statistics.shapes_of_lattice(number_); !rows.empty())
      return impl_.statistics.records()[static_cast<std::size_t>(rows[draws_.below(rows.size())])].shape;
    constexpr double spread = 0.4;  // of the log of an edge ratio
    const auto ratio = [&] { return static_cast<float>(std::exp(spread * draws_.normal())); };
    const auto angle = [&] { return 75 + 30 * draws_.uniform(); };
    return {ratio(), ratio(), angle(), angle(), angle()};
  }

  bool place() {
    const auto factor = static_cast<float>(impl_.options.distance_factor);
    const auto radius_of = [&](const DrawnSite& site) {
      return factor * static_cast<float>(xrd::covalent_radius(site.species.atomic_number));
    };
    float greatest = 0;
    for (const DrawnSite& site : sites_)
      greatest = std::max(greatest, radius_of(site));
    const xrd::CloseContacts contacts(cell_, 2 * greatest);
    if (contacts.lattice_touches(greatest)) return false;

    atoms_.resize(static_cast<std::size_t>(atoms_in_cell_));
    std::size_t placed = 0;
    for (DrawnSite& site : sites_) {
      const int tries = site.position->dimension == 0 ? 1 : tries_per_site;
      int k = 0;
      while (k < tries && !fits(site, contacts, radius_of(site), placed))
        ++k;
      if (k == tries) return false;
      placed += static_cast<std::size_t>(site.position->multiplicity);
    }
    return true;
  }

  /// Draws the site's free coordinates and, where that is possible, adds its atoms behind the first `placed`.
  bool fits(DrawnSite& site, const xrd::CloseContacts& contacts, float radius, std::size_t placed) {
    const GeneratorPosition& position = *site.position;
    std::array<float, 3> t{};
    for (std::size_t d = 0; d < static_cast<std::size_t>(position.dimension); ++d)
      site.t[d] = t[d] = draws_.uniform();
    float px, py, pz;
    position.images(0, t, {&px, 1});
    position.images(1, t, {&py, 1});
    position.images(2, t, {&pz, 1});
    const auto touches = [&](std::size_t first, std::size_t count) {
      return contacts.touches(px, py, pz, radius, atoms_.part(first, count));
    };
    if (touches(0, placed)) return false;
    const auto multiplicity = static_cast<std::size_t>(position.multiplicity);
    const auto own = [&](std::vector<float>& v) { return std::span(v).subspan(placed, multiplicity); };
    position.images(0, t, own(atoms_.x));
    position.images(1, t, own(atoms_.y));
    position.images(2, t, own(atoms_.z));
    std::ranges::fill(own(atoms_.radius), radius);
    return !touches(placed + 1, multiplicity - 1);
  }

  bool has_extra_symmetry() {
    // Ions of one element are alike: diffraction hardly tells them apart.
    points_.clear();
    elements_.clear();
    std::size_t next = 0;
    for (const DrawnSite& site : sites_) {
      const int z = site.species.atomic_number;
      const auto found = std::find(elements_.begin(), elements_.end(), z);
      const int kind = static_cast<int>(found - elements_.begin());
      if (found == elements_.end()) elements_.push_back(z);
      for (int k = 0; k < site.position->multiplicity; ++k, ++next)
        points_.push_back({atoms_.x[next], atoms_.y[next], atoms_.z[next], kind});
    }
    return group_.extra.found(cell_, points_, static_cast<int>(elements_.size()), symmetry_margin);
  }

  const Impl& impl_;
  int number_;
  const GeneratorGroup& group_;
  Draws& draws_;
  int wanted_sites_ = 0;
  double packing_ = 1;  ///< volume of the cell / sum of the elements' volumes
  std::vector<DrawnSite> sites_;
  int atoms_in_cell_ = 0;
  std::vector<DrawnSpecies> species_, species_of_site_;
  std::vector<double> species_weight_;  ///< cumulative
  xrd::UnitCell cell_;
  Atoms atoms_;
  std::vector<xrd::CellPoint> points_;
  std::vector<int> elements_;
};

SpaceGroupWeights space_group_weights(const CrystalStatistics& statistics, double exponent) {
  SpaceGroupWeights weights;
  for (int number = 1; number <= xrd::space_group_count; ++number)
    weights[number] = std::pow(static_cast<double>(statistics.of_group(number).size()), exponent);
  return weights;
}

CrystalGenerator::CrystalGenerator(const CrystalStatistics& statistics, const GeneratorOptions& options)
    : impl_(std::make_unique<Impl>(statistics, options)) {}
CrystalGenerator::~CrystalGenerator() = default;
CrystalGenerator::CrystalGenerator(CrystalGenerator&&) noexcept = default;

xrd::Crystal CrystalGenerator::crystal(std::uint64_t index) const {
  Refusals ignored;
  return crystal(index, ignored);
}

xrd::Crystal CrystalGenerator::crystal(std::uint64_t index, Refusals& refusals) const {
  Draws draws(impl_->options.seed, index);
  const int number = 1 + static_cast<int>(draws.from(impl_->cumulative));
  Impl::Attempt attempt(*impl_, number, draws);
  for (int k = 0; k < tries_per_crystal; ++k) {
    if (k % tries_per_kind == 0) attempt.draw_kind();
    if (attempt.succeeds(refusals))
      return attempt.crystal(fmt::format("synthetic_{}_{}", impl_->options.seed, index));
  }
  throw Error(
      fmt::format("synthetic crystal {}: none of space group {} with at most {} atoms and {}..{} A^3 per "
                  "cell in {} attempts",
                  index, number, impl_->options.max_atoms, impl_->options.min_volume,
                  impl_->options.max_volume, tries_per_crystal));
}

}  // namespace bragg::data
