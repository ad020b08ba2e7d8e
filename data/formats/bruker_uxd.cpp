#include "data/formats/bruker_uxd.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include <fmt/format.h>

#include "data/formats/line_reader.h"
#include "data/formats/range_list.h"
#include "data/formats/scan_corrections.h"
#include "data/formats/scan_parts.h"
#include "data/formats/stated_radiation.h"
#include "data/formats/text_rows.h"
#include "xrd/folded_text.h"

namespace bragg::data {
namespace {

/// What a keyword without a value says of the numbers below it: "_2THETACOUNTSTIME".
struct Columns {
  bool positions = false, time = false;
  IntensityUnit unit = IntensityUnit::unknown;
  std::size_t count() const { return 1 + (positions ? 1 : 0) + (time ? 1 : 0); }
};
std::optional<Columns> columns_of(std::string_view keyword) {
  Columns columns;
  if (keyword.starts_with("2THETA")) {
    columns.positions = true;
    keyword.remove_prefix(6);
  }
  if (keyword.starts_with("COUNTS")) {
    columns.unit = IntensityUnit::counts;
    keyword.remove_prefix(6);
  } else if (keyword.starts_with("CPS")) {
    columns.unit = IntensityUnit::counts_per_second;
    keyword.remove_prefix(3);
  } else {
    return {};
  }
  if (keyword == "TIME") columns.time = true;
  return keyword.empty() || columns.time ? std::optional(columns) : std::nullopt;
}

struct Value {
  std::string text;
  std::size_t line = 0;
};

class Reader {
 public:
  explicit Reader(const FileBytes& file) : lines_(file) {}

  ReadScans read() {
    for (std::size_t i = 0; i < lines_.size(); ++i)
      read_line(i);
    finish_range();
    if (ranges_.count() == 0) lines_.fail(lines_.size() - 1, "no range with data before the end of the file");
    if (lines_.ends_within_line())
      ranges_.warn(LineReader::cut_off_warning);
    else if (header_line_)
      ranges_.warn(fmt::format("line {}: the header of a range without its data: the file may be cut off",
                               *header_line_ + 1));
    else if (!is_counted_)
      ranges_.warn("no _STEPCOUNT in the last range: the file may be cut off");
    return std::move(ranges_).finish();
  }

 private:
  void read_line(std::size_t i) {
    const std::string_view line = trimmed(lines_[i]);
    if (line.empty() || line.front() == '\x1a') return;
    if (line.front() == ';') return read_comment(i, line);
    if (line.front() == '_') return read_key(i, line.substr(1));
    if (!columns_) lines_.fail(i, fmt::format("{} before a keyword such as _COUNTS", quoted_line(line)));
    const std::size_t before = numbers_.size();
    if (!append_numbers(line, numbers_))
      lines_.fail(i, fmt::format("{} is no line of numbers", quoted_line(line)));
    check_row(i, numbers_.size() - before);
  }

  /// Positions stand in rows; counts alone fill lines. A number that is missing would shift all that follow.
  void check_row(std::size_t i, std::size_t numbers) const {
    const std::size_t width = columns_->count();
    if (columns_->positions ? numbers == width : numbers % width == 0) return;
    lines_.fail(i, fmt::format("{} numbers ({}) in rows of {}", numbers, quoted_line(lines_[i]), width));
  }

  /// "; (Data for Range number 1)" begins a range; a comment below a code is its name.
  void read_comment(std::size_t i, std::string_view line) {
    if (xrd::lower_case(plain_text(line)).find("data for range") != std::string::npos) {
      finish_range();
      header_line_ = i;
    }
    if (last_key_.line + 1 == i && last_key_.text == "MONOCHROMATOR")
      keys_["MONOCHROMATOR"].text = plain_text(line.substr(1));
  }

  void read_key(std::size_t i, std::string_view line) {
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) {
      if (columns_) lines_.fail(i, fmt::format("keyword {} inside the data of a range", quoted_line(line)));
      columns_ = columns_of(line);
      data_line_ = i;
      header_line_.reset();
      if (!columns_) lines_.fail(i, fmt::format("keyword {} is not known", quoted_line(line)));
      return;
    }
    if (columns_) finish_range();
    std::string_view value = trimmed(line.substr(equals + 1));
    if (value.size() >= 2 && value.front() == '\'' && value.back() == '\'')
      value = value.substr(1, value.size() - 2);
    if (!header_line_) header_line_ = i;
    const std::string key(trimmed(line.substr(0, equals)));
    keys_[key] = {plain_text(value), i};
    last_key_ = {key, i};
  }

  std::string text(const char* key) const {
    const auto found = keys_.find(key);
    return found == keys_.end() ? std::string() : found->second.text;
  }
  std::optional<double> number(const char* key) const {
    const auto found = keys_.find(key);
    if (found == keys_.end() || found->second.text.empty()) return {};
    const auto value = number_of(found->second.text);
    if (!value)
      lines_.fail(found->second.line, fmt::format("_{}='{}' is no number", key, found->second.text));
    return value;
  }

  void finish_range() {
    if (!columns_) return;
    const Columns columns = *columns_;
    columns_.reset();
    std::vector<double> numbers;
    numbers.swap(numbers_);
    const std::size_t points = numbers.size() / columns.count();
    const auto declared = number("STEPCOUNT");
    is_counted_ = declared.has_value();
    if (declared && *declared != static_cast<double>(points))
      lines_.fail(data_line_, fmt::format("{} points below it, but _STEPCOUNT={}", points, *declared));
    const bool is_powder = text("DRIVE").empty() || steps_two_theta(text("DRIVE"));
    const auto other_axis = is_powder ? std::nullopt : other_axis_of(text("DRIVE"));
    if (points < 2)
      ranges_.leave_out(fmt::format("{} points", points), fmt::format("line {}", data_line_ + 1));
    else if (is_powder || (other_axis && (!columns.positions || begins_at_start(numbers))))
      add_scan(columns, numbers, points, other_axis);
    else
      leave_out_drive();
    // These belong to one range.
    for (const char* key : {"START", "STEPCOUNT", "2THETA", "THETA"})
      keys_.erase(key);
  }

