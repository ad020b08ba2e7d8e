// How a library lies in bytes, for its reader and its writer alone; docs/formats.md says it in words.
#pragma once

#include <cstdint>
#include <string_view>

namespace bragg::data {

inline constexpr std::string_view library_magic = "BRAGGLIB";
/// An unknown one is an Error when reading.
inline constexpr std::uint32_t library_format_version = 1;

/// Positions and occupancies are multiples of 1/30000: it holds 1/3, 1/8, 1/48 and 0.0001.
inline constexpr int position_units = 30'000;
/// Edges in 1e-5 A, angles in 1e-4 degrees, u_iso in 1e-4 A^2.
inline constexpr double edge_unit = 1e-5, angle_unit = 1e-4, displacement_unit = 1e-4;

/// Crystals that are packed together.
inline constexpr std::uint32_t library_block_size = 1024;

/// Bounds on what is believed of a file: its bytes, crystals, a block's crystals and sites, unpacked bytes of
/// the head and of a block, and unpacked over packed bytes (deflate can't exceed 1032).
inline constexpr std::uint64_t largest_library_file = std::uint64_t{1} << 30;
inline constexpr std::uint32_t most_library_crystals = 4'000'000;
inline constexpr std::uint32_t most_block_crystals = 65'536;
inline constexpr std::uint32_t most_block_sites = 4'000'000;
inline constexpr std::uint32_t largest_library_head = 64u << 20;
inline constexpr std::uint32_t largest_library_block = 128u << 20;
inline constexpr std::uint64_t largest_library_ratio = 1040;

/// Of a crystal's flags: its kind, and which of its names is stored.
inline constexpr std::uint8_t flag_dft = 1, flag_mineral = 2;

/// Signed numbers as unsigned ones, small ones small: 0, -1, 1, -2 ... -> 0, 1, 2, 3 ...
constexpr std::uint32_t zigzag(std::int32_t value) {
  return (static_cast<std::uint32_t>(value) << 1) ^ static_cast<std::uint32_t>(value >> 31);
}
constexpr std::int32_t from_zigzag(std::uint32_t value) {
  return static_cast<std::int32_t>(value >> 1) ^ -static_cast<std::int32_t>(value & 1);
}

}  // namespace bragg::data
