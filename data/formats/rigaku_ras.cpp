#include "data/formats/rigaku_ras.h"

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

class Reader {
 public:
  explicit Reader(const FileBytes& file) : lines_(file) {}

  ReadScans read() {
    for (line_ = 0; line_ < lines_.size(); ++line_)
      read_line();
    if (in_data_) lines_.fail(lines_.size() - 1, "no *RAS_INT_END before the end of the file: it is cut off");
    if (ranges_.count() == 0)
      lines_.fail(lines_.size() - 1, "no scan before the end of the file: it is cut off");
    if (!has_end_) ranges_.warn("no *RAS_DATA_END: the file may be cut off and lack scans");
    return std::move(ranges_).finish();
  }

 private:
  void read_line() {
    const std::string_view line = trimmed(lines_[line_]);
    if (line.empty() || line == "\x1a") return;
    if (line == "*RAS_HEADER_START") {
      keys_.clear();
      part_of_.clear();
      return;
    }
    if (line == "*RAS_DATA_END") {
      has_end_ = true;
    } else if (line == "*RAS_INT_START") {
      if (in_data_) lines_.fail(line_, "a second *RAS_INT_START inside the data");
      in_data_ = true;
      data_line_ = line_;
      numbers_.clear();
    } else if (line == "*RAS_INT_END") {
      if (!in_data_) lines_.fail(line_, "*RAS_INT_END without its *RAS_INT_START");
      in_data_ = false;
      finish_scan();
    } else if (in_data_) {
      const std::size_t before = numbers_.size();
      if (!append_numbers(line, numbers_) || numbers_.size() - before < 2 || numbers_.size() - before > 3)
        lines_.fail(line_, fmt::format("{} is no row of 2 theta, intensity and the attenuator's factor",
                                       quoted_line(line)));
      if (numbers_.size() - before == 2) numbers_.push_back(1);
    } else if (line.front() == '*') {
      const std::size_t blank = line.find_first_of(" \t");
      std::string_view value = blank == std::string_view::npos ? "" : trimmed(line.substr(blank));
      if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
        value = value.substr(1, value.size() - 2);
      read_key(std::string(line.substr(1, blank == std::string_view::npos ? blank : blank - 1)),
               plain_text(value));
    } else {
      lines_.fail(line_, fmt::format("{} is neither a key nor a row of data", quoted_line(line)));
    }
  }

  void read_key(const std::string& key, const std::string& value) {
    constexpr std::string_view names = "MEAS_COND_AXIS_NAME_INTERNAL-";
    keys_[key] = value;
    if (key.ends_with("XG_WAVE_LENGTH_ALPHA1")) wavelength_line_ = line_ + 1;
    if (key.starts_with(names)) part_of_[value] = key.substr(names.size());
  }

  std::string text(const std::string& key) const {
    const auto found = keys_.find(key);
    return found == keys_.end() ? std::string() : found->second;
  }
  std::optional<double> number(const std::string& key) const {
    const auto found = keys_.find(key);
    return found == keys_.end() ? std::nullopt : number_of(found->second);
  }
  /// Where the part of the goniometer with that inner name stands.
  std::string position_of(const std::string& part) const {
    const auto found = part_of_.find(part);
    return found == part_of_.end() ? std::string() : text("MEAS_COND_AXIS_POSITION-" + found->second);
  }

  /// Drives that are not coupled to 2 theta, and the temperature.
  void read_held(Scan& scan) {
    has_variable_slits_ = false;
    for (const char* part : {"Omega", "Chi", "Phi", "X", "Y", "Z", "Temperature"}) {
      if (const auto value = number_of(position_of(part)))
        scan.held.push_back({xrd::lower_case(part), *value});
    }
    for (const char* part : {"IncidentSlitBox", "IncidentSlit", "DivergenceSlit"})
      has_variable_slits_ |= xrd::lower_case(position_of(part)).find("variable") != std::string::npos;
  }

  void finish_scan() {
    const std::size_t points = numbers_.size() / 3;
    const auto declared = number("MEAS_DATA_COUNT");
    if (declared && *declared != static_cast<double>(points))
      lines_.fail(line_, fmt::format("{} rows, but *MEAS_DATA_COUNT {}", points, *declared));
    std::string axis = text("MEAS_SCAN_AXIS_X_INTERNAL");
    if (axis.empty()) axis = text("MEAS_SCAN_AXIS_X");
    Scan scan;
    if (!steps_two_theta(axis)) scan.other_axis = other_axis_of(axis);
    if (!steps_two_theta(axis) && !scan.other_axis)
      return ranges_.leave_out(axis.empty() ? "without a named axis (*MEAS_SCAN_AXIS_X)"
                                            : fmt::format("a scan of the axis {}", axis));
    const std::string unit = text("MEAS_SCAN_UNIT_X");
    const std::string due = scan.other_axis ? scan.other_axis->unit : "deg";
    if (!unit.empty() && unit != due)
      lines_.fail(data_line_, fmt::format("*MEAS_SCAN_UNIT_X \"{}\" is not {}", unit, due));
    scan.scan_axis = text("MEAS_SCAN_AXIS_X").empty() ? axis : text("MEAS_SCAN_AXIS_X");
    read_held(scan);
    take_rows(scan, points);
    describe(scan);
    ranges_.add(std::move(scan), [&](const std::string& reason) { lines_.fail(data_line_, reason); });
  }