  /// Programs write the positions of any drive below "2THETA": those that begin at _START are the drive's.
  bool begins_at_start(const std::vector<double>& numbers) const {
    const auto start = number("START");
    return start && std::abs(numbers.front() - *start) <= 1e-3;
  }

  void leave_out_drive() {
    const std::string at = text("2THETA");
    ranges_.leave_out(
        fmt::format("a scan of the drive {}{}", text("DRIVE"), at.empty() ? "" : " at 2 theta " + at));
  }

  void add_scan(const Columns& columns, const std::vector<double>& numbers, std::size_t points,
                const std::optional<OtherAxis>& other_axis) {
    Scan scan;
    scan.other_axis = other_axis;
    const std::size_t width = columns.count(), intensity = columns.positions ? 1 : 0;
    std::vector<double> times;
    for (std::size_t k = 0; k < points; ++k) {
      if (columns.positions) scan.x.push_back(numbers[k * width]);
      scan.intensity.push_back(numbers[k * width + intensity]);
      if (columns.time) times.push_back(numbers[k * width + width - 1]);
    }
    if (!columns.positions) set_positions(scan, points);
    scan.unit = columns.unit;
    if (!columns.time) scan.counting_time = number("STEPTIME");
    scan.scan_axis = text("DRIVE");
    if (scan.scan_axis.empty()) scan.notes.push_back({"axis", "2 theta: no drive is named", ""});
    scan.sample = text("SAMPLE");
    scan.date = iso_date(text("DATEMEASURED"));
    scan.monochromator = text("MONOCHROMATOR");
    if (text("BETA_FILTER") == "Y") scan.monochromator = "K beta filter";
    read_held(scan);
    correct(times, scan);
    set_lines(scan);
    ranges_.add(std::move(scan), [&](const std::string& reason) { lines_.fail(data_line_, reason); });
  }

  void read_held(Scan& scan) const {
    for (const char* key : {"THETA", "KHI", "PHI", "X", "Y", "Z", "TEMPERATURE"}) {
      if (const auto value = number_of(text(key))) scan.held.push_back({xrd::lower_case(key), *value});
    }
  }

  /// Counting times that vary, and automatic slits, which programs write as in the binary files: "V6", "fix".
  void correct(const std::vector<double>& times, Scan& scan) const {
    try {
      check_scan(scan);
      const std::string place = fmt::format("line {}", data_line_ + 1);
      if (!times.empty()) apply_counting_times(scan, times, place);
      const std::string slit = text("DIVERGENCE");
      const auto length = slit.starts_with('V') ? number_of(std::string_view(slit).substr(1)) : std::nullopt;
      if (length)
        convert_automatic_slits(scan, fmt::format("automatic slits of {:g} mm", *length), place);
      else if (slit == "fix")
        scan.slits = SlitMode::fixed;
      else
        note_unstated_slits(scan);
    } catch (const Error& error) {
      lines_.fail(data_line_, error.what());
    }
  }

  void set_lines(Scan& scan) const {
    StatedRadiation tube;
    tube.alpha1 = number("WL1");
    tube.alpha2 = number("WL2");
    tube.ratio = number("WLRATIO");
    tube.anode = text("ANODE");
    tube.from = fmt::format("line {}", keys_.count("WL1") ? keys_.at("WL1").line + 1 : data_line_ + 1);
    const std::string unit = xrd::lower_case(text("WL_UNIT"));
    if (unit == "nm") {
      for (auto* wavelength : {&tube.alpha1, &tube.alpha2})
        if (*wavelength) **wavelength *= 10;
    } else if (!unit.empty() && unit != "a") {
      scan.warnings.push_back(fmt::format("_WL_UNIT='{}' is not known; A are assumed", text("WL_UNIT")));
    }
    set_radiation(scan, tube);
  }

  void set_positions(Scan& scan, std::size_t points) {
    auto start = number("START");
    if (!start && !scan.other_axis) start = number("2THETA");
    const auto step = number("STEPSIZE");
    if (!start || !step) lines_.fail(data_line_, "positions need _START and _STEPSIZE, which are not there");
    scan.x = even_positions(*start, *step, points);
  }

  LineReader lines_;
  RangeList ranges_;
  std::map<std::string, Value, std::less<>> keys_;
  Value last_key_;
  std::optional<Columns> columns_;
  std::size_t data_line_ = 0;
  bool is_counted_ = false;                 ///< the range that ended last
  std::optional<std::size_t> header_line_;  ///< where the header of a range begins that has no data so far
  std::vector<double> numbers_;
};

/// Comments, then "_FILEVERSION=".
bool looks_like(std::string_view bytes) {
  for (std::string_view head = bytes.substr(0, 4096); !head.empty();) {
    const std::size_t end = std::min(head.find_first_of("\r\n"), head.size());
    const std::string_view line = trimmed(head.substr(0, end));
    if (line.starts_with("_FILEVERSION")) return true;
    if (!line.empty() && line.front() != ';') return false;
    head.remove_prefix(std::min(end + 1, head.size()));
  }
  return false;
}

}  // namespace

const Format& bruker_uxd_format() {
  static const Format format{
      "Bruker UXD", {".uxd"}, looks_like, [](const FileBytes& file) { return Reader(file).read(); }};
  return format;
}

}  // namespace bragg::data
