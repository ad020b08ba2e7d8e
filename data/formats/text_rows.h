// Lines and rows of numbers in text files: which signs separate columns and decimals. Part of pattern_text;
// knows nothing of patterns.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bragg::data {

/// Lines without their ends (LF, CR LF, CR, CR CR LF). The text must outlive them.
std::vector<std::string_view> split_lines(std::string_view text);
/// Without blanks at both ends.
std::string_view trimmed(std::string_view);

enum class Separator { blank, comma, semicolon, bar };

/// How a file writes rows of numbers.
struct Dialect {
  Separator separator = Separator::blank;
  char decimal_sign = '.';
  bool operator==(const Dialect&) const = default;
};
/// Every dialect, the likelier ones first.
const std::vector<Dialect>& dialects();
/// "blank-separated, decimal comma"
std::string describe(const Dialect&);

/// The fields of a line, trimmed, without double quotes; empty fields at its end ("5.0,100,,") are left out.
std::vector<std::string_view> split_fields(std::string_view line, Separator);

/// A whole field as a number: "5", "+5.0", "-.5", "5e-3", "nan", "1e999" (infinite). Empty where it is none.
std::optional<double> parse_number(std::string_view field, char decimal_sign);

/// A line of nothing but numbers.
struct NumberRow {
  std::vector<double> value;
  std::vector<std::string_view> field;  ///< as written
};
/// Empty where a field is no number. What follows # or ! is not read.
std::optional<NumberRow> parse_number_row(std::string_view line, const Dialect&);

/// Blank, or a comment: begins with # ! ; % ' / or *.
bool is_comment(std::string_view line);

}  // namespace bragg::data
