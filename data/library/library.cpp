#include "data/library/library.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <mutex>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "data/library/library_block.h"
#include "data/library/library_head.h"
#include "kernels/base/error.h"

namespace bragg::data {
namespace {

std::vector<std::byte> bytes_of(const std::filesystem::path& path) {
  std::error_code code;
  const auto size = std::filesystem::file_size(path, code);
  if (code) throw Error(fmt::format("{}: {}", path.string(), code.message()));
  if (size > largest_library_file) {
    throw Error(fmt::format("{}: {} bytes; libraries of at most {} are read", path.string(), size,
                            largest_library_file));
  }
  std::vector<std::byte> bytes(size);
  std::ifstream file(path, std::ios::binary);
  file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size));
  if (!file)
    throw Error(fmt::format("{}: read {} of {} bytes", path.string(),
                            std::max<std::streamsize>(file.gcount(), 0), size));
  return bytes;
}

/// "Si1", "O1", "O2": the element and its how-manieth site it is.
class Labels {
 public:
  std::string next(int atomic_number) {
    std::string label(xrd::element_symbol(atomic_number));
    return label += std::to_string(++count_[static_cast<std::size_t>(atomic_number)]);
  }

 private:
  std::array<int, 99> count_{};
};

}  // namespace

std::string_view name_of(StructureKind kind) {
  return kind == StructureKind::dft ? "dft" : "experimental";
}

struct Library::Impl {
  std::string name;
  std::vector<std::byte> owned;
  std::string_view bytes;
  LibraryHead head;
  struct Slot {
    std::once_flag once;
    std::optional<LibraryBlock> block;
  };
  mutable std::vector<Slot> slots;

  Impl(std::string file, std::vector<std::byte> own, std::span<const std::byte> given)
      : name(std::move(file)),
        owned(std::move(own)),
        bytes(owned.empty() ? std::string_view(reinterpret_cast<const char*>(given.data()), given.size())
                            : std::string_view(reinterpret_cast<const char*>(owned.data()), owned.size())),
        head(read_library_head(bytes, name)),
        slots(head.blocks.size()) {}

  /// The block of crystal i, unpacked, and its row there.
  std::pair<const LibraryBlock&, std::size_t> find(std::int64_t i) const {
    if (i < 0 || i >= head.size) throw Error(fmt::format("{}: crystal {} of {}", name, i, head.size));
    const auto after =
        std::upper_bound(head.blocks.begin(), head.blocks.end(), i,
                         [](std::int64_t value, const LibraryBlockInfo& info) { return value < info.first; });
    const auto b = static_cast<std::size_t>(after - head.blocks.begin()) - 1;
    Slot& slot = slots[b];
    std::call_once(slot.once, [&] { slot.block.emplace(unpack_library_block(bytes, head, b, name)); });
    return {*slot.block, static_cast<std::size_t>(i - head.blocks[b].first)};
  }
};

Library::Library(const std::filesystem::path& path)
    : impl_(std::make_unique<Impl>(path.string(), bytes_of(path), std::span<const std::byte>{})) {}
Library::Library(std::span<const std::byte> bytes, std::string name)
    : impl_(std::make_unique<Impl>(std::move(name), std::vector<std::byte>{}, bytes)) {}
Library::~Library() = default;
Library::Library(Library&&) noexcept = default;
Library& Library::operator=(Library&&) noexcept = default;

std::int64_t Library::size() const {
  return impl_->head.size;
}
const std::vector<LibrarySource>& Library::sources() const {
  return impl_->head.sources;
}
const std::string& Library::name() const {
  return impl_->name;
}
std::string Library::content_hash() const {
  return fmt::format("{:016x}", impl_->head.content);
}

StructureKind Library::kind(std::int64_t i) const {
  const auto [block, row] = impl_->find(i);
  return block.kind(row);
}

int Library::space_group(std::int64_t i) const {
  const auto [block, row] = impl_->find(i);
  return impl_->head.settings[block.setting[row]].number;
}

xrd::Crystal Library::crystal(std::int64_t i) const {
  const auto [block, row] = impl_->find(i);
  const xrd::SpaceGroupSetting& group = impl_->head.settings[block.setting[row]];
  const LibrarySource& source = impl_->head.sources[block.source[row]];
  const std::string_view entry = block.entry.at(row), name = block.name.at(row);
  xrd::Crystal crystal{.name = std::string(entry),
                       .cell = block.cell(row),
                       .group = group,
                       .sites = {},
                       .names = {},
                       .space_group_declared = block.declared[row]};
  (block.is_mineral(row) ? crystal.names.mineral : crystal.names.common) = name;
  crystal.names.database_code = entry.starts_with(source.name) || source.name.empty()
                                    ? std::string(entry)
                                    : fmt::format("{} {}", source.name, entry);
  crystal.names.citation = block.citation.at(row);
  if (!crystal.cell.is_possible()) {
    const xrd::UnitCell& c = crystal.cell;
    throw Error(fmt::format("{}: crystal {} ({}): impossible cell {} {} {} {} {} {}", impl_->name, i, entry,
                            c.a, c.b, c.c, c.alpha, c.beta, c.gamma));
  }
  Labels labels;
  const std::uint32_t end = block.site_begin[row + 1];
  crystal.sites.reserve(end - block.site_begin[row]);
  for (std::uint32_t m = block.site_begin[row]; m < end; ++m) {
    xrd::Site& site = crystal.sites.emplace_back();
    site.species = {.atomic_number = block.atomic_number[m],
                    .charge = static_cast<std::int8_t>(block.charge[m])};
    site.label = labels.next(block.atomic_number[m]);
    site.position = block.position(m);
    site.occupancy = block.occupancy(m);
    site.multiplicity = static_cast<int>(group.operators.size()) / block.site_order[m];
    site.u_iso = block.u_iso[m] * displacement_unit;
  }
  return crystal;
}

LibraryEntry Library::entry(std::int64_t i) const {
  const auto [block, row] = impl_->find(i);
  LibraryEntry entry;
  entry.name = block.name.at(row);
  entry.formula = reduced_formula(crystal(i));
  entry.title = entry.name.empty() ? entry.formula : entry.name;
  entry.entry = block.entry.at(row);
  entry.citation = block.citation.at(row);
  entry.source = impl_->head.sources[block.source[row]];
  entry.kind = block.kind(row);
  return entry;
}

CrystalSource crystals_of(const Library& library) {
  return {library.size(), [&library](std::int64_t i) { return library.crystal(i); }};
}

bool looks_like_library(std::span<const std::byte> bytes) {
  return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size())
      .starts_with(library_magic);
}

}  // namespace bragg::data
