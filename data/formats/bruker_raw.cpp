#include "data/formats/bruker_raw.h"

#include <cmath>

#include <fmt/format.h>

#include "data/formats/bruker_raw_versions.h"
#include "data/formats/scan_corrections.h"
#include "data/formats/scan_parts.h"
#include "data/formats/stated_radiation.h"

namespace bragg::data {
namespace {

/// The mode of the scan has no code that real files keep to (6536 in one of a powder). Where the sample's angle does not
/// begin at half of 2 theta it may have been a rocking curve.
void read_v1_axes(const ByteReader& in, std::size_t base, double start, Scan& scan) {
  constexpr double not_known = -1e6, same_angle = 0.01;
  scan.scan_axis = "2Theta";
  struct Axis {
    const char* name;
    std::size_t at;
  };
  for (const auto& [name, at] : {Axis{"theta", 28}, Axis{"khi", 32}, Axis{"phi", 36}}) {
    const double value = as_typed(in.f32(base + at, name));
    if (value != not_known && std::isfinite(value)) scan.held.push_back({name, value});
  }
  scan.notes.push_back(
      {"axis",
       fmt::format("positions are taken for those of 2 theta: the code {} of the scan's mode is not known",
                   in.u32(base + 16, "the mode of the scan")),
       fmt::format("byte {}", base + 16)});
  const double theta = as_typed(in.f32(base + 28, "the start of theta"));
  if (theta == not_known || theta == 0 || std::abs(theta - start / 2) <= same_angle) return;
  scan.warnings.push_back(fmt::format(
      "byte {}: theta begins at {} where 2 theta does at {}: a rocking curve or a scan of the detector alone "
      "may be meant; positions are taken for those of 2 theta",
      base + 28, theta, start));
}

/// Version 1: a header of 156 bytes before the counts of each range; the last field says whether another follows.
ReadScans read_v1(const ByteReader& in) {
  RangeList ranges;
  std::size_t at = 0;
  for (bool follows = true; follows;) {
    // Early programs wrote "RAW " only once.
    const bool has_sign = at == 0 || in.u32(at, "a range") == 0x20574152;
    const std::size_t base = has_sign ? at : at - 4;
    const std::size_t points = in.u32(base + 4, "the number of points");
    follows = in.u32(base + 152, "the mark of a following range") != 0;
    at = base + 156 + 4 * points;
    if (points < 2) {
      ranges.leave_out(fmt::format("{} points", points), fmt::format("byte {}", base));
      continue;
    }
    Scan scan;
    const double start = as_typed(in.f32(base + 24, "the start")),
                 step = as_typed(in.f32(base + 12, "the step"));
    check_raw_step(in, base + 12, start, step);
    scan.counting_time = as_typed(in.f32(base + 8, "the time a step"));
    scan.sample = in.text(base + 40, 32, "the sample's name");
    read_v1_axes(in, base, start, scan);
    note_unstated_slits(scan);
    StatedRadiation tube;
    tube.alpha1 = as_typed(in.f32(base + 72, "K alpha 1"));
    tube.alpha2 = as_typed(in.f32(base + 76, "K alpha 2"));
    tube.from = fmt::format("byte {}", base + 72);
    set_radiation(scan, tube);
    scan.intensity = raw_intensities(in, base + 156, points, 4);
    scan.x = even_positions(start, step, points);
    ranges.add(std::move(scan), [&](const std::string& reason) { in.fail(base, reason); });
  }
  if (at < in.size())
    ranges.warn(fmt::format("{} bytes follow the last range and are not read", in.size() - at));
  return std::move(ranges).finish();
}

/// Version 2: 256 bytes before the first range, each of which says how long its own header is.
ReadScans read_v2(const ByteReader& in) {
  RangeList ranges;
  const std::size_t count = in.u16(4, "the number of ranges");
  if (count == 0) in.fail(4, "0 ranges");
  StatedRadiation tube;
  tube.alpha1 = as_typed(in.f32(190, "K alpha 1"));
  tube.alpha2 = as_typed(in.f32(194, "K alpha 2"));
  tube.ratio = as_typed(in.f32(198, "the ratio of K alpha 2"));
  tube.anode = in.text(188, 2, "the anode");
  tube.from = "byte 188";
  const std::string date = iso_date(in.text(168, 20, "the date"));
  ranges.warn("RAW2, version 2: read by its description; no real file of it was at hand");
  std::size_t at = 256;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t header = in.u16(at, "a range"), points = in.u16(at + 2, "the number of points");
    if (header < 48) in.fail(at, fmt::format("a range's header of {} bytes; it has at least 48", header));
    if (points < 2) {
      ranges.leave_out(fmt::format("{} points", points), fmt::format("byte {}", at));
      at += header + 4 * points;
      continue;
    }
    Scan scan;
    const double start = as_typed(in.f32(at + 16, "the start")), step = as_typed(in.f32(at + 12, "the step"));
    check_raw_step(in, at + 12, start, step);
    scan.counting_time = as_typed(in.f32(at + 8, "the time a step"));
    scan.date = date;
    scan.scan_axis = "2Theta";
    const std::uint16_t kelvin = in.u16(at + 46, "the temperature");
    if (kelvin > 0) scan.held.push_back({"temperature", static_cast<double>(kelvin)});
    note_unstated_slits(scan);
    set_radiation(scan, tube);
    scan.intensity = raw_intensities(in, at + header, points, 4);
    scan.x = even_positions(start, step, points);
    ranges.add(std::move(scan), [&](const std::string& reason) { in.fail(at, reason); });
    at += header + 4 * points;
  }
  if (at < in.size())
    ranges.warn(fmt::format("{} bytes follow the last range and are not read", in.size() - at));
  return std::move(ranges).finish();
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Other versions are refused by their number. "RAW5.12": a digit, a point and two digits.
bool has_version(std::string_view bytes) {
  return bytes.size() >= 7 && bytes.starts_with("RAW") && is_digit(bytes[3]) && bytes[4] == '.' &&
         is_digit(bytes[5]) && is_digit(bytes[6]);
}

bool looks_like(std::string_view bytes) {
  return bytes.starts_with("RAW2") || has_version(bytes) ||
         // Words may begin so; a number of points is no text.
         (bytes.starts_with("RAW ") && bytes.size() >= 8 && static_cast<unsigned char>(bytes[7]) < ' ');
}

ReadScans read(const FileBytes& file) {
  const ByteReader in(file);
  if (file.bytes.starts_with("RAW4.00")) return read_raw_v4(in);
  if (file.bytes.starts_with("RAW1.01")) return read_raw_v3(in);
  if (has_version(file.bytes)) {
    throw FormatRefused(
        fmt::format("Bruker RAW of version {}; RAW, RAW2, RAW1.01 and RAW4.00 are read: save it in Bruker's "
                    "DIFFRAC programs as RAW V4, .brml or .xy",
                    file.bytes.substr(3, 4)));
  }
  if (file.bytes.starts_with("RAW2")) return read_v2(in);
  return read_v1(in);
}

}  // namespace

std::vector<double> raw_intensities(const ByteReader& in, std::size_t at, std::size_t points,
                                    std::size_t stride) {
  // The last record may lack what follows its intensity only in a file that is cut off.
  if (points > in.size() / stride || at + points * stride > in.size()) {
    in.fail(at, fmt::format(
                    "{} points of {} bytes each are declared, but the file ends at byte {}: it is cut off",
                    points, stride, in.size()));
  }
  std::vector<double> intensity(points);
  for (std::size_t i = 0; i < points; ++i) {
    const float value = in.f32(at + i * stride, "an intensity");
    intensity[i] = value == std::floor(value) ? static_cast<double>(value) : as_typed(value);
  }
  return intensity;
}

std::string raw_date(const std::string& day, const std::string& time) {
  const auto is_digits = [](std::string_view text) {
    return text.find_first_not_of("0123456789") == std::string_view::npos;
  };
  const std::string written = plain_text(day + " " + time);
  // A point parts day and month the other way round.
  if ((day.size() != 8 && day.size() != 10) || day[2] != '/' || day[5] != '/' ||
      !is_digits(day.substr(0, 2)) || !is_digits(day.substr(3, 2)) || !is_digits(day.substr(6)) ||
      day.substr(0, 2) > "12")
    return written;
  std::string year = day.substr(6);
  if (year.size() == 2) year = (year < "70" ? "20" : "19") + year;
  const std::string date = fmt::format("{}-{}-{}", year, day.substr(0, 2), day.substr(3, 2));
  return time.size() == 8 ? date + "T" + time : date;
}

void check_raw_step(const ByteReader& in, std::size_t at, double start, double step) {
  // Drives of samples turn all the way round.
  if (std::isfinite(start) && std::isfinite(step) && step != 0 && std::abs(start) <= 360 &&
      std::abs(step) <= 180)
    return;
  in.fail(at, fmt::format("start {} and step {} are no positions of a scan", start, step));
}

const Format& bruker_raw_format() {
  static const Format format{"Bruker RAW", {".raw"}, looks_like, read};
  return format;
}

}  // namespace bragg::data
