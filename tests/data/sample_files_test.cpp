// Files as instruments write them, through the registry: every file of a format that is read gives scans that become patterns,
// and the beginnings of it give an error or a warning, never a silent part. Their values are in sample_values_test.cpp and
// beside each format.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>
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

/// What the registry takes the file for by its content; empty: text in columns or nothing that is read.
std::string listed_format(const fs::path& path) {
  try {
    const std::string bytes = read_text_source(path, largest_scan_bytes);
    const Format& format = format_of(FileBytes{bytes, path.string()});
    return &format == &formats().back() ? "" : format.name;
  } catch (const FormatRefused&) {
    return "";
  }
}

bool is_neutron(const fs::path& path) {
  return path.filename() == "1517474.cif" || path.filename() == "D1A5.dat";
}

TEST(SampleFiles, OfListedFormatsAreRead) {
  BRAGG_SHARED_DATA_OR_SKIP(folder, "patterns");
  std::map<std::string, int> read_by;
  int others = 0;
  for (const fs::path& path : files_of(folder)) {
    // Text in columns has samples that are no patterns; pattern_text_test.cpp knows them.
    if (listed_format(path).empty()) continue;
    SCOPED_TRACE(path.filename().string());
    try {
      const ReadScans read = read_scans(path);
      EXPECT_FALSE(is_neutron(path)) << "a neutron pattern is no X-ray pattern";
      ++read_by[read.format->name];
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
  // Counted by hand in the folders, and in text/ the five of counts below start, step and end.
  const std::map<std::string, int> there{{"PANalytical XRDML", 34},
                                         {"Bruker BRML", 1},
                                         {"Bruker RAW", 7},
                                         {"Bruker UXD", 1},
                                         {"Rigaku RAS", 1},
                                         {"Rigaku RASX", 2},
                                         {"GSAS powder data", 5},
                                         {"powder CIF", 5},
                                         {"counts below start, step and end (FullProf, Riet7)", 5}};
  EXPECT_EQ(read_by, there);
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

/// The smallest file of each format other than text in columns.
std::map<std::string, fs::path> smallest_of_each(const fs::path& folder) {
  std::map<std::string, fs::path> smallest;
  for (const fs::path& path : files_of(folder)) {
    const std::string format = listed_format(path);
    if (format.empty() || is_neutron(path)) continue;
    fs::path& place = smallest[format];
    if (place.empty() || fs::file_size(path) < fs::file_size(place)) place = path;
  }
  return smallest;
}

/// What is said of the scans that a command would take, whichever it is.
std::set<std::string> warnings_of(std::string_view bytes, const fs::path& path) {
  std::set<std::string> warnings;
  for (const ChosenScan& chosen : choose_scans(read_scans(FileBytes{bytes, path.string()}), std::nullopt)) {
    warnings.insert(chosen.scan.warnings.begin(), chosen.scan.warnings.end());
    const Radiation radiation = radiation_of(chosen.scan);
    warnings.insert(radiation.warnings.begin(), radiation.warnings.end());
  }
  return warnings;
}

TEST(SampleFiles, ABeginningIsAnErrorOrAWarning) {
  BRAGG_SHARED_DATA_OR_SKIP(folder, "patterns");
  constexpr std::size_t step = 97;
  const auto smallest = smallest_of_each(folder);
  EXPECT_EQ(smallest.size(), 9u);
  for (const auto& [name, path] : smallest) {
    SCOPED_TRACE(name + " " + path.filename().string());
    const std::string bytes = read_text_source(path, largest_scan_bytes);
    const std::set<std::string> of_whole = warnings_of(bytes, path);
    // Blank lines at the end of a text are no part of the measurement.
    const std::size_t whole = bytes.find_last_not_of(" \t\r\n\x1A") + 1;
    std::size_t refused = 0, read = 0;
    for (std::size_t length = 0; length < whole; length += step) {
      try {
        const auto part = std::string_view(bytes).substr(0, length);
        const auto warnings = warnings_of(part, path);
        ++read;
        // The one sample of .uxd has no _STEPCOUNT, of which it is warned: a part of whole lines is as good as all of it.
        if (name == "Bruker UXD" && part.ends_with('\n') &&
            warnings.contains("no _STEPCOUNT in the last range: the file may be cut off"))
          continue;
        // What is said of the whole file as well says nothing of the part.
        EXPECT_FALSE(std::includes(of_whole.begin(), of_whole.end(), warnings.begin(), warnings.end()))
            << length << " of " << bytes.size() << " bytes were read without a word";
      } catch (const Error&) {
        ++refused;
      }
    }
    EXPECT_EQ(read + refused, (whole + step - 1) / step);
    EXPECT_GT(refused, 0u);
  }
}

}  // namespace
}  // namespace bragg::data
