#include "data/formats/text_rows.h"

#include <charconv>
#include <cmath>
#include <limits>

#include "kernels/base/error.h"

namespace bragg::data {
namespace {

constexpr std::string_view blanks = " \t\f\v";

char sign_of(Separator separator) {
  switch (separator) {
    case Separator::blank:
      return ' ';
    case Separator::comma:
      return ',';
    case Separator::semicolon:
      return ';';
    case Separator::bar:
      return '|';
  }
  throw Error("[pattern_text] unknown separator");
}

}  // namespace

std::vector<std::string_view> split_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = text.find_first_of("\r\n", begin);
    if (end == std::string_view::npos) {
      lines.push_back(text.substr(begin));
      break;
    }
    lines.push_back(text.substr(begin, end - begin));
    // One end of line: any CRs with the LF behind them, or one CR alone.
    const std::size_t after = text.find_first_not_of('\r', end);
    const bool line_feed = after != std::string_view::npos && text[after] == '\n';
    begin = (line_feed ? after : end) + 1;
  }
  return lines;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

const std::vector<Dialect>& dialects() {
  static const std::vector<Dialect> all = {
      {Separator::blank, '.'}, {Separator::comma, '.'},     {Separator::semicolon, '.'},
      {Separator::blank, ','}, {Separator::semicolon, ','}, {Separator::bar, '.'},
      {Separator::bar, ','},
  };
  return all;
}

std::string describe(const Dialect& dialect) {
  static constexpr const char* names[] = {"blank", "comma", "semicolon", "bar"};
  return std::string(names[static_cast<int>(dialect.separator)]) + "-separated, decimal " +
         (dialect.decimal_sign == '.' ? "point" : "comma");
}

std::vector<std::string_view> split_fields(std::string_view line, Separator separator) {
  const auto unquoted = [](std::string_view field) {
    if (field.size() >= 2 && field.front() == '"' && field.back() == '"') {
      field = trimmed(field.substr(1, field.size() - 2));
    }
    return field;
  };
  std::vector<std::string_view> fields;
  line = trimmed(line);
  if (separator == Separator::blank) {
    while (!line.empty()) {
      const std::size_t end = std::min(line.find_first_of(blanks), line.size());
      fields.push_back(unquoted(line.substr(0, end)));
      line = trimmed(line.substr(end));
    }
    return fields;
  }
  const char sign = sign_of(separator);
  while (!line.empty()) {
    const std::size_t end = std::min(line.find(sign), line.size());
    fields.push_back(unquoted(trimmed(line.substr(0, end))));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  while (!fields.empty() && fields.back().empty())
    fields.pop_back();
  return fields;
}

std::optional<double> parse_number(std::string_view field, char decimal_sign) {
  if (!field.empty() && field.front() == '+') field.remove_prefix(1);
  if (field.empty() || field.front() == '+') return std::nullopt;
  char digits[64];
  if (decimal_sign == ',') {
    if (field.size() > sizeof digits) return std::nullopt;
    for (std::size_t i = 0; i < field.size(); ++i) {
      if (field[i] == '.') return std::nullopt;
      digits[i] = field[i] == ',' ? '.' : field[i];
    }
    field = {digits, field.size()};
  }
  double value = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
  if (end != field.data() + field.size()) return std::nullopt;
  if (error == std::errc::result_out_of_range) {
    const bool tiny =
        field.find("e-") != std::string_view::npos || field.find("E-") != std::string_view::npos;
    return tiny ? 0 : std::numeric_limits<double>::infinity();
  }
  if (error != std::errc()) return std::nullopt;
  return value;
}

std::optional<NumberRow> parse_number_row(std::string_view line, const Dialect& dialect) {
  line = line.substr(0, line.find_first_of("#!"));
  auto fields = split_fields(line, dialect.separator);
  if (fields.empty()) return std::nullopt;
  NumberRow row;
  row.value.reserve(fields.size());
  for (const std::string_view field : fields) {
    const auto value = parse_number(field, dialect.decimal_sign);
    if (!value) return std::nullopt;
    row.value.push_back(*value);
  }
  row.field = std::move(fields);
  return row;
}

bool is_comment(std::string_view line) {
  line = trimmed(line);
  return line.empty() || std::string_view("#!;%'/*").find(line.front()) != std::string_view::npos;
}

}  // namespace bragg::data
