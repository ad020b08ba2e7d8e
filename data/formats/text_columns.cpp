#include "data/formats/text_columns.h"

#include <utility>

#include <fmt/format.h>

#include "data/formats/pattern_text.h"
#include "data/formats/scan_pattern.h"

namespace bragg::data {
namespace {

ReadScans read(const FileBytes& file) {
  TextPattern text = parse_pattern_text(file.bytes, file.name);
  const TextReading& reading = text.reading;
  Scan scan;
  scan.axis = reading.axis;
  scan.x = std::move(text.pattern.x);
  const double factor = pattern_factor(scan.axis);
  for (double& x : scan.x)
    x /= factor;
  scan.intensity = std::move(text.pattern.intensity);
  scan.uncertainty = std::move(text.uncertainty);
  scan.radiation = reading.radiation;
  scan.anode = reading.radiation.anode;
  scan.alpha2_ratio = reading.radiation.alpha2_ratio;
  scan.text = TextColumns{.separator = reading.separator,
                          .decimal_sign = reading.decimal_sign,
                          .columns = reading.columns,
                          .intensity_column = reading.intensity_column,
                          .descending = reading.descending,
                          .header_lines = reading.header_lines,
                          .merged_rows = reading.merged_rows,
                          .axis_is_named = !reading.axis_label.empty()};
  if (reading.uncertainty_column > 0 && !reading.uncertainty_is_named) {
    scan.notes.push_back(
        {"uncertainty",
         fmt::format("column {}, which no header names, is taken for the standard uncertainty",
                     reading.uncertainty_column),
         fmt::format("line {}", reading.header_lines + 1)});
  }
  scan.warnings = reading.warnings;
  ReadScans read;
  read.scans.push_back(std::move(scan));
  return read;
}

}  // namespace

const Format& text_columns_format() {
  static const Format format{
      .name = "text in columns",
      .extensions = {".xy", ".xye", ".csv", ".txt", ".dat", ".asc", ".prn", ".chi", ".tsv", ".xrd", ".xdd"},
      .looks_like = [](std::string_view) { return true; },
      .read = read};
  return format;
}

}  // namespace bragg::data
