// The ranges of an instrument's file as its reader finds them: those that are scans, and those that are left out and told.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "data/formats/format.h"

namespace bragg::data {

/// More of them are refused: a range of 30 bytes becomes a scan of 1 KB.
inline constexpr std::size_t most_scans = 50'000;

class RangeList {
 public:
  /// `noun`: what the format calls them. `advice` ends the message where none of them is a pattern.
  explicit RangeList(std::string noun = "range",
                     std::string advice = "; measure or export a range that steps 2 theta")
      : noun_(std::move(noun)), advice_(std::move(advice)) {}
  /// Checks the scan (scan_parts.h) and sets `unit` to counts where it is unknown and the intensities are whole numbers;
  /// a counting time that is none is dropped. One of fewer than two points is left out: it was planned and not measured.
  /// Throws what `fail` throws, told "range 2: reason".
  void add(Scan&&, const std::function<void(const std::string&)>& fail);
  /// One that is no pattern: "a Psi Scan (scan type 12)", and where it stands: "line 7".
  void leave_out(const std::string& what, const std::string& place = {});
  /// Of the whole file.
  void warn(std::string text) { warnings_.push_back(std::move(text)); }
  std::size_t count() const { return scans_.size() + left_out_; }
  /// Throws FormatRefused where nothing was added. What is left out is a warning each, and a count behind the first ten.
  ReadScans finish() &&;

 private:
  std::string noun_, advice_;
  std::vector<Scan> scans_;
  std::size_t left_out_ = 0;
  struct LeftOut {
    std::string name, what;
  };
  std::vector<LeftOut> first_left_out_;
  std::vector<std::string> warnings_;
};

}  // namespace bragg::data
