#include "data/pattern_text.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <span>
#include <vector>

#include <fmt/format.h>

#include "data/text_header.h"
#include "data/text_rows.h"
#include "kernels/error.h"

namespace bragg::data {
namespace {

using Lines = std::vector<std::string_view>;

/// Numeric lines that a header may hold (a count of points; start, step and end) before they are taken for
/// broken rows.
constexpr std::size_t numeric_header_lines = 3;
constexpr std::size_t shown_characters = 40;

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
    lines_ = split_lines(text);
  }

  TextPattern read() {
    choose_dialect();
    find_block();
    read_header();
    take_rows();
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

  /// Columns of the line as numbers in the chosen dialect; 0 for anything else.
  std::size_t columns_of(std::string_view line) const {
    const auto row = parse_number_row(line, dialect_);
    return row ? row->columns : 0;
  }

  void choose_dialect() {
    std::size_t best = 0;
    for (const Dialect& candidate : dialects()) {
      std::size_t count[2] = {0, 0};
      for (const std::string_view line : lines_) {
        if (is_comment(line)) continue;
        const auto row = parse_number_row(line, candidate);
        if (row && (row->columns == 2 || row->columns == 3)) ++count[row->columns - 2];
      }
      if (std::max(count[0], count[1]) <= best) continue;
      best = std::max(count[0], count[1]);
      dialect_ = candidate;
      columns_ = count[1] > count[0] ? 3 : 2;
    }
    if (best == 0) fail_without_rows();
  }

  [[noreturn]] void fail_without_rows() const {
    for (const Dialect& candidate : dialects()) {
      for (std::size_t i = 0; i < lines_.size(); ++i) {
        if (is_comment(lines_[i])) continue;
        const auto row = parse_number_row(lines_[i], candidate);
        if (row) {
          fail(i, fmt::format("{} number{} a line ({}); two or three columns (position, intensity, "
                              "uncertainty) are needed",
                              row->columns, row->columns == 1 ? "" : "s", quoted(lines_[i])));
        }
      }
    }
    fail("no line holds two or three numbers");
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

  void read_header() {
    const std::span<const std::string_view> header(lines_.data(), block_begin_);
    result_.reading.wavelength = find_wavelength(header);
    const auto axis = find_axis(header, dialect_, columns_);
    if (!axis) return;
    if (!axis->usable) {
      fail(axis->line,
           fmt::format("the first column is '{}'; degrees of 2 theta, q (1/A, 1/nm) or d (A, nm) are needed",
                       axis->label));
    }
    result_.pattern.abscissa = axis->abscissa;
    result_.reading.axis_label = axis->label;
    to_unit_ = axis->to_unit;
  }

  void check_position(std::size_t line, double x) const {
    const Abscissa abscissa = result_.pattern.abscissa;
    if (abscissa == Abscissa::two_theta && std::abs(x) > 180) {
      fail(line, fmt::format("2 theta {} is outside -180..180 degrees", x));
    }
    if (abscissa == Abscissa::q && x < 0) fail(line, fmt::format("q {} is negative", x));
    if (abscissa == Abscissa::d && x <= 0) fail(line, fmt::format("d {} is not positive", x));
  }

  void take_rows() {
    for (std::size_t i = block_begin_; i < block_end_; ++i) {
      if (is_comment(lines_[i])) continue;
      const auto row = parse_number_row(lines_[i], dialect_);
      for (int column = 0; column < 2; ++column) {
        const auto c = static_cast<std::size_t>(column);
        if (!std::isfinite(row->value[c])) {
          fail(i, fmt::format("{} {} is not a finite number", column == 0 ? "position" : "intensity",
                              row->field[c]));
        }
      }
      check_position(i, row->value[0]);
      result_.pattern.x.push_back(row->value[0] * to_unit_);
      result_.pattern.intensity.push_back(row->value[1]);
      line_of_.push_back(i);
    }
    TextReading& reading = result_.reading;
    reading.rows = static_cast<std::int64_t>(line_of_.size());
    reading.header_lines = static_cast<std::int64_t>(block_begin_);
    reading.columns = columns_;
    reading.decimal_sign = dialect_.decimal_sign;
    static constexpr const char* names[] = {"blank", "comma", "semicolon", "bar"};
    reading.separator = names[static_cast<int>(dialect_.separator)];
    if (dialect_.separator == Separator::blank) {
      const auto first = trimmed(lines_[block_begin_]);
      const auto between = first.substr(first.find_first_of(" \t"));
      if (between.substr(0, between.find_first_not_of(" \t")).find('\t') != std::string_view::npos) {
        reading.separator = "tab";
      }
    }
    if (reading.rows < fewest_text_rows) {
      fail(fmt::format("{} rows; at least {} are needed", reading.rows, fewest_text_rows));
    }
  }

  void put_in_order() {
    auto& [abscissa, x, intensity] = result_.pattern;
    const auto differs = std::adjacent_find(x.begin(), x.end(), std::not_equal_to<>());
    if (differs == x.end()) fail(fmt::format("every row is at position {}", x.front()));
    const bool descending = *(differs + 1) < *differs;
    std::size_t kept = 0;
    std::int64_t merged = 1;  // rows at the position kept last
    for (std::size_t i = 1; i < x.size(); ++i) {
      if (x[i] == x[kept]) {
        ++merged;
        intensity[kept] += (intensity[i] - intensity[kept]) / static_cast<double>(merged);
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
    }
    result_.reading.merged_rows = static_cast<std::int64_t>(x.size() - kept - 1);
    x.resize(kept + 1);
    intensity.resize(kept + 1);
    result_.reading.descending = descending;
    if (!descending) return;
    std::reverse(x.begin(), x.end());
    std::reverse(intensity.begin(), intensity.end());
  }

  const std::string& name_;
  Lines lines_;
  Dialect dialect_;
  int columns_ = 2;
  double to_unit_ = 1;
  std::size_t block_begin_ = 0, block_end_ = 0;
  std::vector<std::size_t> line_of_;
  TextPattern result_;
};

}  // namespace

TextPattern parse_pattern_text(std::string_view text, const std::string& name) {
  return Reader(text, name).read();
}

TextPattern read_pattern_text(const std::filesystem::path& path) {
  std::error_code code;
  if (!std::filesystem::is_regular_file(path, code)) {
    throw Error(fmt::format("{}: {}", path.string(),
                            std::filesystem::exists(path, code) ? "not a file" : "no such file"));
  }
  const std::uintmax_t bytes = std::filesystem::file_size(path, code);
  if (code) throw Error(fmt::format("{}: {}", path.string(), code.message()));
  if (bytes > largest_text_bytes) {
    throw Error(
        fmt::format("{}: {} bytes; at most {} are read as text", path.string(), bytes, largest_text_bytes));
  }
  std::string text(bytes, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(text.data(), static_cast<std::streamsize>(bytes));
  if (!file) throw Error(fmt::format("{}: cannot read", path.string()));
  return parse_pattern_text(text, path.string());
}

}  // namespace bragg::data
