#include "apps/open_libraries.h"

#include <filesystem>
#include <memory>

#include "data/library/built_in_library.h"
#include "kernels/base/error.h"

namespace bragg::apps {

data::JoinedLibrary open_libraries(const std::vector<std::string>& files, bool built_in) {
  std::vector<std::shared_ptr<const data::Library>> libraries;
  if (built_in) {
    if (auto library = data::built_in_library()) libraries.push_back(std::move(library));
  }
  for (const std::string& file : files)
    libraries.push_back(std::make_shared<data::Library>(std::filesystem::path(file)));
  return data::JoinedLibrary(std::move(libraries));
}

data::JoinedLibrary libraries_to_search(const std::vector<std::string>& files, bool built_in) {
  data::JoinedLibrary libraries = open_libraries(files, built_in);
  if (libraries.libraries().empty()) {
    throw UsageError(
        built_in
            ? "this bragg was built without a library: name one by --library (bragg library build makes one)"
            : "--no-builtin-library without --library FILE leaves nothing to search");
  }
  return libraries;
}

}  // namespace bragg::apps
