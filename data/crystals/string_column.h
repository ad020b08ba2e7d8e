// Texts in a crystal set: how they are stored.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

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

}  // namespace bragg::data
