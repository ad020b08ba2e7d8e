#include "data/formats/step_rows.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "data/formats/header_radiation.h"
#include "data/formats/line_reader.h"
#include "data/formats/range_list.h"
#include "data/formats/scan_corrections.h"
#include "data/formats/scan_parts.h"
#include "data/formats/text_rows.h"
#include "xrd/folded_text.h"

namespace bragg::data {
namespace {

/// Lines of words before start, step and end.
constexpr std::size_t most_header_lines = 10;
constexpr double fewest_points = 20, most_points = 1e7;
/// Powder diffractometers whose neutrons no file of theirs mentions otherwise: names that are nothing else.
constexpr std::string_view neutron_instruments[] = {"D1A5", "HRPT", "SPODI", "ECHIDNA", "HB2A", "POWGEN"};
/// Those that may be the name of a sample, too: "Title:" behind them, as DMC's and D1A's programs write, tells.
constexpr std::string_view maybe_neutron_instruments[] = {"D1A", "D1B", "D2B",  "D20",  "D4C",  "DMC",
                                                          "3T2", "G41", "G4.1", "G42",  "E9",   "BT1",
                                                          "E6",  "GEM", "HRPD", "WISH", "NOVA", "POLARIS"};

struct Steps {
  std::size_t line = 0;
  double start = 0, step = 0, end = 0;
  std::size_t points = 0;
  std::string_view rest;  ///< words behind the three numbers
};

/// Start, step and end at the head of a line; empty where they make no scan.
std::optional<Steps> steps_of(std::string_view line, std::size_t i) {
  const auto words = words_of(line);
  if (words.size() < 3) return {};
  const auto start = number_of(words[0]), step = number_of(words[1]), end = number_of(words[2]);
  if (!start || !step || !end) return {};
  if (*step <= 0 || *step > 5 || *start < -180 || *end > 180 || *end <= *start) return {};
  const double points = std::floor((*end - *start) / *step + 0.5) + 1;
  if (points < fewest_points || points > most_points) return {};
  return Steps{i,
               *start,
               *step,
               *end,
               static_cast<std::size_t>(points),
               line.substr(static_cast<std::size_t>(words[2].data() + words[2].size() - line.data()))};
}

/// Numbers alone in a line; 0 for words.
std::size_t numbers_in(std::string_view line) {
  std::vector<double> numbers;
  return append_numbers(line, numbers) ? numbers.size() : 0;
}

/// Do the lines begin with the first two positions? Then they are rows of columns below a header that tells them, too.
bool are_positions(std::string_view first, std::string_view second, const Steps& steps) {
  std::vector<double> a, b;
  if (!append_numbers(first, a) || !append_numbers(second, b) || a.size() < 2 || b.size() != a.size())
    return false;
  return std::abs(a[0] - steps.start) < 0.5 * steps.step &&
         std::abs(b[0] - a[0] - steps.step) < 0.5 * steps.step;
}

/// The line of start, step and end, if a block of counts follows it. Rows of two or three columns are none: their
/// first number goes on from the start.
template <class Lines>
std::optional<Steps> find_steps(const Lines& lines, std::size_t count) {
  for (std::size_t i = 0; i < std::min(count, most_header_lines); ++i) {
    const auto steps = steps_of(lines[i], i);
    if (!steps) continue;
    if (i + 1 >= count || numbers_in(lines[i + 1]) == 0) return {};
    // A row of data; DMC's files have a monitor behind start, step and end.
    const std::size_t width = numbers_in(lines[i]);
    if (width > 3 && (i == 0 || width == numbers_in(lines[i + 1]))) return {};
    if (i + 2 < count && are_positions(lines[i + 1], lines[i + 2], *steps)) return {};
    const bool bare = trimmed(steps->rest).empty();
    if (bare && i + 2 < count && numbers_in(lines[i + 1]) == 3 && numbers_in(lines[i + 2]) == 3) return {};
    if (i > 0 && numbers_in(lines[i - 1]) == 3 && numbers_in(lines[i]) == 3) return {};
    return steps;
  }
  return {};
}

class Reader {
 public:
  explicit Reader(const FileBytes& file) : lines_(file) {}

  ReadScans read() {
    const auto steps = find_steps(lines_, lines_.size());
    if (!steps)
      lines_.fail(0, fmt::format("no line of start, step and end of 2 theta in the first {} lines",
                                 most_header_lines));
    Scan scan;
    read_header(*steps, scan);
    read_counts(*steps, scan);
    scan.scan_axis = "2Theta";
    note_unstated_slits(scan);
    ranges_.add(std::move(scan), [&](const std::string& reason) { lines_.fail(steps->line, reason); });
    if (lines_.ends_within_line()) ranges_.warn(LineReader::cut_off_warning);
    return std::move(ranges_).finish();
  }

 private:
  void read_header(const Steps& steps, Scan& scan) {
    std::vector<HeaderLine> header;
    for (std::size_t i = 0; i < steps.line; ++i)
      header.push_back({lines_[i], i});
    header.push_back({steps.rest, steps.line});
    refuse_neutrons(header, scan);
    scan.radiation = find_radiation(header);
    if (scan.radiation.is_no_xrays) throw FormatRefused(*scan.radiation.fault);
    scan.alpha2_ratio = scan.radiation.alpha2_ratio;
    for (const HeaderLine& line : header)
      read_words(plain_text(line.text), scan);
    if (scan.sample.empty()) scan.sample = plain_text(header.size() > 1 ? header.front().text : steps.rest);
  }

