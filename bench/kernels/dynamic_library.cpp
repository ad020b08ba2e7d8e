#include "bench/kernels/dynamic_library.h"

#include <filesystem>
#include <sstream>

#include <dlfcn.h>
#include <fmt/format.h>
#include <link.h>

#include "kernels/base/error.h"

namespace bragg::bench {

DynamicLibrary::DynamicLibrary(const std::vector<std::string>& names,
                               const std::vector<std::string>& directories) {
  std::vector<std::string> places = directories;
  places.insert(places.end(), {"", "/usr/local/cuda/lib64"});
  std::string reasons;
  for (const std::string& place : places) {
    for (const std::string& name : names) {
      const std::string path = place.empty() ? name : place + "/" + name;
      if (!place.empty() && !std::filesystem::exists(path)) continue;
      handle_ = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
      if (handle_) {
        const link_map* map = nullptr;
        path_ = dlinfo(handle_, RTLD_DI_LINKMAP, &map) == 0 ? map->l_name : path;
        return;
      }
      reasons += (reasons.empty() ? "" : "; ") + std::string(dlerror());
    }
  }
  throw Error(reasons);
}

void* DynamicLibrary::address(const char* name) const {
  if (void* found = dlsym(handle_, name)) return found;
  throw Error(fmt::format("{} has no {}", path_, name));
}

std::vector<std::string> directories_of(const std::string& list) {
  std::vector<std::string> result;
  std::istringstream parts(list);
  for (std::string part; std::getline(parts, part, ':');) {
    if (!part.empty()) result.push_back(part);
  }
  return result;
}

}  // namespace bragg::bench
