// Lines of an instrument's text file: where a fault stands, and numbers in free format. Part of the instrument formats.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/formats/format.h"

namespace bragg::data {

class LineReader {
 public:
  explicit LineReader(const FileBytes&);

  std::size_t size() const { return lines_.size(); }
  std::string_view operator[](std::size_t i) const { return lines_[i]; }
  /// Throws Error "FILE:LINE: reason"; `i` from 0.
  [[noreturn]] void fail(std::size_t i, const std::string& reason) const;
  /// The last line has no end: most programs write one, so the file may be cut off.
  bool ends_within_line() const { return ends_within_line_; }
  static constexpr const char* cut_off_warning = "the last line has no end: the file may be cut off";

 private:
  std::vector<std::string_view> lines_;
  const std::string& name_;
  bool ends_within_line_;
};

/// Fields between blanks and tabs.
std::vector<std::string_view> words_of(std::string_view line);
/// A whole word as a number with a decimal point, finite.
std::optional<double> number_of(std::string_view word);
/// Appends the numbers of a line of nothing but numbers; false where one is none (then nothing is appended).
bool append_numbers(std::string_view line, std::vector<double>& numbers);
/// The number behind a word that names it ("StepTime 3.00"); empty where there is none.
std::optional<double> number_after(std::string_view line, std::string_view word);

/// Does the line say that the radiation is neutrons? "neutron" as it is written, without X-rays beside it.
bool names_neutrons(std::string_view line);

}  // namespace bragg::data
