// What a text that is not CIF by the letter needs to be read: changes that leave every byte in its place, so
// that lines and views stay those of the file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "xrd/cif/grammar.h"

namespace bragg::xrd {

class CifRepair {
 public:
  /// Makes plain what no value depends on: bytes beyond ASCII (blanks among them are blanks, the rest
  /// letters), form feeds, text before the first block, blanks in a block's name.
  CifRepair(std::string_view text, int first_line);

  const std::string& text() const { return text_; }
  const std::vector<CifNote>& notes() const { return notes_; }

  /// Blanks out what stands at `byte` up to the end of its line where it follows the value of a tag that is
  /// not structural, unquoted. False where it does not, or after too many of them.
  bool pass_over(std::size_t byte, int line);
  /// The parser's message with what is known of its cause.
  std::string explain(const std::string& message) const;

 private:
  void plain_characters();
  void drop_preamble(int first_line);
  void join_headings(int first_line);

  std::string_view original_;
  std::string text_;
  std::vector<CifNote> notes_;
  int passed_over_ = 0;
  std::string cause_;
};

}  // namespace bragg::xrd
