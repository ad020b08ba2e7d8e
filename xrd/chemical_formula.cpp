#include "xrd/chemical_formula.h"

#include <charconv>
#include <string>

#include <fmt/format.h>

#include "kernels/base/error.h"
#include "xrd/scattering/species.h"

namespace bragg::xrd {
namespace {

bool is_capital(char c) {
  return c >= 'A' && c <= 'Z';
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_small(char c) {
  return c >= 'a' && c <= 'z';
}

constexpr int most_brackets = 20;

class FormulaReader {
 public:
  explicit FormulaReader(std::string_view text) : text_(text) {}

  Composition read() {
    Composition sum{};
    while (true) {
      const double times = number(text_.size());
      add(sum, group(0), times);
      if (at_ == text_.size()) break;
      const char c = text_[at_++];
      if (c != '-' && c != '.' && c != '*') fail(fmt::format("'{}' is no part of a formula", c));
      if (at_ < text_.size() && is_small(text_[at_])) break;
    }
    return sum;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw UsageError(fmt::format("formula '{}': {}", text_, what));
  }

  static void add(Composition& to, const Composition& part, double times) {
    for (std::size_t z = 0; z < to.size(); ++z)
      to[z] += times * part[z];
  }

  std::size_t digits_end(std::size_t at) const {
    while (at < text_.size() && is_digit(text_[at]))
      ++at;
    return at;
  }

  /// Whether a point here joins an amount of water, the 5H2O of CuSO4.5H2O.
  bool joins_water(std::size_t at) const {
    if (at >= text_.size() || text_[at] != '.') return false;
    at = digits_end(at + 1);
    if (at < text_.size() && text_[at] == '.') at = digits_end(at + 1);
    return text_.substr(at).starts_with("H2O");
  }

  /// How many there are of what stands before.
  double count() {
    const std::size_t end = digits_end(at_);
    return number(joins_water(end) ? end : text_.size());
  }

  /// Up to `last`; 1 where none is written.
  double number(std::size_t last) {
    double value = 1;
    if (at_ == text_.size() || !is_digit(text_[at_])) return value;
    const char* const begin = text_.data() + at_;
    const auto [end, error] = std::from_chars(begin, text_.data() + last, value, std::chars_format::fixed);
    if (error != std::errc{}) fail("a number can't be read");
    at_ += static_cast<std::size_t>(end - begin);
    return value;
  }

  /// `depth`: of brackets around it.
  Composition group(int depth) {
    if (depth > most_brackets) fail("too many brackets within one another");
    Composition sum{};
    const std::size_t begin = at_;
    while (at_ < text_.size() && (is_capital(text_[at_]) || text_[at_] == '(')) {
      Composition part{};
      if (text_[at_] == '(') {
        ++at_;
        part = group(depth + 1);
      } else {
        part[element()] = 1;
      }
      add(sum, part, count());
    }
    if (at_ == begin) fail("an element is missing");
    if (depth > 0) {
      if (at_ == text_.size() || text_[at_] != ')') fail("a bracket stays open");
      ++at_;
    }
    return sum;
  }

  std::size_t element() {
    std::size_t length = 1;
    while (at_ + length < text_.size() && is_small(text_[at_ + length]))
      ++length;
    const std::string_view symbol = text_.substr(at_, length);
    for (int z = 1; z < 99; ++z) {
      if (element_symbol(z) != symbol) continue;
      at_ += length;
      return static_cast<std::size_t>(z);
    }
    fail(fmt::format("'{}' is no symbol of an element", symbol));
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

Composition composition_of_formula(std::string_view formula) {
  return FormulaReader(formula).read();
}

}  // namespace bragg::xrd
