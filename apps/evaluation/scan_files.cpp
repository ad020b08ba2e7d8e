#include "apps/evaluation/scan_files.h"

#include <exception>
#include <filesystem>

#include <fmt/format.h>

#include "apps/evaluation/in_order.h"
#include "apps/evaluation/measured_item.h"
#include "data/formats/format.h"
#include "data/formats/scan_pattern.h"
#include "data/text_source.h"
#include "kernels/base/error.h"

namespace bragg::apps {
namespace {

ScanFile read_file(const std::string& path, std::optional<int> number) {
  ScanFile file{.path = path, .format = {}};
  try {
    data::ReadScans read = data::read_scans(std::filesystem::path(path));
    file.format = read.format->name;
    file.in_file = static_cast<int>(read.scans.size());
    if (number) {
      data::ChosenScan one = std::move(data::choose_scans(std::move(read), number).front());
      file.scans.push_back({*number, std::move(one.scan)});
      return file;
    }
    file.warnings = std::move(read.warnings);
    for (data::Scan& scan : read.scans)
      file.scans.push_back({static_cast<int>(file.scans.size()) + 1, std::move(scan)});
  } catch (const data::FormatRefused& refused) {
    file.format = refused.format();
    file.refused = fmt::format("{}: {}", path, refused.what());
  } catch (const UsageError& error) {
    file.refused = fmt::format("{}: {}", path, error.what());
  } catch (const Error& error) {
    file.refused = error.what();
  } catch (const std::exception& error) {
    file.refused = fmt::format("{}: {}", path, error.what());
  }
  return file;
}

}  // namespace

void read_scan_files(const std::vector<std::string>& paths, std::optional<int> scan, int threads,
                     const std::function<void(ScanFile)>& take) {
  std::vector<ScanFile> files;  // refused: folders that give none
  for (const std::string& path : paths) {
    std::error_code code;
    if (path == data::standard_input || !std::filesystem::is_directory(path, code)) {
      files.push_back({.path = path, .format = {}});
      continue;
    }
    std::int64_t others = 0;
    try {
      const auto found = pattern_files(path, others);
      for (const std::string& file : found)
        files.push_back({.path = file, .format = {}});
      if (found.empty())
        files.push_back({.path = path,
                         .format = {},
                         .refused = fmt::format("{}: a folder without patterns ({}, each also with .gz)",
                                                path, pattern_endings())});
    } catch (const Error& error) {
      files.push_back({.path = path, .format = {}, .refused = error.what()});
    }
  }
  in_order<ScanFile>(
      std::ssize(files), threads,
      [&](std::int64_t i) {
        const ScanFile& file = files[static_cast<std::size_t>(i)];
        return file.refused ? file : read_file(file.path, scan);
      },
      take);
}

}  // namespace bragg::apps
