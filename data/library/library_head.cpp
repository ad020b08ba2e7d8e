#include "data/library/library_head.h"

#include <array>
#include <span>

#include <fmt/format.h>

#include "data/hash.h"
#include "data/library/library_format.h"
#include "data/library/packed_columns.h"
#include "kernels/base/error.h"
#include "xrd/symmetry/integer_lattice.h"

namespace bragg::data {
namespace {

constexpr std::size_t prefix_bytes = 24;  // magic, version, packed, unpacked, CRC

std::vector<xrd::SpaceGroupSetting> read_settings(ColumnReader& in) {
  const std::uint32_t count = in.u32();
  const auto number = in.bytes_column(count);
  const auto operators = in.u16_column(count);
  std::size_t all = 0;
  for (const std::uint16_t n : operators)
    all += n;
  std::array<std::vector<std::uint8_t>, 12> column;
  for (auto& values : column)
    values = in.bytes_column(all);
  std::vector<xrd::SpaceGroupSetting> settings(count);
  std::size_t row = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    xrd::SpaceGroupSetting& group = settings[i];
    group.number = number[i];
    if (group.number < 1 || group.number > 230)
      in.fail(fmt::format("setting {} is of space group {}, outside 1..230", i, group.number));
    if (operators[i] == 0) in.fail(fmt::format("setting {} has no operator", i));
    for (std::uint16_t n = 0; n < operators[i]; ++n, ++row) {
      SymmetryOperator op;
      for (std::size_t k = 0; k < 9; ++k)
        op.rotation[k] = static_cast<std::int8_t>(column[k][row]);
      for (std::size_t k = 0; k < 3; ++k) {
        if (column[9 + k][row] >= xrd::translation_denominator)
          in.fail(
              fmt::format("operator {} of setting {} has a translation of {}/24", n, i, column[9 + k][row]));
        op.translation[k] = static_cast<std::int8_t>(column[9 + k][row]);
      }
      if (const std::int64_t det = xrd::determinant(xrd::rotation_of(op)); det != 1 && det != -1)
        in.fail(fmt::format("operator {} of setting {} has determinant {}", n, i, det));
      group.operators.push_back(op);
    }
    group.hm = in.text();
    group.hall = in.text();
  }
  return settings;
}

void write_settings(ColumnWriter& out, const std::vector<xrd::SpaceGroupSetting>& settings) {
  std::vector<std::uint8_t> number;
  std::vector<std::uint16_t> operators;
  std::array<std::vector<std::uint8_t>, 12> column;
  for (const xrd::SpaceGroupSetting& group : settings) {
    number.push_back(static_cast<std::uint8_t>(group.number));
    operators.push_back(static_cast<std::uint16_t>(group.operators.size()));
    for (const SymmetryOperator& op : group.operators) {
      for (std::size_t k = 0; k < 9; ++k)
        column[k].push_back(static_cast<std::uint8_t>(op.rotation[k]));
      for (std::size_t k = 0; k < 3; ++k)
        column[9 + k].push_back(static_cast<std::uint8_t>(op.translation[k]));
    }
  }
  out.u32(static_cast<std::uint32_t>(settings.size()));
  out.column(number);
  out.column(operators);
  for (const auto& values : column)
    out.column(values);
  for (const xrd::SpaceGroupSetting& group : settings) {
    out.text(group.hm);
    out.text(group.hall);
  }
}

std::vector<LibrarySource> read_sources(ColumnReader& in) {
  const std::uint32_t count = in.u32();
  std::vector<LibrarySource> sources;
  for (std::uint32_t i = 0; i < count; ++i) {
    LibrarySource& source = sources.emplace_back();
    source.name = in.text();
    source.licence_class = in.text();
    source.terms = in.text();
  }
  return sources;
}

/// Everything but the packed sizes: what the content's hash is of.
std::string content_bytes(const LibraryHead& head) {
  ColumnWriter out;
  write_settings(out, head.settings);
  out.u32(static_cast<std::uint32_t>(head.sources.size()));
  for (const LibrarySource& source : head.sources) {
    out.text(source.name);
    out.text(source.licence_class);
    out.text(source.terms);
  }
  out.u32(static_cast<std::uint32_t>(head.blocks.size()));
  std::array<std::vector<std::uint32_t>, 3> column;
  for (const LibraryBlockInfo& block : head.blocks) {
    column[0].push_back(block.crystals);
    column[1].push_back(block.size);
    column[2].push_back(block.crc);
  }
  for (const auto& values : column)
    out.column(values);
  return out.bytes();
}

void read_blocks(ColumnReader& in, LibraryHead& head) {
  const std::uint32_t count = in.u32();
  const auto crystals = in.u32_column(count), size = in.u32_column(count), crc = in.u32_column(count),
             packed = in.u32_column(count);
  for (std::uint32_t b = 0; b < count; ++b) {
    const LibraryBlockInfo block{
        .first = head.size, .crystals = crystals[b], .size = size[b], .crc = crc[b], .packed = packed[b]};
    if (block.crystals == 0 || block.crystals > most_block_crystals)
      in.fail(
          fmt::format("block {} has {} crystals instead of 1 to {}", b, block.crystals, most_block_crystals));
    if (block.size > largest_library_block || block.size > largest_library_ratio * block.packed)
      in.fail(fmt::format("block {} unpacks {} bytes to {}", b, block.packed, block.size));
    head.size += block.crystals;
    if (head.size > most_library_crystals)
      in.fail(fmt::format("{} crystals or more; at most {} are read", head.size, most_library_crystals));
    head.blocks.push_back(block);
  }
}

}  // namespace

