// Version 4, "RAW4.00": 61 bytes, then a chain of segments (kind, length, contents) and ranges up to the end of the file.
#include <algorithm>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "data/formats/bruker_raw_versions.h"
#include "data/formats/scan_corrections.h"
#include "data/formats/scan_parts.h"
#include "data/formats/stated_radiation.h"
#include "xrd/folded_text.h"

namespace bragg::data {
namespace {

constexpr std::size_t file_header = 61;
constexpr std::size_t range_header = 160;
constexpr std::uint32_t segment_text = 10, segment_tube = 30, segment_drive = 50;
/// An intensity, and a few values of 8 bytes beside it. Longer records are images.
constexpr std::uint32_t longest_record = 100;
/// An intensity and a whole number, 1 in all files here.
constexpr std::uint32_t known_record = 8;

struct Head {
  std::string date, sample;
  StatedRadiation tube;
};

bool is_range(std::uint32_t kind) {
  return kind == 0 || kind == 160;
}

/// Length of the segment at `at`, all of which is there.
std::size_t segment_length(const ByteReader& in, std::size_t at) {
  const std::uint32_t length = in.u32(at + 4, "the length of a segment");
  if (length < 8) in.fail(at + 4, fmt::format("a segment of {} bytes; it has at least 8", length));
  in.need(at, length, "a segment");
  return length;
}

void read_segment(const ByteReader& in, std::size_t at, std::size_t length, Head& head) {
  const std::uint32_t kind = in.u32(at, "a segment");
  if (kind == segment_text && length > 36) {
    const std::string key = in.text(at + 12, 24, "a name"), value = in.text(at + 36, length - 36, "a text");
    if (key == "SAMPLEID") head.sample = value;
  } else if (kind == segment_tube && length >= 120) {
    head.tube.alpha1 = as_typed(in.f64(at + 80, "K alpha 1"));
    head.tube.alpha2 = as_typed(in.f64(at + 88, "K alpha 2"));
    head.tube.ratio = as_typed(in.f64(at + 104, "the ratio of K alpha 2"));
    head.tube.anode = in.text(at + 116, 4, "the anode");
    head.tube.from = fmt::format("byte {}", at + 80);
  }
}

/// Where the drives stood at the beginning of the range.
std::vector<HeldValue> drives_of(const ByteReader& in, std::size_t at, std::size_t end) {
  std::vector<HeldValue> drives;
  while (at < end) {
    const std::size_t length = segment_length(in, at);
    if (length > end - at)
      in.fail(at, fmt::format("a segment of {} bytes reaches beyond byte {}, its range's data", length, end));
    if (in.u32(at, "a segment") == segment_drive && length >= 64)
      drives.push_back({in.text(at + 12, 24, "a drive"), as_typed(in.f64(at + 56, "a drive's position"))});
    at += length;
  }
  return drives;
}

/// The last one that the range tells.
std::optional<double> two_theta_of(const std::vector<HeldValue>& drives) {
  const auto found = std::find_if(drives.rbegin(), drives.rend(),
                                  [](const HeldValue& drive) { return drive.name == "2Theta"; });
  return found == drives.rend() ? std::nullopt : std::optional(found->value);
}

/// Empty for a range that steps 2 theta; else what it is, and no axis that has a name.
std::string other_scan(const std::string& type, double start, std::optional<double> two_theta) {
  const std::string lower = xrd::lower_case(type);
  const auto is_one_of = [&](std::initializer_list<const char*> names) {
    return std::find(names.begin(), names.end(), lower) != names.end();
  };
  const bool agrees = two_theta && std::abs(*two_theta - start) <= 1e-5;
  if (is_one_of({"hkl scan", "still scan"})) return fmt::format("a {}", type);
  const bool is_known = steps_two_theta(type);
  if (two_theta && !agrees)
    return fmt::format("a {} that begins at {:.6g} where 2Theta stands at {:.6g}", type, start, *two_theta);
  if (!is_known && !agrees) return fmt::format("scan type '{}', which is not known", type);
  return {};
}

/// The range at `at`; returns where it ends.
std::size_t read_range(const ByteReader& in, std::size_t at, const Head& head, RangeList& ranges) {
  in.need(at, range_header, "a range");
  const std::string type = in.text(at + 32, 24, "the scan type");
  const double start = as_typed(in.f64(at + 72, "the start")), step = as_typed(in.f64(at + 80, "the step"));
  const std::size_t points = in.u32(at + 88, "the number of points");
  const std::uint32_t record = in.u32(at + 136, "the length of a record");
  const std::uint32_t segments = in.u32(at + 140, "the length of the segments");
  if (record < 4 || record % 4 != 0) in.fail(at + 136, fmt::format("records of {} bytes", record));
  in.need(at + range_header, segments, "the range's segments");
  const std::size_t data = at + range_header + segments;
  if (points < 2) {
    ranges.leave_out(fmt::format("{} points", points), fmt::format("byte {}", at));
    return data + points * record;
  }
  std::vector<double> intensity = raw_intensities(in, data, points, record);
  const std::size_t end = data + points * record;

  std::vector<HeldValue> drives = drives_of(in, at + range_header, data);
  const auto other_axis = other_axis_of(type);
  std::string other;
  if (record > longest_record)
    other = fmt::format("an image of {} bytes a step", record);
  else if (!other_axis)
    other = other_scan(type, start, two_theta_of(drives));
  if (!other.empty()) {
    ranges.leave_out(other);
    return end;
  }
  check_raw_step(in, at + 72, start, step);
  Scan scan;
  scan.scan_axis = type;
  scan.other_axis = other_axis;
  scan.held = std::move(drives);
  if (record > known_record) {
    scan.warnings.push_back(fmt::format(
        "byte {}: {} bytes behind each intensity are not read; the file may hold several counters", at + 136,
        record - known_record));
  }
  scan.intensity = std::move(intensity);
  scan.x = even_positions(start, step, points);
  scan.counting_time = as_typed(in.f32(at + 92, "the time a step"));
  if (scan.counting_time) {
    scan.notes.push_back(
        {"counting_time",
         fmt::format("{} s as the range says; a line detector's is the sum over its channels",
                     *scan.counting_time),
         fmt::format("byte {}", at + 92)});
  }
  scan.date = head.date;
  scan.sample = head.sample;
  StatedRadiation tube = head.tube;
  const double used = as_typed(in.f64(at + 112, "the wavelength in use"));
  if (tube.alpha1.value_or(0) == 0) {
    tube.alpha1 = used;
    tube.from = fmt::format("byte {}", at + 112);
  }
  note_unstated_slits(scan);
  set_radiation(scan, tube);
  ranges.add(std::move(scan), [&](const std::string& reason) { in.fail(at, reason); });
  return end;
}

}  // namespace

ReadScans read_raw_v4(const ByteReader& in) {
  RangeList ranges;
  Head head;
  head.date = raw_date(in.text(12, 12, "the date"), in.text(24, 10, "the time"));
  const std::uint32_t planned = in.u32(40, "the number of ranges"),
                      measured = in.u32(44, "the measured ranges");
  if (measured > 0 && measured < planned)
    ranges.warn(fmt::format("{} of {} ranges were measured", measured, planned));
  std::size_t at = file_header;
  while (at < in.size()) {
    if (is_range(in.u32(at, "a segment"))) {
      at = read_range(in, at, head, ranges);
      continue;
    }
    const std::size_t length = segment_length(in, at);
    read_segment(in, at, length, head);
    at += length;
  }
  if (ranges.count() == 0) in.fail(at, "the file ends before its first range: it is cut off");
  if (ranges.count() < planned && planned < 100'000)
    ranges.warn(fmt::format("the file holds {} ranges where its header says {}", ranges.count(), planned));
  return std::move(ranges).finish();
}

}  // namespace bragg::data
