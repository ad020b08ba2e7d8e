// The ranges of an instrument's file as its reader finds them: those that step 2 theta become scans, the others are told.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "data/formats/scan.h"

namespace bragg::data {

class RangeList {
 public:
  /// Checks the scan (scan_parts.h) and sets `unit` to counts where it is unknown and the intensities are whole numbers;
  /// a counting time that is none is dropped. Throws what `fail` throws, told "range 2: reason".
  void add(Scan&&, const std::function<void(const std::string&)>& fail);
  /// One whose positions are no 2 theta: "a rocking curve (scan type 3)".
  void leave_out(const std::string& what);
  /// Of the whole file; told with the first scan.
  void warn(std::string text) { warnings_.push_back(std::move(text)); }
  std::size_t count() const { return scans_.size() + left_out_.size(); }
  /// Throws FormatRefused where no range steps 2 theta.
  std::vector<Scan> finish() &&;

 private:
  std::vector<Scan> scans_;
  std::vector<std::string> left_out_, warnings_;
};

}  // namespace bragg::data
