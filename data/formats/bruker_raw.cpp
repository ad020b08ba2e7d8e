#include "data/formats/bruker_raw.h"

#include <cmath>

#include <fmt/format.h>

#include "data/formats/bruker_raw_versions.h"
#include "data/formats/scan_parts.h"
#include "data/formats/stated_radiation.h"

namespace bragg::data {
namespace {

/// A file of more ranges is none.
constexpr std::size_t most_ranges = 100'000;

/// Version 1: a header of 156 bytes before the counts of each range; the last field says whether another follows.
ReadScans read_v1(const ByteReader& in) {
  RangeList ranges;
  std::size_t at = 0;
  for (bool follows = true; follows;) {
    // Early programs wrote "RAW " only once.
    const bool has_sign = at == 0 || in.u32(at, "a range") == 0x20574152;
    const std::size_t base = has_sign ? at : at - 4;
    const std::size_t points = in.u32(base + 4, "the number of points");
    Scan scan;
    const double start = as_typed(in.f32(base + 24, "the start")),
                 step = as_typed(in.f32(base + 12, "the step"));
    check_raw_step(in, base + 12, start, step);
    scan.counting_time = as_typed(in.f32(base + 8, "the time a step"));
    scan.sample = in.text(base + 40, 32, "the sample's name");
    scan.scan_axis = "2Theta";
    StatedRadiation tube;
    tube.alpha1 = as_typed(in.f32(base + 72, "K alpha 1"));
    tube.alpha2 = as_typed(in.f32(base + 76, "K alpha 2"));
    tube.from = fmt::format("byte {}", base + 72);
    set_radiation(scan, tube);
    follows = in.u32(base + 152, "the mark of a following range") != 0;
    scan.intensity = raw_intensities(in, base + 156, points, 4);
    scan.x = even_positions(start, step, points);
    ranges.add(std::move(scan), [&](const std::string& reason) { in.fail(base, reason); });
    at = base + 156 + 4 * points;
    if (ranges.count() > most_ranges) in.fail(at, fmt::format("more than {} ranges", most_ranges));
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
  std::size_t at = 256;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t header = in.u16(at, "a range"), points = in.u16(at + 2, "the number of points");
    if (header < 48) in.fail(at, fmt::format("a range's header of {} bytes; it has at least 48", header));
    Scan scan;
    const double start = as_typed(in.f32(at + 16, "the start")), step = as_typed(in.f32(at + 12, "the step"));
    check_raw_step(in, at + 12, start, step);
    scan.counting_time = as_typed(in.f32(at + 8, "the time a step"));
    scan.date = date;
    scan.scan_axis = "2Theta";
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

bool looks_like(std::string_view bytes) {
  return bytes.starts_with("RAW2") || bytes.starts_with("RAW1.01") || bytes.starts_with("RAW4.00") ||
         // Words may begin so; a number of points is no text.
         (bytes.starts_with("RAW ") && bytes.size() >= 8 && static_cast<unsigned char>(bytes[7]) < ' ');
}

ReadScans read(const FileBytes& file) {
  const ByteReader in(file);
  if (file.bytes.starts_with("RAW4.00")) return read_raw_v4(in);
  if (file.bytes.starts_with("RAW1.01")) return read_raw_v3(in);
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
  for (std::size_t i = 0; i < points; ++i)
    intensity[i] = static_cast<double>(in.f32(at + i * stride, "an intensity"));
  return intensity;
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
