#include "data/library/library_writer.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "data/library/library_block.h"
#include "data/library/library_head.h"
#include "data/library/packed_columns.h"
#include "data/library/quantised_site.h"
#include "kernels/base/atomic_file.h"
#include "kernels/base/error.h"

namespace bragg::data {
namespace {

constexpr double longest_edge = 10'000;
constexpr std::size_t most_in_16_bits = 65'535;

/// Fischer & Tillmanns, Acta Cryst. C44 (1988) 775: U_eq = 1/3 sum over i, j of U_ij a*_i a*_j a_i . a_j.
double equivalent_u(const xrd::UnitCell& cell, const std::array<double, 6>& u) {
  const auto g = cell.metric();
  const auto r = cell.reciprocal_lengths();
  return (u[0] * r[0] * r[0] * g[0] + u[1] * r[1] * r[1] * g[1] + u[2] * r[2] * r[2] * g[2] +
          2 * (u[3] * r[1] * r[2] * g[3] + u[4] * r[0] * r[2] * g[4] + u[5] * r[0] * r[1] * g[5])) /
         3;
}

std::uint16_t displacement_units(const xrd::Crystal& crystal, const xrd::Site& site) {
  const double u = site.u_aniso ? equivalent_u(crystal.cell, *site.u_aniso) : site.u_iso;
  return static_cast<std::uint16_t>(
      std::clamp<long long>(std::llround(u / displacement_unit), 0, most_in_16_bits));
}

}  // namespace

struct LibraryWriter::Impl {
  LibraryHead head;
  std::map<std::string, std::uint16_t> known_settings;
  std::vector<LibraryBlock> blocks;

  std::uint16_t setting_of(const xrd::SpaceGroupSetting& group) {
    std::string key = fmt::format("{}\n{}\n{}\n", group.number, group.hm, group.hall);
    for (const SymmetryOperator& op : group.operators) {
      key.append(reinterpret_cast<const char*>(op.rotation.data()), op.rotation.size());
      key.append(reinterpret_cast<const char*>(op.translation.data()), op.translation.size());
    }
    const auto [found, is_new] =
        known_settings.try_emplace(std::move(key), static_cast<std::uint16_t>(head.settings.size()));
    if (is_new) head.settings.push_back(group);
    return found->second;
  }

  std::uint16_t source_of(const LibrarySource& source) {
    const auto found = std::find(head.sources.begin(), head.sources.end(), source);
    const auto row = static_cast<std::uint16_t>(found - head.sources.begin());
    if (found == head.sources.end()) head.sources.push_back(source);
    return row;
  }

  void add_site(LibraryBlock& block, const xrd::Crystal& crystal, const xrd::Site& site,
                const std::string& entry) {
    const auto operators = static_cast<int>(crystal.group.operators.size());
    if (site.multiplicity < 1 || operators % site.multiplicity != 0 || operators / site.multiplicity > 255) {
      throw Error(fmt::format("{}: site {} has multiplicity {} under {} operators", entry, site.label,
                              site.multiplicity, operators));
    }
    if (!(site.occupancy >= 0 && site.occupancy <= 1) || site.species.atomic_number < 1 ||
        site.species.atomic_number > 98) {
      throw Error(fmt::format("{}: site {} has atomic number {} and occupancy {}", entry, site.label,
                              site.species.atomic_number, site.occupancy));
    }
    block.atomic_number.push_back(static_cast<std::uint8_t>(site.species.atomic_number));
    block.charge.push_back(static_cast<std::uint8_t>(site.species.charge));
    block.site_order.push_back(static_cast<std::uint8_t>(operators / site.multiplicity));
    const QuantisedPosition position = quantised_position(crystal.cell, crystal.group, site);
    for (std::size_t k = 0; k < 3; ++k)
      block.coordinate[k].push_back(position[k]);
    block.vacancy.push_back(
        static_cast<std::uint16_t>(position_units - std::lround(site.occupancy * position_units)));
    block.u_iso.push_back(displacement_units(crystal, site));
  }
};

LibraryWriter::LibraryWriter() : impl_(std::make_unique<Impl>()) {}
LibraryWriter::~LibraryWriter() = default;

std::int64_t LibraryWriter::size() const {
  return impl_->head.size;
}

void LibraryWriter::add(const xrd::Crystal& crystal, const LibraryEntry& entry) {
  Impl& w = *impl_;
  const xrd::UnitCell& cell = crystal.cell;
  if (!cell.is_possible() || std::max({cell.a, cell.b, cell.c}) > longest_edge) {
    throw Error(fmt::format("{}: cell {} {} {} {} {} {} can't be stored", entry.entry, cell.a, cell.b, cell.c,
                            cell.alpha, cell.beta, cell.gamma));
  }
  for (const std::size_t size :
       {entry.name.size(), entry.entry.size(), entry.citation.size(), crystal.sites.size()})
    if (size > most_in_16_bits)
      throw Error(fmt::format("{}: a text or list of {}; at most {} can be stored", entry.entry, size,
                              most_in_16_bits));
  if (w.head.size % library_block_size == 0) w.blocks.emplace_back();
  LibraryBlock& block = w.blocks.back();
  block.setting.push_back(w.setting_of(crystal.group));
  block.source.push_back(w.source_of(entry.source));
  block.declared.push_back(static_cast<std::uint8_t>(crystal.declared_number()));
  block.flags.push_back(static_cast<std::uint8_t>((entry.kind == StructureKind::dft ? flag_dft : 0) |
                                                  (crystal.names.mineral.empty() ? 0 : flag_mineral)));
  block.add_cell(cell);
  for (const xrd::Site& site : crystal.sites)
    w.add_site(block, crystal, site, entry.entry);
  block.site_begin.push_back(static_cast<std::uint32_t>(block.atomic_number.size()));
  block.name.add(entry.name);
  block.entry.add(entry.entry);
  block.citation.add(entry.citation);
  ++w.head.size;
}

std::string LibraryWriter::bytes() const {
  LibraryHead head = impl_->head;
  std::string packed;
  for (const LibraryBlock& block : impl_->blocks) {
    const std::string bytes = block_bytes(block), small = deflated(bytes);
    head.blocks.push_back({.crystals = static_cast<std::uint32_t>(block.setting.size()),
                           .size = static_cast<std::uint32_t>(bytes.size()),
                           .crc = crc_of(bytes),
                           .packed = static_cast<std::uint32_t>(small.size())});
    packed += small;
  }
  return library_head_bytes(head) + packed;
}

void LibraryWriter::write(const std::filesystem::path& path) const {
  write_file(path, bytes());
}

}  // namespace bragg::data
