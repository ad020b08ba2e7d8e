// A block of a library: so many crystals' columns. For reader and writer alone; the order of the columns is
// in docs/formats.md.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/library/library_format.h"
#include "data/library/library_head.h"

namespace bragg::data {

/// Texts end to end.
struct TextColumn {
  std::vector<std::uint32_t> begin{0};
  std::string bytes;

  void add(std::string_view text) {
    bytes += text;
    begin.push_back(static_cast<std::uint32_t>(bytes.size()));
  }
  std::string_view at(std::size_t row) const {
    return std::string_view(bytes).substr(begin[row], begin[row + 1] - begin[row]);
  }
};

/// n crystals with m sites.
struct LibraryBlock {
  std::vector<std::uint16_t> setting, source;        ///< (n) rows of the head's tables
  std::vector<std::uint8_t> declared, flags;         ///< (n)
  std::array<std::vector<std::uint32_t>, 6> metric;  ///< (n) a, b - a, c - a, angles - 90, zigzag but for a
  std::vector<std::uint32_t> site_begin{0};          ///< (n + 1)
  TextColumn name, entry, citation;                  ///< (n)
  std::vector<std::uint8_t> atomic_number, charge,
      site_order;                                        ///< (m); site_order: operators of the site symmetry
  std::array<std::vector<std::uint16_t>, 3> coordinate;  ///< (m)
  std::vector<std::uint16_t> vacancy, u_iso;             ///< (m); vacancy: 1 - occupancy

  StructureKind kind(std::size_t row) const {
    return flags[row] & flag_dft ? StructureKind::dft : StructureKind::experimental;
  }
  bool is_mineral(std::size_t row) const { return (flags[row] & flag_mineral) != 0; }
  xrd::UnitCell cell(std::size_t row) const;
  void add_cell(const xrd::UnitCell&);
  xrd::Fractional position(std::size_t m) const {
    constexpr double units = position_units;
    return {coordinate[0][m] / units, coordinate[1][m] / units, coordinate[2][m] / units};
  }
  double occupancy(std::size_t m) const {
    return (position_units - vacancy[m]) / static_cast<double>(position_units);
  }
};

std::string block_bytes(const LibraryBlock&);

/// Unpacks and checks block `b` of a file with this head. Throws Error "NAME: block B: what is wrong".
LibraryBlock unpack_library_block(std::string_view file, const LibraryHead&, std::size_t b,
                                  const std::string& name);

}  // namespace bragg::data
