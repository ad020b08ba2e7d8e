#include "apps/evaluation/measured_paths.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "data/formats/format.h"
#include "data/text_source.h"
#include "kernels/base/error.h"
#include "kernels/base/file_signature.h"
#include "kernels/base/utf8.h"

namespace bragg::apps {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view set_ending = ".safetensors";

bool is_pattern_file(const fs::path& path, const std::vector<std::string>& endings) {
  std::string name = path.filename().string();
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (name.ends_with(set_ending)) return true;
  if (name.ends_with(".gz")) name.resize(name.size() - 3);
  return std::any_of(endings.begin(), endings.end(),
                     [&](const std::string& end) { return name.ends_with(end); });
}

void add_folder(const std::string& folder, std::size_t source, std::vector<MeasuredPath>& paths) {
  std::int64_t others = 0;
  try {
    const std::vector<std::string> files = pattern_files(folder, others);
    if (files.empty())
      paths.push_back({folder, source,
                       fmt::format("{}: a folder without patterns ({}, each also with .gz; .safetensors)",
                                   folder, pattern_endings())});
    for (const std::string& file : files)
      paths.push_back({file, source});
  } catch (const Error& error) {
    paths.push_back({folder, source, error.what()});
  }
  if (others > 0) {
    fmt::print(stderr, "{}: {} file{} of other kinds skipped\n", printable(folder), others,
               others == 1 ? "" : "s");
  }
}

}  // namespace

std::vector<MeasuredPath> measured_paths(const std::vector<std::string>& paths) {
  std::vector<MeasuredPath> files;
  for (std::size_t source = 0; source < paths.size(); ++source) {
    std::error_code code;
    if (paths[source] != data::standard_input && fs::is_directory(paths[source], code))
      add_folder(paths[source], source, files);
    else
      files.push_back({paths[source], source});
  }
  return files;
}

std::vector<std::string> pattern_files(const std::string& folder, std::int64_t& others) {
  std::vector<std::string> files;
  const std::vector<std::string> endings = data::scan_extensions();
  std::error_code code;
  for (fs::recursive_directory_iterator at(folder, code), end; !code && at != end; at.increment(code)) {
    std::error_code kind;
    if (at->is_directory(kind)) continue;
    // A pipe or a device in a folder is nobody's pattern, and opening it could wait for ever.
    if (at->is_regular_file(kind) && is_pattern_file(at->path(), endings))
      files.push_back(at->path().string());
    else
      ++others;
  }
  if (code) throw Error(fmt::format("{}: {}", folder, code.message()));
  std::sort(files.begin(), files.end());
  return files;
}

std::string pattern_endings() {
  return fmt::format("{}", fmt::join(data::scan_extensions(), " "));
}

bool is_pattern_set(const std::string& file) {
  if (file.ends_with(set_ending)) return true;
  std::error_code code;
  // What is read from a pipe is gone: those are left as they are.
  if (file == data::standard_input || !fs::is_regular_file(file, code)) return false;
  char begin[16] = {};
  std::ifstream stream(file, std::ios::binary);
  stream.read(begin, sizeof begin);
  return looks_like_safetensors({begin, static_cast<std::size_t>(stream.gcount())});
}

}  // namespace bragg::apps
