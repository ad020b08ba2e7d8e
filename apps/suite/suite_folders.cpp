#include "apps/suite/suite_folders.h"

#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "kernels/base/error.h"

namespace bragg::apps {

namespace fs = std::filesystem;

SuiteFolders::SuiteFolders(std::vector<std::string> folders) : folders_(std::move(folders)) {
  for (const std::string& folder : folders_) {
    std::error_code none;
    if (!fs::is_directory(folder, none)) throw UsageError(fmt::format("--suite {}: no such folder", folder));
  }
}

std::optional<std::string> SuiteFolders::find(std::string_view file) const {
  for (const std::string& folder : folders_) {
    const fs::path path = fs::path(folder) / file;
    std::error_code none;
    if (fs::is_regular_file(path, none)) return path.string();
  }
  return std::nullopt;
}

}  // namespace bragg::apps
