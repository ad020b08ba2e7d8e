#include "data/formats/fit2d_chi.h"

#include <cmath>

#include <fmt/format.h>

#include "data/formats/column_name.h"
#include "data/formats/header_radiation.h"
#include "data/formats/line_reader.h"
#include "data/formats/range_list.h"
#include "data/formats/scan_parts.h"
#include "data/formats/text_rows.h"
#include "xrd/folded_text.h"

namespace bragg::data {
namespace {

constexpr std::size_t title_line = 0, axis_line = 1, count_line = 3, first_row = 4;

/// Factor from the file's unit to degrees, 1/A or A.
double unit_factor(const LineReader& lines, const ColumnName& axis, Scan& scan) {
  const bool is_angle = axis.quantity == AxisQuantity::two_theta || axis.quantity == AxisQuantity::theta;
  const xrd::UnitKind kind = is_angle                           ? xrd::UnitKind::angle
                             : axis.quantity == AxisQuantity::d ? xrd::UnitKind::length
                                                                : xrd::UnitKind::inverse_length;
  if (axis.unit) {
    if (axis.unit->kind != kind)
      lines.fail(axis_line, fmt::format("{}: the unit does not fit the axis", quoted_line(lines[axis_line])));
    return axis.unit->factor;
  }
  if (!is_angle || !axis.odd_unit.empty())
    lines.fail(axis_line, fmt::format("{} names no unit that is known", quoted_line(lines[axis_line])));
  scan.notes.push_back({"axis", "degrees: no unit is named", "line 2"});
  return 1;
}

ReadScans read(const FileBytes& file) {
  const LineReader lines(file);
  if (lines.size() <= first_row)
    lines.fail(lines.size() - 1, "four lines of header and rows are needed: the file is cut off");
  Scan scan;
  const ColumnName axis = parse_column_name(xrd::fold_to_ascii(lines[axis_line]));
  if (axis.role == ColumnName::Role::other_axis)
    throw FormatRefused(fmt::format("a .chi file over {}, not over 2 theta, q or d; integrate over 2 theta",
                                    quoted_line(lines[axis_line])));
  if (axis.role != ColumnName::Role::axis)
    lines.fail(axis_line, fmt::format("{} is no axis that is known", quoted_line(lines[axis_line])));
  scan.axis = axis.quantity;
  const double factor = unit_factor(lines, axis, scan);
  const auto count = words_of(lines[count_line]);
  const auto points = count.empty() ? std::nullopt : number_of(count[0]);
  if (!points || *points < 2 || *points != std::floor(*points))
    lines.fail(count_line, fmt::format("{} is no number of points", quoted_line(lines[count_line])));
  std::vector<double> row;
  for (std::size_t i = first_row; i < lines.size(); ++i) {
    if (trimmed(lines[i]).empty()) continue;
    row.clear();
    if (!append_numbers(lines[i], row) || row.size() < 2 || row.size() > 3)
      lines.fail(i, fmt::format("{} is no row of position and intensity", quoted_line(lines[i])));
    scan.x.push_back(row[0] * factor);
    scan.intensity.push_back(row[1]);
    if (row.size() == 3) scan.uncertainty.push_back(row[2]);
  }
  if (static_cast<double>(scan.x.size()) != *points)
    scan.warnings.push_back(
        fmt::format("line {}: {} points are declared, but {} rows follow: the file may be cut off",
                    count_line + 1, *points, scan.x.size()));
  const HeaderLine title{lines[title_line], title_line};
  scan.radiation = find_radiation({&title, 1});
  scan.alpha2_ratio = scan.radiation.alpha2_ratio;
  scan.sample = plain_text(title.text);
  scan.scan_axis = plain_text(lines[axis_line]);
  scan.unit = IntensityUnit::arbitrary;
  RangeList ranges;
  ranges.add(std::move(scan), [&](const std::string& reason) { lines.fail(first_row, reason); });
  if (lines.ends_within_line()) ranges.warn(LineReader::cut_off_warning);
  return std::move(ranges).finish();
}

/// The second line names an axis, the fourth is a whole number, the fifth a row.
bool looks_like(std::string_view bytes) {
  const std::string_view head = bytes.substr(0, 4096);
  if (head.find('\0') != std::string_view::npos) return false;
  const auto lines = split_lines(head);
  if (lines.size() <= first_row) return false;
  const auto count = words_of(lines[count_line]);
  if (count.empty() || count.size() > 2) return false;
  for (const std::string_view word : count) {
    if (word.find_first_not_of("0123456789") != std::string_view::npos) return false;
  }
  std::vector<double> row;
  if (!append_numbers(lines[first_row], row) || row.size() < 2) return false;
  row.clear();
  if (append_numbers(lines[axis_line], row) || append_numbers(lines[axis_line + 1], row)) return false;
  const auto role = parse_column_name(xrd::fold_to_ascii(lines[axis_line])).role;
  return role == ColumnName::Role::axis || role == ColumnName::Role::other_axis;
}

}  // namespace

const Format& fit2d_chi_format() {
  static const Format format{"Fit2D chi", {".chi"}, looks_like, read};
  return format;
}

}  // namespace bragg::data
