#include "data/formats/line_reader.h"

#include <cmath>

#include <fmt/format.h>

#include "data/formats/text_rows.h"
#include "xrd/folded_text.h"

namespace bragg::data {

LineReader::LineReader(const FileBytes& file)
    : lines_(split_lines(file.bytes)),
      name_(file.name),
      ends_within_line_(!file.bytes.empty() && file.bytes.back() != '\n' && file.bytes.back() != '\r' &&
                        file.bytes.back() != '\x1a') {
  for (std::size_t i = 0; i < lines_.size(); ++i) {
    if (lines_[i].find('\0') != std::string_view::npos) fail(i, "a zero byte: binary data, not text");
  }
}

void LineReader::fail(std::size_t i, const std::string& reason) const {
  throw Error(fmt::format("{}:{}: {}", name_, i + 1, reason));
}

std::vector<std::string_view> words_of(std::string_view line) {
  constexpr std::string_view blanks = " \t\f\v\r\x1a";
  std::vector<std::string_view> words;
  std::size_t begin = line.find_first_not_of(blanks);
  while (begin != std::string_view::npos) {
    const std::size_t end = std::min(line.find_first_of(blanks, begin), line.size());
    words.push_back(line.substr(begin, end - begin));
    begin = line.find_first_not_of(blanks, end);
  }
  return words;
}

std::optional<double> number_of(std::string_view word) {
  const auto value = parse_number(word, '.');
  return value && std::isfinite(*value) ? value : std::nullopt;
}

bool append_numbers(std::string_view line, std::vector<double>& numbers) {
  const std::size_t before = numbers.size();
  for (const std::string_view word : words_of(line)) {
    const auto value = number_of(word);
    if (!value) {
      numbers.resize(before);
      return false;
    }
    numbers.push_back(*value);
  }
  return true;
}

std::optional<double> number_after(std::string_view line, std::string_view word) {
  const auto words = words_of(line);
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    if (words[i] == word) return number_of(words[i + 1]);
  }
  return {};
}

bool names_neutrons(std::string_view line) {
  const std::string lower = xrd::lower_case(line);
  return lower.find("neutron") != std::string::npos && lower.find("x-ray") == std::string::npos &&
         lower.find("xray") == std::string::npos;
}

}  // namespace bragg::data
