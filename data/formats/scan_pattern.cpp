#include "data/formats/scan_pattern.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "data/formats/header_fields.h"
#include "data/formats/scan_corrections.h"
#include "data/formats/scan_parts.h"
#include "data/formats/stated_radiation.h"
#include "kernels/base/error.h"

namespace bragg::data {
namespace {

/// Degrees, 1/A or A: what two scans of the same positions may differ by.
constexpr double same_position = 1e-6;

bool same_positions(const Scan& a, const Scan& b) {
  return a.axis == b.axis && !b.other_axis && a.x.size() == b.x.size() &&
         std::equal(a.x.begin(), a.x.end(), b.x.begin(),
                    [](double one, double other) { return std::abs(one - other) <= same_position; });
}

/// Positions of drives that jitter, temperatures of a controller.
bool same_held(const Scan& a, const Scan& b) {
  constexpr double same = 1e-3;
  return a.held.size() == b.held.size() && std::equal(a.held.begin(), a.held.end(), b.held.begin(),
                                                      [](const HeldValue& one, const HeldValue& other) {
                                                        return one.name == other.name &&
                                                               std::abs(one.value - other.value) <= same;
                                                      });
}

/// The same measurement once more? Scans over another axis may differ in where the detector stands.
bool is_repeat(const Scan& a, const Scan& b) {
  return !a.other_axis && same_held(a, b) && a.slits == b.slits && a.unit == b.unit &&
         a.scan_axis == b.scan_axis && a.anode == b.anode &&
         a.radiation.wavelength == b.radiation.wavelength && a.radiation.alpha2 == b.radiation.alpha2 &&
         a.sample == b.sample && same_positions(a, b);
}

bool same_note(const ReadingNote& a, const ReadingNote& b) {
  return a.what == b.what && a.how == b.how;
}

/// Adds the intensities of `more`: their sum so far in `sum`, variances in its uncertainty. Where one has uncertainties, of
/// an attenuator for instance, counts beside it get theirs.
void add_to(Scan& sum, Scan more) {
  if (!sum.uncertainty.empty()) give_counts_their_uncertainty(more);
  if (!more.uncertainty.empty()) give_counts_their_uncertainty(sum);
  for (std::size_t i = 0; i < sum.intensity.size(); ++i)
    sum.intensity[i] += more.intensity[i];
  if (sum.uncertainty.size() != sum.intensity.size() || more.uncertainty.size() != sum.intensity.size())
    sum.uncertainty.clear();
  for (std::size_t i = 0; i < sum.uncertainty.size(); ++i)
    sum.uncertainty[i] = std::hypot(sum.uncertainty[i], more.uncertainty[i]);
  if (sum.counting_time && more.counting_time)
    *sum.counting_time += *more.counting_time;
  else
    sum.counting_time.reset();
  if (more.attenuation) sum.attenuation = std::max(sum.attenuation.value_or(1), *more.attenuation);
  for (const ReadingNote& note : more.notes) {
    const auto is_same = [&](const ReadingNote& known) { return same_note(known, note); };
    if (std::none_of(sum.notes.begin(), sum.notes.end(), is_same)) sum.notes.push_back(note);
  }
  for (const std::string& warning : more.warnings)
    if (std::find(sum.warnings.begin(), sum.warnings.end(), warning) == sum.warnings.end())
      sum.warnings.push_back(warning);
}

/// Says what was added up; rates are averaged.
void finish_sum(ChosenScan& chosen) {
  if (chosen.repeats == 1) return;
  Scan& scan = chosen.scan;
  const bool summed = scan.unit == IntensityUnit::counts || scan.unit == IntensityUnit::unknown;
  if (!summed) {
    for (auto* values : {&scan.intensity, &scan.uncertainty})
      for (double& value : *values)
        value /= chosen.repeats;
  }
  scan.notes.push_back({"repeats",
                        fmt::format("scans {} to {} have the same positions: {}", chosen.number,
                                    chosen.number + chosen.repeats - 1, summed ? "summed" : "averaged"),
                        ""});
}

Abscissa abscissa_of(AxisQuantity axis) {
  if (axis == AxisQuantity::two_theta || axis == AxisQuantity::theta) return Abscissa::two_theta;
  return axis == AxisQuantity::d ? Abscissa::d : Abscissa::q;
}

/// Of the positions that a pattern has instead.
AxisQuantity pattern_axis(AxisQuantity axis) {
  if (axis == AxisQuantity::theta) return AxisQuantity::two_theta;
  return axis == AxisQuantity::s ? AxisQuantity::q : axis;
}

void check_lengths(const Scan& scan) {
  if (scan.x.empty()) throw PatternRefused("a scan without points");
  if (scan.x.size() != scan.intensity.size())
    throw PatternRefused(
        fmt::format("{} positions and {} intensities", scan.x.size(), scan.intensity.size()));
  if (!scan.uncertainty.empty() && scan.uncertainty.size() != scan.x.size())
    throw PatternRefused(
        fmt::format("{} positions and {} uncertainties", scan.x.size(), scan.uncertainty.size()));
}

void refuse_other_axis(const Scan& scan) {
  if (scan.other_axis)
    throw PatternRefused(fmt::format("the scan is over {}, not 2 theta", scan.other_axis->name));
  if (const auto other = scanned_otherwise(scan.scan_axis))
    throw PatternRefused(fmt::format("the scan is over {}, not 2 theta", *other));
}

/// Of alignments and rocking curves beside the patterns of a file.
void leave_out_other_axes(std::vector<ChosenScan>& chosen, std::vector<std::string>& warnings) {
  const auto is_other = [](const ChosenScan& one) { return one.scan.other_axis.has_value(); };
  std::vector<std::string> left;
  for (const ChosenScan& one : chosen)
    if (is_other(one)) left.push_back(fmt::format("{} over {}", one.number, one.scan.other_axis->name));
  if (left.empty() || left.size() == chosen.size()) return;
  std::erase_if(chosen, is_other);
  constexpr std::size_t most_named = 10;
  const bool are_many = left.size() > most_named;
  if (are_many) left.resize(most_named);
  warnings.push_back(fmt::format("no diffraction axis, left out: scan {}{}", fmt::join(left, ", "),
                                 are_many ? ", ..." : ""));
}

void give_warnings(std::vector<ChosenScan>& chosen, const std::vector<std::string>& warnings) {
  for (ChosenScan& one : chosen)
    one.scan.warnings.insert(one.scan.warnings.end(), warnings.begin(), warnings.end());
}

void check_point(const Scan& scan, std::size_t i, double x) {
  if (!std::isfinite(x) || !std::isfinite(scan.intensity[i])) {
    throw PatternRefused(
        fmt::format("point {}: position {}, intensity {}: not finite", i + 1, scan.x[i], scan.intensity[i]));
  }
  if (std::abs(x) > largest_position) {
    throw PatternRefused(
        fmt::format("point {}: position {} is beyond {:g}", i + 1, scan.x[i], largest_position));
  }
  if (scan.other_axis) return;
  const Abscissa abscissa = abscissa_of(scan.axis);
  const bool possible = abscissa == Abscissa::two_theta ? std::abs(x) <= 180
                        : abscissa == Abscissa::q       ? x >= 0
                                                        : x > 0;
  if (!possible)
    throw PatternRefused(
        fmt::format("point {}: {} = {} is impossible", i + 1, name_of(scan.axis), scan.x[i]));
}

}  // namespace

std::string_view name_of(IntensityUnit unit) {
  switch (unit) {
    case IntensityUnit::unknown:
      return "unknown";
    case IntensityUnit::counts:
      return "counts";
    case IntensityUnit::counts_per_second:
      return "counts_per_second";
    case IntensityUnit::arbitrary:
      return "arbitrary";
  }
  throw Error("[scan] unknown unit of intensity");
}

double pattern_factor(AxisQuantity axis) {
  if (axis == AxisQuantity::theta) return 2;
  if (axis == AxisQuantity::s) return 2 * std::numbers::pi;
  return 1;
}

std::string axis_name(const Scan& scan) {
  return scan.other_axis ? scan.other_axis->name : std::string(name_of(scan.axis));
}

std::string axis_unit(const Scan& scan) {
  if (scan.other_axis) return scan.other_axis->unit;
  switch (abscissa_of(scan.axis)) {
    case Abscissa::two_theta:
      return "deg";
    case Abscissa::q:
      return "1/A";
    case Abscissa::d:
      return "A";
  }
  throw Error("[scan] unknown abscissa");
}

std::string describe_scan(const Scan& scan, int number) {
  std::string text = fmt::format("{}: {}", number, axis_name(scan));
  if (!scan.x.empty()) text += fmt::format(" {:.6g}..{:.6g}", scan.x.front(), scan.x.back());
  text += fmt::format(", {} points", scan.x.size());
  if (scan.counting_time) text += fmt::format(", {:.6g} s a point", *scan.counting_time);
  return text;
}

std::vector<ChosenScan> choose_scans(ReadScans file, std::optional<int> number) {
  std::vector<Scan>& scans = file.scans;
  const int count = static_cast<int>(scans.size());
  std::vector<ChosenScan> chosen;
  if (number) {
    if (*number < 1 || *number > count) {
      std::vector<std::string> list;
      for (int i = 0; i < std::min(count, 10); ++i)
        list.push_back(describe_scan(scans[static_cast<std::size_t>(i)], i + 1));
      throw UsageError(fmt::format("--scan {}: the file has {} scan{} ({}{})", *number, count,
                                   count == 1 ? "" : "s", fmt::join(list, "; "), count > 10 ? "; ..." : ""));
    }
    chosen.push_back({std::move(scans[static_cast<std::size_t>(*number - 1)]), *number, count, 1});
    give_warnings(chosen, file.warnings);
    return chosen;
  }
  for (int i = 0; i < count; ++i) {
    Scan& scan = scans[static_cast<std::size_t>(i)];
    if (!chosen.empty() && is_repeat(chosen.back().scan, scan)) {
      add_to(chosen.back().scan, std::move(scan));
      ++chosen.back().repeats;
    } else {
      chosen.push_back({std::move(scan), i + 1, count, 1});
    }
  }
  for (ChosenScan& one : chosen)
    finish_sum(one);
  leave_out_other_axes(chosen, file.warnings);
  give_warnings(chosen, file.warnings);
  return chosen;
}

ScanRows to_rows(const Scan& scan) {
  check_lengths(scan);
  ScanRows result{
      .axis = axis_name(scan), .unit = axis_unit(scan), .x = {}, .intensity = {}, .uncertainty = {}};
  if (!scan.other_axis) result.axis = name_of(pattern_axis(scan.axis));
  auto& [axis, unit, x, intensity, uncertainty] = result;
  const double factor = scan.other_axis ? 1 : pattern_factor(scan.axis);
  const auto differs = std::adjacent_find(scan.x.begin(), scan.x.end(), std::not_equal_to<>());
  const bool descending = differs != scan.x.end() && *(differs + 1) < *differs;
  std::size_t merged = 1;  // points at the position taken last
  for (std::size_t k = 0; k < scan.x.size(); ++k) {
    const std::size_t i = descending ? scan.x.size() - 1 - k : k;
    const double at = scan.x[i] * factor;
    check_point(scan, i, at);
    if (!x.empty() && at < x.back())
      throw PatternRefused(fmt::format("position {} beside {}: neither ascending nor descending throughout",
                                       scan.x[i], x.back() / factor));
    if (!x.empty() && at == x.back()) {
      const auto before = static_cast<double>(merged++), now = before + 1;
      intensity.back() += (scan.intensity[i] - intensity.back()) / now;
      if (!scan.uncertainty.empty())
        uncertainty.back() = std::hypot(uncertainty.back() * before, scan.uncertainty[i]) / now;
      continue;
    }
    merged = 1;
    x.push_back(at);
    intensity.push_back(scan.intensity[i]);
    if (!scan.uncertainty.empty()) uncertainty.push_back(scan.uncertainty[i]);
  }
  return result;
}

ScanPattern to_pattern(const Scan& scan) {
  refuse_other_axis(scan);
  ScanRows rows = to_rows(scan);
  ScanPattern result;
  result.pattern = {abscissa_of(scan.axis), std::move(rows.x), std::move(rows.intensity)};
  result.uncertainty = std::move(rows.uncertainty);
  return result;
}

Radiation radiation_of(const Scan& scan) {
  const Radiation& said = scan.radiation;
  if (said.fault || said.position_wavelength) return said;
  StatedRadiation stated;
  stated.alpha1 = said.wavelength;
  stated.alpha2 = said.alpha2;
  stated.ratio = scan.alpha2_ratio;
  stated.anode = scan.anode;
  Radiation radiation = radiation_of(stated);
  for (const std::string& warning : said.warnings)
    if (std::find(radiation.warnings.begin(), radiation.warnings.end(), warning) == radiation.warnings.end())
      radiation.warnings.push_back(warning);
  return radiation;
}

}  // namespace bragg::data
