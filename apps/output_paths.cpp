#include "apps/output_paths.h"

#include <filesystem>

#include <fmt/format.h>

#include "kernels/base/error.h"

namespace bragg::apps {
namespace {

namespace fs = std::filesystem;

bool is_same_file(const std::string& a, const std::string& b) {
  std::error_code none;
  if (fs::equivalent(a, b, none)) return true;
  const fs::path one = fs::weakly_canonical(a, none);
  return !none && one == fs::weakly_canonical(b, none) && !none;
}

}  // namespace

void check_outputs(const std::vector<NamedPath>& outputs, const std::vector<NamedPath>& inputs) {
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const NamedPath& output = outputs[i];
    if (output.path.empty()) continue;
    for (std::size_t j = 0; j < i; ++j) {
      if (!outputs[j].path.empty() && is_same_file(output.path, outputs[j].path))
        throw UsageError(fmt::format("{} {} and {} {} are the same file", outputs[j].flag, outputs[j].path,
                                     output.flag, output.path));
    }
    for (const NamedPath& input : inputs) {
      if (!input.path.empty() && input.path != "-" && is_same_file(output.path, input.path))
        throw UsageError(fmt::format("{} {} would replace {} {}, which is read", output.flag, output.path,
                                     input.flag, input.path));
    }
  }
}

}  // namespace bragg::apps
