#include "data/formats/gsas.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "data/formats/header_radiation.h"
#include "data/formats/line_reader.h"
#include "data/formats/range_list.h"
#include "data/formats/scan_parts.h"
#include "data/formats/text_rows.h"

namespace bragg::data {
namespace {

/// Fields of STD records: two digits for the number of detectors, six for the counts.
constexpr std::size_t field_width = 8, detectors_width = 2;
constexpr std::size_t std_fields = 10, esd_pairs = 5;

struct Bank {
  std::size_t line = 0;
  std::string id, kind, records;
  std::size_t points = 0, lines = 0;
  std::vector<double> coefficients;
};

bool begins_bank(std::string_view line) {
  return line.starts_with("BANK") && line.size() > 4 && (line[4] == ' ' || line[4] == '\t');
}
bool is_note(std::string_view line) {
  const std::string_view text = trimmed(line);
  return text.empty() || text.front() == '#' || text == "\x1a";
}

class Reader {
 public:
  explicit Reader(const FileBytes& file) : lines_(file) {}

  ReadScans read() {
    std::size_t i = 0;
    std::vector<HeaderLine> header;
    for (; i < lines_.size() && !begins_bank(lines_[i]); ++i) {
      if (lines_[i].starts_with("TIME_MAP")) refuse_time_of_flight("a TIME_MAP");
      header.push_back({lines_[i], i});
    }
    read_header(header);
    while (i < lines_.size())
      i = read_bank(i);
    if (ranges_.count() == 0) lines_.fail(lines_.size() - 1, "no BANK before the end of the file");
    if (lines_.ends_within_line()) ranges_.warn(LineReader::cut_off_warning);
    return std::move(ranges_).finish();
  }

 private:
  [[noreturn]] static void refuse_time_of_flight(const std::string& what) {
    throw FormatRefused(
        fmt::format("GSAS data of {}: neutrons by time of flight, not an X-ray pattern over 2 theta", what));
  }

  void read_header(const std::vector<HeaderLine>& header) {
    for (const HeaderLine& line : header) {
      if (names_neutrons(line.text))
        throw FormatRefused(fmt::format("GSAS data of neutrons (line {}: {}); X-ray patterns are read",
                                        line.number + 1, quoted_line(line.text)));
    }
    radiation_ = find_radiation(header);
    if (radiation_.is_no_xrays) throw FormatRefused(fmt::format("GSAS data, {}", *radiation_.fault));
    if (!header.empty()) title_ = plain_text(header.front().text);
  }

  /// The bank at `i`; returns the line behind its data.
  std::size_t read_bank(std::size_t i) {
    const Bank bank = bank_of(i);
    Scan scan;
    if (bank.records == "FXYE" || bank.records == "FXY")
      i = read_rows(bank, scan);
    else if (bank.records == "ESD")
      i = read_esd(bank, scan);
    else
      i = read_std(bank, scan);
    scan.scan_axis = "2Theta";
    scan.sample = title_;
    scan.radiation = radiation_;
    scan.alpha2_ratio = radiation_.alpha2_ratio;
    ranges_.add(std::move(scan), [&](const std::string& reason) { lines_.fail(bank.line, reason); });
    while (i < lines_.size() && is_note(lines_[i]))
      ++i;
    if (i < lines_.size() && !begins_bank(lines_[i]))
      lines_.fail(
          i, fmt::format("{} behind the {} points of BANK {}", quoted_line(lines_[i]), bank.points, bank.id));
    return i;
  }

  Bank bank_of(std::size_t i) const {
    Bank bank;
    bank.line = i;
    const auto words = words_of(lines_[i]);
    if (words.size() < 5)
      lines_.fail(i,
                  fmt::format("{} lacks the number of points and the kind of steps", quoted_line(lines_[i])));
    bank.id = plain_text(words[1]);
    bank.points = count_of(i, words[2], "points");
    bank.lines = count_of(i, words[3], "records");
    bank.kind = plain_text(words[4]);
    std::size_t k = 5;
    for (; k < words.size() && number_of(words[k]); ++k)
      bank.coefficients.push_back(*number_of(words[k]));
    bank.records = k < words.size() ? plain_text(words[k]) : "STD";
    check_kind(bank);
    return bank;
  }

