// Measured files as they are, many at a time: what patterns show works on.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "apps/evaluation/measured_paths.h"
#include "data/formats/scan.h"

namespace bragg::apps {

struct NumberedScan {
  int number;  ///< in the file, from 1
  data::Scan scan;
};

/// Either why a file was refused or its scans in its order, each for itself.
struct ScanFile {
  std::string path;
  std::string format;  ///< as the registry names it; empty: not known
  std::optional<std::string> refused{};
  int in_file = 0;  ///< scans that it has
  std::vector<NumberedScan> scans{};
  std::vector<std::string> warnings{};  ///< about the whole file; where one scan was asked for, it has them
};

/// Reads `paths` by `threads` threads (0: all that the process may use), and gives them to `take` in order. With `scan`
/// (from 1) that one of each alone.
void read_scan_files(const std::vector<MeasuredPath>& paths, std::optional<int> scan, int threads,
                     const std::function<void(ScanFile)>& take);

}  // namespace bragg::apps