  void take_rows(Scan& scan, std::size_t points) {
    std::vector<double> factors;
    for (std::size_t k = 0; k < points; ++k) {
      scan.x.push_back(numbers_[3 * k]);
      scan.intensity.push_back(numbers_[3 * k + 1]);
      factors.push_back(numbers_[3 * k + 2]);
    }
    const std::string unit = text("MEAS_SCAN_UNIT_Y");
    if (unit == "counts") scan.unit = unit_of_counts(scan.intensity);
    if (unit == "cps") scan.unit = IntensityUnit::counts_per_second;
    if (points < 2) return;
    try {
      check_scan(scan);
      apply_attenuation(scan, factors, fmt::format("line {}, third column", data_line_ + 2));
      if (has_variable_slits_)
        convert_automatic_slits(scan, "variable slits", "*MEAS_COND_AXIS_POSITION");
      else
        note_unstated_slits(scan);
    } catch (const Error& error) {
      lines_.fail(data_line_, error.what());
    }
  }

  void describe(Scan& scan) {
    scan.instrument = text("HW_GONIOMETER_NAME");
    scan.instrument = scan.instrument.substr(scan.instrument.find('|') + 1);
    scan.sample = text("FILE_SAMPLE");
    scan.date = iso_date(text("MEAS_SCAN_START_TIME"));
    scan.geometry = text("MEAS_COND_OPT_ATTR");
    for (const char* part : {"IncidentMonochromator", "CounterMonochromator", "Filter"}) {
      const std::string position = position_of(part);
      if (position.empty() || xrd::lower_case(position) == "none" || xrd::lower_case(position) == "no_unit")
        continue;
      scan.monochromator += (scan.monochromator.empty() ? "" : ", ") + position;
    }
    if (xrd::lower_case(scan.geometry).find("high resolution") != std::string::npos) {
      scan.warnings.push_back(
          fmt::format("optics '{}' are those for single crystals and layers: a {} scan along one "
                      "direction shows few of a powder's reflections",
                      scan.geometry, scan.scan_axis));
    }
    set_time(scan);
    set_lines(scan);
  }

  void set_lines(Scan& scan) const {
    const auto wavelength = [&](const std::string& line) {
      const auto hardware = number("HW_XG_WAVE_LENGTH_" + line);
      return hardware ? hardware : number("MEAS_COND_XG_WAVE_LENGTH_" + line);
    };
    StatedRadiation tube;
    tube.alpha1 = wavelength("ALPHA1");
    tube.alpha2 = wavelength("ALPHA2");
    tube.beta = wavelength("BETA");
    tube.anode = text("HW_XG_TARGET_NAME");
    tube.used = used_line(text("MEAS_COND_XG_WAVE_TYPE"));
    tube.from = wavelength_line_ > 0 ? fmt::format("line {}", wavelength_line_) : "";
    set_radiation(scan, tube);
  }

  void set_time(Scan& scan) const {
    const auto speed = number("MEAS_SCAN_SPEED");
    const std::string unit = text("MEAS_SCAN_SPEED_UNIT");
    if (!speed || *speed <= 0 || scan.x.size() < 2) return;
    if (unit == "sec" || unit == "s") scan.counting_time = *speed;
    if (unit != "deg/min" || (scan.other_axis && scan.other_axis->unit != "deg")) return;
    const double step = std::abs(scan.x.back() - scan.x.front()) / static_cast<double>(scan.x.size() - 1);
    scan.counting_time = step / *speed * 60;
    scan.notes.push_back(
        {"counting_time", fmt::format("step {:.6g} deg at {} deg/min", step, *speed), "*MEAS_SCAN_SPEED"});
  }

  LineReader lines_;
  RangeList ranges_;
  std::map<std::string, std::string> keys_;
  std::map<std::string, std::string> part_of_;  ///< the number of the axis with that inner name
  std::vector<double> numbers_;
  std::size_t line_ = 0, data_line_ = 0, wavelength_line_ = 0;
  bool in_data_ = false, has_end_ = false, has_variable_slits_ = false;
};

bool looks_like(std::string_view bytes) {
  if (bytes.starts_with("\xEF\xBB\xBF")) bytes.remove_prefix(3);
  return bytes.starts_with("*RAS_DATA_START") || bytes.starts_with("*RAS_HEADER_START");
}

}  // namespace

const Format& rigaku_ras_format() {
  static const Format format{
      "Rigaku RAS", {".ras"}, looks_like, [](const FileBytes& file) { return Reader(file).read(); }};
  return format;
}

}  // namespace bragg::data
