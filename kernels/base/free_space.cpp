#include "kernels/base/free_space.h"

#include <fstream>
#include <system_error>

#include <fmt/format.h>

#include "kernels/base/error.h"

namespace bragg {

std::string readable_bytes(double bytes) {
  const char* unit = "bytes";
  for (const char* larger : {"kB", "MB", "GB", "TB", "PB", "EB"}) {
    if (bytes < 999.5) break;
    bytes /= 1000;
    unit = larger;
  }
  return fmt::format("{:.3g} {}", bytes, unit);
}

void require_disk(const std::filesystem::path& file, double bytes, const std::string& what) {
  std::error_code code;
  const auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  const auto space = std::filesystem::space(folder, code);
  if (code || static_cast<double>(space.available) >= bytes) return;
  throw Error(fmt::format("{}: {} would take {}, {} are free", file.string(), what, readable_bytes(bytes),
                          readable_bytes(static_cast<double>(space.available))));
}

void require_memory(double bytes, const std::string& what) {
  std::ifstream info("/proc/meminfo");
  std::string name;
  for (double kib = 0; info >> name >> kib; info.ignore(64, '\n')) {
    if (name != "MemAvailable:") continue;
    if (kib * 1024 < bytes)
      throw Error(fmt::format("{} would take {} of memory, {} are available", what, readable_bytes(bytes),
                              readable_bytes(kib * 1024)));
    return;
  }
}

}  // namespace bragg
