#include "data/search/search_cache.h"

#include <algorithm>
#include <cstdlib>
#include <vector>

namespace bragg::data {
namespace {

namespace fs = std::filesystem;

constexpr const char* prefix = "search-";
constexpr const char* extension = ".safetensors";

fs::path absolute_from(const char* variable) {
  const char* const value = std::getenv(variable);
  const fs::path path = value != nullptr ? value : "";
  return path.is_absolute() ? path : fs::path();
}

struct CachedFile {
  fs::path path;
  fs::file_time_type used;
  std::uint64_t bytes;
};

/// The search's files, those used longest ago first.
std::vector<CachedFile> files_in(const fs::path& folder) {
  std::vector<CachedFile> files;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    std::error_code unknown;
    if (!name.starts_with(prefix) || !name.ends_with(extension) || !entry->is_regular_file(unknown)) continue;
    const auto used = entry->last_write_time(unknown);
    const std::uint64_t bytes = entry->file_size(unknown);
    if (!unknown) files.push_back({entry->path(), used, bytes});
  }
  std::sort(files.begin(), files.end(), [](const CachedFile& a, const CachedFile& b) {
    return a.used < b.used || (a.used == b.used && a.path < b.path);
  });
  return files;
}

}  // namespace

fs::path folder_of(const SearchCache& cache) {
  if (!cache.enabled) return {};
  if (!cache.folder.empty()) return cache.folder;
  if (const fs::path xdg = absolute_from("XDG_CACHE_HOME"); !xdg.empty()) return xdg / "bragg";
  const fs::path home = absolute_from("HOME");
  return home.empty() ? home : home / ".cache" / "bragg";
}

fs::path cached_file(const SearchCache& cache, const std::string& key) {
  const fs::path folder = folder_of(cache);
  return folder.empty() ? folder : folder / (prefix + key + extension);
}

void mark_used(const fs::path& file) {
  std::error_code ignored;
  fs::last_write_time(file, fs::file_time_type::clock::now(), ignored);
}

bool make_room(const SearchCache& cache, std::uint64_t bytes) {
  if (bytes > cache.most_bytes) return false;
  const std::vector<CachedFile> files = files_in(folder_of(cache));
  std::uint64_t total = bytes;
  for (const CachedFile& file : files)
    total += file.bytes;
  for (const CachedFile& file : files) {
    if (total <= cache.most_bytes) break;
    std::error_code error;
    if (fs::remove(file.path, error) && !error) total -= file.bytes;
  }
  return total <= cache.most_bytes;
}

}  // namespace bragg::data
