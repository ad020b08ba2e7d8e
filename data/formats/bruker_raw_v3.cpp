// Version 3, "RAW1.01": 712 bytes of the file, then for each range a header of its own length, extra records, data.
#include <algorithm>
#include <bit>
#include <cmath>

#include <fmt/format.h>

#include "data/formats/bruker_raw_versions.h"
#include "data/formats/scan_corrections.h"
#include "data/formats/scan_parts.h"
#include "data/formats/stated_radiation.h"
#include "data/formats/text_rows.h"
#include "xrd/folded_text.h"

namespace bragg::data {
namespace {

constexpr std::size_t file_header = 712;
/// Up to the sizes of the records.
constexpr std::uint32_t shortest_range_header = 260;
/// Of a range: where it begins in theta, 2 theta, chi, phi, x, y and z.
constexpr std::size_t theta_start = 8, two_theta_start = 16, chi_start = 24, phi_start = 32, x_start = 40,
                      y_start = 48, z_start = 56;
constexpr std::uint32_t most_ranges = 100'000;
/// Bits 0 to 11 of the parameters that a record may hold beside its intensity, 8 bytes each; bit 0: 2 theta. What the
/// others stand for no file here shows.
constexpr std::uint32_t known_parameters = 0xfff;

struct ScanType {
  std::uint32_t code;
  const char* name;
  std::size_t start;  ///< of the moved drive's start in the range's header; 0: the header has none
  bool steps_two_theta() const { return start == two_theta_start; }
};
constexpr ScanType scan_types[] = {
    {0, "Locked Coupled", two_theta_start},
    {1, "Unlocked Coupled", two_theta_start},
    {2, "Detector Scan", two_theta_start},
    {3, "Rocking Curve", theta_start},
    {4, "Chi Scan", chi_start},
    {5, "Phi Scan", phi_start},
    {6, "X Scan", x_start},
    {7, "Y Scan", y_start},
    {8, "Z Scan", z_start},
    {9, "Aux1 Scan", 0},
    {10, "Aux2 Scan", 0},
    {11, "Aux3 Scan", 0},
    {12, "Psi Scan", 0},
    {13, "HKL Scan", 0},
    {14, "Reciprocal Space Scan", 0},
    {20, "Unlocked Coupled HR XRD", two_theta_start},
    {129, "PSD Fixed Scan", two_theta_start},
    {130, "PSD Fast Scan", two_theta_start},
};

struct Head {
  std::uint32_t ranges = 0;
  std::string date, sample, monochromator;
  StatedRadiation tube;
  double mean = 0;         ///< A, of K alpha 1 and 2
  double to_angstrom = 1;  ///< of the file's wavelengths
};

double wavelength_at(const ByteReader& in, std::size_t at, const Head& head) {
  return as_typed(as_typed(in.f64(at, "a wavelength")) * head.to_angstrom);
}

/// Monochromators have codes of their maker's, a K beta filter is there or not.
std::string optics_of(const ByteReader& in) {
  constexpr std::uint32_t not_known = 9999;
  std::string optics;
  const auto append = [&](const std::string& one) { optics += (optics.empty() ? "" : ", ") + one; };
  const auto code = [&](std::size_t at) {
    const std::uint32_t value = in.u32(at, "the code of an optic");
    return value == not_known ? 0 : value;
  };
  if (code(580) != 0) append(fmt::format("primary monochromator (code {})", code(580)));
  if (code(600) != 0) append("K beta filter");
  if (code(604) != 0) append(fmt::format("secondary monochromator (code {})", code(604)));
  return optics;
}

Head read_head(const ByteReader& in, RangeList& ranges) {
  Head head;
  in.need(0, file_header, "the file's header");
  const std::uint32_t status = in.u32(8, "the status");
  if (status == 2) ranges.warn("the measurement was still running when the file was written");
  if (status == 3) ranges.warn("the measurement was aborted");
  if (status == 4) ranges.warn("the measurement was interrupted");
  head.ranges = in.u32(12, "the number of ranges");
  if (head.ranges == 0 || head.ranges > most_ranges)
    in.fail(12, fmt::format("{} ranges; 1..{} are possible", head.ranges, most_ranges));
  head.date = raw_date(in.text(16, 10, "the date"), in.text(26, 10, "the time"));
  head.sample = in.text(326, 60, "the sample's name");
  head.monochromator = optics_of(in);
  const std::string unit = xrd::lower_case(in.text(656, 4, "the unit of wavelengths"));
  if (unit == "nm")
    head.to_angstrom = 10;
  else if (!unit.empty() && unit != "a")
    ranges.warn(fmt::format("byte 656: wavelengths in '{}', which is not known; A are taken", unit));
  head.mean = wavelength_at(in, 616, head);
  head.tube.alpha1 = wavelength_at(in, 624, head);
  head.tube.alpha2 = wavelength_at(in, 632, head);
  head.tube.beta = wavelength_at(in, 640, head);
  head.tube.ratio = as_typed(in.f64(648, "the ratio of K alpha 2"));
  head.tube.anode = in.text(608, 4, "the anode");
  head.tube.from = "byte 608";
  return head;
}

void read_positions(Scan& scan, const ByteReader& in, std::size_t at, std::size_t record,
                    std::size_t points) {
  scan.x.resize(points);
  for (std::size_t i = 0; i < points; ++i)
    scan.x[i] = as_typed(in.f64(at + i * record + 4, "a measured 2 theta"));
  scan.notes.push_back({"positions", "as measured at every point", fmt::format("byte {}", at)});
}

/// The line of the range's own wavelength, where that is one of the file's.
void set_lines(const ByteReader& in, std::size_t at, const Head& head, Scan& scan) {
  constexpr double same = 1e-4;
  const double used = wavelength_at(in, at + 240, head);
  const auto is = [&](const std::optional<double>& line) {
    return line && std::abs(used / *line - 1) <= same;
  };
  StatedRadiation tube = head.tube;
  const bool is_beta = used > 0 && is(tube.beta);
  if (is_beta) tube.used = xrd::KLine::beta;
  if (tube.alpha1.value_or(0) == 0) tube.alpha1 = used;
  set_radiation(scan, tube);
  if (used == 0 || is_beta || is(tube.alpha1) || is(tube.alpha2) || is(head.mean)) return;
  scan.warnings.push_back(
      fmt::format("byte {}: the range's wavelength {} A contradicts {} A of the file, which is used",
                  at + 240, used, *tube.alpha1));
}

/// "V6": automatic, 6 mm of the sample are lit; "fix".
void set_slits(const ByteReader& in, std::size_t at, Scan& scan) {
  const std::string code = in.text(at + 72, 6, "the divergence slit");
  const std::string place = fmt::format("byte {}", at + 72);
  const auto length =
      code.starts_with('V') ? parse_number(std::string_view(code).substr(1), '.') : std::nullopt;
  if (are_counts(scan.intensity)) scan.unit = IntensityUnit::counts;
  if (length) {
    convert_automatic_slits(scan, fmt::format("automatic slits of {:g} mm", *length), place);
  } else if (code == "fix") {
    scan.slits = SlitMode::fixed;
  } else if (code.empty()) {
    note_unstated_slits(scan);
  } else {
    scan.warnings.push_back(
        fmt::format("{}: the divergence slit {} may be fixed or automatic; it is taken for fixed", place,
                    quoted_line(code)));
  }
}

/// Where the drives that the scan does not move stand, and the temperature, whose place follows from the order of the same
/// fields in .uxd; -1 and 0 are none.
void read_held(const ByteReader& in, std::size_t at, Scan& scan) {
  struct Drive {
    const char* name;
    std::size_t start;
  };
  for (const auto& [name, start] :
       {Drive{"theta", theta_start}, Drive{"chi", chi_start}, Drive{"phi", phi_start}, Drive{"x", x_start},
        Drive{"y", y_start}, Drive{"z", z_start}})
    scan.held.push_back({name, in.f64(at + start, name)});
  const float kelvin = in.f32(at + 212, "the temperature");
  if (kelvin > 0) scan.held.push_back({"temperature", as_typed(kelvin)});
}

/// The range at `at`; returns where the next one begins.
std::size_t read_range(const ByteReader& in, std::size_t at, const Head& head, RangeList& ranges) {
  const std::uint32_t header = in.u32(at, "a range");
  if (header < shortest_range_header)
    in.fail(at,
            fmt::format("a range's header of {} bytes; it has at least {}", header, shortest_range_header));
  const std::size_t points = in.u32(at + 4, "the number of points");
  const std::uint32_t code = in.u32(at + 196, "the scan type");
  const std::uint32_t varying = in.u32(at + 248, "the varying parameters");
  const std::uint32_t record = in.u32(at + 252, "the length of a record");
  const std::uint32_t extra = in.u32(at + 256, "the length of the extra records");
  if ((varying & ~known_parameters) != 0 ||
      record != 4 + 8 * static_cast<std::uint32_t>(std::popcount(varying)))
    in.fail(at + 248, fmt::format("varying parameters 0x{:x} and records of {} bytes contradict each other",
                                  varying, record));
  const std::size_t data = at + header + extra;
  if (points < 2) {
    ranges.leave_out(fmt::format("{} points", points), fmt::format("byte {}", at));
    return data + points * record;
  }
  std::vector<double> intensity = raw_intensities(in, data, points, record);
  const std::size_t end = data + points * record;

  const auto* type = std::find_if(std::begin(scan_types), std::end(scan_types),
                                  [&](const ScanType& one) { return one.code == code; });
  // Positions of every point are those of 2 theta.
  if (type == std::end(scan_types) || type->start == 0 || (!type->steps_two_theta() && (varying & 1) != 0)) {
    ranges.leave_out(type == std::end(scan_types) ? fmt::format("scan type {}, which is not known", code)
                                                  : fmt::format("a {} (scan type {})", type->name, code));
    return end;
  }
  Scan scan;
  scan.scan_axis = type->name;
  scan.intensity = std::move(intensity);
  if (!type->steps_two_theta()) scan.other_axis = other_axis_of(type->name);
  const double start = as_typed(in.f64(at + type->start, "the start")),
               step = as_typed(in.f64(at + 176, "the step"));
  if ((varying & 1) != 0) {
    read_positions(scan, in, data, record, points);
  } else {
    check_raw_step(in, at + type->start, start, step);
    scan.x = even_positions(start, step, points);
  }
  scan.counting_time = as_typed(in.f32(at + 192, "the time a step"));
  if ((varying & ~1u) != 0) {
    scan.warnings.push_back(fmt::format(
        "byte {}: {} more values beside each intensity (varying parameters 0x{:x}) are not read: if the "
        "counting time varies, it is not divided by",
        at + 248, std::popcount(varying & ~1u), varying));
  }
  scan.date = head.date;
  scan.sample = head.sample;
  scan.monochromator = head.monochromator;
  read_held(in, at, scan);
  set_lines(in, at, head, scan);
  try {
    check_scan(scan);
    set_slits(in, at, scan);
  } catch (const Error& error) {
    in.fail(at, error.what());
  }
  ranges.add(std::move(scan), [&](const std::string& reason) { in.fail(at, reason); });
  return end;
}

}  // namespace

ReadScans read_raw_v3(const ByteReader& in) {
  RangeList ranges;
  const Head head = read_head(in, ranges);
  std::size_t at = file_header;
  for (std::uint32_t i = 0; i < head.ranges; ++i)
    at = read_range(in, at, head, ranges);
  if (at < in.size())
    ranges.warn(fmt::format("{} bytes follow the last range and are not read", in.size() - at));
  return std::move(ranges).finish();
}

}  // namespace bragg::data
