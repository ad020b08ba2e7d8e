// Texts in a crystal set: how they are stored, and the tensors that hold xrd::CrystalNames.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "xrd/crystal.h"

namespace bragg::data {

/// Strings end to end: what the tensors NAME and NAME_offset hold.
struct StringColumn {
  std::vector<std::uint8_t> bytes;
  std::vector<std::uint64_t> offset{0};

  void add(std::string_view text) {
    bytes.insert(bytes.end(), text.begin(), text.end());
    offset.push_back(bytes.size());
  }
};

/// The set's metadata key "content" says so.
inline constexpr const char* crystal_set_content = "crystals";

struct NameColumn {
  const char* tensor;
  std::string xrd::CrystalNames::*name;
};
inline constexpr std::array<NameColumn, 5> name_columns{{{"mineral", &xrd::CrystalNames::mineral},
                                                         {"common_name", &xrd::CrystalNames::common},
                                                         {"systematic_name", &xrd::CrystalNames::systematic},
                                                         {"database_code", &xrd::CrystalNames::database_code},
                                                         {"citation", &xrd::CrystalNames::citation}}};

}  // namespace bragg::data
