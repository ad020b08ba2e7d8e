// Where what a search computes of its structures is kept between runs: the user's cache folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace bragg::data {

struct SearchCache {
  bool enabled = true;
  /// Empty: $XDG_CACHE_HOME/bragg, or ~/.cache/bragg; where neither variable names an absolute path, nothing is kept.
  std::filesystem::path folder{};
  /// Of all files of the search together; the ones that were used longest ago are removed first.
  std::uint64_t most_bytes = std::uint64_t{1} << 30;
};

/// The folder that `cache` means; empty where nothing is to be kept.
std::filesystem::path folder_of(const SearchCache&);

/// The file of `key` (letters, digits, '-') in the cache; empty where nothing is to be kept. Not asked whether it is there.
std::filesystem::path cached_file(const SearchCache&, const std::string& key);

/// Says that a file of the cache was used now. A file that can't be touched stays as it is.
void mark_used(const std::filesystem::path&);

/// Makes room for `bytes`: removes the search's files that were used longest ago until the others and `bytes` fit.
/// Returns false where they don't. What can't be removed is no failure.
bool make_room(const SearchCache&, std::uint64_t bytes);

}  // namespace bragg::data
