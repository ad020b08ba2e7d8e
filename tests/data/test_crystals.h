// Crystals and folders that the tests of data/ share.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "xrd/crystal.h"

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

/// Rock salt, as a block of CIF with `a` as its cell edge.
std::string rock_salt_cif(const std::string& block, double a = 5.6402);
/// Rock salt, quartz with ions and anisotropic displacements, caesium chloride with half the caesium: three
/// systems of symmetry, all that a site may carry.
std::vector<xrd::Crystal> three_crystals();

}  // namespace bragg::tests
