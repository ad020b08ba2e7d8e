#include "tests/support/shared_data.h"

#include <cstdlib>

namespace bragg::tests {

std::filesystem::path project_file(const std::string& relative) {
  return std::filesystem::path(BRAGG_SOURCE_DIR) / relative;
}

std::optional<std::filesystem::path> shared_data(const std::string& relative) {
  const char* folder = std::getenv("BRAGG_SHARED_DATA");
  const auto root = folder ? std::filesystem::path(folder) : project_file("../shared/data");
  const auto path = root / relative;
  if (!std::filesystem::exists(path)) return std::nullopt;
  return path;
}

}  // namespace bragg::tests
