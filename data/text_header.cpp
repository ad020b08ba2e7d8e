#include "data/text_header.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace bragg::data {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

std::string_view without_comment_sign(std::string_view line) {
  line = trimmed(line);
  const std::size_t begin = line.find_first_not_of("#!;%'/* \t");
  return begin == std::string_view::npos ? std::string_view{} : line.substr(begin);
}

/// "Q [1/nm]" -> name "q", unit "1/nm": the unit stands in brackets or behind a slash that follows a blank.
struct Label {
  std::string name, unit;
};

Label split_label(std::string_view field) {
  Label label;
  std::string text = lower(field);
  const std::size_t open = text.find_first_of("([");
  if (open != std::string::npos) {
    const std::size_t close = text.find_last_of(")]");
    label.unit = text.substr(open + 1, close == std::string::npos ? std::string::npos : close - open - 1);
    text.resize(open);
  } else if (const std::size_t slash = text.find(" /"); slash != std::string::npos) {
    label.unit = text.substr(slash + 2);
    text.resize(slash);
  }
  for (const char c : text) {
    if (std::string_view(" \t_-.").find(c) == std::string_view::npos) label.name += c;
  }
  return label;
}

bool is_one_of(const std::string& name, std::span<const std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Fields of a line of column names: by the rows' separator, or (names hold blanks) by whatever sign it has.
std::vector<std::string_view> name_fields(std::string_view line, Separator separator) {
  if (separator != Separator::blank) return split_fields(line, separator);
  for (const Separator other : {Separator::comma, Separator::semicolon, Separator::bar}) {
    if (auto fields = split_fields(line, other); fields.size() > 1) return fields;
  }
  if (line.find('\t') != std::string_view::npos) {
    std::vector<std::string_view> fields;
    while (!line.empty()) {
      const std::size_t end = std::min(line.find('\t'), line.size());
      if (const auto field = trimmed(line.substr(0, end)); !field.empty()) fields.push_back(field);
      line.remove_prefix(std::min(end + 1, line.size()));
    }
    return fields;
  }
  return split_fields(line, Separator::blank);
}

constexpr std::array<std::string_view, 5> q_names = {"q", "|q|", "scatteringvector", "qvector",
                                                     "momentumtransfer"};
constexpr std::array<std::string_view, 5> d_names = {"d", "dspacing", "dvalue", "dhkl", "latticespacing"};
constexpr std::array<std::string_view, 17> other_names = {
    "wavelength", "lambda", "energy",  "e",     "kev",   "ev",          "tof", "timeofflight", "time",
    "theta",      "th",     "channel", "omega", "index", "temperature", "r",   "stol"};

}  // namespace

std::optional<AxisName> find_axis(std::span<const std::string_view> header, const Dialect& dialect,
                                  int columns) {
  int looked_at = 0;
  for (std::size_t i = header.size(); i-- > 0 && looked_at < 2;) {
    const std::string_view line = without_comment_sign(header[i]);
    if (line.empty()) continue;
    ++looked_at;
    // Names, not "key: value" and not a sentence: about as many fields as there are columns.
    if (line.find_first_of(":=") != std::string_view::npos) continue;
    const auto fields = name_fields(line, dialect.separator);
    if (fields.size() < 2 || fields.size() > static_cast<std::size_t>(columns) + 2) continue;
    const auto is_number = [](std::string_view field) { return parse_number(field, '.').has_value(); };
    if (std::any_of(fields.begin(), fields.end(), is_number)) continue;
    Label label = split_label(fields[0]);
    if (label.unit.empty() && dialect.separator == Separator::blank)
      label.unit = split_label(fields[1]).name.empty() ? split_label(fields[1]).unit : std::string();
    const bool nanometres = label.unit.find("nm") != std::string::npos;
    if (is_one_of(label.name, q_names))
      return AxisName{true, Abscissa::q, nanometres ? 0.1 : 1, std::string(fields[0]), i};
    if (is_one_of(label.name, d_names))
      return AxisName{true, Abscissa::d, nanometres ? 10.0 : 1, std::string(fields[0]), i};
    if (is_one_of(label.name, other_names) || label.unit == "rad" || label.unit == "mrad") {
      return AxisName{false, Abscissa::two_theta, 1, std::string(fields[0]), i};
    }
    if (label.name.find("2th") != std::string::npos || label.name.find("2\xCE\xB8") != std::string::npos ||
        label.name.starts_with("two") || label.name == "tth" || label.name == "angle") {
      return AxisName{true, Abscissa::two_theta, 1, std::string(fields[0]), i};
    }
  }
  return std::nullopt;
}

std::optional<double> find_wavelength(std::span<const std::string_view> header) {
  std::optional<double> found;
  for (const std::string_view line : header) {
    const std::string text = lower(line);
    std::size_t at = std::string::npos;
    for (const std::string_view word : {"wavelength", "lambda"}) {
      if (const std::size_t p = text.find(word); p != std::string::npos) at = p + word.size();
    }
    if (at == std::string::npos || text.find("nm", at) != std::string::npos) continue;
    const std::size_t begin = text.find_first_of("0123456789", at);
    if (begin == std::string::npos) continue;
    const std::size_t end = std::min(text.find_first_not_of("0123456789.", begin), text.size());
    const auto value = parse_number(std::string_view(text).substr(begin, end - begin), '.');
    if (!value || *value < 0.1 || *value > 5) continue;
    if (found && *found != *value) return std::nullopt;
    found = value;
  }
  return found;
}

}  // namespace bragg::data
