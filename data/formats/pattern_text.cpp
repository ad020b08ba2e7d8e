#include "data/formats/pattern_text.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <span>
#include <vector>

#include <fmt/format.h>

#include "data/formats/header_axis.h"
#include "data/formats/last_row.h"
#include "data/formats/text_rows.h"
#include "data/text_source.h"
#include "kernels/base/error.h"

namespace bragg::data {
namespace {

using Lines = std::vector<std::string_view>;

/// Numeric lines that a header may hold (a count of points; start, step and end) before they are taken for
/// broken rows.
constexpr std::size_t numeric_header_lines = 3;
constexpr std::size_t shown_characters = 40;
/// A non-breaking blank in UTF-8, as web pages have it between columns.
constexpr std::string_view hard_blank = "\xC2\xA0";

std::string quoted(std::string_view line) {
  line = trimmed(line);
  std::string text;
  for (const char c : line.substr(0, shown_characters))
    text += std::isprint(static_cast<unsigned char>(c)) ? c : '?';
  return "'" + text + (line.size() > shown_characters ? "...'" : "'");
}

class Reader {
 public:
  Reader(std::string_view text, const std::string& name) : name_(name) {
    check_is_text(text);
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    check_is_no_markup(text);
    if (text.find(hard_blank) != std::string_view::npos) text = without_hard_blanks(text);
    lines_ = split_lines(text);
    ends_within_line_ = !text.empty() && text.find_last_of("\n\r\x1A") != text.size() - 1;
  }

  TextPattern read() {
    check_is_no_gsas();
    choose_dialect();
    if (columns_ > 3) check_columns_are_named();
    find_block();
    read_header();
    take_rows();
    check_uncertainty();
    check_unit();
    put_in_order();
    return std::move(result_);
  }

 private:
  [[noreturn]] void fail(std::size_t line, const std::string& reason) const {
    throw Error(fmt::format("{}:{}: {}", name_, line + 1, reason));
  }
  [[noreturn]] void fail(const std::string& reason) const {
    throw Error(fmt::format("{}: {}", name_, reason));
  }

  void check_is_text(std::string_view text) const {
    if (text.empty()) fail("empty file");
    if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF"))
      fail("UTF-16 text; save it as UTF-8 or ASCII");
    for (std::size_t i = 0; i < text.size(); ++i) {
      const auto c = static_cast<unsigned char>(text[i]);
      const bool end_of_dos_file = c == 0x1A && i + 1 == text.size();
      if (c >= 0x20 || (c >= '\t' && c <= '\r') || end_of_dos_file) continue;
      fail(fmt::format("binary data, not text: byte 0x{:02x} at offset {}", c, i));
    }
  }

  void check_is_no_markup(std::string_view text) const {
    const std::string_view start = trimmed(text.substr(0, 200));
    if (text.substr(0, 4000).find("<xrdMeasurements") != std::string_view::npos)
      fail("PANalytical's xrdml, not text in columns");
    for (const std::string_view sign : {"<?xml", "<!DOCTYPE", "<!doctype", "<html", "<HTML"}) {
      if (start.starts_with(sign))
        fail(fmt::format("a document in XML or HTML ('{}'), not text in columns", sign));
    }
  }

  void check_is_no_gsas() const {
    const std::size_t few = std::min<std::size_t>(lines_.size(), 100);
    for (std::size_t i = 0; i < few; ++i) {
      if (!lines_[i].starts_with("BANK ")) continue;
      fail(i,
           fmt::format(
               "GSAS data ({}): their positions are hundredths of a degree or microseconds; convert them to "
               "degrees",
               quoted_line(lines_[i])));
    }
  }

  /// The same text with blanks in place of non-breaking ones.
  std::string_view without_hard_blanks(std::string_view text) {
    copy_.assign(text);
    for (std::size_t at = copy_.find(hard_blank); at != std::string::npos; at = copy_.find(hard_blank, at))
      copy_.replace(at, hard_blank.size(), "  ");
    return copy_;
  }

  /// Columns of the line as numbers in the chosen dialect; 0 for anything else.
  std::size_t columns_of(std::string_view line) const {
    const auto row = parse_number_row(line, dialect_);
    return row ? row->value.size() : 0;
  }

