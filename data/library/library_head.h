// The head of a library: its settings, sources and the list of its blocks. For reader and writer alone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/library/library.h"
#include "xrd/symmetry/symmetry.h"

namespace bragg::data {

struct LibraryBlockInfo {
  std::int64_t first = 0;  ///< its first crystal
  std::uint32_t crystals = 0;
  std::uint32_t size = 0;    ///< bytes unpacked
  std::uint32_t crc = 0;     ///< CRC-32 of them
  std::uint32_t packed = 0;  ///< bytes in the file
  std::uint64_t begin = 0;   ///< where in the file
};

struct LibraryHead {
  std::vector<xrd::SpaceGroupSetting> settings;
  std::vector<LibrarySource> sources;
  std::vector<LibraryBlockInfo> blocks;
  std::int64_t size = 0;  ///< crystals
  std::uint64_t content =
      0;  ///< hash of settings, sources and what the blocks hold, not of how they are packed
};

/// Reads and checks the head; `begin` of the blocks follows from it. Throws Error "NAME: what is wrong": no
/// library, another version, cut off, bytes behind the end, damage, what is beyond the bounds of
/// library_format.h.
LibraryHead read_library_head(std::string_view file, const std::string& name);

/// The first bytes of a file with these blocks, whose `begin`, and `size` and `content` of the head, don't
/// matter.
std::string library_head_bytes(const LibraryHead&);

}  // namespace bragg::data
