#include "data/library/library_block.h"

#include <cmath>

#include <fmt/format.h>

#include "data/library/packed_columns.h"
#include "kernels/base/error.h"

namespace bragg::data {
namespace {

constexpr double right_angle = 90;
constexpr std::int64_t right_angle_units = 900'000;

/// Zeros stay exact, and so does a right angle.
double from_units(std::int64_t units, double per_unit) {
  return static_cast<double>(units) / per_unit;
}

void write_text(ColumnWriter& out, const TextColumn& text) {
  std::vector<std::uint16_t> length;
  for (std::size_t i = 0; i + 1 < text.begin.size(); ++i)
    length.push_back(static_cast<std::uint16_t>(text.begin[i + 1] - text.begin[i]));
  out.column(length);
  out.raw(text.bytes);
}

TextColumn read_text(ColumnReader& in, std::size_t count) {
  TextColumn text;
  std::uint32_t end = 0;
  for (const std::uint16_t length : in.u16_column(count))
    text.begin.push_back(end += length);
  text.bytes = in.raw(end);
  return text;
}

template <typename T>
void check_below(const ColumnReader& in, const char* what, const std::vector<T>& values, std::uint32_t low,
                 std::uint32_t high) {
  for (std::size_t i = 0; i < values.size(); ++i)
    if (values[i] < low || values[i] > high)
      in.fail(fmt::format("{} {} at {} is outside {}..{}", what, values[i], i, low, high));
}

void read_crystals(ColumnReader& in, std::size_t n, const LibraryHead& head, LibraryBlock& block) {
  block.setting = in.u16_column(n);
  check_below(in, "setting", block.setting, 0, static_cast<std::uint32_t>(head.settings.size()) - 1);
  block.source = in.u16_column(n);
  check_below(in, "source", block.source, 0, static_cast<std::uint32_t>(head.sources.size()) - 1);
  block.declared = in.bytes_column(n);
  check_below(in, "declared space group", block.declared, 1, 230);
  block.flags = in.bytes_column(n);
  check_below(in, "flags", block.flags, 0, flag_dft | flag_mineral);
  for (auto& values : block.metric)
    values = in.u32_column(n);
  std::uint32_t sites = 0;
  for (const std::uint16_t count : in.u16_column(n))
    block.site_begin.push_back(sites += count);
  if (sites > most_block_sites)
    in.fail(fmt::format("{} sites; at most {} are read", sites, most_block_sites));
  for (TextColumn* text : {&block.name, &block.entry, &block.citation})
    *text = read_text(in, n);
}

void read_sites(ColumnReader& in, const LibraryHead& head, LibraryBlock& block) {
  const std::size_t m = block.site_begin.back();
  block.atomic_number = in.bytes_column(m);
  check_below(in, "atomic number", block.atomic_number, 1, 98);
  block.charge = in.bytes_column(m);
  block.site_order = in.bytes_column(m);
  for (auto& values : block.coordinate) {
    values = in.u16_column(m);
    check_below(in, "coordinate", values, 0, position_units - 1);
  }
  block.vacancy = in.u16_column(m);
  check_below(in, "vacancy", block.vacancy, 0, position_units);
  block.u_iso = in.u16_column(m);
  for (std::size_t row = 0; row + 1 < block.site_begin.size(); ++row) {
    const std::size_t operators = head.settings[block.setting[row]].operators.size();
    for (std::uint32_t s = block.site_begin[row]; s < block.site_begin[row + 1]; ++s)
      if (block.site_order[s] == 0 || operators % block.site_order[s] != 0)
        in.fail(fmt::format("site {} has a site symmetry of {} of {} operators", s, block.site_order[s],
                            operators));
  }
}

}  // namespace

xrd::UnitCell LibraryBlock::cell(std::size_t row) const {
  constexpr double per_edge = 1e5, per_angle = 1e4;
  static_assert(edge_unit * per_edge == 1 && angle_unit * per_angle == 1);
  const std::int64_t a = metric[0][row];
  const auto edge = [&](std::size_t k) { return from_units(a + from_zigzag(metric[k][row]), per_edge); };
  const auto angle = [&](std::size_t k) {
    return from_units(right_angle_units + from_zigzag(metric[k][row]), per_angle);
  };
  return {from_units(a, per_edge), edge(1), edge(2), angle(3), angle(4), angle(5)};
}

void LibraryBlock::add_cell(const xrd::UnitCell& cell) {
  const auto units = [](double value, double unit) { return std::llround(value / unit); };
  const std::int64_t a = units(cell.a, edge_unit);
  metric[0].push_back(static_cast<std::uint32_t>(a));
  metric[1].push_back(zigzag(static_cast<std::int32_t>(units(cell.b, edge_unit) - a)));
  metric[2].push_back(zigzag(static_cast<std::int32_t>(units(cell.c, edge_unit) - a)));
  std::size_t k = 3;
  for (const double angle : {cell.alpha, cell.beta, cell.gamma})
    metric[k++].push_back(zigzag(static_cast<std::int32_t>(units(angle - right_angle, angle_unit))));
}

std::string block_bytes(const LibraryBlock& block) {
  ColumnWriter out;
  out.column(block.setting);
  out.column(block.source);
  out.column(block.declared);
  out.column(block.flags);
  for (const auto& values : block.metric)
    out.column(values);
  std::vector<std::uint16_t> sites;
  for (std::size_t i = 0; i + 1 < block.site_begin.size(); ++i)
    sites.push_back(static_cast<std::uint16_t>(block.site_begin[i + 1] - block.site_begin[i]));
  out.column(sites);
  for (const TextColumn* text : {&block.name, &block.entry, &block.citation})
    write_text(out, *text);
  out.column(block.atomic_number);
  out.column(block.charge);
  out.column(block.site_order);
  for (const auto& values : block.coordinate)
    out.column(values);
  out.column(block.vacancy);
  out.column(block.u_iso);
  return out.bytes();
}

LibraryBlock unpack_library_block(std::string_view file, const LibraryHead& head, std::size_t b,
                                  const std::string& name) {
  const LibraryBlockInfo& info = head.blocks[b];
  const std::string where = fmt::format("block {}", b);
  const std::string bytes = inflated(file.substr(info.begin, info.packed), info.size, name, where);
  ColumnReader in(bytes, name, where);
  const std::uint32_t crc = crc_of(bytes);
  if (crc != info.crc) in.fail(fmt::format("CRC {:08x} instead of {:08x}", crc, info.crc));
  LibraryBlock block;
  read_crystals(in, info.crystals, head, block);
  read_sites(in, head, block);
  in.end();
  return block;
}

}  // namespace bragg::data