  std::size_t count_of(std::size_t i, std::string_view word, const char* what) const {
    const auto value = number_of(word);
    // No file can hold more than it has bytes.
    if (!value || *value < 0 || *value > static_cast<double>(largest_scan_bytes) ||
        *value != std::floor(*value))
      lines_.fail(i, fmt::format("'{}' is no number of {}", plain_text(word), what));
    return static_cast<std::size_t>(*value);
  }

  void check_kind(const Bank& bank) const {
    for (const char* time : {"SLOG", "LOG6", "TIME_MAP", "TIME_MAPA", "RALF", "LPSD"}) {
      if (bank.kind == time) refuse_time_of_flight(fmt::format("kind {}", bank.kind));
    }
    if (bank.kind == "EDS" || bank.kind == "COND")
      throw FormatRefused(fmt::format(
          "GSAS data of kind {}: intensity over photon energy or momentum, not over 2 theta", bank.kind));
    if (bank.kind != "CONST" && bank.kind != "CONS")
      lines_.fail(bank.line, fmt::format("kind of steps '{}' is not known; CONST is read", bank.kind));
    if (bank.records == "ALT")
      throw FormatRefused("GSAS data in ALT records: their units are not clear; export FXYE or two columns");
    if (bank.records != "STD" && bank.records != "ESD" && bank.records != "FXY" && bank.records != "FXYE")
      lines_.fail(bank.line,
                  fmt::format("records '{}' are not known; STD, ESD, FXY and FXYE are read", bank.records));
  }

  void set_positions(const Bank& bank, Scan& scan) const {
    if (bank.coefficients.size() < 2) lines_.fail(bank.line, "start and step are missing");
    const double start = bank.coefficients[0], step = bank.coefficients[1];
    if (step == 0) lines_.fail(bank.line, fmt::format("step {} hundredths of a degree", step));
    // Dividing keeps 15.0066 of 1500.66.
    scan.x.resize(bank.points);
    for (std::size_t k = 0; k < bank.points; ++k)
      scan.x[k] = (start + step * static_cast<double>(k)) / 100;
  }

  [[noreturn]] void fail_short(const Bank& bank, std::size_t i, std::size_t read) const {
    lines_.fail(std::min(i, lines_.size() - 1),
                fmt::format("BANK {} has {} points, but only {} are there: the file is cut off or damaged",
                            bank.id, bank.points, read));
  }

  /// Calls `take(line, field)` for each field of the record that has anything in it; numbers behind the bank's last
  /// point must be zeros.
  template <class Take>
  std::size_t read_fields(const Bank& bank, std::size_t fields, std::size_t width, const Take& take) const {
    std::size_t i = bank.line + 1, points = 0;
    for (; points < bank.points; ++i) {
      if (i >= lines_.size() || begins_bank(lines_[i])) fail_short(bank, i, points);
      if (is_note(lines_[i])) continue;
      const std::string_view line = lines_[i];
      for (std::size_t f = 0; f < fields && f * width < line.size(); ++f) {
        const std::string_view field = line.substr(f * width, width);
        if (trimmed(field).empty()) break;
        if (points < bank.points)
          take(i, field);
        else if (number_of(trimmed(field)).value_or(1) != 0)
          lines_.fail(i, fmt::format("{} behind the last of {} points", quoted_line(field), bank.points));
        ++points;
      }
    }
    return i;
  }

  std::size_t read_std(const Bank& bank, Scan& scan) {
    bool has_detectors = false;
    std::vector<double> detectors;
    const std::size_t end =
        read_fields(bank, std_fields, field_width, [&](std::size_t i, std::string_view field) {
          const std::string_view first = trimmed(field.substr(0, detectors_width));
          const auto value = number_of(trimmed(field.substr(std::min(detectors_width, field.size()))));
          // A sign or digits that run into the first two columns are a number of up to eight digits.
          const auto count = first.empty() ? std::optional<double>(1) : number_of(first);
          if (!value || !count || *count < 0 || *count != std::floor(*count))
            lines_.fail(
                i, fmt::format(
                       "{} is no field of a STD record (two digits for the detectors, six for the counts)",
                       quoted_line(field)));
          has_detectors = has_detectors || *count > 1;
          detectors.push_back(std::max(1.0, *count));
          scan.intensity.push_back(*value);
        });
    set_positions(bank, scan);
    if (has_detectors) {
      for (std::size_t k = 0; k < scan.intensity.size(); ++k)
        scan.uncertainty.push_back(std::sqrt(std::max(scan.intensity[k], 0.0) / detectors[k]));
      scan.unit = IntensityUnit::arbitrary;
      scan.notes.push_back(
          {"uncertainty", "counts are means over the detectors that the first two columns of each field tell",
           fmt::format("line {}", bank.line + 2)});
    }
    return end;
  }

