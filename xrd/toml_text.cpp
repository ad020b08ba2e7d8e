#include "xrd/toml_text.h"

#include <fmt/format.h>

namespace bragg::xrd {
namespace {

constexpr int most_key_parts = 32, deepest_nesting = 32;

/// Walks over a text from token to token.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {
    if (text_.starts_with("\xef\xbb\xbf")) at_ = 3;
  }

  std::optional<TomlFault> scan() {
    bool line_begins = true;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (c == '"' || c == '\'') {
        if (std::string_view("\n=[,{.").find(before_) == std::string_view::npos)
          return TomlFault{line_, fmt::format("a string behind '{}'", before_)};
        const bool is_value = before_ == '=' || depth_ > 0;
        if (!is_value && text_.substr(at_, 3) == std::string(3, c))
          return TomlFault{line_, "a string of several lines as a key"};
        if (!skip_string(c) || !is_end_of_string())
          return TomlFault{line_, "a string that does not end, or what follows it"};
        before_ = c;
        line_begins = false;
      } else if (c == '\n') {
        ++line_;
        ++at_;
        before_ = '\n';
        line_begins = true;
        parts_ = 1;
      } else {
        if (line_begins && c == '[' && depth_ == 0 && !header_has_key())
          return TomlFault{line_, "a table header without a key"};
        line_begins = line_begins && (c == ' ' || c == '\t');
        if (auto fault = take(c)) return fault;
        if (c != ' ' && c != '\t' && c != '\r') before_ = c;
        ++at_;
      }
    }
    return std::nullopt;
  }

 private:
  std::optional<TomlFault> take(char c) {
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!is_letter && std::string_view(" \t\r_-+.:,=[]{}").find(c) == std::string_view::npos)
      return TomlFault{
          line_, fmt::format("byte {:#04x} outside of a string or comment", static_cast<unsigned char>(c))};
    if (c == '.' && ++parts_ > most_key_parts)
      return TomlFault{line_, fmt::format("a key of more than {} parts", most_key_parts)};
    if (c == '[' || c == '{') {
      if (++depth_ > deepest_nesting)
        return TomlFault{line_, fmt::format("nested deeper than {} brackets", deepest_nesting)};
    } else if ((c == ']' || c == '}') && depth_ > 0) {
      --depth_;
    }
    if (std::string_view("[]{},=").find(c) != std::string_view::npos) parts_ = 1;
    return std::nullopt;
  }

  /// Whether what stands after the brackets of a header can begin a key.
  bool header_has_key() const {
    const auto past_blanks = [&](std::size_t i) {
      return std::min(text_.find_first_not_of(" \t", i), text_.size());
    };
    std::size_t i = past_blanks(at_ + 1);
    if (i < text_.size() && text_[i] == '[') i = past_blanks(i + 1);
    if (i >= text_.size()) return false;
    const char c = text_[i];
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '"' || c == '\'';
  }

  /// Whether only what may follow a key or a value stands behind a string.
  bool is_end_of_string() const {
    const std::size_t next = std::min(text_.find_first_not_of(" \t\r", at_), text_.size());
    return next == text_.size() || std::string_view("\n#=.,]}").find(text_[next]) != std::string_view::npos;
  }

  /// To the end of a string of one or, with three quotes, of several lines. Whether it has one.
  bool skip_string(char quote) {
    const std::string three(3, quote);
    const bool many_lines = text_.substr(at_, 3) == three;
    at_ += many_lines ? 3 : 1;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '\n' && !many_lines) return false;
      if (c == '\n') ++line_;
      if (c == '\\' && quote == '"') {
        ++at_;
        if (at_ < text_.size() && text_[at_] == '\n') ++line_;
      } else if (many_lines ? text_.substr(at_, 3) == three : c == quote) {
        at_ += many_lines ? 3 : 1;
        while (many_lines && at_ < text_.size() && text_[at_] == quote)
          ++at_;  // up to two quotes more belong to the string
        return true;
      }
      at_ = std::min(at_ + 1, text_.size());
    }
    return false;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int line_ = 1, depth_ = 0, parts_ = 1;
  char before_ = '\n';  ///< the last character that is no blank: a string begins behind few
};

}  // namespace

std::optional<TomlFault> toml_fault(std::string_view text) {
  if (text.size() > maximum_toml_bytes)
    return TomlFault{1, fmt::format("{} bytes, more than {}", text.size(), maximum_toml_bytes)};
  return Scanner(text).scan();
}

}  // namespace bragg::xrd
