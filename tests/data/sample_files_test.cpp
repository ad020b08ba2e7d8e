// Files as instruments write them, through the registry: every file of a format that is read gives scans that become patterns,
// and the beginnings of it give an error or a warning, never a silent part. Their values are checked beside each format.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "data/formats/format.h"
#include "data/formats/scan_pattern.h"
#include "data/text_source.h"
#include "kernels/base/error.h"
#include "tests/support/shared_data.h"
#include "tests/support/temporary_folder.h"

namespace bragg::data {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> files_of(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file()) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

/// By extension, of the formats other than text in columns that the registry has.
bool is_listed(const fs::path& path) {
  const std::string extension = FileBytes{"", path.filename().string()}.extension();
  for (const Format& format : formats().first(formats().size() - 1)) {
    if (std::find(format.extensions.begin(), format.extensions.end(), extension) != format.extensions.end())
      return true;
  }
  return false;
}

bool is_neutron(const fs::path& path) {
  return path.filename() == "1517474.cif";
}

TEST(SampleFiles, OfListedFormatsAreRead) {
  BRAGG_SHARED_DATA_OR_SKIP(folder, "patterns");
  std::map<std::string, int> read_by;
  int others = 0;
  for (const fs::path& path : files_of(folder)) {
    // Text in columns has samples that are no patterns; pattern_text_test.cpp knows them.
    if (path.parent_path().filename() == "text" || !is_listed(path)) continue;
    SCOPED_TRACE(path.filename().string());
    try {
      const ReadScans read = read_scans(path);
      EXPECT_FALSE(is_neutron(path)) << "a neutron pattern is no X-ray pattern";
      ++read_by[read.format->name];
      EXPECT_STRNE(read.format->name, "text in columns");
      for (const ChosenScan& chosen : choose_scans(read, std::nullopt)) {
        if (chosen.scan.other_axis) {
          ++others;
          continue;
        }
        const ScanPattern data = to_pattern(chosen.scan);
        EXPECT_GE(data.pattern.x.size(), 20u);
        EXPECT_FALSE(radiation_of(chosen.scan).fault.has_value()) << *radiation_of(chosen.scan).fault;
      }
    } catch (const FormatRefused& refused) {
      EXPECT_TRUE(is_neutron(path)) << refused.what();
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what();
    }
  }
  EXPECT_EQ(others, 68) << "scans over phi of bruker.UXD";
  for (const auto& [name, count] : read_by)
    RecordProperty(name, count);
  EXPECT_GE(read_by["PANalytical XRDML"], 30);
}

TEST(SampleFiles, MixturesAreReadWithTheirRadiation) {
  BRAGG_SHARED_DATA_OR_SKIP(archive, "mixtures.tar.xz");
  const bragg::tests::TemporaryFolder folder;
  const std::string unpack = fmt::format("tar -xJf '{}' -C '{}'", archive.string(), folder.path().string());
  ASSERT_EQ(std::system(unpack.c_str()), 0) << unpack;
  int files = 0;
  for (const fs::path& path : files_of(folder.path())) {
    if (path.extension() != ".xrdml") continue;
    SCOPED_TRACE(path.filename().string());
    const ReadScans read = read_scans(path);
    ASSERT_EQ(read.scans.size(), 1u);
    const Radiation radiation = radiation_of(read.scans[0]);
    EXPECT_EQ(radiation.wavelength, 1.540598);
    EXPECT_EQ(radiation.alpha2, 1.544426);
    EXPECT_EQ(read.scans[0].alpha2_ratio, 0.5);
    EXPECT_EQ(read.scans[0].anode, "Cu");
    EXPECT_TRUE(read.scans[0].warnings.empty());
    EXPECT_GE(to_pattern(read.scans[0]).pattern.x.size(), 1000u);
    ++files;
  }
  EXPECT_EQ(files, 50);
}

/// The smallest file of each format.
std::map<std::string, fs::path> smallest_of_each(const fs::path& folder) {
  std::map<std::string, fs::path> smallest;
  for (const fs::path& path : files_of(folder)) {
    if (path.parent_path().filename() == "text" || !is_listed(path)) continue;
    try {
      const std::string bytes = read_text_source(path, largest_scan_bytes);
      fs::path& place = smallest[format_of(FileBytes{bytes, path.string()}).name];
      if (place.empty() || fs::file_size(path) < fs::file_size(place)) place = path;
    } catch (const Error&) {
      continue;  // the test above tells
    }
  }
  return smallest;
}

TEST(SampleFiles, ABeginningIsAnErrorOrAWarning) {
  BRAGG_SHARED_DATA_OR_SKIP(folder, "patterns");
  constexpr std::size_t step = 97, most_prefixes = 400;
  for (const auto& [name, path] : smallest_of_each(folder)) {
    SCOPED_TRACE(name + " " + path.filename().string());
    const std::string bytes = read_text_source(path, largest_scan_bytes);
    // Every 97th byte of small files; of larger ones as many prefixes, in multiples of it.
    const std::size_t stride = step * std::max<std::size_t>(1, bytes.size() / step / most_prefixes);
    // Blank lines at the end of a text are no part of the measurement.
    const std::size_t whole = bytes.find_last_not_of(" \t\r\n\0\x1A") + 1;
    for (std::size_t length = 0; length < whole; length += stride) {
      try {
        const ReadScans read =
            read_scans(FileBytes{std::string_view(bytes).substr(0, length), path.string()});
        const bool warned =
            !read.warnings.empty() || std::any_of(read.scans.begin(), read.scans.end(),
                                                  [](const Scan& scan) { return !scan.warnings.empty(); });
        EXPECT_TRUE(warned) << length << " of " << bytes.size() << " bytes were read as " << read.format->name
                            << " without a word";
        if (!warned) break;
      } catch (const Error&) {
        continue;
      }
    }
  }
}

}  // namespace
}  // namespace bragg::data
