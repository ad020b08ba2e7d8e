#include "apps/evaluation/scan_files.h"

#include <exception>
#include <filesystem>

#include <fmt/format.h>

#include "apps/evaluation/in_order.h"
#include "data/formats/format.h"
#include "data/formats/scan_pattern.h"
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

std::size_t bytes_of(const ScanFile& file) {
  std::size_t bytes = sizeof file;
  for (const NumberedScan& one : file.scans) {
    const data::Scan& scan = one.scan;
    bytes += sizeof one + sizeof(double) * (scan.x.size() + scan.intensity.size() + scan.uncertainty.size());
    for (const std::string& warning : scan.warnings)
      bytes += sizeof warning + warning.size();
  }
  return bytes;
}

}  // namespace

void read_scan_files(const std::vector<MeasuredPath>& paths, std::optional<int> scan, int threads,
                     const std::function<void(ScanFile)>& take) {
  in_order<ScanFile>(
      std::ssize(paths), threads,
      [&](std::int64_t i) {
        const MeasuredPath& path = paths[static_cast<std::size_t>(i)];
        if (!path.refused) return read_file(path.file, scan);
        return ScanFile{.path = path.file, .format = {}, .refused = path.refused};
      },
      bytes_of, take);
}

}  // namespace bragg::apps
