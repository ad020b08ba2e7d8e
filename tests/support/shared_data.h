// Where the large data sets are that do not belong to the project. A test that needs one of them is skipped,
// and says so, where it is absent.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace bragg::tests {

/// $BRAGG_SHARED_DATA/`relative`, else ../shared/data/`relative` beside the project; empty where there is
/// none.
std::optional<std::filesystem::path> shared_data(const std::string& relative);

/// A file of the project itself.
std::filesystem::path project_file(const std::string& relative);

}  // namespace bragg::tests

/// Defines `variable`, the path of shared data, or skips the test.
// NOLINTBEGIN(bugprone-macro-parentheses): a name that is declared
#define BRAGG_SHARED_DATA_OR_SKIP(variable, relative)                                                \
  const auto variable##_found = ::bragg::tests::shared_data(relative);                               \
  if (!variable##_found) GTEST_SKIP() << "no shared data: " << (relative) << " (BRAGG_SHARED_DATA)"; \
  const std::filesystem::path& variable = *variable##_found
// NOLINTEND(bugprone-macro-parentheses)
