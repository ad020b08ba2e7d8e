// A folder of a test's own, gone with the test; whole files as text.
#pragma once

#include <filesystem>
#include <string>

namespace bragg::tests {

/// A folder of its own for the running test, removed at the end.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

void write_text(const std::filesystem::path&, const std::string&);
std::string read_text(const std::filesystem::path&);

}  // namespace bragg::tests
