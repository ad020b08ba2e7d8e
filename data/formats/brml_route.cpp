#include "data/formats/brml_route.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "data/formats/format.h"
#include "data/formats/scan_corrections.h"
#include "data/formats/scan_parts.h"
#include "data/formats/text_rows.h"

namespace bragg::data {
namespace {

constexpr std::size_t most_columns = 10'000;
/// "No value", where the file does not say otherwise.
constexpr double default_blanking = -9999;

/// Where a row holds what. Empty: nowhere.
struct Columns {
  std::optional<std::size_t> position, time, absorption, temperature, counts;
  std::size_t fewest = 0;  ///< that a row must have
  double blanking = default_blanking;
  std::string moved = "twotheta";  ///< the axis whose positions are wanted, as letters_of() has it
  std::string counter;
  bool is_counts = false;
};

std::size_t whole_attribute(const XmlDocument& document, Xml view, const char* name, double fewest) {
  const std::string text = attribute(view, name);
  const auto value = parse_number(text, '.');
  if (!value || !(*value >= fewest && *value <= most_columns) || *value != std::floor(*value))
    document.fail(view,
                  fmt::format("{}={} of <RawDataView> is no number of a column", name, quoted_line(text)));
  return static_cast<std::size_t>(*value);
}

bool counts_photons(Xml recording) {
  const std::string unit = letters_of(attribute(child(recording, "Unit"), "Base"));
  return unit == "counts" || unit == "count" || letters_of(attribute(recording, "Category")) == "count" ||
         letters_of(attribute(recording, "LogicName")).find("counter") != std::string::npos;
}

void take_varying(const XmlDocument& document, Xml view, std::size_t start, std::size_t length,
                  Columns& columns) {
  const auto fields = all_below(view, "FieldDefinitions");
  if (fields.size() > length)
    document.fail(view, fmt::format("{} fields in a view of {} columns", fields.size(), length));
  for (std::size_t i = 0; i < fields.size(); ++i) {
    std::string axis = letters_of(attribute(fields[i], "AxisId"));
    if (axis.empty()) axis = letters_of(attribute(fields[i], "FieldName"));
    if (axis == columns.moved && !columns.position) columns.position = start + i;
  }
}

void take_recorded(const XmlDocument& document, Xml view, std::size_t start, std::size_t length,
                   Columns& columns, Scan& scan) {
  const Xml recording = child(view, "Recording");
  const std::string name = attribute(recording, "VisibleName").empty() ? attribute(recording, "LogicName")
                                                                       : attribute(recording, "VisibleName");
  const bool counts = counts_photons(recording);
  if (!counts && length == 1 && letters_of(name).find("temperature") != std::string::npos) {
    columns.temperature = start;
    return;
  }
  if (columns.counts && (columns.is_counts || !counts)) {
    if (counts)
      scan.warnings.push_back(fmt::format("{} counts too and is left out; {} is taken", quoted_line(name),
                                          quoted_line(columns.counter)));
    return;
  }
  // A camera's or thermometer's values in one column are no frames.
  if (length > 1) {
    throw FormatRefused(
        fmt::format("frames of a detector with {} channels ({}); export the integrated scan, for "
                    "instance as .xy",
                    length, quoted_line(name)));
  }
  columns.counts = start;
  columns.is_counts = counts;
  columns.counter = name;
  if (const auto blanking = document.optional_number(child(recording, "BlankingValue")))
    columns.blanking = *blanking;
}

void find_columns(const XmlDocument& document, Xml route, Columns& columns, Scan& scan) {
  const auto views = children(child(route, "DataViews"), "RawDataView");
  if (views.empty()) document.fail(route, "no <RawDataView> says what the rows hold");
  for (const Xml view : views) {
    const std::size_t start = whole_attribute(document, view, "Start", 0);
    const std::size_t length = whole_attribute(document, view, "Length", 1);
    columns.fewest = std::max(columns.fewest, start + length);
    const std::string type = letters_of(attribute(view, "type")),
                      name = letters_of(attribute(view, "LogicName"));
    if (type == "varyingrawdataview")
      take_varying(document, view, start, length, columns);
    else if (type == "recordedrawdataview")
      take_recorded(document, view, start, length, columns, scan);
    else if (name == "measuredtime")
      columns.time = start;
    else if (name == "absorptionfactor")
      columns.absorption = start;
  }
  // Whatever the views say of their lengths: what is read must be there.
  for (const auto& column :
       {columns.position, columns.time, columns.absorption, columns.temperature, columns.counts})
    if (column) columns.fewest = std::max(columns.fewest, *column + 1);
}

/// 2 theta where it is among what was moved, else the one axis that was.
void choose_axis(Xml route, Columns& columns, Scan& scan) {
  const Xml information = child(route, "ScanInformation");
  scan.scan_axis = attribute(information, "VisibleName");
  if (scan.scan_axis.empty()) scan.scan_axis = attribute(information, "ScanName");
  std::vector<std::string> moved;
  for (const Xml axis : children(child(information, "ScanAxes"), "ScanAxisInfo")) {
    const std::string name = attribute(axis, "AxisId");
    if (letters_of(name) == "twotheta") return;
    moved.push_back(name);
  }
  if (moved.empty()) {
    scan.warnings.push_back("the file does not say what was moved; its column of 2 theta is taken");
    return;
  }
  if (moved.size() == 1) scan.other_axis = other_axis_of(moved[0]);
  if (!scan.other_axis)
    throw FormatRefused(
        fmt::format("a scan of {}, not of 2 theta", quoted_line(fmt::format("{}", fmt::join(moved, ", ")))));
  columns.moved = letters_of(moved[0]);
}

/// The rows, by columns that are wanted.
struct Rows {
  std::vector<double> time, absorption, temperature;
};

Rows read_rows(const XmlDocument& document, Xml route, const Columns& columns, Scan& scan) {
  Rows rows;
  std::int64_t blank = 0;
  for (const Xml datum : children(route, "Datum")) {
    const std::string text = text_of(datum);
    const auto fields = split_fields(text, Separator::comma);
    if (fields.size() < columns.fewest)
      document.fail(datum, fmt::format("{} values in a row, {} are due", fields.size(), columns.fewest));
    const auto value = [&](std::size_t column) {
      const auto number = parse_number(fields[column], '.');
      if (!number || !std::isfinite(*number)) {
        document.fail(datum, fmt::format("value {} is {}, not a finite number", column + 1,
                                         quoted_line(fields[column])));
      }
      return *number;
    };
    const double counts = value(*columns.counts);
    if (counts == columns.blanking && counts < 0) {
      ++blank;
      continue;
    }
    if (counts < 0) document.fail(datum, fmt::format("{} counts", counts));
    scan.x.push_back(value(*columns.position));
    scan.intensity.push_back(counts);
    if (columns.time) rows.time.push_back(value(*columns.time));
    if (columns.absorption) rows.absorption.push_back(value(*columns.absorption));
    if (columns.temperature) rows.temperature.push_back(value(*columns.temperature));
  }
  if (blank > 0) scan.warnings.push_back(fmt::format("{} points without a value are left out", blank));
  return rows;
}

/// The stored counts are multiplied by the factor already: they are whole multiples of it, and go on where it changes.
void judge_absorption(const Rows& rows, const std::string& from, Scan& scan) {
  for (std::size_t i = 0; i < rows.absorption.size(); ++i) {
    const double factor = rows.absorption[i];
    if (!(factor > 0) || factor == 1) continue;
    const double counts = scan.intensity[i] / factor;
    // Printed with seven digits or more.
    if (std::abs(counts - std::round(counts)) > 1e-6 * counts + 1e-3) {
      scan.warnings.push_back(
          fmt::format("{} counts at {} are no whole multiple of the absorption factor {}: they may not be "
                      "corrected for it",
                      scan.intensity[i], scan.x[i], factor));
      break;
    }
  }
  note_attenuation(scan, rows.absorption, from);
}

void compare_with_plan(const XmlDocument& document, Xml route, Scan& scan) {
  const Xml information = child(route, "ScanInformation");
  const auto planned = document.optional_number(child(information, "MeasurementPoints"));
  const auto rows = static_cast<double>(children(route, "Datum").size());
  if (planned && *planned > 0 && *planned != rows)
    scan.warnings.push_back(fmt::format("{} of {} points were measured", rows, *planned));
  double measured = 0;
  for (const Xml part : children(child(route, "SubScans"), "SubScanInfo")) {
    const auto steps = parse_number(attribute(part, "MeasuredSteps"), '.');
    if (steps) measured += *steps;
  }
  if (measured > rows)
    document.fail(route, fmt::format("{} rows, but {} steps were measured", rows, measured));
}

}  // namespace

void read_brml_route(const XmlDocument& document, Xml route, Scan& scan) {
  Columns columns;
  choose_axis(route, columns, scan);
  find_columns(document, route, columns, scan);
  if (!columns.position)
    throw FormatRefused(fmt::format("no column of {}", scan.other_axis ? scan.other_axis->name : "2 theta"));
  if (!columns.counts) throw FormatRefused("no column of counts");
  scan.unit = columns.is_counts ? IntensityUnit::counts : IntensityUnit::unknown;
  const Rows rows = read_rows(document, route, columns, scan);
  if (scan.x.size() < 2) throw FormatRefused(fmt::format("{} points: no scan", scan.x.size()));
  if (!rows.temperature.empty())
    scan.held.push_back(
        {"temperature", std::accumulate(rows.temperature.begin(), rows.temperature.end(), 0.0) /
                            static_cast<double>(rows.temperature.size())});
  compare_with_plan(document, route, scan);
  try {
    check_scan(scan);
    if (columns.absorption) judge_absorption(rows, "AbsorptionFactor", scan);
    if (columns.time) apply_counting_times(scan, rows.time, "MeasuredTime");
  } catch (const XmlError&) {
    throw;
  } catch (const Error& error) {
    document.fail(route, error.what());
  }
  if (!scan.counting_time)
    scan.counting_time = document.optional_number(descend(route, {"ScanInformation", "TimePerStep"}));
}

}  // namespace bragg::data