  void choose_dialect() {
    std::size_t best = 0;
    for (const Dialect& candidate : dialects()) {
      std::map<std::size_t, std::size_t> count;  // rows by their number of columns
      for (const std::string_view line : lines_) {
        if (is_comment(line)) continue;
        const auto row = parse_number_row(line, candidate);
        if (row && row->value.size() >= 2) ++count[row->value.size()];
      }
      for (const auto& [columns, rows] : count) {
        if (rows <= best) continue;
        best = rows;
        dialect_ = candidate;
        columns_ = static_cast<int>(columns);
      }
    }
    if (best == 0) fail_without_rows();
  }

  [[noreturn]] void fail_without_rows() const {
    for (const Dialect& candidate : dialects()) {
      for (std::size_t i = 0; i < lines_.size(); ++i) {
        if (!is_comment(lines_[i]) && parse_number_row(lines_[i], candidate)) fail_for_columns(i, 1);
      }
    }
    fail("no line holds two or three numbers");
  }

  [[noreturn]] void fail_for_columns(std::size_t i, int columns) const {
    fail(
        i,
        fmt::format(
            "{} number{} a line ({}); two or three columns (position, intensity, uncertainty) are needed, or "
            "names of the columns before them",
            columns, columns == 1 ? "" : "s", quoted(lines_[i])));
  }

  /// More columns than position, intensity and uncertainty: only names tell which they are.
  void check_columns_are_named() const {
    std::size_t first = 0;
    while (first < lines_.size() && (is_comment(lines_[first]) || !is_row(first)))
      ++first;
    if (!choose(first)) fail_for_columns(first, columns_);
  }

  bool is_row(std::size_t i) const { return columns_of(lines_[i]) == static_cast<std::size_t>(columns_); }

  /// The longest run of rows, comments and blank lines allowed inside; only a header before it, nothing after
  /// it.
  void find_block() {
    std::size_t begin = 0, rows = 0, most = 0;
    for (std::size_t i = 0; i <= lines_.size(); ++i) {
      if (i < lines_.size() && (is_comment(lines_[i]) || lines_[i] == "\x1A")) continue;
      if (i < lines_.size() && is_row(i)) {
        if (rows++ == 0) begin = i;
        if (rows > most) {
          most = rows;
          block_begin_ = begin;
          block_end_ = i + 1;
        }
      } else {
        rows = 0;
      }
    }
    std::size_t numeric = 0, last_odd = 0;
    for (std::size_t i = 0; i < block_begin_; ++i) {
      if (is_comment(lines_[i])) continue;
      if (columns_of(lines_[i]) > 0) ++numeric;
      if (!is_row(i)) last_odd = i;
    }
    if (numeric > numeric_header_lines) fail_at_row(last_odd);
    for (std::size_t i = block_end_; i < lines_.size(); ++i) {
      if (!is_comment(lines_[i]) && lines_[i] != "\x1A") fail_at_row(i);
    }
  }

  [[noreturn]] void fail_at_row(std::size_t i) const {
    fail(i, fmt::format("{} is no row of {} numbers like the others ({})", quoted(lines_[i]), columns_,
                        describe(dialect_)));
  }

  std::vector<HeaderLine> header_lines(std::size_t end) const {
    std::vector<HeaderLine> header;
    for (std::size_t i = 0; i < end; ++i)
      header.push_back({lines_[i], i});
    return header;
  }

  std::optional<ColumnChoice> choose(std::size_t header_end) const {
    try {
      return choose_columns(header_lines(header_end), dialect_, columns_);
    } catch (const HeaderRefused& refused) {
      fail(refused.line, refused.what());
    }
  }

  void read_header() {
    TextReading& reading = result_.reading;
    auto said = header_lines(block_begin_);
    for (std::size_t i = block_begin_; i < lines_.size(); ++i) {
      if (is_comment(lines_[i]) && !trimmed(lines_[i]).empty()) said.push_back({lines_[i], i});
    }
    reading.radiation = find_radiation(said);
    take_wavelength_of_first_line();
    const auto choice = choose(block_begin_);
    if (!choice) return;
    choice_ = *choice;
    is_named_ = true;
    result_.pattern.abscissa = choice_.abscissa;
    reading.axis = choice_.quantity;
    reading.axis_label = choice_.label;
    reading.intensity_column = choice_.intensity_column + 1;
    reading.warnings = choice_.warnings;
  }