  static void refuse_neutrons(const std::vector<HeaderLine>& header, Scan& scan) {
    for (const HeaderLine& line : header) {
      if (names_neutrons(line.text))
        throw FormatRefused(fmt::format("neutron data (line {}: {}); X-ray patterns are read",
                                        line.number + 1, quoted_line(line.text)));
      const auto words = words_of(line.text);
      if (words.empty()) continue;
      std::string first = plain_text(words[0]);
      first = first.substr(0, first.find_first_of(",;:"));
      const bool maybe = holds(maybe_neutron_instruments, first);
      if (!maybe && !holds(neutron_instruments, first)) continue;
      if (maybe && (words.size() < 2 || words[1] != "Title:")) {
        scan.warnings.push_back(fmt::format(
            "line {}: {} is a diffractometer for neutrons, too; the data are taken for X-rays ({})",
            line.number + 1, first, quoted_line(line.text)));
        continue;
      }
      throw FormatRefused(
          fmt::format("neutron data: line {} names the diffractometer {} ({}); X-ray patterns are read",
                      line.number + 1, first, quoted_line(line.text)));
    }
  }

  /// What Riet7's header says beside the radiation.
  static void read_words(const std::string& line, Scan& scan) {
    const auto text_after = [&](std::string_view key) {
      const std::size_t at = line.find(key);
      if (at == std::string::npos) return std::string();
      const std::string_view value = trimmed(std::string_view(line).substr(at + key.size()));
      return std::string(trimmed(value.substr(0, value.find("  "))));
    };
    if (const auto time = number_after(line, "StepTime")) scan.counting_time = time;
    // In degrees, of fixed ones.
    if (number_after(line, "DivergenceSlit")) scan.slits = SlitMode::fixed;
    if (const std::string name = text_after("SampleIdent "); !name.empty()) scan.sample = name;
    if (const std::string name = text_after("DiffrType "); !name.empty()) scan.instrument = name;
    if (const std::string value = text_after("MonochromatorUsed ");
        value == "YES" || value.starts_with("YES "))
      scan.monochromator = "used";
    const auto words = words_of(line);
    for (std::size_t k = 0; k + 1 < words.size(); ++k) {
      if (words[k] == "Anode") scan.anode = std::string(words[k + 1]);
      if (words[k] == "MeasureDateTime")
        scan.date = day_first(words[k + 1], k + 2 < words.size() ? words[k + 2] : "");
    }
  }

  /// 20/12/1997 10:51: the day is first where it is above 12; else it stays as written.
  static std::string day_first(std::string_view day, std::string_view time) {
    const std::string written = plain_text(std::string(day) + " " + std::string(time));
    if (day.size() != 10 || day[2] != '/' || day[5] != '/' || day.substr(0, 2) <= "12") return written;
    std::string date = iso_date(fmt::format("{}/{}/{}", day.substr(6), day.substr(3, 2), day.substr(0, 2)));
    return time.find(':') == 2 ? date + "T" + std::string(time) : date;
  }

  void read_counts(const Steps& steps, Scan& scan) {
    std::vector<double> numbers;
    for (std::size_t i = steps.line + 1; i < lines_.size(); ++i) {
      const std::string_view line = trimmed(lines_[i]);
      if (line.empty() || line.front() == '#' || line.front() == '!') continue;
      if (!append_numbers(line, numbers))
        lines_.fail(i, fmt::format("{} is no line of numbers", quoted_line(line)));
    }
    const std::size_t points = steps.points;
    // Programs fill the last line of ten with zeros, and some mark the end by a negative number.
    std::size_t used = numbers.size();
    const std::size_t expected = used >= 2 * points ? 2 * points : points;
    while (used > expected && used - expected < 20 && numbers[used - 1] <= 0)
      --used;
    if (used != points && used != 2 * points) {
      lines_.fail(
          steps.line,
          fmt::format(
              "{} to {} in steps of {} are {} points, but {} numbers follow: the file is cut off or damaged",
              steps.start, steps.end, steps.step, points, numbers.size()));
    }
    scan.x = even_positions(steps.start, steps.step, points);
    scan.intensity.assign(numbers.begin(), numbers.begin() + static_cast<std::ptrdiff_t>(points));
    if (used == points) return;
    scan.uncertainty.assign(numbers.begin() + static_cast<std::ptrdiff_t>(points),
                            numbers.begin() + static_cast<std::ptrdiff_t>(used));
    scan.unit = IntensityUnit::arbitrary;
    scan.notes.push_back(
        {"uncertainty", "the second half of the numbers", fmt::format("line {}", steps.line + 1)});
  }

  LineReader lines_;
  RangeList ranges_;
};

bool looks_like(std::string_view bytes) {
  std::string_view head = bytes.substr(0, 8192);
  if (head.find('\0') != std::string_view::npos) return false;
  auto lines = split_lines(head);
  // The last one may be cut off by the look itself.
  if (head.size() < bytes.size() && !lines.empty()) lines.pop_back();
  return find_steps(lines, lines.size()).has_value();
}

}  // namespace

const Format& step_rows_format() {
  static const Format format{"counts below start, step and end (FullProf, Riet7)",
                             {".dat", ".cpi"},
                             looks_like,
                             [](const FileBytes& file) { return Reader(file).read(); }};
  return format;
}

}  // namespace bragg::data