  std::size_t read_esd(const Bank& bank, Scan& scan) {
    const std::size_t end =
        read_fields(bank, esd_pairs, 2 * field_width, [&](std::size_t i, std::string_view pair) {
          const auto value = number_of(trimmed(pair.substr(0, field_width)));
          const auto error = number_of(trimmed(pair.substr(std::min(field_width, pair.size()))));
          if (!value || !error)
            lines_.fail(
                i, fmt::format("{} is no pair of an ESD record (eight columns each)", quoted_line(pair)));
          scan.intensity.push_back(*value);
          scan.uncertainty.push_back(*error);
        });
    scan.unit = IntensityUnit::arbitrary;
    set_positions(bank, scan);
    return end;
  }

  std::size_t read_rows(const Bank& bank, Scan& scan) {
    const std::size_t columns = bank.records == "FXYE" ? 3 : 2;
    std::size_t i = bank.line + 1;
    std::vector<double> row;
    for (; scan.x.size() < bank.points; ++i) {
      if (i >= lines_.size() || begins_bank(lines_[i])) fail_short(bank, i, scan.x.size());
      if (is_note(lines_[i])) continue;
      row.clear();
      if (!append_numbers(lines_[i], row) || row.size() != columns)
        lines_.fail(i, fmt::format("{} is no row of {} numbers", quoted_line(lines_[i]), columns));
      scan.x.push_back(row[0] / 100);
      scan.intensity.push_back(row[1]);
      if (columns == 3) scan.uncertainty.push_back(row[2]);
    }
    if (columns == 3) scan.unit = IntensityUnit::arbitrary;
    if (bank.coefficients.size() >= 2 && scan.x.size() >= 2) check_start(bank, scan);
    return i;
  }

  /// The positions of the rows count; a BANK line that says otherwise is told.
  void check_start(const Bank& bank, Scan& scan) const {
    const double start = bank.coefficients[0] / 100;
    if (std::abs(start - scan.x[0]) <= 0.5 * std::abs(scan.x[1] - scan.x[0])) return;
    scan.warnings.push_back(
        fmt::format("line {}: the bank's start {} and step {} (hundredths of a degree) contradict the rows, "
                    "which begin at "
                    "{:.6g} degrees; the rows are used",
                    bank.line + 1, bank.coefficients[0], bank.coefficients[1], scan.x[0]));
  }

  LineReader lines_;
  RangeList ranges_;
  Radiation radiation_;
  std::string title_;
};

/// A line "BANK number points records KIND" near the beginning.
bool looks_like(std::string_view bytes) {
  std::string_view head = bytes.substr(0, 16384);
  if (head.find('\0') != std::string_view::npos) return false;
  while (!head.empty()) {
    const std::size_t end = std::min(head.find_first_of("\r\n"), head.size());
    const std::string_view line = head.substr(0, end);
    if (begins_bank(line)) {
      const auto words = words_of(line);
      return words.size() >= 5 && number_of(words[2]) && number_of(words[3]);
    }
    head.remove_prefix(std::min(end + 1, head.size()));
  }
  return false;
}

}  // namespace

const Format& gsas_format() {
  static const Format format{
      "GSAS powder data",
      {".gsas", ".fxye", ".fxy", ".gsa", ".gss", ".gda", ".xra", ".raw", ".esd", ".std"},
      looks_like,
      [](const FileBytes& file) { return Reader(file).read(); }};
  return format;
}

}  // namespace bragg::data