  /// DASH's .xye: a lone number of four decimals or more before the rows.
  void take_wavelength_of_first_line() {
    Radiation& radiation = result_.reading.radiation;
    if (block_begin_ == 0 || radiation.wavelength || radiation.fault) return;
    const std::string_view line = trimmed(lines_[0]);
    const auto value = parse_number(line, '.');
    const std::size_t point = line.find('.');
    if (!value || *value < 0.1 || *value > 3 || point == std::string_view::npos || line.size() - point < 5)
      return;
    radiation.wavelength = radiation.position_wavelength = *value;
    radiation.warnings.push_back(
        fmt::format("line 1: {} is taken for the wavelength, as DASH writes it", quoted(line)));
  }

  void check_unit() const {
    if (choice_.unit_is_stated) return;
    const auto& x = result_.pattern.x;
    const auto [low, high] = std::minmax_element(x.begin(), x.end());
    // No crystal is measured beyond 25 1/A or only below 2.5 A by a machine of 0.1..3 A.
    if (choice_.abscissa == Abscissa::q && *high > 25) {
      fail(fmt::format("the axis '{}' reaches {:.6g} and has no unit: 1/A or 1/nm?", choice_.label,
                       *high / choice_.to_unit));
    }
    if (choice_.abscissa == Abscissa::d && *high < 2.5)
      fail(fmt::format("the axis '{}' reaches only {:.6g} and has no unit: A or nm?", choice_.label, *high));
  }

  void check_position(std::size_t line, double x) const {
    const Abscissa abscissa = result_.pattern.abscissa;
    const std::string_view name = name_of(choice_.quantity);
    if (abscissa == Abscissa::two_theta && std::abs(x * choice_.to_unit) > 180) {
      if (choice_.to_unit == 1) fail(line, fmt::format("2 theta {} is outside -180..180 degrees", x));
      fail(line, fmt::format("{} {} ('{}') is 2 theta {} degrees, outside -180..180", name, x, choice_.label,
                             x * choice_.to_unit));
    }
    if (abscissa == Abscissa::q && x < 0) fail(line, fmt::format("{} {} is negative", name, x));
    if (abscissa == Abscissa::d && x <= 0) fail(line, fmt::format("d {} is not positive", x));
  }

  int uncertainty_column() const {
    if (choice_.uncertainty_column >= 0) return choice_.uncertainty_column;
    return columns_ == 3 && !is_named_ ? 2 : -1;
  }

  /// A third column may be anything: what is no standard uncertainty is left out.
  void check_uncertainty() {
    std::vector<double>& sigma = result_.uncertainty;
    const auto odd =
        std::find_if(sigma.begin(), sigma.end(), [](double s) { return !(std::isfinite(s) && s >= 0); });
    TextReading& reading = result_.reading;
    if (odd == sigma.end()) {
      if (!sigma.empty()) reading.uncertainty_column = uncertainty_column() + 1;
      reading.uncertainty_is_named = is_named_;
      return;
    }
    reading.warnings.push_back(fmt::format(
        "line {}: {} in column {} is no standard uncertainty: the column is not used",
        line_of_[static_cast<std::size_t>(odd - sigma.begin())] + 1, *odd, uncertainty_column() + 1));
    sigma.clear();
  }

