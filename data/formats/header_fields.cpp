#include "data/formats/header_fields.h"

#include <algorithm>
#include <array>

#include "data/formats/column_name.h"
#include "xrd/folded_text.h"

namespace bragg::data {
namespace {

constexpr std::size_t longest_line = 4096;

std::string_view without_comment_sign(std::string_view line) {
  const std::size_t begin = line.find_first_not_of("#!;%'/* \t\f\v");
  return begin == std::string_view::npos ? std::string_view() : line.substr(begin);
}

/// Cut at `sign`, outside of brackets and quotes.
std::vector<std::string> cut(std::string_view line, char sign) {
  std::vector<std::string> fields(1);
  int depth = 0;
  bool quoted = false;
  for (const char c : line) {
    if (c == '"') quoted = !quoted;
    if (c == '(' || c == '[') ++depth;
    if ((c == ')' || c == ']') && depth > 0) --depth;
    if (c == sign && depth == 0 && !quoted) {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  return fields;
}

bool is_name(const std::string& text) {
  return parse_column_name(text).role != ColumnName::Role::unknown;
}

/// "2 Theta", "d spacing", "Scattering vector", "count rate" - but "d I" are two.
bool make_one_name(const std::string& first, const std::string& second) {
  const auto role = parse_column_name(first + " " + second).role;
  if (role == ColumnName::Role::axis) return parse_column_name(second).role != ColumnName::Role::intensity;
  return role == ColumnName::Role::intensity && !is_name(first) && !is_name(second);
}

/// Words into names: "Scattering vector (1 / nm)" is one field.
std::vector<std::string> joined_words(std::string_view line) {
  std::vector<std::string> words;
  for (std::string& word : cut(line, ' ')) {
    if (!word.empty()) words.push_back(std::move(word));
  }
  std::vector<std::string> fields;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    const bool has_bracket = !fields.empty() && fields.back().find_first_of("([") != std::string::npos;
    const bool belongs =
        word.front() == '(' || word.front() == '[' || word == "/" || word == "in" ||
        (!fields.empty() && (fields.back().ends_with(" /") || fields.back().ends_with(" in"))) ||
        (word.size() > 1 && xrd::parse_unit(word) && !is_name(word) && !has_bracket);
    if (!fields.empty() && belongs) {
      fields.back() += " " + word;
    } else if (!fields.empty() && !is_plain_number(word) && make_one_name(fields.back(), word)) {
      fields.back() += " " + word;
    } else {
      fields.push_back(word);
    }
  }
  return fields;
}

std::string normal_key(std::string_view text) {
  std::string key;
  for (const char c : xrd::lower_case(text)) {
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) key += c;
  }
  return key;
}

std::string_view unquoted(std::string_view text) {
  constexpr std::string_view around = " \t\"'";
  const std::size_t begin = text.find_first_not_of(around);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(around) - begin + 1);
}

}  // namespace

bool is_plain_number(std::string_view field) {
  field = unquoted(field);
  return parse_number(field, '.').has_value() || parse_number(field, ',').has_value();
}

HeaderFields header_fields(std::string_view line, const Dialect& dialect) {
  HeaderFields result;
  line = line.substr(0, longest_line);
  result.is_comment = is_comment(line);
  const bool starts_with_blank = !line.empty() && line.front() == '\t';
  std::string_view body = starts_with_blank && !result.is_comment ? line : without_comment_sign(line);
  if (line.starts_with("#L ")) body = line.substr(3);  // SPEC's column names
  std::string text = xrd::fold_to_ascii(body);
  while (!text.empty() && std::string_view(" \f\v").find(text.back()) != std::string_view::npos)
    text.pop_back();
  if (text.empty()) return result;
  result.whole = text;
  // "columns: q I sigma"
  if (const std::size_t sign = text.find_first_of(":="); sign != std::string::npos) {
    const std::string key = normal_key(std::string_view(text).substr(0, sign));
    constexpr std::array<std::string_view, 7> keys = {"columns",     "columnnames",  "labels", "fields",
                                                      "datacolumns", "columnlabels", "names"};
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
      result.is_sentence = true;
      return result;
    }
    text = std::string(unquoted(std::string_view(text).substr(sign + 1)));
  }
  for (const char sign : {'\t', ',', ';', '|'}) {
    const bool is_rows = (sign == ',' && dialect.separator == Separator::comma) ||
                         (sign == ';' && dialect.separator == Separator::semicolon) ||
                         (sign == '|' && dialect.separator == Separator::bar) ||
                         (sign == '\t' && dialect.separator == Separator::blank);
    auto fields = cut(text, sign);
    if (fields.size() < 2 || !(is_rows || dialect.separator == Separator::blank)) continue;
    result.is_separated = true;
    while (fields.size() > 1 && unquoted(fields.back()).empty())
      fields.pop_back();
    for (std::string& field : fields)
      result.fields.emplace_back(unquoted(field));
    return result;
  }
  std::replace(text.begin(), text.end(), '\t', ' ');
  result.fields = joined_words(text);
  return result;
}

std::vector<std::pair<std::string, std::string>> header_entries(std::string_view line) {
  std::vector<std::pair<std::string, std::string>> entries;
  const std::string text = xrd::fold_to_ascii(without_comment_sign(line.substr(0, longest_line)));
  // JSON and the like hold several; elsewhere a value ends with its line.
  const bool several = text.find("\",") != std::string::npos || text.find(", \"") != std::string::npos;
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = several ? std::min(text.find(',', begin), text.size()) : text.size();
    const auto part = std::string_view(text).substr(begin, end - begin);
    begin = end + 1;
    std::size_t sign = part.find_first_of(":=");
    std::string_view value;
    if (sign != std::string_view::npos) {
      value = part.substr(sign + 1);
    } else if (text.front() != '"' && part.find('"') != std::string_view::npos) {
      sign = part.find('"');  // *KEY "value"
      value = part.substr(sign);
    } else {
      continue;
    }
    value = unquoted(value);
    while (!value.empty() && (value.back() == ',' || value.back() == ';'))
      value.remove_suffix(1);
    entries.emplace_back(normal_key(part.substr(0, sign)), std::string(unquoted(value)));
  }
  return entries;
}

bool is_vague_axis_key(std::string_view key) {
  constexpr std::array<std::string_view, 5> keys = {"unit", "units", "axis", "x", "radialunit"};
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

bool is_axis_key(std::string_view key) {
  constexpr std::array<std::string_view, 21> keys = {
      "xunits",      "xunit",    "xaxis",          "xlabel",        "xaxislabel", "xaxisunit", "xaxisunits",
      "xaxisname",   "abscissa", "xquantity",      "xtype",         "xtitle",     "column1",   "col1",
      "firstcolumn", "xcolumn",  "horizontalaxis", "measdataxunit", "xname",      "xdata",     "xaxistitle"};
  return is_vague_axis_key(key) || std::find(keys.begin(), keys.end(), key) != keys.end();
}

bool is_scan_key(std::string_view key) {
  constexpr std::array<std::string_view, 6> keys = {
      "drive", "scanaxis", "measscanaxisx", "measscanaxisxinternal", "scantype", "scanmotor"};
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

std::optional<std::string> scanned_otherwise(std::string_view value) {
  constexpr std::array<std::string_view, 10> others = {
      "omega", "phi", "chi", "khi", "psi", "time", "temperature", "rockingcurve", "phiscan", "omegascan"};
  const std::string name = normal_key(value);
  if (std::find(others.begin(), others.end(), name) == others.end()) return std::nullopt;
  return std::string(value);
}

}  // namespace bragg::data
