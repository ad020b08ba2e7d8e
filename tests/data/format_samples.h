// Small files in instruments' formats, made in memory: zip archives, and the shapes of files that tests damage.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "data/formats/format.h"

namespace bragg::data {

struct PackedFile {
  std::string name, text;
  bool deflated = true;
};
/// Of the members in that order.
std::string zip_of(const std::vector<PackedFile>&);

/// An .xrdml with n points of 2 theta from 10 in steps of 0.02 and what replaces these parts of it.
struct XrdmlText {
  int points = 30;
  std::string version = "2.1";
  std::string measurement = "measurementType=\"Scan\" sampleMode=\"Reflection\"";
  std::string scan = "scanAxis=\"Gonio\" status=\"Completed\"";
  std::string slit =
      "<divergenceSlit xsi:type=\"fixedDivergenceSlitType\"><height>1</height></divergenceSlit>";
  std::string positions = {};    ///< empty: first and last
  std::string intensities = {};  ///< empty: <counts> 100, 101 ...
  std::string more = {};         ///< in <dataPoints>
  std::string text() const;
};

/// The scans of a file named `name`, each with the file's warnings beside its own.
std::vector<Scan> scans_of(const Format&, const std::string& bytes, const std::string& name = "sample");
/// What `read` throws for those bytes; empty where it reads them.
std::string refusal(const Format&, const std::string& bytes);
/// Every prefix in steps of `step` bytes, and bytes changed here and there: each is an Error or read with finite numbers;
/// a prefix that is read without a warning fails the test.
void expect_bounded(const Format&, const std::string& bytes, std::size_t step = 97);
/// Members changed here and there and cut off, and packed again, so that their CRC is right and the format's reader sees
/// them: each is an Error or read with finite numbers. Fails where every mutant of a member is refused, or read.
void expect_bounded_members(const Format&, const std::vector<PackedFile>&);

}  // namespace bragg::data