  void take_rows() {
    LastRow last;
    for (std::size_t i = block_begin_; i < block_end_; ++i) {
      if (is_comment(lines_[i])) continue;
      const auto row = parse_number_row(lines_[i], dialect_);
      const auto x = static_cast<std::size_t>(choice_.axis_column),
                 y = static_cast<std::size_t>(choice_.intensity_column);
      for (const std::size_t c : {x, y}) {
        if (std::isfinite(row->value[c])) continue;
        fail(i,
             fmt::format("{} {} is not a finite number", c == x ? "position" : "intensity", row->field[c]));
      }
      check_position(i, row->value[x]);
      result_.pattern.x.push_back(row->value[x] * choice_.to_unit);
      result_.pattern.intensity.push_back(row->value[y]);
      if (uncertainty_column() >= 0)
        result_.uncertainty.push_back(row->value[static_cast<std::size_t>(uncertainty_column())]);
      line_of_.push_back(i);
      last.add(row->field.back(), dialect_.decimal_sign);
    }
    TextReading& reading = result_.reading;
    const auto doubt = ends_within_line_ ? last.doubt() : std::nullopt;
    // Comments below the rows were cut instead.
    if (doubt && line_of_.back() + 1 == lines_.size())
      reading.warnings.push_back(fmt::format(
          "line {}: the last line has no end, and {}: the file may be cut off", lines_.size(), *doubt));
    reading.rows = static_cast<std::int64_t>(line_of_.size());
    reading.header_lines = static_cast<std::int64_t>(block_begin_);
    reading.columns = columns_;
    reading.decimal_sign = dialect_.decimal_sign;
    static constexpr const char* names[] = {"blank", "comma", "semicolon", "bar"};
    reading.separator = names[static_cast<int>(dialect_.separator)];
    if (dialect_.separator == Separator::blank) {
      const auto first = trimmed(lines_[block_begin_]);
      const std::size_t begin = std::min(first.find_first_of(" \t\f\v"), first.size());
      const std::size_t end = std::min(first.find_first_not_of(" \t\f\v", begin), first.size());
      if (first.substr(begin, end - begin).find('\t') != std::string_view::npos) reading.separator = "tab";
    }
    if (reading.rows < fewest_text_rows) {
      fail(fmt::format("{} rows; at least {} are needed", reading.rows, fewest_text_rows));
    }
  }

  void put_in_order() {
    auto& [abscissa, x, intensity] = result_.pattern;
    std::vector<double>& sigma = result_.uncertainty;
    const auto differs = std::adjacent_find(x.begin(), x.end(), std::not_equal_to<>());
    if (differs == x.end()) fail(fmt::format("every row is at position {}", x.front()));
    const bool descending = *(differs + 1) < *differs;
    std::size_t kept = 0;
    std::int64_t merged = 1;  // rows at the position kept last
    for (std::size_t i = 1; i < x.size(); ++i) {
      if (x[i] == x[kept]) {
        const auto before = static_cast<double>(merged++), now = before + 1;
        intensity[kept] += (intensity[i] - intensity[kept]) / now;
        if (!sigma.empty()) sigma[kept] = std::hypot(sigma[kept] * before, sigma[i]) / now;
        continue;
      }
      if ((x[i] < x[kept]) != descending) {
        fail(line_of_[i],
             fmt::format("position {} after {}: neither ascending nor descending throughout", x[i], x[kept]));
      }
      ++kept;
      merged = 1;
      x[kept] = x[i];
      intensity[kept] = intensity[i];
      if (!sigma.empty()) sigma[kept] = sigma[i];
    }
    result_.reading.merged_rows = static_cast<std::int64_t>(x.size() - kept - 1);
    x.resize(kept + 1);
    intensity.resize(kept + 1);
    if (!sigma.empty()) sigma.resize(kept + 1);
    result_.reading.descending = descending;
    if (!descending) return;
    std::reverse(x.begin(), x.end());
    std::reverse(intensity.begin(), intensity.end());
    std::reverse(sigma.begin(), sigma.end());
  }

  const std::string& name_;
  Lines lines_;
  Dialect dialect_;
  int columns_ = 2;
  ColumnChoice choice_;
  bool is_named_ = false, ends_within_line_ = false;
  std::string copy_;
  std::size_t block_begin_ = 0, block_end_ = 0;
  std::vector<std::size_t> line_of_;
  TextPattern result_;
};

}  // namespace

TextPattern parse_pattern_text(std::string_view text, const std::string& name) {
  return Reader(text, name).read();
}

TextPattern read_pattern_text(const std::filesystem::path& path) {
  return parse_pattern_text(read_text_source(path, largest_text_bytes), path.string());
}

}  // namespace bragg::data
