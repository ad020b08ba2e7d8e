// The folders in which the suite looks for its data.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bragg::apps {

class SuiteFolders {
 public:
  /// Throws UsageError naming what is no folder.
  explicit SuiteFolders(std::vector<std::string> folders);

  const std::vector<std::string>& folders() const { return folders_; }
  /// The path of `file` in the first folder that has it.
  std::optional<std::string> find(std::string_view file) const;

 private:
  std::vector<std::string> folders_;
};

}  // namespace bragg::apps
