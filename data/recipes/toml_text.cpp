#include "data/recipes/toml_text.h"

#include <cerrno>
#include <cstring>
#include <fstream>

#include <fmt/format.h>

#include "kernels/base/error.h"

namespace bragg::data {
namespace {

constexpr int most_key_parts = 32, deepest_nesting = 32;
constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
constexpr std::string_view quotes = "\"'";

/// Recursive descent over the grammar of TOML, without looking at what names and numbers mean. Its member
/// functions throw a TomlFault.
class Grammar {
 public:
  explicit Grammar(std::string_view text) : text_(text) {
    if (text_.starts_with("\xef\xbb\xbf")) at_ = 3;
  }

  void check() {
    while (at_ < text_.size()) {
      skip_blanks();
      if (peek() == '[') {
        header();
      } else if (!at_line_end()) {
        assignment();
      }
      skip_blanks();
      line_end();
    }
  }

 private:
  [[noreturn]] void fail(std::string what) const { throw TomlFault{line_, std::move(what)}; }

  /// The next character, or NUL at the end; a NUL in the text is no part of the grammar either.
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }

  std::string shown() const {
    if (at_ >= text_.size()) return "the end of the text";
    const char c = text_[at_];
    if (c == '\n' || c == '\r') return "the end of the line";
    if (c > ' ' && c < 127) return fmt::format("'{}'", c);
    return fmt::format("byte {:#04x}", static_cast<unsigned char>(c));
  }

  void expect(char c, std::string_view where) {
    if (!take(c)) fail(fmt::format("{} where '{}' should stand, {}", shown(), c, where));
  }

  void skip_blanks() { at_ = std::min(text_.find_first_not_of(" \t", at_), text_.size()); }

  bool at_line_end() const {
    return at_ >= text_.size() || peek() == '\n' || peek() == '#' || text_.substr(at_, 2) == "\r\n";
  }

  /// A comment, if there is one, and the line's end.
  void line_end() {
    if (!at_line_end()) fail(fmt::format("{} where the line should end", shown()));
    at_ = std::min(text_.find('\n', at_), text_.size());
    if (take('\n')) ++line_;
  }

  /// Blanks, comments and lines between the items of an array.
  void skip_lines() {
    skip_blanks();
    while (at_ < text_.size() && at_line_end()) {
      line_end();
      skip_blanks();
    }
  }

  void header() {
    take('[');
    const bool is_array = take('[');
    key("in a table header");
    expect(']', "in a table header");
    if (is_array) expect(']', "in a table header");
  }

  void assignment() {
    key("at the beginning of a line");
    expect('=', "behind a key");
    skip_blanks();
    value();
  }

  void key(std::string_view where) {
    for (int parts = 1;; ++parts) {
      if (parts > most_key_parts) fail(fmt::format("a key of more than {} parts", most_key_parts));
      skip_blanks();
      if (quotes.find(peek()) != std::string_view::npos) {
        string();
      } else {
        word(letters, fmt::format("a key should stand, {}", where));
      }
      skip_blanks();
      if (!take('.')) return;
    }
  }

  void word(std::string_view characters, const std::string& expected) {
    const std::size_t end = std::min(text_.find_first_not_of(characters, at_), text_.size());
    if (end == at_) fail(fmt::format("{} where {}", shown(), expected));
    at_ = end;
  }

  void value() {
    const char c = peek();
    if (quotes.find(c) != std::string_view::npos) {
      string();
    } else if (c == '[' || c == '{') {
      if (++depth_ > deepest_nesting) fail(fmt::format("nested deeper than {} brackets", deepest_nesting));
      c == '[' ? array() : inline_table();
      --depth_;
    } else {
      // Numbers, true and false; the parser says which of them are none.
      static const std::string characters = std::string(letters) + "+.:";
      word(characters, "a value should stand");
    }
  }

  void array() {
    take('[');
    skip_lines();
    while (!take(']')) {
      value();
      skip_lines();
      if (peek() != ']') expect(',', "between the items of an array");
      skip_lines();
    }
  }

  void inline_table() {
    take('{');
    skip_blanks();
    if (take('}')) return;
    do {
      skip_blanks();
      key("in a table between braces");
      expect('=', "behind a key");
      skip_blanks();
      value();
      skip_blanks();
    } while (take(','));
    expect('}', "at the end of a table between braces");
  }

  void string() {
    const char quote = peek();
    if (text_.substr(at_, 3) == std::string(3, quote)) fail("a string of several lines: no key takes one");
    ++at_;
    while (!take(quote)) {
      const char c = peek();
      if (c == '\n' || at_ >= text_.size()) fail("a string that does not end");
      if ((c >= 0 && c < ' ' && c != '\t') || c == 127) fail(fmt::format("{} in a string", shown()));
      ++at_;
      if (c == '\\' && quote == '"') {
        if (std::string_view("btnfr\"\\uU").find(peek()) == std::string_view::npos)
          fail(fmt::format("{} behind a \\ in a string; 'single quotes' keep a \\ as it is", shown()));
        ++at_;
      }
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int line_ = 1, depth_ = 0;
};

}  // namespace

std::optional<TomlFault> toml_fault(std::string_view text) {
  if (text.size() > maximum_toml_bytes)
    return TomlFault{1, fmt::format("{} bytes, more than {}", text.size(), maximum_toml_bytes)};
  try {
    Grammar(text).check();
  } catch (const TomlFault& fault) {
    return fault;
  }
  return std::nullopt;
}

std::string read_toml_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(maximum_toml_bytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (!file.is_open() || file.bad())
    throw UsageError(fmt::format("{}: cannot be read: {}", path, std::strerror(errno)));
  return text;
}

}  // namespace bragg::data