LibraryHead read_library_head(std::string_view file, const std::string& name) {
  const std::string where = "head of the library";
  if (!file.starts_with(library_magic))
    throw Error(
        fmt::format("{}: not a library of structures (it does not begin with {})", name, library_magic));
  ColumnReader prefix(file.substr(library_magic.size()), name, where);
  if (const std::uint32_t version = prefix.u32(); version != library_format_version) {
    throw Error(fmt::format("{}: library of format_version {}, this bragg reads {}", name, version,
                            library_format_version));
  }
  const std::uint32_t packed = prefix.u32(), size = prefix.u32(), crc = prefix.u32();
  if (size > largest_library_head || size > largest_library_ratio * packed)
    prefix.fail(fmt::format("unpacks {} bytes to {}", packed, size));
  const std::string bytes = inflated(prefix.raw(packed), size, name, where);
  if (crc_of(bytes) != crc) prefix.fail(fmt::format("CRC {:08x} instead of {:08x}", crc_of(bytes), crc));
  ColumnReader in(bytes, name, where);
  LibraryHead head;
  head.settings = read_settings(in);
  head.sources = read_sources(in);
  read_blocks(in, head);
  in.end();
  std::uint64_t begin = prefix_bytes + packed;
  for (LibraryBlockInfo& block : head.blocks) {
    block.begin = begin;
    begin += block.packed;
  }
  if (begin != file.size()) throw Error(fmt::format("{}: {} bytes instead of {}", name, file.size(), begin));
  const std::string content = content_bytes(head);
  head.content = fnv1a(std::as_bytes(std::span(content)));
  return head;
}

std::string library_head_bytes(const LibraryHead& head) {
  ColumnWriter out;
  out.raw(content_bytes(head));
  std::vector<std::uint32_t> packed;
  for (const LibraryBlockInfo& block : head.blocks)
    packed.push_back(block.packed);
  out.column(packed);
  const std::string bytes = deflated(out.bytes());
  ColumnWriter file;
  file.raw(library_magic);
  file.u32(library_format_version);
  file.u32(static_cast<std::uint32_t>(bytes.size()));
  file.u32(static_cast<std::uint32_t>(out.bytes().size()));
  file.u32(crc_of(out.bytes()));
  file.raw(bytes);
  return file.bytes();
}

}  // namespace bragg::data
