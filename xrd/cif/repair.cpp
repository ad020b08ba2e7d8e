#include "xrd/cif/repair.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace bragg::xrd {
namespace {

constexpr std::string_view blank = " \t\r";

bool begins_with(std::string_view text, std::string_view word) {
  return text.size() >= word.size() && same_tag(text.substr(0, word.size()), word);
}

/// The line that holds `byte`, without its end.
std::string_view line_at(std::string_view text, std::size_t byte) {
  const auto before = byte == 0 ? std::string_view::npos : text.rfind('\n', byte - 1);
  const std::size_t begin = before == std::string_view::npos ? 0 : before + 1;
  return text.substr(begin, std::min(text.find('\n', begin), text.size()) - begin);
}

std::string_view without_blanks(std::string_view line) {
  const auto first = line.find_first_not_of(blank);
  return first == std::string_view::npos ? std::string_view{} : line.substr(first);
}

/// Calls `take(begin, line, number)` for every line until it returns false.
template <typename Take>
void for_lines(const std::string& text, int first_line, const Take& take) {
  int number = first_line;
  for (std::size_t begin = 0; begin < text.size(); ++number) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    if (!take(begin, std::string_view(text).substr(begin, end - begin), number)) return;
    begin = end + 1;
  }
}

}  // namespace

CifRepair::CifRepair(std::string_view text, int first_line) : original_(text), text_(text) {
  plain_characters();
  drop_preamble(first_line);
  join_headings(first_line);
}

void CifRepair::plain_characters() {
  // UTF-8 of the blanks that word processors and web pages put in: no-break, figure and thin spaces, the byte
  // order mark in mid text.
  constexpr std::array<std::string_view, 7> blanks{"\xc2\xa0",     "\xe2\x80\x87", "\xe2\x80\x89",
                                                   "\xe2\x80\xaf", "\xe2\x80\x83", "\xe3\x80\x80",
                                                   "\xef\xbb\xbf"};
  for (std::size_t i = 0; i < text_.size(); ++i) {
    if (text_[i] == '\f' || text_[i] == '\v') text_[i] = ' ';
    if (static_cast<unsigned char>(text_[i]) < 0x80) continue;
    const auto found = std::find_if(blanks.begin(), blanks.end(),
                                    [&](std::string_view b) { return text_.compare(i, b.size(), b) == 0; });
    if (found == blanks.end()) {
      text_[i] = 'x';
    } else {
      std::fill_n(text_.begin() + static_cast<std::ptrdiff_t>(i), found->size(), ' ');
    }
  }
}

void CifRepair::drop_preamble(int first_line) {
  std::size_t end = 0;
  bool any_text = false, any_heading = false;
  for_lines(text_, first_line, [&](std::size_t begin, std::string_view line, int) {
    const std::string_view words = without_blanks(line);
    if (begins_with(words, "data_") || begins_with(words, "global_")) {
      any_heading = true;
      end = begin;
      return false;
    }
    // Tags there belong to a block without its heading: that is no preamble.
    if (words.starts_with('_') || begins_with(words, "loop_")) return false;
    any_text = any_text || (!words.empty() && words[0] != '#');
    return true;
  });
  if (!any_heading || !any_text) return;
  notes_.push_back({first_line, "text before the first data_ is passed over"});
  std::replace_if(
      text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(end), [](char c) { return c != '\n'; }, ' ');
}

void CifRepair::join_headings(int first_line) {
  std::vector<std::pair<std::size_t, std::size_t>> blanks;
  bool in_field = false;
  for_lines(text_, first_line, [&](std::size_t begin, std::string_view line, int number) {
    if (line.starts_with(';')) in_field = !in_field;
    const std::string_view words = without_blanks(line);
    if (in_field || !begins_with(words, "data_")) return true;
    const auto name_end = words.find_first_of(blank);
    if (name_end == std::string_view::npos) return true;
    const std::string_view next = without_blanks(words.substr(name_end));
    const bool is_code = next.empty() || next[0] == '#' || next[0] == '_' || begins_with(next, "loop_") ||
                         begins_with(next, "save_") || begins_with(next, "data_");
    if (is_code) return true;
    const std::size_t from = begin + static_cast<std::size_t>(words.data() - line.data()) + name_end;
    blanks.emplace_back(from, begin + line.find_last_not_of(blank) + 1);
    notes_.push_back({number, fmt::format("the block's name has blanks: '{}'", words.substr(5))});
    return true;
  });
  for (const auto& [from, to] : blanks)
    std::replace_if(
        text_.begin() + static_cast<std::ptrdiff_t>(from), text_.begin() + static_cast<std::ptrdiff_t>(to),
        [](char c) { return c == ' ' || c == '\t'; }, '_');
}

bool CifRepair::pass_over(std::size_t byte, int line) {
  constexpr int most = 16;  // each costs a reading of the text
  if (text_.starts_with("#\\#CIF_2")) {
    cause_ = "the file is CIF 2.0, of which bragg reads what CIF 1.1 has too";
    return false;
  }
  if (byte >= text_.size()) return false;
  const std::string_view whole = line_at(text_, byte);
  const std::string_view words = without_blanks(whole);
  if (!words.starts_with('_')) return false;
  const std::string_view tag = words.substr(0, words.find_first_of(blank));
  const auto at = static_cast<std::size_t>(text_.data() + byte - whole.data());
  // Past the tag and its value: not a quote that is left open, nor the tag itself.
  if (tag.data() + tag.size() >= whole.data() + at) return false;
  const std::string_view rest = original_.substr(byte, whole.size() - at);
  if (without_blanks(rest).empty()) return false;  // a quote that is left open
  const std::string what = fmt::format("'{}' follows the value of {}, which lacks quotes", rest, tag);
  if (is_structural(tag) || ++passed_over_ > most) {
    cause_ = what;
    return false;
  }
  notes_.push_back({line, what});
  std::fill_n(text_.begin() + static_cast<std::ptrdiff_t>(byte), rest.size(), ' ');
  return true;
}

std::string CifRepair::explain(const std::string& message) const {
  return cause_.empty() ? message : fmt::format("{} ({})", message, cause_);
}

}  // namespace bragg::xrd
