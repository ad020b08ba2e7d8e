// Which files of measurements a command line means: files as they are, folders by the files in them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bragg::apps {

/// A file, or why there is none.
struct MeasuredPath {
  std::string file;
  std::size_t source = 0;                ///< which of the paths it came from
  std::optional<std::string> refused{};  ///< a folder that gives none
};

/// `paths` in their order, with the files of folders (pattern_files) in the folders' places. What a folder holds of other
/// kinds is told on the standard error.
std::vector<MeasuredPath> measured_paths(const std::vector<std::string>& paths);

/// The files of a folder that are patterns by their names, sorted; `others` counts the rest. Throws Error where
/// the folder can't be read.
std::vector<std::string> pattern_files(const std::string& folder, std::int64_t& others);
/// ".xy .xye ...": what pattern_files looks for.
std::string pattern_endings();

/// A pattern set: a file named .safetensors, or one that begins as these do, whatever its name.
bool is_pattern_set(const std::string& file);

}  // namespace bragg::apps
